"""Finding a project, and what is in it, for the people who look after it."""

from __future__ import annotations

from indexsite.actors import Actor
from indexsite.errors import NotAuthenticated, NotFound
from indexsite.policies import Action, require
from releases.models import File, Project, Release
from releases.queries import normalized_version


def open_project(*, actor: Actor, name: str) -> Project:
    """The project, for one of its members to look after. `name` is normalised.

    Raises:
        NotAuthenticated: nobody is signed in.
        NotFound: there is no such project, or the person has no role on it: strangers cannot tell which.
        PermissionRefused: the person's rights are suspended.
    """
    project = find_project(actor=actor, name=name)
    require(actor, Action.PROJECT_MANAGE, project)
    return project


def find_project(*, actor: Actor, name: str) -> Project:
    """The same, whether or not the person's rights are suspended: for those who want to give them up.

    Raises:
        NotAuthenticated, NotFound: as for `open_project`.
    """
    if actor.user is None:
        raise NotAuthenticated("Sign in to manage projects.", help_path="/account/login/")
    project = Project.objects.of(actor.user).filter(normalized_name=name).first()
    if project is None:
        raise NotFound(f"There is no project '{name}' among yours.")
    return project


def find_release(project: Project, version: str) -> Release:
    """The release of this version, in any spelling.

    Raises:
        NotFound: there is none.
    """
    release = project.releases.filter(normalized_version=normalized_version(version)).first()
    if release is None:
        raise NotFound(f"{project.name} has no release {version}.")
    release.project = project
    return release


def find_file(project: Project, filename: str) -> File:
    """The file of this name.

    Raises:
        NotFound: there is none in this project.
    """
    files = File.objects.filter(release__project=project, filename=filename)
    file = files.select_related("release__project").first()
    if file is None:
        raise NotFound(f"{project.name} has no file {filename}.")
    return file
