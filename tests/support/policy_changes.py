"""Publishing policies as tests want them, and changes that wait."""

from __future__ import annotations

from datetime import timedelta

import time_machine
from django.http import HttpResponse

from accounts.models import User
from indexsite import clock
from releases.models import POLICY_DELAY, PolicyChange, Project, Publishing, Role, RoleKind
from tests.support import cast, people
from tests.support.worker import run_queued

LONG_AGO = timedelta(days=30)


def policy_url(project: Project, rest: str = "") -> str:
    return f"/manage/project/{project.normalized_name}/settings/publishing/{rest}"


def post_policy(
    by: User,
    project: Project,
    mode: str = "required-auto",
    approvals: int = 0,
    *,
    four_eyes: bool = False,
    approve_by_code: bool = False,
) -> HttpResponse:
    """Through the owner's page."""
    checked = {"four_eyes": four_eyes, "approve_by_code": approve_by_code}
    ticked = {name: "on" for name, on in checked.items() if on}
    return people.browser(by).post(
        policy_url(project), {"publishing": mode, "approvals": str(approvals), **ticked}
    )


def guarded(project: Project, *approvers: User, approvals: int = 0, four_eyes: bool = False) -> Project:
    """The project with review, and people who have agreed to releases for a long time."""
    for user in approvers:
        cast.grant(user, project, RoleKind.APPROVER)
    Role.objects.filter(project=project).update(granted_at=clock.now() - LONG_AGO)
    project.publishing, project.approvals, project.four_eyes = Publishing.AUTO, approvals, four_eyes
    project.save()
    return project


def weaker(project: Project, *, asked_by: User, needs_second: bool = False) -> PolicyChange:
    """A change that waits, by the row."""
    Role.objects.filter(project=project).update(granted_at=clock.now() - LONG_AGO)
    return PolicyChange.objects.create(
        project=project,
        publishing=Publishing.OPTIONAL,
        approvals=0,
        four_eyes=False,
        approve_by_code=False,
        from_version=project.policy_version,
        asked_by=asked_by,
        asked_at=clock.now(),
        due_at=clock.now() + POLICY_DELAY,
        needs_second=needs_second,
    )


def worker_after(delay: timedelta, change: PolicyChange) -> str:
    """Let the worker look so much later; returns what became of the change."""
    from releases.tasks import tend_policy_changes

    with time_machine.travel(clock.now() + delay, tick=True):
        tend_policy_changes.func()
        run_queued()
    change.refresh_from_db()
    return str(change.state)
