"""A worker that dies in the middle of an execution: nothing half, and the next one carries it out, once."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from allauth.usersessions.models import UserSession
from django.db import connection

from accounts.models import StaffKind, User
from mfa.models import FactorRemoval, has_factor
from recovery.models import CaseState
from tests.support import cast, people, recovery
from tests.support.database import changed_since, contents
from tests.support.site import ROOT
from tests.support.tokens import token_of
from tokens.models import Token

pytestmark = [pytest.mark.crash, pytest.mark.django_db(transaction=True)]

# In order: the locked case moves; factor, sessions and tokens go; the link is made; it is told and written.
STEPS = (
    "lock", "hand_over", "move", "remove_factor", "drop_sessions", "stop", "drop_tokens", "mint", "tell", "record",
    "tell_owner", "enrolment_link", "end_others",
)  # fmt: skip
POINTS = [f"{step}.before#1" for step in STEPS] + ["commit.before#1"]
AFTERWARDS = "commit.after#1"


@pytest.fixture
def olga(db: None) -> User:
    """Owns a project together with bertil, is signed in, and has a token of the whole account."""
    user = recovery.veteran("olga")
    project = cast.ProjectFactory(name="sampleproject", owner=user)
    cast.grant(recovery.veteran("bertil"), project)
    token_of(user)
    people.browser(user)
    return user


def carry_out(directory: Path, *points: str) -> list[dict[str, Any]]:
    """By workers of their own, one after another, that are killed at these points; at "" one is not."""
    name = str(connection.settings_dict["NAME"])
    command = [sys.executable, "-m", "tests.support.crashing_execution", name, str(directory), *points]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    told: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return told


def test_a_worker_killed_between_any_two_steps_leaves_nothing_half_and_the_next_does_it_once(
    olga: User, tmp_path: Path
) -> None:
    claim = recovery.due([recovery.desk("tina", StaffKind.SUPPORT_1), recovery.desk("theo", StaffKind.SUPPORT_2)])
    people.letters()
    before = contents()

    killed = carry_out(tmp_path, *POINTS)

    assert [run["end"] for run in killed] == [-signal.SIGKILL] * len(POINTS), killed
    assert [run["passed"][-1] for run in killed] == POINTS
    assert changed_since(before) == set()
    assert has_factor(olga)

    # One dies with all done and nothing said about it, the next one finds nothing left to do.
    last, idle = carry_out(tmp_path, AFTERWARDS, "")

    assert (last["end"], last["passed"][-1]) == (-signal.SIGKILL, AFTERWARDS)
    assert {point.partition(".")[0] for point in last["passed"]} == {*STEPS, "commit"}
    assert (idle["end"], idle["passed"]) == (0, [])
    assert claim.state == CaseState.EXECUTED
    assert not has_factor(User.objects.get(pk=olga.pk))
    assert FactorRemoval.objects.filter(case=claim.pk).count() == 1
    assert claim.case.events.filter(name="executed").count() == 1
    assert olga.audit_events.filter(name="recovery.executed").count() == 1
    assert claim.case.enrolments.count() == 1
    assert not Token.objects.unrevoked().filter(user=olga).exists()
    assert not UserSession.objects.filter(user=olga).exists()
    letters = people.letters_to("olga@example.org")
    assert people.subjects(letters).count("Recovery: your account was recovered") == 1
    assert len([letter for letter in letters if "/recovery/enrol/" in str(letter.body)]) == 1
