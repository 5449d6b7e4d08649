"""Who may do what: one `Action` enum, one row of requirements each; `may()` asks, `require()` insists.

A person's rights and a credential's rights are both needed and never mixed: `scope()` asks the credential,
everything else asks the person. The order inside a row is deliberate: a stranger hears "no permission" before
"enable a second factor". An action without a row is denied, and a test fails.
"""

from __future__ import annotations

from copy import replace
from enum import StrEnum

from accounts.models import MembershipKind, StaffKind, get_user
from indexsite.actors import Actor, Permission
from indexsite.errors import NotAuthenticated, PermissionRefused
from indexsite.presence import (
    STEP_UP_WINDOW,
    factor_held,
    factor_not_obliged,
    fresh_repair,
    fresh_step_up,
    key_held,
    key_not_obliged,
    key_proved,
    mailbox_proved,
    obligations_met,
    recent_old_factor,
    recent_step_up,
    staff_step_up,
    step_up_in_browser,
)
from indexsite.requirements import (
    NewProject,
    Requirement,
    Subject,
    account_unusable,
    address_to_verify,
    edits_free,
    edits_frozen,
    interactive,
    membership,
    no_conflict_of_interest,
    not_on_hold,
    not_on_hold_or_by_project_token,
    not_on_staff,
    not_oneself,
    not_quarantined,
    own,
    role,
    scope,
    second_person,
    security_for_staff,
    security_or_oneself,
    signed_in,
    staff,
    staff_role,
    uploads_free,
    verified_email,
    writable,
)
from indexsite.second_people import second_curator, uninvolved
from indexsite.verdicts import Allowed, Denied
from releases.models import RoleKind

__all__ = [
    "RULES",
    "STEP_UP_WINDOW",
    "Action",
    "Allowed",
    "Denied",
    "NewProject",
    "account_unusable",
    "edits_frozen",
    "may",
    "proof_for",
    "recent_step_up",
    "require",
    "require_now",
]


class Action(StrEnum):
    """Every act that someone may be refused. Grammar: `<resource>:<act>`."""

    ACCOUNT_VIEW = "account:view"
    EMAIL_CHANGE = "email:change"
    EMAIL_VERIFY = "email:verify"
    PASSWORD_CHANGE = "password:change"  # noqa: S105 - a name, not a secret
    FACTOR_ADD = "factor:add"
    FACTOR_RENAME = "factor:rename"
    FACTOR_REMOVE = "factor:remove"
    CODES_GENERATE = "codes:generate"
    SESSION_END = "session:end"
    SIGNING_KEY_ADD = "signing-key:add"
    SIGNING_KEY_REMOVE = "signing-key:remove"
    LETTERS_CHOOSE = "letters:choose"
    REPORT_PROVED = "report:proved"
    FREEZE_LIFT = "freeze:lift"
    RECOVERY_VOUCH = "recovery:vouch"
    TOKEN_CREATE = "token:create"  # noqa: S105
    TOKEN_REVOKE = "token:revoke"  # noqa: S105
    TOKEN_INSPECT = "token:inspect"  # noqa: S105
    PROJECT_LIST = "project:list"
    PROJECT_CREATE = "project:create"
    PROJECT_MANAGE = "project:manage"
    PROJECT_STATUS = "project:status"
    PROJECT_TRANSFER = "project:transfer"
    PROJECT_DELETE = "project:delete"
    PROJECT_QUARANTINE = "project:quarantine"
    HISTORY_VIEW = "history:view"
    MEMBERS_VIEW = "members:view"
    ROLE_INVITE = "role:invite"
    OWNER_INVITE = "owner:invite"
    ROLE_GRANT = "role:grant"
    ROLE_REMOVE = "role:remove"
    ROLE_LEAVE = "role:leave"
    INVITATION_ANSWER = "invitation:answer"
    INVITATION_DECLINE = "invitation:decline"
    TRANSFER_ANSWER = "transfer:answer"
    TRANSFER_DECLINE = "transfer:decline"
    TRANSFER_CANCEL = "transfer:cancel"
    RELEASE_YANK = "release:yank"
    RELEASE_DELETE = "release:delete"
    FILE_DELETE = "file:delete"
    DELETION_UNDO = "deletion:undo"
    FILE_UPLOAD = "file:upload"
    ORGANIZATION_CREATE = "organization:create"
    ORGANIZATION_VIEW = "organization:view"
    ORGANIZATION_MANAGE = "organization:manage"
    ORGANIZATION_LEAVE = "organization:leave"
    ACCOUNT_CLOSE = "account:close"
    ACCOUNT_FREEZE = "account:freeze"
    NAME_PROHIBIT = "name:prohibit"
    LIMIT_CLEAR = "limit:clear"
    ACCOUNT_LOOK_UP = "account:look-up"
    PROJECT_LOOK_UP = "project:look-up"
    LEAK_REPORT = "leak:report"
    MALWARE_REPORT = "malware:report"
    MALWARE_JUDGE = "malware:judge"
    AUDIT_VIEW = "audit:view"
    AUDIT_EXPORT = "audit:export"
    CRITICAL_VIEW = "critical:view"
    CRITICAL_PROPOSE = "critical:propose"
    CRITICAL_AGREE = "critical:agree"
    STAFF_PROPOSE = "staff:propose"
    STAFF_CONFIRM = "staff:confirm"
    STAFF_STOP = "staff:stop"
    STAFF_REMOVE = "staff:remove"
    CONSOLE_ENTER = "console:enter"
    RECOVERY_STOP = "recovery:stop"
    RECOVERY_PAUSE = "recovery:pause"
    CASE_VIEW = "case:view"
    CASE_WORK = "case:work"
    CASE_UNMASK = "case:unmask"
    CASE_APPROVE = "case:approve"
    CASE_REJECT = "case:reject"
    CASE_SETTLE = "case:settle"
    CASE_BREAK_GLASS = "case:break-glass"
    CASE_CONFIRM_GLASS = "case:confirm-glass"


def may(actor: Actor, action: Action, subject: Subject = None) -> Allowed | Denied:
    """Whether `actor` may do `action` to `subject` (a model instance, `NewProject` or None)."""
    requirements = RULES.get(action)
    if requirements is None:
        return Denied("no-rule", f"Nobody may do {action}: it has no rule.")
    for requirement in requirements:
        denied = requirement(actor, subject)
        if denied is not None:
            return denied
    return Allowed()


def proof_for(action: Action) -> Requirement:
    """How fresh a proof of presence `action` asks for: the step-up of its row in `RULES`."""
    return next((asked for asked in RULES[action] if asked in _PROOFS), recent_step_up)


_PROOFS = {recent_step_up, staff_step_up, fresh_step_up, fresh_repair, recent_old_factor}


def require(actor: Actor, action: Action, subject: Subject = None) -> None:
    """Insist that `actor` may do `action` to `subject`.

    Raises:
        NotAuthenticated: nobody is acting.
        PermissionRefused: somebody is, who may not; carries the policy's code and sentence.
    """
    verdict = may(actor, action, subject)
    if isinstance(verdict, Denied):
        kind = NotAuthenticated if verdict.code == "not-authenticated" else PermissionRefused
        raise kind(verdict.sentence, code=verdict.code, help_path=verdict.help_path)


def require_now(actor: Actor, action: Action, subject: Subject = None) -> None:
    """`require`, for the second time of asking: the person's row is read again, which may be frozen by now.

    Raises:
        NotAuthenticated, PermissionRefused: as `require` does.
    """
    require(replace(actor, user=get_user(actor.person.pk)), action, subject)


_OWNER = role(RoleKind.OWNER)
_UPLOADER = role(RoleKind.OWNER, RoleKind.MAINTAINER)
_MANAGER = membership(MembershipKind.MANAGER)
_DESK = staff_role(StaffKind.SUPPORT_1, StaffKind.SUPPORT_2, StaffKind.SECURITY)
_SENIOR = staff_role(StaffKind.SUPPORT_2, StaffKind.SECURITY)
_SECURITY = staff_role(StaffKind.SECURITY)

_ANSWERING = (StaffKind.SUPPORT_1, StaffKind.SUPPORT_2, StaffKind.SECURITY, StaffKind.MODERATOR)
# What every act of the staff takes beside its role.
_IN_CHARGE = (key_held, edits_free, staff_step_up)

RULES: dict[Action, tuple[Requirement, ...]] = {
    Action.ACCOUNT_VIEW: (interactive,),
    Action.EMAIL_CHANGE: (interactive, edits_free, not_on_hold, recent_step_up, mailbox_proved),
    Action.EMAIL_VERIFY: (address_to_verify, edits_free, not_on_hold),
    Action.PASSWORD_CHANGE: (interactive, edits_free, recent_step_up),
    Action.FACTOR_ADD: (interactive, verified_email, edits_free, fresh_repair, mailbox_proved),
    Action.FACTOR_RENAME: (interactive, own, edits_free, fresh_step_up),
    Action.FACTOR_REMOVE: (interactive, factor_not_obliged, key_not_obliged, edits_free, fresh_repair),
    Action.CODES_GENERATE: (interactive, verified_email, edits_free, fresh_repair),
    # A report "This was not me" ends sessions without a proof; a thief in one ends nobody else's.
    Action.SESSION_END: (interactive, recent_step_up),
    Action.LETTERS_CHOOSE: (interactive, edits_free, recent_step_up),
    # Asked of whoever wants more stopped than a link can: tokens, uploads.
    Action.REPORT_PROVED: (interactive, factor_held, recent_old_factor),
    Action.FREEZE_LIFT: (interactive, factor_held, recent_old_factor),
    Action.SIGNING_KEY_ADD: (interactive, verified_email, edits_free, not_on_hold, recent_step_up),
    Action.SIGNING_KEY_REMOVE: (interactive, edits_free, not_on_hold, recent_step_up),
    Action.RECOVERY_VOUCH: (interactive, factor_held, edits_free, not_on_hold, fresh_step_up),
    Action.TOKEN_CREATE: (interactive, verified_email, factor_held, edits_free, not_on_hold, recent_step_up),
    Action.TOKEN_REVOKE: (interactive, own),
    Action.TOKEN_INSPECT: (signed_in,),
    Action.PROJECT_LIST: (scope(Permission.READ_ACCOUNT),),
    Action.PROJECT_CREATE: (scope(Permission.UPLOAD), verified_email, factor_held, uploads_free, not_on_hold),
    Action.PROJECT_MANAGE: (interactive, role(*RoleKind), obligations_met),
    Action.PROJECT_STATUS: (interactive, _OWNER, obligations_met, not_quarantined, not_on_hold, recent_step_up),
    Action.PROJECT_TRANSFER: (
        interactive,
        _OWNER,
        obligations_met,
        not_quarantined,
        edits_free,
        not_on_hold,
        recent_step_up,
    ),
    Action.PROJECT_DELETE: (interactive, _OWNER, obligations_met, not_quarantined, not_on_hold, recent_step_up),
    Action.PROJECT_QUARANTINE: (
        interactive,
        staff_role(StaffKind.MODERATOR),
        *_IN_CHARGE,
    ),
    Action.HISTORY_VIEW: (scope(Permission.READ_HISTORY), role(*RoleKind), obligations_met),
    Action.MEMBERS_VIEW: (scope(Permission.READ_MEMBERS), role(*RoleKind), obligations_met),
    Action.ROLE_INVITE: (
        scope(Permission.INVITE),
        _OWNER,
        obligations_met,
        not_quarantined,
        edits_free,
        not_on_hold,
        step_up_in_browser,
    ),
    # Asked beside ROLE_INVITE: whoever becomes owner could take the project away from those who are.
    Action.OWNER_INVITE: (
        interactive,
        _OWNER,
        obligations_met,
        not_quarantined,
        edits_free,
        not_on_hold,
        recent_step_up,
    ),
    Action.ROLE_GRANT: (
        interactive,
        _OWNER,
        obligations_met,
        not_quarantined,
        edits_free,
        not_on_hold,
        recent_step_up,
    ),
    Action.ROLE_REMOVE: (
        interactive,
        _OWNER,
        obligations_met,
        not_quarantined,
        edits_free,
        not_on_hold,
        recent_step_up,
    ),
    # Leaving gives rights away: whoever wants to be rid of an obligation may go without meeting it first.
    Action.ROLE_LEAVE: (interactive, role(*RoleKind), edits_free, not_on_hold, recent_step_up),
    Action.INVITATION_ANSWER: (interactive, verified_email, factor_held, edits_free, not_on_hold),
    # Saying no gains nothing, so nothing has to be set up for it.
    Action.INVITATION_DECLINE: (interactive,),
    Action.TRANSFER_ANSWER: (interactive, verified_email, factor_held, edits_free, not_on_hold, recent_step_up),
    Action.TRANSFER_DECLINE: (interactive,),
    # Stopping gives nothing away: whoever sees something wrong must not be held up.
    Action.TRANSFER_CANCEL: (interactive, _OWNER, obligations_met),
    Action.RELEASE_YANK: (
        scope(Permission.YANK),
        _OWNER,
        obligations_met,
        not_quarantined,
        not_on_hold,
        step_up_in_browser,
    ),
    Action.RELEASE_DELETE: (interactive, _OWNER, obligations_met, not_quarantined, not_on_hold, recent_step_up),
    Action.FILE_DELETE: (interactive, _OWNER, obligations_met, not_quarantined, not_on_hold, recent_step_up),
    # The project may be the person's only one: while it is deleted, no role obliges to anything.
    Action.DELETION_UNDO: (interactive, _OWNER, factor_held, not_quarantined, not_on_hold, recent_step_up),
    Action.FILE_UPLOAD: (
        scope(Permission.UPLOAD),
        _UPLOADER,
        verified_email,
        obligations_met,
        uploads_free,
        not_on_hold_or_by_project_token,
        writable,
    ),
    Action.ORGANIZATION_CREATE: (
        interactive,
        verified_email,
        factor_held,
        edits_free,
        not_on_hold,
        recent_step_up,
    ),
    Action.ORGANIZATION_VIEW: (interactive, membership(*MembershipKind), obligations_met),
    Action.ORGANIZATION_MANAGE: (interactive, _MANAGER, obligations_met, edits_free, not_on_hold, recent_step_up),
    Action.ORGANIZATION_LEAVE: (interactive, membership(*MembershipKind), edits_free, not_on_hold, recent_step_up),
    Action.ACCOUNT_CLOSE: (interactive, not_on_staff, edits_free, not_on_hold, fresh_step_up),
    Action.ACCOUNT_FREEZE: (
        interactive,
        staff_role(StaffKind.MODERATOR, StaffKind.SECURITY),
        not_oneself,
        security_for_staff,
        *_IN_CHARGE,
    ),
    Action.NAME_PROHIBIT: (interactive, staff_role(StaffKind.MODERATOR), *_IN_CHARGE),
    # Those who answer people: whoever is looked at reads that somebody looked.
    Action.ACCOUNT_LOOK_UP: (interactive, staff_role(*_ANSWERING), *_IN_CHARGE),
    Action.PROJECT_LOOK_UP: (interactive, staff_role(*_ANSWERING), *_IN_CHARGE),
    Action.LIMIT_CLEAR: (interactive, staff_role(*_ANSWERING), *_IN_CHARGE),
    Action.LEAK_REPORT: (interactive, staff_role(StaffKind.MODERATOR, StaffKind.SECURITY), *_IN_CHARGE),
    # A warning to others: it takes no more than somebody who can be answered.
    Action.MALWARE_REPORT: (interactive, verified_email),
    Action.MALWARE_JUDGE: (interactive, staff_role(StaffKind.MODERATOR), uninvolved, *_IN_CHARGE),
    Action.AUDIT_VIEW: (interactive, staff_role(StaffKind.AUDITOR), *_IN_CHARGE),
    Action.AUDIT_EXPORT: (interactive, staff_role(StaffKind.AUDITOR), *_IN_CHARGE),
    # No secret among the staff: it decides how a recovery goes.
    Action.CRITICAL_VIEW: (interactive, staff_role(*StaffKind), *_IN_CHARGE),
    Action.CRITICAL_PROPOSE: (interactive, staff_role(StaffKind.CURATOR), *_IN_CHARGE),
    Action.CRITICAL_AGREE: (interactive, staff_role(StaffKind.CURATOR), second_curator, *_IN_CHARGE),
    Action.STAFF_PROPOSE: (
        interactive,
        staff_role(*StaffKind),
        not_oneself,
        *_IN_CHARGE,
    ),
    Action.STAFF_CONFIRM: (
        interactive,
        staff_role(StaffKind.SECURITY),
        second_person,
        *_IN_CHARGE,
    ),
    # Stopping gives nobody anything: one is enough, whatever their role. But no thief stops what colleagues of his
    # victim do about him.
    Action.STAFF_STOP: (interactive, staff_role(*StaffKind), *_IN_CHARGE),
    Action.STAFF_REMOVE: (interactive, security_or_oneself, *_IN_CHARGE),
    # Also in order to read: what the console shows is other people's.
    Action.CONSOLE_ENTER: (interactive, staff, *_IN_CHARGE),
    # Whoever sees something wrong must not be held up: a session is enough.
    Action.RECOVERY_STOP: (interactive,),
    Action.RECOVERY_PAUSE: (interactive, factor_held, edits_free, not_on_hold, fresh_step_up),
    Action.CASE_VIEW: (
        interactive,
        staff_role(
            StaffKind.VIEWER,
            StaffKind.SUPPORT_1,
            StaffKind.SUPPORT_2,
            StaffKind.SECURITY,
            StaffKind.AUDITOR,
        ),
        *_IN_CHARGE,
    ),
    Action.CASE_WORK: (interactive, _DESK, no_conflict_of_interest, *_IN_CHARGE),
    # What was masked is shown to whoever works on cases, says why, and stands in the subject's history for it.
    Action.CASE_UNMASK: (interactive, _DESK, no_conflict_of_interest, *_IN_CHARGE),
    # Whose yes counts for what is for the tier of the case to say (`recovery.actions.approving`).
    Action.CASE_APPROVE: (interactive, _DESK, no_conflict_of_interest, edits_free, fresh_step_up, key_proved),
    Action.CASE_REJECT: (interactive, _SENIOR, no_conflict_of_interest, *_IN_CHARGE),
    Action.CASE_SETTLE: (interactive, _SECURITY, no_conflict_of_interest, edits_free, fresh_step_up, key_proved),
    Action.CASE_BREAK_GLASS: (
        interactive,
        _SENIOR,
        no_conflict_of_interest,
        edits_free,
        fresh_step_up,
        key_proved,
    ),
    Action.CASE_CONFIRM_GLASS: (
        interactive,
        _SECURITY,
        no_conflict_of_interest,
        edits_free,
        fresh_step_up,
        key_proved,
    ),
}
