"""What protects a project's releases: stronger at once, weaker only after 72 hours in which any owner can stop it.

A change that weakens the publishing policy, or takes an approver away, waits. Under four-eyes another owner has to
agree meanwhile, one who has been that for as long; where there is one owner alone, staff may after 14 days.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from accounts.models import User
from indexsite import audit, reasons
from indexsite.actors import SITE, Actor
from indexsite.audit import policy as events
from indexsite.errors import Conflict, InvalidInput, NotFound
from indexsite.policies import Action, edits_frozen, require, require_now
from mfa.models import with_factor
from releases.actions.people import standing
from releases.models import (
    COUNTS_AFTER,
    MAX_APPROVALS,
    POLICY_DELAY,
    PolicyChange,
    PolicyChangeState,
    Project,
    PublishingPolicy,
    Role,
    RoleKind,
    described,
    holds_role,
    people_with,
    role_since,
    weakened,
)
from releases.notices import policy as notices

log = logging.getLogger(__name__)

_COLUMNS = ["publishing", "approvals", "four_eyes", "approve_by_code", "policy_version"]


class PolicyChangeWaits(Conflict):
    """Another change waits already."""

    code = "policy-change-waits"

    def __init__(self, project: Project) -> None:
        super().__init__(
            f"A change of {project.name}'s protection waits already; let it happen, or stop it first."
        )


class PolicyChangeClosed(Conflict):
    """It does not wait any more."""

    code = "policy-change-closed"

    def __init__(self) -> None:
        super().__init__("This change does not wait any more; ask for a new one.")


class TooFewApprovers(Conflict):
    """Nothing could ever be released."""

    code = "too-few-approvers"

    def __init__(self, project: Project, approvals: int, eligible: int) -> None:
        super().__init__(
            f"{approvals} would have to agree to each release of {project.name}, and {eligible} can; invite more "
            "approvers first, with a second factor each."
        )


@transaction.atomic
def change_policy(
    *, actor: Actor, project: Project, wanted: PublishingPolicy, at: datetime
) -> PolicyChange | None:
    """Change the publishing policy: None where it holds at once, else the change that waits.

    Args:
        wanted: its `version` does not matter.

    Raises:
        InvalidInput: it is no policy, or what holds already.
        TooFewApprovers: more would have to agree than can.
        PolicyChangeWaits: another change waits, and this one would have to.
        PermissionRefused: the actor is no owner, or has proved nothing lately.
    """
    project = standing.locked_for(actor, Action.PROJECT_POLICY, project)
    before = project.publishing_policy
    _insist_on_policy(before, wanted)
    _insist_on_enough(project, wanted)
    if weakened(before, wanted):
        return _wait(actor, project, wanted, None, at)
    _set_policy(project, wanted)
    event = audit.record(actor, _changed(project))
    notices.changed(project, by=actor, event_id=event.pk, at=at)
    return None


def _insist_on_policy(before: PublishingPolicy, wanted: PublishingPolicy) -> None:
    if wanted.approvals > MAX_APPROVALS:
        raise InvalidInput(f"At most {MAX_APPROVALS} people can be asked to agree.", code="policy-unusable")
    if not wanted.is_review_required and (wanted.approvals or wanted.four_eyes or wanted.approve_by_code):
        raise InvalidInput(
            "Approvals protect nothing while uploads may publish without review; require review as well.",
            code="policy-unusable",
        )
    if wanted.four_eyes and not wanted.approvals:
        raise InvalidInput(
            "Four-eyes means that somebody else agrees; ask for one approval at least.", code="policy-unusable"
        )
    if (wanted.mode, wanted.approvals, wanted.four_eyes, wanted.approve_by_code) == (
        before.mode,
        before.approvals,
        before.four_eyes,
        before.approve_by_code,
    ):
        raise InvalidInput("This is the policy already.", code="policy-unchanged")


def _insist_on_enough(project: Project, wanted: PublishingPolicy, *, without: User | None = None) -> None:
    approvers = {user.pk for user in people_with(project, RoleKind.APPROVER)} - {without.pk if without else 0}
    able = approvers & with_factor(User.objects.filter(pk__in=approvers))
    # Under four-eyes whoever uploads does not count: one of them has to be no approver, or there is one more.
    uploaders = {user.pk for user in people_with(project, *standing.UPLOADERS)}
    eligible = len(able) - (1 if wanted.four_eyes and uploaders <= able else 0)
    if eligible < wanted.approvals:
        raise TooFewApprovers(project, wanted.approvals, eligible)


def _set_policy(project: Project, wanted: PublishingPolicy) -> None:
    project.publishing, project.approvals = wanted.mode, wanted.approvals
    project.four_eyes, project.approve_by_code = wanted.four_eyes, wanted.approve_by_code
    project.policy_version += 1
    project.save(update_fields=_COLUMNS)


def _changed(project: Project) -> events.PublishingPolicyChanged:
    return events.PublishingPolicyChanged(
        project=project.normalized_name,
        policy=described(project.publishing_policy),
        version=project.policy_version,
    )


# -- approvers ------------------------------------------------------------------------------------------------


def waiting_roles(project: Project, roles: Collection[Role], *, at: datetime) -> list[Role]:
    """Which of the roles do not go at once when somebody else takes them: those of approvers who count."""
    if not project.approvals:
        return []
    return [role for role in roles if role.kind == RoleKind.APPROVER and role.granted_at + COUNTS_AFTER <= at]


def ask_to_remove(actor: Actor, project: Project, member: User, at: datetime) -> PolicyChange:
    """Let the approver go in 72 hours; the caller holds the project's lock and has asked the policy.

    Raises:
        TooFewApprovers: the others would not be enough.
        PolicyChangeWaits: another change waits.
    """
    _insist_on_enough(project, project.publishing_policy, without=member)
    return _wait(actor, project, project.publishing_policy, member, at)


def _wait(
    actor: Actor, project: Project, wanted: PublishingPolicy, member: User | None, at: datetime
) -> PolicyChange:
    if project.policy_changes.waiting().exists():
        raise PolicyChangeWaits(project)
    change = PolicyChange.objects.create(
        project=project,
        publishing=wanted.mode,
        approvals=wanted.approvals,
        four_eyes=wanted.four_eyes,
        approve_by_code=wanted.approve_by_code,
        member=member,
        from_version=project.policy_version,
        asked_by=actor.person,
        asked_at=at,
        due_at=at + POLICY_DELAY,
        needs_second=project.four_eyes,
    )
    event = audit.record(actor, _event(events.PolicyChangeAsked, change))
    notices.asked(change, by=actor, event_id=event.pk, at=at)
    return change


# -- meanwhile ------------------------------------------------------------------------------------------------


@transaction.atomic
def stop_change(*, actor: Actor, project: Project, at: datetime) -> PolicyChange:
    """Stop the change that waits; any owner may, at any time before it happens.

    Raises:
        PolicyChangeClosed: none waits.
        PermissionRefused: the actor is no owner.
    """
    project = standing.locked_for(actor, Action.POLICY_CHANGE_STOP, project)
    change = _waiting_on(project)
    _end(change, PolicyChangeState.STOPPED, f"{actor.label} stopped it.", by=actor, at=at)
    return change


@transaction.atomic
def agree_to_change(*, actor: Actor, project: Project, pk: int, at: datetime) -> PolicyChange:
    """The second owner's yes. It happens when its time has come, not before. Safe to repeat.

    Raises:
        NotFound: there is none on this project.
        PolicyChangeClosed: it does not wait any more.
        PermissionRefused: the actor asked for it, or is no owner, or became one a short while ago.
    """
    change = _locked(actor, Action.POLICY_CHANGE_AGREE, PolicyChange.objects.filter(project=project), pk)
    if change.second_id is None:
        _agree(change, actor, at)
    return change


@transaction.atomic
def agree_as_staff(*, actor: Actor, pk: int, reason: str, at: datetime) -> PolicyChange:
    """Staff's yes, where the project has one owner alone and nobody has objected for 14 days.

    Raises:
        NotFound, PolicyChangeClosed: as for `agree_to_change`.
        Conflict: the owners can agree among themselves, or it is too early.
        InvalidInput: no reason.
        PermissionRefused: the actor is no moderator, or has a role on the project.
    """
    reason = reasons.clean(reason, is_needed=True)
    change = _locked(actor, Action.POLICY_CHANGE_AGREE_AS_STAFF, PolicyChange.objects.all(), pk)
    if len(people_with(change.project, RoleKind.OWNER)) > 1:
        raise Conflict(
            f"{change.project.name} has other owners; one of them has to agree.", code="owners-can-agree"
        )
    if at < change.staff_may_agree_at:
        raise Conflict(
            f"Staff may agree from {change.staff_may_agree_at:%Y-%m-%d %H:%M} UTC on.", code="too-early-for-staff"
        )
    if change.second_id is None:
        _agree(change, actor, at, reason=reason)
    return change


def _agree(change: PolicyChange, actor: Actor, at: datetime, *, reason: str = "") -> None:
    """`reason`: of staff; owners give none."""
    change.second, change.second_at, change.is_second_staff = actor.person, at, reason != ""
    change.save(update_fields=["second", "second_at", "is_second_staff"])
    event = (
        _event(events.PolicyChangeAgreedByStaff, change, reason=reason)
        if reason
        else _event(events.PolicyChangeAgreed, change)
    )
    notices.agreed(change, by=actor, event_id=audit.record(actor, event).pk, at=at)


def _locked(actor: Actor, action: Action, among: QuerySet[PolicyChange], pk: int) -> PolicyChange:
    found = among.select_related("project").filter(pk=pk).first()
    if found is None:
        raise NotFound("There is no such change.")
    require(actor, action, found)
    project = standing.lock(found.project_id)
    change = PolicyChange.objects.select_related("member", "asked_by").get(pk=pk)
    change.project = project
    require_now(actor, action, change)
    if change.state != PolicyChangeState.WAITING:
        raise PolicyChangeClosed
    return change


def _waiting_on(project: Project) -> PolicyChange:
    change = project.policy_changes.waiting().select_related("member", "asked_by").first()
    if change is None:
        raise PolicyChangeClosed
    change.project = project
    return change


def _end(change: PolicyChange, state: PolicyChangeState, why: str, *, by: Actor, at: datetime) -> None:
    kinds = {
        PolicyChangeState.STOPPED: events.PolicyChangeStopped,
        PolicyChangeState.LAPSED: events.PolicyChangeLapsed,
    }
    event = audit.record(by, _event(kinds[state], change, reason=why.rstrip(".")))
    notices.ended(change, why, by=by, event_id=event.pk, at=at)
    change.end(state, why, at)


def _event[Kind: audit.Event](kind: Callable[..., Kind], change: PolicyChange, **fields: str) -> Kind:
    return kind(about=change.member, project=change.project.normalized_name, what=change.what, **fields)


def stop_those_of(user: User, *, since: datetime, why: str, at: datetime) -> list[str]:
    """What was asked in this account's name, when that was somebody else; which projects that concerns."""
    stopped = []
    mine = PolicyChange.objects.waiting().filter(asked_by=user, asked_at__gte=since).order_by("project")
    for project_pk in list(mine.values_list("project_id", flat=True)):
        change = _waiting_on(Project.with_deleted.locked(project_pk))
        if change.asked_by_id == user.pk:
            _end(change, PolicyChangeState.STOPPED, f"{why}.", by=SITE, at=at)
            stopped.append(change.project.name)
    return stopped


# -- what the worker does -------------------------------------------------------------------------------------


def tend(*, at: datetime) -> None:
    """Look at every change that waits; one that fails does not keep the others waiting."""
    due = PolicyChange.objects.waiting().filter(due_at__lte=at).order_by("pk")
    for pk in list(due.values_list("pk", flat=True)):
        try:
            carry_out(pk, at=at)
        except Exception:
            log.exception("Policy change %s could not be looked at; it waits until the next time.", pk)


@transaction.atomic
def carry_out(pk: int, *, at: datetime) -> PolicyChangeState:
    """Let the change happen if its time has come and nothing is in its way; returns where it stands.

    May be called any number of times: everything is asked anew under the project's lock.
    """
    project = Project.with_deleted.locked(PolicyChange.objects.values_list("project_id", flat=True).get(pk=pk))
    change = PolicyChange.objects.select_related("member", "asked_by", "second").get(pk=pk)
    change.project = project
    if change.state != PolicyChangeState.WAITING or change.due_at > at:
        return PolicyChangeState(change.state)
    if obstacle := _obstacle(change, at):
        _end(change, PolicyChangeState.LAPSED, obstacle, by=SITE, at=at)
    elif not change.lacks_second:
        _happen(change, at)
    return PolicyChangeState(change.state)


def _obstacle(change: PolicyChange, at: datetime) -> str:
    """What makes it impossible now, one sentence; "" where nothing does."""
    project, asked_by = change.project, change.asked_by
    if project.deletion_id is not None:
        return "The project was deleted."
    if project.policy_version != change.from_version:
        return "The publishing policy was changed meanwhile."
    if not _may_decide(asked_by, project):
        return f"{asked_by.username}, who asked for it, may not decide about the project now."
    second = change.second
    if second is not None and not (change.is_second_staff or _may_decide(second, project)):
        return f"{second.username}, who agreed, may not decide about the project now."
    if change.member is not None and role_since(change.member, project, RoleKind.APPROVER) is None:
        return f"{change.member.username} is no approver any more."
    try:
        _insist_on_enough(project, change.policy, without=change.member)
    except TooFewApprovers as error:
        return error.sentence
    if change.lacks_second and change.lapses_at <= at:
        return "Nobody else agreed to it."
    return ""


def _may_decide(user: User, project: Project) -> bool:
    is_free = user.is_active and user.recovering_since is None and edits_frozen(user) is None
    return is_free and holds_role(user, project, [RoleKind.OWNER])


def _happen(change: PolicyChange, at: datetime) -> None:
    project, member, what = change.project, change.member, change.what
    if member is None:
        _set_policy(project, change.policy)
        audit.record(SITE, _changed(project))
    else:
        roles = list(Role.objects.filter(project=project, user=member, kind=RoleKind.APPROVER))
        standing.drop_roles(project, member, roles, by=SITE, at=at)
    change.end(PolicyChangeState.DONE, "It happened.", at)
    audit.record(SITE, events.PolicyChangeDone(about=member, project=project.normalized_name, what=what))
    notices.done(change, what, at=at)
