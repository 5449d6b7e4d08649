"""Who may do what: one `Action` enum, one row of requirements each; `may()` asks, `require()` insists.

A person's rights and a credential's rights are both needed and never mixed: `scope()` asks the credential,
everything else asks the person. The order inside a row is deliberate: a stranger hears "no permission" before
"enable a second factor". An action without a row is denied, and a test fails.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

from accounts.models import has_verified_email
from indexsite import clock
from indexsite.actors import Actor, Permission
from indexsite.errors import NotAuthenticated, PermissionRefused
from mfa.models import has_factor
from releases.models import Project, ProjectStatus, Role, RoleKind

STEP_UP_WINDOW = timedelta(minutes=30)


class Action(StrEnum):
    """Every act that someone may be refused. Grammar: `<resource>:<act>`."""

    ACCOUNT_VIEW = "account:view"
    EMAIL_CHANGE = "email:change"
    PASSWORD_CHANGE = "password:change"  # noqa: S105 - a name, not a secret
    FACTOR_ADD = "factor:add"
    FACTOR_REMOVE = "factor:remove"
    CODES_GENERATE = "codes:generate"
    SESSION_END = "session:end"
    TOKEN_CREATE = "token:create"  # noqa: S105
    TOKEN_REVOKE = "token:revoke"  # noqa: S105
    TOKEN_INSPECT = "token:inspect"  # noqa: S105
    PROJECT_CREATE = "project:create"
    PROJECT_MANAGE = "project:manage"
    FILE_UPLOAD = "file:upload"
    CONSOLE_ENTER = "console:enter"


@dataclass(frozen=True)
class Allowed:
    """The act may go on."""

    def __bool__(self) -> bool:
        return True


@dataclass(frozen=True)
class Denied:
    """The act may not go on: a stable `code`, a `sentence` that helps (ASCII), a help page."""

    code: str
    sentence: str
    help_path: str = ""

    def __bool__(self) -> bool:
        return False


@dataclass(frozen=True)
class NewProject:
    """A name nobody has registered: the subject of PROJECT_CREATE."""

    name: str
    normalized_name: str


type Subject = Any
type Requirement = Callable[[Actor, Subject], Denied | None]


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


# -- requirements -----------------------------------------------------------------------------------------


def signed_in(actor: Actor, subject: Subject) -> Denied | None:
    """Somebody is acting, by whatever credential, and the account is not closed."""
    if actor.user is None:
        return Denied("not-authenticated", "Sign in first.", "/account/login/")
    if not actor.user.is_active:
        return Denied("account-closed", "This account is closed or frozen; ask the operators for help.", "/help/")
    return None


def interactive(actor: Actor, subject: Subject) -> Denied | None:
    """A person in a browser; no token reaches past this."""
    if (denied := signed_in(actor, subject)) is not None:
        return denied
    if not actor.is_interactive:
        return Denied("interactive-only", "This needs a person signed in on the web site; tokens cannot do it.")
    return None


def verified_email(actor: Actor, subject: Subject) -> Denied | None:
    """At least one of the person's addresses is verified."""
    if actor.user is not None and has_verified_email(actor.user):
        return None
    return Denied(
        "email-unverified",
        f"User '{actor.label}' has no verified e-mail address; verify one first.",
        "/account/email/",
    )


def recent_step_up(actor: Actor, subject: Subject) -> Denied | None:
    """The strongest proof the account has was given within `STEP_UP_WINDOW`."""
    at = actor.factor_at if actor.user is not None and has_factor(actor.user) else actor.reauthenticated_at
    if at is not None and clock.now() - at <= STEP_UP_WINDOW:
        return None
    return Denied("step-up-needed", "Confirm that it is you, then try again.", "/account/second-factor/")


def factor_held(actor: Actor, subject: Subject) -> Denied | None:
    """The person holds a second factor: asked of whoever is about to gain a right."""
    if actor.user is not None and has_factor(actor.user):
        return None
    return _factor_missing(actor)


def obligations_met(actor: Actor, subject: Subject) -> Denied | None:
    """Whoever has any role must hold a factor (until mandates say more)."""
    user = actor.user
    if user is None or has_factor(user) or not Role.objects.filter(user=user).exists():
        return None
    return _factor_missing(actor)


def factor_not_obliged(actor: Actor, subject: Subject) -> Denied | None:
    """No obligation needs the factor that is about to go: the other side of `obligations_met`."""
    if actor.user is None or not Role.objects.filter(user=actor.user).exists():
        return None
    return Denied(
        "factor-obliged",
        "You have a role in a project and need a second factor; set up the new app in place of the old one.",
        "/account/security/totp/",
    )


def _factor_missing(actor: Actor) -> Denied:
    return Denied(
        "second-factor-required",
        f"User '{actor.label}' must set up a second factor before this is possible.",
        "/account/security/",
    )


def role(*kinds: RoleKind) -> Requirement:
    """The person has one of these roles on the subject, a project."""

    def check(actor: Actor, subject: Project) -> Denied | None:
        if actor.user is not None and (
            Role.objects.filter(user=actor.user, project=subject, kind__in=kinds).exists()
        ):
            return None
        return Denied("no-role", f"User '{actor.label}' has no right to do this on project '{subject.name}'.")

    return check


def scope(permission: Permission) -> Requirement:
    """The credential extends to this permission on the subject (a project, a new name, or None)."""

    def check(actor: Actor, subject: Subject) -> Denied | None:
        if (denied := signed_in(actor, subject)) is not None:
            return denied
        reason = actor.credential.refusal(permission, subject)
        return Denied("credential-scope", reason) if reason else None

    return check


def staff(actor: Actor, subject: Subject) -> Denied | None:
    """The person works for the site."""
    if actor.user is not None and actor.user.is_staff:
        return None
    return Denied("not-staff", "This page is for the people who run the site.")


def own(actor: Actor, subject: Subject) -> Denied | None:
    """The subject belongs to the person."""
    if actor.user is not None and subject.user_id == actor.user.pk:
        return None
    return Denied("not-yours", "This belongs to somebody else.")


def writable(actor: Actor, subject: Project) -> Denied | None:
    """The project's status lets it change (PEP 792)."""
    if subject.status in {ProjectStatus.ARCHIVED, ProjectStatus.QUARANTINED}:
        return Denied(
            "project-closed",
            f"Project '{subject.name}' is {subject.status} and takes no new files.",
            "/help/#project-status",
        )
    return None


_UPLOADER = role(RoleKind.OWNER, RoleKind.MAINTAINER)

RULES: dict[Action, tuple[Requirement, ...]] = {
    Action.ACCOUNT_VIEW: (interactive,),
    Action.EMAIL_CHANGE: (interactive, recent_step_up),
    Action.PASSWORD_CHANGE: (interactive, recent_step_up),
    Action.FACTOR_ADD: (interactive, verified_email, recent_step_up),
    Action.FACTOR_REMOVE: (interactive, factor_not_obliged, recent_step_up),
    Action.CODES_GENERATE: (interactive, verified_email, recent_step_up),
    Action.SESSION_END: (interactive,),
    Action.TOKEN_CREATE: (interactive, verified_email, obligations_met, recent_step_up),
    Action.TOKEN_REVOKE: (interactive, own),
    Action.TOKEN_INSPECT: (signed_in,),
    Action.PROJECT_CREATE: (scope(Permission.UPLOAD), verified_email, factor_held),
    Action.PROJECT_MANAGE: (interactive, role(*RoleKind), obligations_met),
    Action.FILE_UPLOAD: (scope(Permission.UPLOAD), _UPLOADER, verified_email, obligations_met, writable),
    Action.CONSOLE_ENTER: (interactive, staff, factor_held, recent_step_up),
}
