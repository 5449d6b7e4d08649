"""After a report "This was not me": what still goes in the account's name, and why."""

from __future__ import annotations

from datetime import timedelta

import pytest

from accounts.models import User
from indexsite import clock
from indexsite.policies import Action
from tests.support import matrix

# Walks every act.
pytestmark = pytest.mark.django_db

GOES_ON: dict[Action, str] = {
    Action.ACCOUNT_VIEW: "the owner looks at what happened",
    Action.SESSION_END: "it only ends something",
    Action.REPORT_PROVED: "the owner stops more than the link could",
    Action.FREEZE_LIFT: "that is how it ends; it looks at the age of the factor itself",
    Action.TOKEN_REVOKE: "it only ends something",
    Action.TOKEN_INSPECT: "pipelines ask whether their token works",
    Action.PROJECT_LIST: "reading",
    Action.PROJECT_CREATE: "publishing goes on; uploads have a freeze of their own",
    Action.FILE_UPLOAD: "publishing goes on; uploads have a freeze of their own",
    Action.PROJECT_RESERVE: "publishing goes on; uploads have a freeze of their own",
    **dict.fromkeys(
        (
            Action.DRAFT_CREATE,
            Action.DRAFT_UPLOAD,
            Action.DRAFT_REPLACE,
            Action.DRAFT_SUBMIT,
            Action.DRAFT_PUBLISH,
        ),
        "publishing goes on; uploads have a freeze of their own",
    ),
    Action.DRAFT_READ: "reading",
    Action.DRAFT_PREVIEW: "reading",
    Action.DRAFT_RETURN: "it stops a release that may be the thief's",
    Action.DRAFT_CANCEL: "it stops a release that may be the thief's",
    Action.PROJECT_MANAGE: "reading",
    Action.HISTORY_VIEW: "reading",
    Action.MEMBERS_VIEW: "reading",
    Action.ORGANIZATION_VIEW: "reading",
    Action.PROJECT_STATUS: "publishing goes on, and every owner can take it back",
    Action.RELEASE_YANK: "publishing goes on, and every owner can take it back",
    Action.PROJECT_DELETE: "publishing goes on; every owner can undo it for a day",
    Action.RELEASE_DELETE: "publishing goes on; every owner can undo it for a day",
    Action.FILE_DELETE: "publishing goes on; every owner can undo it for a day",
    Action.DELETION_UNDO: "it takes back what may be the thief's",
    Action.TRANSFER_CANCEL: "it takes back what may be the thief's",
    Action.POLICY_CHANGE_STOP: "it takes back what may be the thief's",
    Action.TRANSFER_DECLINE: "saying no gains nothing",
    Action.INVITATION_DECLINE: "saying no gains nothing",
    Action.MALWARE_REPORT: "a warning to others gains nothing",
    Action.RECOVERY_STOP: "whoever sees something wrong must not be held up",
}


def test_whoever_is_reported_does_nothing_that_opens_or_hands_on_or_rules_over_others() -> None:
    stage = matrix.build()
    before = {
        (action, asker.role, asker.obligation)
        for action, asker, credential, denied in matrix.answers(stage)
        if credential == "session" and denied is None
    }
    User.objects.update(edits_frozen_until=clock.now() + timedelta(hours=1))
    for asker in stage.askers:
        for actor in asker.actors.values():
            if actor.user is not None:
                actor.user.refresh_from_db()
    after, codes = set(), {}
    for action, asker, credential, denied in matrix.answers(stage):
        case = (action, asker.role, asker.obligation)
        if credential == "session" and denied is None:
            after.add(case)
        elif credential == "session":
            codes[case] = denied.code
    assert {action for action, _, _ in after} == {action for action, _, _ in before} & set(GOES_ON)
    # And where a report changes the answer, it says so.
    assert {codes[case] for case in before - after} == {"edits-frozen"}
