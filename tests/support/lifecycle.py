"""A published project as its owner meets it, and what all the public pages say of it."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from django.test import Client

from accounts.models import User
from indexsite import clock
from releases.actions.lifecycle import purging
from releases.models import Deletion, Project
from tests.support import cast
from tests.support.distributions import make_sdist, make_wheel
from tests.support.uploads import token_for, upload

SIMPLE_JSON = "application/vnd.pypi.simple.v1+json"
WHEEL, SDIST = "sampleproject-1.0-py3-none-any.whl", "sampleproject-1.0.tar.gz"
MANAGE = "/manage/project/sampleproject"
DELETE = {
    "file": (f"{MANAGE}/files/{WHEEL}/delete/", WHEEL),
    "release": (f"{MANAGE}/releases/1.0/delete/", "1.0"),
    "project": (f"{MANAGE}/settings/delete/", "sampleproject"),
}
AFTER = timedelta(hours=24, minutes=1)


def sampleproject(owner: User, maintainer: User | None = None, *, versions: tuple[str, ...] = ("1.0",)) -> Project:
    """`sampleproject` with a wheel and an sdist of each version, uploaded by the owner."""
    project = cast.ProjectFactory(name="sampleproject", owner=owner, maintainer=maintainer)
    secret = token_for(owner)
    for version in versions:
        assert upload(make_wheel(version=version), secret).status_code == 200
        assert upload(make_sdist(version=version), secret).status_code == 200
    project.refresh_from_db()
    return project


def simple_json(path: str = "/simple/sampleproject/") -> dict[str, Any]:
    """The page as installers read it."""
    response = Client().get(path, headers={"Accept": SIMPLE_JSON})
    assert response.status_code == 200, response.content
    page: dict[str, Any] = json.loads(response.content)
    return page


def yanked(path: str = "/simple/sampleproject/") -> dict[str, Any]:
    """File name -> what its `yanked` says."""
    return {file["filename"]: file["yanked"] for file in simple_json(path)["files"]}


def serial() -> int:
    """Of the project's simple page."""
    found: int = simple_json()["meta"]["_last-serial"]
    return found


def delete(owner: Client, kind: str) -> Deletion:
    path, name = DELETE[kind]
    response = owner.post(path, {"typed": name}, follow=True)
    assert response.redirect_chain, response.text
    assert "can be restored until" in response.text
    return Deletion.objects.latest("pk")


def undo(owner: Client, deletion: Deletion) -> int:
    return owner.post(f"/manage/deletion/{deletion.pk}/undo/").status_code


def purge() -> int:
    return purging.purge_deleted(at=clock.now() + AFTER)
