"""Taking a name: what a new project may be called, and how its row comes into being, with a file or a draft."""

from __future__ import annotations

from datetime import datetime

from django.db import IntegrityError, transaction

from accounts.models import note_rights
from indexsite import audit, limits
from indexsite.actors import Actor
from indexsite.errors import InvalidInput
from indexsite.limits import Limit
from indexsite.policies import Action, NewDraft, NewFile, NewProject, require, require_now
from releases.actions import tombstones
from releases.models import (
    Draft,
    ProhibitedProjectName,
    Project,
    Role,
    RoleKind,
    find_project,
    is_secret_from,
    lock_project,
)
from releases.names import confusable_form, is_reserved


def is_new_for(actor: Actor, project: Project | None) -> bool:
    """Whether the name, whose row this is, is judged as one that nobody has: strangers learn nothing else."""
    return project is None or project.deletion_id is not None or is_secret_from(actor.user, project)


type Subject = NewFile | NewDraft


def require_new_name(
    actor: Actor, action: Action, subject: Subject, *, found: Project | None, at: datetime
) -> None:
    """Insist that the actor may register a name; called outside of transactions, since it counts.

    Args:
        action: PROJECT_CREATE or PROJECT_RESERVE.
        subject: what comes first under the name; its `project` is a `NewProject`.
        found: the row that holds the name, of a project that was deleted or is a secret from the actor.

    Raises:
        InvalidInput: the name cannot be used.
        NotAuthenticated, PermissionRefused: the actor may make no projects.
        LimitReached: the actor has made too many.
    """
    new = _name_in(subject)
    require(actor, action, subject)
    if found is not None:
        tombstones.check_may_take_up(actor, found, new.name)
    _check(new)
    limits.consume(Limit.PROJECT_CREATE_ADDRESS, actor.address, at=at)
    limits.consume(Limit.PROJECT_CREATE_USER, _key(actor), at=at)


def is_reserved_only(project: Project) -> bool:
    """Whether drafts have made the project and nothing was ever published in it: its first file creates it."""
    return not project.was_published and Draft.objects.filter(project=project, reserves_name=True).exists()


def _name_in(subject: Subject) -> NewProject:
    if not isinstance(subject.project, NewProject):
        raise TypeError("The name has to be a new one.")
    return subject.project


def _key(actor: Actor) -> str:
    return str(actor.user.pk) if actor.user is not None else ""


def _check(new: NewProject) -> None:
    """The sentences say nothing of who asked for a prohibition, or why, or which name is the lookalike."""
    if is_reserved(new.normalized_name):
        raise InvalidInput(
            f"The name '{new.name}' belongs to Python itself or its tools; choose another name.",
            code="name-of-python",
        )
    if ProhibitedProjectName.objects.filter(name=new.normalized_name).exists():
        raise tombstones.name_unavailable(new.name)
    lookalikes = Project.with_deleted.filter(confusable_name=confusable_form(new.name))
    if lookalikes.exclude(normalized_name=new.normalized_name).exists():
        raise _too_similar(new.name)


def _too_similar(name: str) -> InvalidInput:
    return InvalidInput(
        f"The name '{name}' is too easily mistaken for another project's; choose another name.",
        code="name-confusable",
    )


def lock_or_register(
    actor: Actor, action: Action, subject: Subject, *, found: Project | None, at: datetime
) -> tuple[Project, bool]:
    """The row that holds the name, locked, and whether it begins with this act: made by it, or deleted for good.

    Where it does not, the actor's right on it is still to be asked; where it does, the caller makes the actor its
    owner, and takes a deleted row up again when it is to be seen.
    """
    new = _name_in(subject)
    if found is None:
        require_now(actor, action, subject)
        try:
            with transaction.atomic():
                return Project.objects.create(name=new.name, created_at=at), True
        except IntegrityError:
            # Somebody registered the name, or a lookalike, a moment ago: unique columns decide who was first.
            found = find_project(new.normalized_name)
            if found is None:
                raise _too_similar(new.name) from None
    project = lock_project(found.pk)
    if project.deletion_id is None:
        return project, False
    require_now(actor, action, subject)
    tombstones.check_may_take_up(actor, project, new.name)
    return project, True


def make_owner(actor: Actor, project: Project, *, at: datetime) -> None:
    """Make the actor the owner of what they have just created."""
    user = actor.person
    note_rights([user.pk], at=at)
    # Whoever takes a deleted name up again has been its owner before.
    Role.objects.get_or_create(project=project, user=user, kind=RoleKind.OWNER, defaults={"granted_at": at})
    audit.record(actor, audit.RoleGranted(about=user, project=project.normalized_name, role=RoleKind.OWNER.value))
