"""The critical list as tests want it: names get on and off it through the real acts of two curators."""

from __future__ import annotations

from accounts.models import StaffKind, User
from indexsite import clock
from releases.actions import critical
from releases.models import ListChange, ListProposal
from tests.support import cast


def curators() -> tuple[User, User]:
    """lena and lars."""
    found = [
        User.objects.filter(username=name).first() or cast.staff(name, StaffKind.CURATOR)
        for name in ("lena", "lars")
    ]
    return found[0], found[1]


def proposed(name: str, change: ListChange = ListChange.JOIN) -> ListProposal:
    """By lena."""
    lena, _ = curators()
    return critical.propose(
        actor=cast.actor(lena), name=name, change=change, reason="Many need it.", at=clock.now()
    )


def listed(name: str) -> ListProposal:
    """On the list, with both yeses."""
    return _agreed(proposed(name))


def unlisted(name: str) -> ListProposal:
    """Off it again."""
    return _agreed(proposed(name, ListChange.LEAVE))


def _agreed(proposal: ListProposal) -> ListProposal:
    _, lars = curators()
    return critical.agree(actor=cast.actor(lars), pk=proposal.pk, at=clock.now())
