"""Role x credential x obligation x act: everybody who could ask for anything, and the answer of the policies."""

from __future__ import annotations

import functools
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

from allauth.account.models import EmailAddress
from django.conf import settings

from accounts.models import (
    Membership,
    MembershipKind,
    Organization,
    StaffKind,
    StaffRole,
    Team,
    TeamSeat,
    User,
)
from indexsite import clock, policies, presence, requirements
from indexsite.actors import VISITOR, Actor, Permission
from indexsite.policies import Action, Denied, NewDraft, NewProject
from mfa.models import AuthenticatorApp, RecoveryDevice
from releases.models import COUNTS_AFTER, Project, Role, RoleKind
from tests.support import cast
from tests.support.tokens import token_of
from tokens.authentication import TokenCredential

OBLIGATIONS = ("met", "no key", "no factor", "no verified address", "frozen")
STAFF = {f"{kind} (staff)": kind for kind in StaffKind}
ROLES = (
    "stranger", "owner", "maintainer", "approver", "maintainer by team", "organization manager",
    "organization member", *STAFF, "staff without a role", "superuser",
)  # fmt: skip
MADE_FOR = [permission for permission in Permission if permission != Permission.READ_ACCOUNT]
CREDENTIALS = (
    "session", "stale session", "session by app", "session by recovery code",
    *(f"token: {permission}" for permission in MADE_FOR), "token: this project",
    "token: another project",
)  # fmt: skip

# What each act is done to. An act that is not here has not been thought about: the test fails.
NOTHING = {
    Action.ACCOUNT_VIEW, Action.EMAIL_CHANGE, Action.PASSWORD_CHANGE, Action.FACTOR_ADD, Action.FACTOR_REMOVE,
    Action.CODES_GENERATE, Action.SESSION_END, Action.TOKEN_CREATE, Action.TOKEN_INSPECT, Action.PROJECT_LIST,
    Action.INVITATION_ANSWER, Action.INVITATION_DECLINE, Action.TRANSFER_ANSWER, Action.TRANSFER_DECLINE,
    Action.ORGANIZATION_CREATE, Action.ACCOUNT_CLOSE, Action.ACCOUNT_FREEZE, Action.NAME_PROHIBIT,
    Action.CONSOLE_ENTER, Action.STAFF_PROPOSE, Action.STAFF_CONFIRM, Action.STAFF_STOP, Action.STAFF_REMOVE,
    Action.SIGNING_KEY_ADD, Action.SIGNING_KEY_REMOVE, Action.LETTERS_CHOOSE, Action.REPORT_PROVED,
    Action.FREEZE_LIFT, Action.RECOVERY_STOP, Action.RECOVERY_PAUSE, Action.CASE_VIEW, Action.CASE_WORK,
    Action.CASE_UNMASK,
    Action.CASE_APPROVE, Action.CASE_REJECT, Action.CASE_SETTLE, Action.CASE_BREAK_GLASS,
    Action.CASE_CONFIRM_GLASS, Action.RECOVERY_VOUCH,
    Action.CRITICAL_VIEW, Action.CRITICAL_PROPOSE, Action.CRITICAL_AGREE,
    Action.AUDIT_VIEW, Action.AUDIT_EXPORT,
    Action.ACCOUNT_LOOK_UP, Action.PROJECT_LOOK_UP,
    Action.POLICY_CHANGE_AGREE_AS_STAFF,
    Action.LIMIT_CLEAR, Action.LEAK_REPORT, Action.MALWARE_REPORT, Action.MALWARE_JUDGE,
}  # fmt: skip
OWN_THING = {Action.TOKEN_REVOKE, Action.EMAIL_VERIFY, Action.FACTOR_RENAME}
NEW_NAME = {Action.PROJECT_CREATE}
NEW_DRAFT = {Action.PROJECT_RESERVE}
DRAFT = {
    Action.DRAFT_CREATE, Action.DRAFT_READ, Action.DRAFT_PREVIEW, Action.DRAFT_UPLOAD, Action.DRAFT_REPLACE,
    Action.DRAFT_SUBMIT, Action.DRAFT_RETURN, Action.DRAFT_PUBLISH, Action.DRAFT_CANCEL,
    Action.DRAFT_APPROVE, Action.DRAFT_RELEASE,
}  # fmt: skip
ORGANIZATION = {Action.ORGANIZATION_VIEW, Action.ORGANIZATION_MANAGE, Action.ORGANIZATION_LEAVE}
PROJECT = {
    Action.PROJECT_MANAGE, Action.PROJECT_STATUS, Action.PROJECT_TRANSFER, Action.PROJECT_DELETE,
    Action.PROJECT_POLICY, Action.POLICY_CHANGE_AGREE, Action.POLICY_CHANGE_STOP,
    Action.PROJECT_QUARANTINE, Action.HISTORY_VIEW, Action.MEMBERS_VIEW, Action.ROLE_INVITE, Action.OWNER_INVITE,
    Action.ROLE_GRANT, Action.ROLE_REMOVE, Action.ROLE_LEAVE, Action.TRANSFER_CANCEL, Action.RELEASE_YANK,
    Action.RELEASE_DELETE, Action.FILE_DELETE, Action.DELETION_UNDO, Action.FILE_UPLOAD, Action.WEBHOOK_CHANGE,
}  # fmt: skip
THOUGHT_ABOUT = NOTHING | OWN_THING | NEW_NAME | NEW_DRAFT | DRAFT | ORGANIZATION | PROJECT


@dataclass(frozen=True)
class Asker:
    """One row of the tables: a role under an obligation, with an actor per credential."""

    role: str
    obligation: str
    actors: dict[str, Actor]


@dataclass(frozen=True)
class Stage:
    """All askers, and what they ask for."""

    askers: list[Asker]
    project: Project
    organization: Organization

    def subject(self, action: Action, actor: Actor) -> Any:
        if action in PROJECT:
            return self.project
        if action in ORGANIZATION:
            return self.organization
        if action in NEW_NAME:
            return NewProject("New.Name", "new-name")
        if action in NEW_DRAFT:
            return NewDraft(NewProject("New.Name", "new-name"), "1")
        if action in DRAFT:
            return NewDraft(self.project, "1")
        if action in OWN_THING:
            user = actor.user or self.askers[-1].actors["session"].person
            return SimpleNamespace(user=user, user_id=user.pk)
        return None


def build() -> Stage:
    """Everybody, in an otherwise empty database."""
    at = clock.now()
    organization = Organization.objects.create(name="group", display_name="Group", created_at=at)
    project = cast.ProjectFactory(name="sampleproject", organization=organization)
    elsewhere = cast.ProjectFactory(name="elsewhere")
    team = Team.objects.create(organization=organization, name="team", created_at=at)
    Role.objects.create(project=project, team=team, kind=RoleKind.MAINTAINER, granted_at=at)
    askers = [Asker("visitor", "met", dict.fromkeys(["session"], VISITOR))]
    for role in ROLES:
        for number, obligation in enumerate(OBLIGATIONS):
            user = _person(f"{re.sub('[^a-z0-9]+', '-', role)}-{number}", obligation)
            _put(user, role, project, team)
            actors = _sessions(user)
            for credential, options in _tokens(project, elsewhere).items():
                token = token_of(user, description=credential, **options)
                held = TokenCredential(token, token.understood_caveats())
                actors[credential] = Actor(user=user, credential=held)
            askers.append(Asker(role, obligation, actors))
    return Stage(askers, project, organization)


def _person(username: str, obligation: str) -> User:
    user = User.objects.create(username=username, email=f"{username}@example.org")
    verified = obligation != "no verified address"
    EmailAddress.objects.create(user=user, email=user.email, primary=True, verified=verified)
    if obligation != "no factor":
        cast.add_totp(user)
    if obligation not in {"no factor", "no key"}:
        cast.add_key(user)
    if obligation == "frozen":
        user.is_active = False
        user.frozen_at = clock.now()
        user.save(update_fields=["is_active", "frozen_at"])
    return user


def _put(user: User, role: str, project: Project, team: Team) -> None:
    at = clock.now()
    if role in set(RoleKind):
        held = cast.grant(user, project, RoleKind(role))
        held.granted_at = at - 2 * COUNTS_AFTER  # else no approver could approve
        held.save(update_fields=["granted_at"])
    elif role in {"maintainer by team", "organization manager", "organization member"}:
        kind = MembershipKind.MANAGER if role == "organization manager" else MembershipKind.MEMBER
        organization = team.organization
        membership = Membership.objects.create(organization=organization, user=user, kind=kind, joined_at=at)
        if role == "maintainer by team":
            TeamSeat.objects.create(team=team, membership=membership, added_at=at)
    elif role != "stranger":
        User.objects.filter(pk=user.pk).update(is_staff=True, is_superuser=role == "superuser")
        user.refresh_from_db()
        if role in STAFF:
            StaffRole.objects.create(user=user, kind=STAFF[role], granted_at=at, is_founding=True)


def _sessions(user: User) -> dict[str, Actor]:
    actor = cast.actor(user)
    app = AuthenticatorApp.objects.filter(user=user).first()
    by_app = replace(actor, factor=app.persistent_id) if app is not None else actor
    code = f"{RecoveryDevice.model_label()}/1"
    by_code = replace(actor, factor=code, repair_at=actor.factor_at) if app is not None else actor
    return {
        "session": actor,
        "stale session": cast.actor(user, fresh=False),
        "session by app": by_app,
        "session by recovery code": by_code,
    }


def _tokens(project: Project, elsewhere: Project) -> dict[str, dict[str, Any]]:
    made_for = {f"token: {name}": {"permissions": [name]} for name in MADE_FOR if name != Permission.UPLOAD}
    # As all tokens were before they were made for anything.
    old = {f"token: {Permission.UPLOAD}": {}}
    everything = list(Permission)
    limited = {
        "token: this project": {"project": project, "permissions": everything},
        "token: another project": {"project": elsewhere, "permissions": everything},
    }
    return old | made_for | limited


# -- asking -------------------------------------------------------------------------------------------------


def answers(stage: Stage) -> Iterator[tuple[Action, Asker, str, Denied | None]]:
    """Every combination with its answer; None is yes."""
    with _facts_read_once():
        for action in Action:
            for asker in stage.askers:
                for credential, actor in asker.actors.items():
                    answer = policies.may(actor, action, stage.subject(action, actor))
                    yield action, asker, credential, answer if isinstance(answer, Denied) else None


@contextmanager
def _facts_read_once() -> Iterator[None]:
    """The database does not change while it is asked twenty thousand times."""
    names = (
        "has_factor",
        "has_any_role",
        "has_verified_email",
        "holds_role",
        "staff_kinds",
        "has_working_key",
    )
    places = [(module, name) for module in (presence, requirements) for name in names if hasattr(module, name)]
    originals: list[Callable[..., Any]] = [getattr(*place) for place in places]

    def once(original: Callable[..., Any]) -> Callable[..., Any]:
        cached = functools.cache(original)
        return lambda *args: cached(*(tuple(arg) if isinstance(arg, list) else arg for arg in args))

    for place, original in zip(places, originals, strict=True):
        setattr(*place, once(original))
    try:
        yield
    finally:
        for place, original in zip(places, originals, strict=True):
            setattr(*place, original)


# -- rendering ----------------------------------------------------------------------------------------------

HEAD = """\
# Every answer of the policies

Made by `make reference`, from the policies themselves; do not edit it by hand. A test finds it out of date.

For each act: who (a role, and the obligation it is under) by which credential. `yes`, or the code of the sentence
that is said; the sentences stand at the end. Tokens are made for one use each, except the last two, which are made
for all of them; roles are those on the project or in the organization that the act is about.
"""


def render(stage: Stage) -> str:
    """All of it as Markdown. Rows that say the same are one row; nothing is left out."""
    sentences: dict[str, set[str]] = defaultdict(set)
    askers = {id(asker): asker for asker in stage.askers}
    rows: dict[tuple[Action, int], list[str]] = defaultdict(list)
    for action, asker, _credential, denied in answers(stage):
        rows[action, id(asker)].append(denied.code if denied is not None else "yes")
        if denied is not None:
            sentences[denied.code].add(_anonymous(denied.sentence))
    parts = [HEAD]
    for action in sorted(Action):
        groups: dict[tuple[str, ...], list[Asker]] = defaultdict(list)
        for (of, key), codes in rows.items():
            if of is action:
                groups[tuple(codes)].append(askers[key])
        parts.append(_table(action, groups))
    said = (
        f"`{code}`\n" + "".join(f": {sentence}\n" for sentence in sorted(found))
        for code, found in sorted(sentences.items())
    )
    return "\n".join([*parts, "## The sentences\n", *said])


def _table(action: Action, groups: dict[tuple[str, ...], list[Asker]]) -> str:
    lines = [f"## `{action}`\n", f"| Who | {' | '.join(CREDENTIALS)} |", "|---" * (len(CREDENTIALS) + 1) + "|"]
    ranked = sorted(groups.items(), key=lambda group: ("yes" not in group[0], -group[0].count("yes"), group[0]))
    for codes, askers in ranked:
        shown = [f"**{code}**" if code == "yes" else code for code in codes]
        # A visitor has one answer and no credential.
        shown += [""] * (len(CREDENTIALS) - len(shown))
        lines.append(f"| {_who(askers)} | {' | '.join(shown)} |")
    return "\n".join(lines) + "\n"


def _who(askers: list[Asker]) -> str:
    """Such as "owner; no factor: owner, maintainer"."""
    by_roles: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for obligation in OBLIGATIONS:
        if roles := tuple(asker.role for asker in askers if asker.obligation == obligation):
            by_roles[roles].append(obligation)
    said = []
    for roles, obligations in by_roles.items():
        missing = [role for role in ROLES if role not in roles]
        people = ", ".join(roles)
        if len(missing) <= 5 and "visitor" not in roles:
            people = "everybody" + (f" but {', '.join(missing)}" if missing else "")
        if obligations == list(OBLIGATIONS):
            said.append(f"{people}, *in any state*")
        else:
            said.append(people if obligations == ["met"] else f"*{', '.join(obligations)}*: {people}")
    return "; ".join(said)


def _anonymous(sentence: str) -> str:
    named = re.sub(r"User '[^']*'", "User 'NAME'", sentence)
    return named.replace(settings.SITE_URL, "https://index.example.org")
