"""Who may do what: one `Action` enum, one row of requirements each; `may()` asks, `require()` insists.

A person's rights and a credential's rights are both needed and never mixed: `scope()` asks the credential,
everything else asks the person. The order inside a row is deliberate: a stranger hears "no permission" before
"enable a second factor". An action without a row is denied, and a test fails.
"""

from __future__ import annotations

from copy import replace

from accounts.models import MembershipKind, StaffKind, User, get_user
from indexsite.actors import Actor, Permission
from indexsite.acts import Action
from indexsite.errors import NotAuthenticated, PermissionRefused
from indexsite.four_eyes import (
    long_an_approver,
    may_release,
    not_the_uploader,
    published_at_once,
    review_not_required,
)
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
    NewDraft,
    NewFile,
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
from indexsite.second_people import no_part_in_it, second_curator, second_owner, uninvolved
from indexsite.verdicts import Allowed, Denied
from releases.models import RoleKind

__all__ = [
    "RULES",
    "STEP_UP_WINDOW",
    "Action",
    "Allowed",
    "Denied",
    "NewDraft",
    "NewFile",
    "NewProject",
    "account_unusable",
    "edits_frozen",
    "may",
    "offers",
    "proof_for",
    "recent_step_up",
    "require",
    "require_locked",
    "require_now",
]


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


def offers(actor: Actor, action: Action, subject: Subject = None) -> bool:
    """Whether to show the way to the act: what the person can lift on that way is no reason to hide it."""
    verdict = may(actor, action, subject)
    return isinstance(verdict, Allowed) or verdict.code in _LIFTED_ON_THE_WAY


_LIFTED_ON_THE_WAY = {"step-up-needed", "second-factor-required"}


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


def require_locked(actor: Actor, action: Action, subject: Subject = None) -> User:
    """`require_now` under the lock of the person's row, in a transaction; returns the row.

    A report "This was not me" takes the same lock: what it freezes happened before it, or not at all.

    Raises:
        NotAuthenticated, PermissionRefused: as `require` does.
    """
    user = User.objects.select_for_update(no_key=True).get(pk=actor.person.pk)
    require(replace(actor, user=user), action, subject)
    return user


_OWNER = role(RoleKind.OWNER)
_UPLOADER = role(RoleKind.OWNER, RoleKind.MAINTAINER)
# What adding to a project takes beside the permission.
_ADDING = (
    _UPLOADER,
    verified_email,
    obligations_met,
    uploads_free,
    not_on_hold_or_by_project_token,
    writable,
)
# What it takes to decide who looks after a project, and what protects it.
_DECIDING = (interactive, _OWNER, obligations_met, not_quarantined, edits_free, not_on_hold, recent_step_up)
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
    # A report "This was not me" ends sessions without a proof; a thief in one ends nobody else's. Any factor does:
    # it gives nobody anything, and whoever lost the key wants to be rid of the sessions where it was used.
    Action.SESSION_END: (interactive, recent_old_factor),
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
    Action.PROJECT_TRANSFER: _DECIDING,
    Action.PROJECT_POLICY: _DECIDING,
    Action.POLICY_CHANGE_AGREE: (
        interactive,
        _OWNER,
        obligations_met,
        edits_free,
        not_on_hold,
        second_owner,
        recent_step_up,
    ),
    # Where the project has one owner alone.
    Action.POLICY_CHANGE_AGREE_AS_STAFF: (
        interactive,
        staff_role(StaffKind.MODERATOR),
        no_part_in_it,
        *_IN_CHARGE,
    ),
    Action.POLICY_CHANGE_STOP: (interactive, _OWNER, obligations_met),
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
    Action.OWNER_INVITE: _DECIDING,
    Action.ROLE_GRANT: _DECIDING,
    Action.ROLE_REMOVE: _DECIDING,
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
    Action.FILE_UPLOAD: (scope(Permission.UPLOAD), *_ADDING, published_at_once),
    # -- drafts, which nobody sees before they are published
    Action.PROJECT_RESERVE: (
        scope(Permission.DRAFT_CREATE),
        verified_email,
        factor_held,
        uploads_free,
        not_on_hold,
    ),
    Action.DRAFT_CREATE: (scope(Permission.DRAFT_CREATE), *_ADDING),
    Action.DRAFT_READ: (scope(Permission.DRAFT_READ), role(*RoleKind), obligations_met),
    Action.DRAFT_PREVIEW: (scope(Permission.DRAFT_PREVIEW), role(*RoleKind), obligations_met),
    Action.DRAFT_UPLOAD: (scope(Permission.DRAFT_UPLOAD), *_ADDING),
    Action.DRAFT_REPLACE: (scope(Permission.DRAFT_REPLACE), *_ADDING),
    Action.DRAFT_SUBMIT: (scope(Permission.DRAFT_SUBMIT), *_ADDING),
    # Taking a draft back out of review publishes nothing; a session is enough to stop what looks wrong.
    Action.DRAFT_RETURN: (interactive, role(*RoleKind), obligations_met),
    Action.DRAFT_PUBLISH: (scope(Permission.PUBLISH), *_ADDING, review_not_required, step_up_in_browser),
    # The two acts that a key signs: the signature is the proof of presence, so no other is asked for.
    Action.DRAFT_APPROVE: (
        interactive,
        role(RoleKind.APPROVER),
        factor_held,
        edits_free,
        not_on_hold,
        writable,
        not_the_uploader,
        long_an_approver,
    ),
    Action.DRAFT_RELEASE: (interactive, may_release, factor_held, edits_free, not_on_hold, writable),
    Action.DRAFT_CANCEL: (scope(Permission.DRAFT_CANCEL), _UPLOADER, obligations_met, step_up_in_browser),
    # Whoever adds an address has a reader of every draft to come.
    Action.WEBHOOK_CHANGE: (
        interactive,
        _OWNER,
        obligations_met,
        not_quarantined,
        edits_free,
        not_on_hold,
        recent_step_up,
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
