"""Uploading as clients do, and looking at all that an upload may change."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client
from django_q.models import OrmQ

from accounts.models import User
from indexsite.models import AuditEvent
from releases.models import File, Project, Release, Role, SimplePage, UsedFilename
from tests.support.distributions import Distribution
from tests.support.tokens import basic, token_of


def token_for(user: User, project: Project | None = None, **options: Any) -> str:
    """A token's secret, good for uploads of `user`."""
    options.setdefault("description", f"token {user.tokens.count() + 1}")
    return token_of(user, project=project, **options).secret()


def upload(
    distribution: Distribution,
    secret: str,
    *,
    username: str = "__token__",
    path: str = "/legacy/",
    client: Client | None = None,
    **overrides: str | list[str] | None,
) -> HttpResponse:
    """POST one file as twine does; `overrides` change the form, None removes a field."""
    data: dict[str, Any] = dict(distribution.fields(**overrides))
    data["content"] = SimpleUploadedFile(distribution.filename, distribution.content)
    # CSRF checks on, as in production: the test client leaves them out otherwise.
    client = client or Client(enforce_csrf_checks=True, raise_request_exception=False)
    return client.post(
        path, data, headers={"Authorization": basic(secret, username), "User-Agent": "twine/7.0.0 tests"}
    )


def blobs(files_dir: Path) -> set[str]:
    """Every stored file below the storage directory, temporary ones included."""
    files = (path for path in files_dir.rglob("*") if path.is_file() and path.suffix != ".lock")
    return {str(path.relative_to(files_dir)) for path in files}


def state(files_dir: Path) -> dict[str, Any]:
    """All that an upload may change, in a form that compares."""
    tables = [Project, Role, Release, File, UsedFilename, SimplePage]
    rows: dict[str, Any] = {table.__name__: list(table.objects.order_by("pk").values()) for table in tables}
    return {
        **rows,
        "audit": list(AuditEvent.objects.order_by("pk").values()),
        "mail": list(OrmQ.objects.order_by("pk").values()),
        "blobs": blobs(files_dir),
    }


@contextmanager
def nothing_changes(files_dir: Path) -> Iterator[None]:
    """Fails if anything that an upload may change is different at the end of the block."""
    before = state(files_dir)
    yield
    assert state(files_dir) == before
