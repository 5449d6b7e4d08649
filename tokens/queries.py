"""Questions about tokens: whose, how they stand, what one of them could do now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from packaging.utils import canonicalize_name, canonicalize_version
from packaging.version import Version

from accounts.models import User
from indexsite.actors import Actor, Permission
from indexsite.errors import InvalidInput, NotFound
from indexsite.policies import Action, Denied, NewProject, may
from indexsite.requirements import NewDraft, NewFile
from indexsite.verdicts import Allowed
from releases.models import Draft, Project, RoleKind, is_secret_from
from releases.upload import filenames
from tokens.macaroons import caveats
from tokens.models import Token

ENDED_SHOWN = 20
HELP = "/help/#tokens"


@dataclass(frozen=True)
class TokenLists:
    """A person's tokens: those that work, and the last of those that no longer do."""

    live: list[Token]
    ended: list[Token]


def tokens_of(user: User, *, at: datetime) -> TokenLists:
    """The person's tokens, the newest first."""
    tokens = list(Token.objects.filter(user=user).select_related("project"))
    ended = [token for token in tokens if not token.is_live(at)]
    ended.sort(key=_ended_at, reverse=True)
    return TokenLists(live=[token for token in tokens if token.is_live(at)], ended=ended[:ENDED_SHOWN])


def _ended_at(token: Token) -> datetime:
    return min(moment for moment in (token.revoked_at, token.expires_at) if moment is not None)


def own_token(user: User, pk: UUID) -> Token:
    """One token of the person.

    Raises:
        NotFound: also for somebody else's: nobody learns which ids exist.
    """
    token = Token.objects.filter(user=user, pk=pk).select_related("project").first()
    if token is None:
        raise NotFound("You have no such token.", code="no-such-token", help_path="/account/tokens/")
    return token


def projects_for_tokens(user: User) -> list[Project]:
    """Projects that a token of this person could upload to."""
    return list(Project.objects.of(user, RoleKind.OWNER, RoleKind.MAINTAINER))


# -- a token looks at itself --------------------------------------------------------------------------------


@dataclass(frozen=True)
class ProjectVerdict:
    """Whether an upload to one name would pass the policies now; `problem` is the sentence if not."""

    name: str
    may_upload: bool
    problem: str | None


@dataclass(frozen=True)
class Inspection:
    """What a token is good for. `projects` is None for the whole account."""

    id: UUID
    description: str
    user: str
    scope: str
    projects: list[ProjectVerdict] | None
    permissions: list[str]
    drafts_only: bool
    versions: list[str] | None
    drafts: list[str] | None
    created_at: datetime
    expires_at: datetime | None
    valid: bool = True


def inspection(
    actor: Actor,
    *,
    token: Token,
    restrictions: tuple[caveats.AnyCaveat, ...],
    permissions: frozenset[Permission],
    version: Version | None = None,
) -> Inspection:
    """Everything a token's bearer may know about it; `version` is the one that uploads would be of."""
    names = caveats.project_names(restrictions)
    return Inspection(
        id=token.pk,
        description=token.description,
        user=token.user.username,
        scope="account" if names is None else "project",
        projects=None if names is None else [verdict(actor, name, version) for name in sorted(names)],
        permissions=sorted(permissions),
        drafts_only=Permission.DRAFT_UPLOAD in permissions and Permission.UPLOAD not in permissions,
        versions=caveats.version_sets(restrictions),
        drafts=caveats.draft_ids(restrictions),
        created_at=token.created_at,
        expires_at=caveats.expires_at(restrictions),
    )


def verdict(actor: Actor, name: str, version: Version | None = None) -> ProjectVerdict:
    """Whether `actor` could upload to the project of this name, or register it."""
    denied = upload_denied(actor, name, version)
    return ProjectVerdict(name, denied is None, denied.sentence if denied is not None else None)


def upload_denied(actor: Actor, name: str, version: Version | None = None) -> Denied | None:
    """The policies' answer to an upload under this name, at once or into a draft, or None if they allow it.

    Without a version a token for some versions is told to ask about one.
    """
    normalized = canonicalize_name(name)
    found = Project.objects.filter(normalized_name=normalized).first()
    is_new = found is None or is_secret_from(actor.user, found)
    project = NewProject(name, normalized) if found is None or is_new else found
    # Where review is required, drafts are all that an upload can become.
    is_reviewed = isinstance(project, Project) and project.publishing_policy.is_review_required
    if is_reviewed or getattr(actor.credential, "is_drafts_only", False):
        answer = _may_draft(actor, project, version)
    else:
        act = Action.PROJECT_CREATE if is_new else Action.FILE_UPLOAD
        answer = may(actor, act, project if version is None else NewFile(project, canonicalize_version(version)))
    if not isinstance(answer, Denied):
        return None
    sets = _version_sets(actor) if version is None else None
    if sets is not None and answer.code == "credential-scope":
        sentence = f"This token is limited to versions {','.join(sets)}: ask about one with ?version= as well."
        return Denied(answer.code, sentence, HELP)
    return answer


def _may_draft(actor: Actor, project: Project | NewProject, version: Version | None) -> Allowed | Denied:
    new = project if version is None else NewDraft(project, canonicalize_version(version))
    if isinstance(project, NewProject):
        return may(actor, Action.PROJECT_RESERVE, new)
    if (draft := _draft_meant(actor, project, version)) is not None:
        return may(actor, Action.DRAFT_UPLOAD, draft)
    return may(actor, Action.DRAFT_CREATE, new)


def _draft_meant(actor: Actor, project: Project, version: Version | None) -> Draft | None:
    """The draft that files would go into: the only one the token is good for, or the one of the version."""
    ids = caveats.draft_ids(getattr(actor.credential, "restrictions", ()))
    live = Draft.objects.live().filter(project=project)
    if version is not None:
        live = live.filter(normalized_version=canonicalize_version(version))
    if ids is not None:
        # Whoever narrows a token may write anything as an id.
        return next((draft for draft in live if str(draft.public_id) in ids), None)
    return live.first() if version is not None else None


def _version_sets(actor: Actor) -> list[str] | None:
    return caveats.version_sets(getattr(actor.credential, "restrictions", ()))


def read_version(text: str) -> Version | None:
    """The version that somebody asks about; None for none.

    Raises:
        InvalidInput: it is none.
    """
    if not text:
        return None
    version = filenames.read_version(text)
    if version is None:
        raise InvalidInput("That is not a version (PEP 440), such as 1.2.3.", code="invalid-version")
    return version
