"""What a policy may ask before a release is public: that it was reviewed, and by whom."""

from __future__ import annotations

from django.conf import settings

from indexsite import clock
from indexsite.actors import Actor
from indexsite.requirements import NewFile, Subject, project_of
from indexsite.verdicts import Denied
from releases.models import COUNTS_AFTER, Draft, Project, RoleKind, has_files_in, holds_role, role_since


def published_at_once(actor: Actor, subject: Subject) -> Denied | None:
    """This file may become public without a draft.

    Nothing is said of the right to upload as such: where review is required a token for uploads is still of use,
    since what it brings becomes a draft, or is shown the way to one.
    """
    project = subject.project if isinstance(subject, NewFile) else None
    if not isinstance(project, Project) or not project.publishing_policy.is_review_required:
        return None
    return Denied(
        "draft-required",
        f"Project '{project.name}' publishes after review only; upload to {settings.SITE_URL}/draft/legacy/ "
        "instead.",
    )


def review_not_required(actor: Actor, subject: Subject) -> Denied | None:
    """The project leaves it to whoever may upload when a draft is published."""
    project = project_of(subject)
    if not isinstance(project, Project) or not project.publishing_policy.is_review_required:
        return None
    return Denied(
        "approval-required",
        f"Project '{project.name}' publishes after review only: hand the draft in; people release it on its page.",
    )


def may_release(actor: Actor, subject: Subject) -> Denied | None:
    """The person may press Release: owners and approvers, and whoever has gathered the draft.

    Where nobody has to agree beforehand: owners and maintainers.
    """
    user, project = actor.user, project_of(subject)
    if user is not None and isinstance(project, Project):
        others = RoleKind.APPROVER if project.approvals else RoleKind.MAINTAINER
        if holds_role(user, project, [RoleKind.OWNER, others]):
            return None
        if _has_gathered(actor, subject) and holds_role(user, project, [RoleKind.MAINTAINER]):
            return None
    return Denied("no-role", f"User '{actor.label}' has no right to do this on project '{project.name}'.")


def not_the_uploader(actor: Actor, subject: Subject) -> Denied | None:
    """Under four-eyes the person has put nothing into the draft, by whatever token."""
    project = project_of(subject)
    if not isinstance(project, Project) or not project.four_eyes or not _has_gathered(actor, subject):
        return None
    return Denied(
        "own-upload",
        f"Files of this draft were uploaded in the name of user '{actor.label}', and project '{project.name}' is "
        "under four-eyes: somebody else has to approve.",
    )


def long_an_approver(actor: Actor, subject: Subject) -> Denied | None:
    """The person became approver more than 72 hours ago (`COUNTS_AFTER`)."""
    project, now = project_of(subject), clock.now()
    if actor.user is None or not isinstance(project, Project):
        return None
    since = role_since(actor.user, project, RoleKind.APPROVER)
    if since is None or since + COUNTS_AFTER <= now:
        return None
    return Denied(
        "role-too-new",
        f"User '{actor.label}' has been approver of project '{project.name}' for less than 72 hours, and cannot "
        "approve yet.",
    )


def _has_gathered(actor: Actor, subject: Subject) -> bool:
    return isinstance(subject, Draft) and actor.user is not None and has_files_in(subject, actor.user)
