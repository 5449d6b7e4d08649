"""Acts on a project as a whole by the people who have a role on it."""

from __future__ import annotations

from indexsite.actors import Actor
from indexsite.errors import NotAuthenticated, NotFound
from indexsite.policies import Action, require
from releases.models import Project


def open_project(*, actor: Actor, name: str) -> Project:
    """The project, for one of its members to look after. `name` is normalised.

    Raises:
        NotAuthenticated: nobody is signed in.
        NotFound: there is no such project, or the person has no role on it: strangers cannot tell which.
        PermissionRefused: the person's rights are suspended.
    """
    if actor.user is None:
        raise NotAuthenticated("Sign in to manage projects.", help_path="/account/login/")
    project = Project.objects.of(actor.user).filter(normalized_name=name).first()
    if project is None:
        raise NotFound(f"There is no project '{name}' among yours.")
    require(actor, Action.PROJECT_MANAGE, project)
    return project
