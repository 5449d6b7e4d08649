"""Every way into an account x every state of its factors: nothing gives more than the front door.

The table is `tests.support.doors`; every cell of it is walked here, at the addresses browsers and clients ask.
"""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from tests.support import door_accounts, door_walks, doors
from tests.support.doors import DOORS, STATES, WORTH, Door, Hand, Outcome, State

ROOT = Path(__file__).resolve().parents[2]
# Where the code begins a sign-in or takes it a stage further, and which walks come by there.
ENTRANCES = {
    "accounts/views/entrance.py: login": {"front_door", "reset"},
    "accounts/views/entrance.py: signup": {"signing_up_again"},
    "accounts/views/entrance.py: _enter_code": {"front_door", "verification_elsewhere", "signing_up_again"},
    "accounts/views/new_place.py: open_link": {"front_door", "confirmation_elsewhere"},
    "mfa/views/challenge.py: _stage": {"front_door", "strangers_factor", "front_door_twice"},
    "mfa/views/passkey.py: sign_in": {"passkey"},
}
OPENERS = {"begin_sign_in", "pass_stage", "perform_login", "login"}


@pytest.mark.asvs("6.1.3", "6.3.3", "6.3.4", "6.3.6", "6.4.3", "7.4.2", "7.4.3")
@pytest.mark.django_db
@pytest.mark.parametrize("state", STATES, ids=lambda state: state.name.replace(" ", "-"))
def test_each_door_opens_as_far_as_the_table_says(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "ENV", dataclasses.replace(settings.ENV, breached_passwords="offline"))
    account = door_accounts.account(state)
    door_walks.sign_in_twice(account)
    found = {door: door_walks.walk(door, account) for door in DOORS}
    wrong = {
        f"{door.says} ({door.walk}, with {door.means})": f"{outcome}, where the table says {door.outcome(state)}"
        for door, outcome in found.items()
        if outcome is not door.outcome(state)
    }
    assert wrong == {}


def more_than_the_front_door(table: list[Door]) -> list[str]:
    """The cells that give more than the front door of that account gives for the same things in hand."""
    return [
        f"{state.name}: {door.says}"
        for door in table
        for state in STATES
        if WORTH[door.outcome(state)]
        > WORTH[doors.front_door_gives(state, doors.amounts_to(state, door.hands & state.has))]
    ]


@pytest.mark.asvs("6.3.4", "6.3.6")
def test_no_door_gives_more_than_the_front_door() -> None:
    # Tokens outlive the hand-over, so that pipelines go on: reading here, and uploads by one for a project alone.
    assert more_than_the_front_door(DOORS) == ["handed over: `GET /api/v1/token/`"]


def test_a_reset_that_went_around_the_factor_would_be_found() -> None:
    reset = next(door for door in DOORS if door.walk == "reset" and door.hands == {Hand.MAIL})
    generous = dataclasses.replace(reset, row=(Outcome.IN,) * len(STATES))
    found = more_than_the_front_door([generous])
    assert f"app: {reset.says}" in found
    assert not {f"{name}: {reset.says}" for name in ("bare", "role", "codes")} & set(found)


def test_no_token_publishes_where_its_signed_in_owner_may_not() -> None:
    manages, *_ = (door for door in DOORS if door.walk == "session_manages")
    suspended = [state for state in STATES if manages.outcome(state) is Outcome.OUT]
    assert [state.name for state in suspended] == ["role"]
    for door in DOORS:
        if door.walk.startswith("token_uploads"):
            assert {door.outcome(state) for state in suspended} <= {Outcome.OUT, Outcome.NONE}


def test_nothing_that_happens_to_a_session_makes_more_of_it() -> None:
    session, *_ = (door for door in DOORS if door.walk == "session")
    for door in DOORS:
        if door.walk.startswith("after_"):
            assert all(WORTH[door.outcome(state)] <= WORTH[session.outcome(state)] for state in STATES), door.says


@pytest.mark.asvs("6.1.3", "6.3.4")
def test_the_code_lets_people_in_at_these_places_and_nowhere_else() -> None:
    """Whoever adds one writes down here which walks try it."""
    assert set(_entrances()) == set(ENTRANCES)
    walked = {door.walk for door in DOORS}
    assert all(walks <= walked for walks in ENTRANCES.values())


def _entrances() -> Iterator[str]:
    for app in ("accounts", "mfa", "tokens", "releases", "recovery", "indexsite"):
        for path in sorted((ROOT / app).rglob("*.py")):
            if path.name in {"allauth_internals.py", "adapter.py"}:
                continue  # where the openers are, and what allauth calls at the end of them
            for function in ast.walk(ast.parse(path.read_text())):
                if isinstance(function, ast.FunctionDef) and _opens(function):
                    yield f"{path.relative_to(ROOT)}: {function.name}"


def _opens(function: ast.FunctionDef) -> bool:
    calls = (node.func for node in ast.walk(function) if isinstance(node, ast.Call))
    return any(getattr(call, "attr", getattr(call, "id", "")) in OPENERS for call in calls)
