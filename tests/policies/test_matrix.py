"""One table of all answers: role x credential x obligation x act."""

from __future__ import annotations

import pytest

from indexsite.actors import Permission
from indexsite.policies import Action
from scripts import permissions
from tests.support import matrix
from tests.support.matrix import Stage

pytestmark = pytest.mark.django_db


@pytest.fixture
def stage() -> Stage:
    return matrix.build()


def test_every_act_has_been_thought_about() -> None:
    assert set(Action) == matrix.THOUGHT_ABOUT, "say in tests/support/matrix.py what the new act is done to"


def test_the_table_of_answers_is_what_the_policies_say(stage: Stage) -> None:
    assert permissions.ANSWERS.read_text() == matrix.render(stage), "run `make reference` and read what changed"


def test_what_must_never_be(stage: Stage) -> None:
    """The few lines that no edit of the table may move, whatever the reference says afterwards."""
    by_token = {f"token: {permission}" for permission in Permission}
    reach = {
        Action.TOKEN_INSPECT, Action.PROJECT_LIST, Action.PROJECT_CREATE, Action.FILE_UPLOAD, Action.HISTORY_VIEW,
        Action.MEMBERS_VIEW, Action.ROLE_INVITE, Action.RELEASE_YANK,
    }  # fmt: skip
    # A draft has less effect than the upload that every old token may do. To return one takes a person.
    drafting = (matrix.DRAFT | matrix.NEW_DRAFT) - {Action.DRAFT_RETURN}
    reach |= drafting
    old = {Action.TOKEN_INSPECT, Action.PROJECT_LIST, Action.PROJECT_CREATE, Action.FILE_UPLOAD} | drafting
    count = 0
    for action, asker, credential, denied in matrix.answers(stage):
        count += 1
        allowed = denied is None
        case = (action, asker.role, asker.obligation, credential)
        if denied is not None:
            assert denied.sentence.isascii(), case
            assert denied.sentence.endswith("."), case
        if asker.role == "visitor":
            assert not allowed, case
        if asker.obligation == "frozen":
            assert not allowed, case
        if credential in by_token or credential.startswith("token"):
            assert not allowed or action in reach, case
        if credential == f"token: {Permission.UPLOAD}":
            assert not allowed or action in old, case
        if asker.role in {"stranger", "superuser", *matrix.STAFF} and action in matrix.PROJECT | matrix.DRAFT:
            assert not allowed or action is Action.PROJECT_QUARANTINE, case
        if credential == "token: another project" and action in matrix.PROJECT | matrix.DRAFT:
            assert not allowed, case
    assert count == len(Action) * (1 + len(matrix.ROLES) * len(matrix.OBLIGATIONS) * len(matrix.CREDENTIALS))
