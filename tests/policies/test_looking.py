"""Looking changes nothing: every address asked for by somebody of the staff, and the database before and after."""

from __future__ import annotations

import pytest

from accounts.models import StaffKind
from indexsite.checks import exemption
from tests.support import cast, console, people
from tests.support.addresses import addresses
from tests.support.database import changed_since, contents, noting_writes

pytestmark = pytest.mark.django_db

# Addresses where it is written down that somebody has looked, and why. Sessions, when they were last seen, and how
# often something was tried are left out everywhere (`tests.support.database`): each visit changes them.
WRITES_WHO_LOOKED = {
    "admin/look-up/": "people read in their own history that somebody of the staff looked at their account",
    "admin/audit/": "people read in their own history who of the staff looked into it",
}


def test_no_address_changes_anything_when_it_is_asked_for() -> None:
    things = console.fill()
    staff = people.browser(cast.staff("everything", *StaffKind))
    staff.get("/admin/")
    wrong = []
    before = contents()
    for address in addresses():
        if address.route.startswith(tuple(WRITES_WHO_LOOKED)) or exemption(address.view) is not None:
            continue
        with noting_writes() as written:
            staff.get(console.path_of(address, _anything(address.parameters) | things))
        if written and (changed := changed_since(before)):
            wrong.append((address.route, changed))
            before = contents()
    assert wrong == []


def _anything(parameters: list[str]) -> dict[str, object]:
    return dict.fromkeys(parameters, "987654")


def test_it_would_be_noticed() -> None:
    before = contents()
    with noting_writes() as written:
        cast.person("new")
    assert written
    assert "accounts.User" in changed_since(before)
