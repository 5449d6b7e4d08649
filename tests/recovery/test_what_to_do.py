"""Each case tells whoever looks at it what to do now."""

from __future__ import annotations

import html
import re

import pytest

from accounts.models import StaffKind, User
from recovery.assurance import Signal
from recovery.models import CaseState
from recovery.presentation import what_next
from tests.support import people, recovery
from tests.support.recovery import Calendar, Claim, queued, stored_case

pytestmark = pytest.mark.django_db


def told(user: User, claim: Claim) -> str:
    page = people.browser(user).get(f"/admin/recovery/case/{claim.pk}/").content.decode()
    found = re.search(r'class="desk-next"><strong>What to do now</strong> ([^<]+)<', page)
    return html.unescape(found[1]) if found is not None else ""


def test_from_the_queue_to_the_last_yes(olga: User, calendar: Calendar) -> None:
    tina, theo = recovery.desk("tina", StaffKind.SUPPORT_1), recovery.desk("theo", StaffKind.SUPPORT_2)
    claim = queued("olga", Signal.DEVICE)
    assert told(tina, claim) == "Take the case. Then read the evidence, and approve, ask or reject below."
    claim.approve(tina)
    assert told(tina, claim) == "Nothing to do: it waits for a yes of support, tier 2, or security."
    assert told(theo, claim).startswith("Your yes is wanted")
    claim.approve(theo)
    assert told(tina, claim).startswith("Nothing to do: it is decided.")


def test_with_too_little_evidence_no_yes_is_asked_for(olga: User, calendar: Calendar) -> None:
    tina = recovery.desk("tina", StaffKind.SUPPORT_1)
    assert told(tina, queued("olga")).startswith("Take the case. Then ask the claimant for more")


def test_a_dispute_is_for_security(olga: User, calendar: Calendar) -> None:
    claim = queued("olga", Signal.DEVICE)
    sven, vera = recovery.desk("sven", StaffKind.SECURITY), recovery.desk("vera", StaffKind.VIEWER)
    people.browser(sven).post(f"/admin/recovery/case/{claim.pk}/dispute/", {"reason": "It smells."})
    assert told(sven, claim) == "Find out who the owner is, then settle the dispute below."
    assert told(vera, claim).startswith("Nothing to do: security")


def test_whoever_may_only_read_is_not_told_to_act(olga: User, calendar: Calendar) -> None:
    claim = queued("olga", Signal.DEVICE)
    assert told(recovery.desk("vera", StaffKind.VIEWER), claim) == "Somebody else of the desk has to look at it."


@pytest.mark.parametrize("state", CaseState)
def test_there_is_a_sentence_for_every_state(olga: User, state: CaseState) -> None:
    case = stored_case(olga)
    case.state = state
    for is_mine in (False, True):
        text = what_next(case, {"take", "approve", "settle"}, ["security"], is_mine=is_mine)
        assert text[0].isupper()
        assert text.endswith(".")
    case.user = None
    assert what_next(case, {"take"}, [], is_mine=False).startswith("Nothing to do")
