"""Fixtures that every test may use; the cast itself is `tests.support.cast`."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest
from django.conf import settings as django_settings
from django.core.cache import cache
from django.db import connection

from accounts.models import StaffKind, User
from indexsite.env import EmailUrl, StorageUrl
from tests.support import append_only, cast, migrated, run
from tests.support.s3 import s3_bucket, s3_endpoint  # noqa: F401 - fixtures for every test
from tests.support.two_databases import runs_on_both

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page
    from pytest_django.plugin import DjangoDbBlocker


append_only.allow_flush()
# How long an example takes says more about what else the machine does than about the code.
hypothesis.settings.register_profile(
    "any-machine", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("any-machine")

# What the browser or its driver says of itself: a navigation was overtaken, an answer did not come in time.
DRIVER_ERRORS = [r"^Error: .*net::ERR_ABORTED", r"^TimeoutError: (Page|Frame|Locator)\."]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what runs on both databases; a journey is repeated once where the browser failed."""
    for item in items:
        if item.get_closest_marker("journey"):
            item.add_marker(pytest.mark.flaky(reruns=1, only_rerun=DRIVER_ERRORS))
        if runs_on_both(item.nodeid):
            item.add_marker(pytest.mark.both_databases)
    # What starts processes takes longest: first, so that the other tests fill the time, and in one test process.
    items.sort(key=lambda item: "site" not in item.fixturenames)


@pytest.fixture(scope="session")
def django_db_setup(django_test_environment: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """In place of pytest-django's: the test process's database is a copy of a migrated one, not migrated anew."""
    name = f"test_{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}"
    configured = connection.settings_dict
    if connection.vendor == "sqlite":
        path = run.directory(os.environ) / f"{name}.sqlite3"
        migrated.sqlite_copy(path)
        configured["NAME"] = str(path)
        yield
        return
    server, configured["NAME"] = os.environ["DATABASE_URL"], f"{configured['NAME']}_{name}"
    migrated.postgresql_copy(server, configured["NAME"])
    yield
    with django_db_blocker.unblock():
        connection.close()
    migrated.postgresql_drop(server, configured["NAME"])


@pytest.fixture(autouse=True)
def _own_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test has a storage and a mail directory of its own."""
    own = dataclasses.replace(
        django_settings.ENV,
        storage_url=StorageUrl("file", path=tmp_path / "files"),
        email_url=EmailUrl("file", path=tmp_path / "mail"),
    )
    monkeypatch.setattr(django_settings, "ENV", own)
    monkeypatch.setattr(django_settings, "AUDIT_HEADS_FILE", tmp_path / "audit-heads.log")


@pytest.fixture(autouse=True)
def _empty_cache() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def files_dir(tmp_path: Path) -> Path:
    """Where this test's blobs are stored."""
    return tmp_path / "files"


@pytest.fixture
def mail_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where this test's letters lie as `.eml` files; without this fixture they are in `mail.outbox`."""
    path = tmp_path / "mail"
    mailer = {"BACKEND": "indexsite.mail.FileMailer", "OPTIONS": {"directory": str(path)}}
    monkeypatch.setattr(django_settings, "MAILERS", {"default": mailer})
    return path


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The system's Chromium, headless."""
    from tests.support import chromium  # Playwright takes a moment to import

    with chromium.browser() as started:
        yield started


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A fresh browser page; script errors and CSP violations fail the test."""
    from tests.support import chromium

    with chromium.page(browser) as opened:
        yield opened


@pytest.fixture
def alice(db: None) -> User:
    """Verified address, TOTP."""
    return cast.person("alice")


@pytest.fixture
def bob(db: None) -> User:
    """Verified address, TOTP."""
    return cast.person("bob")


@pytest.fixture
def carol(db: None) -> User:
    """Verified address, no factor, no role."""
    return cast.person("carol", totp=False)


@pytest.fixture
def dave(db: None) -> User:
    """Verified address, no factor; with a role his rights are suspended."""
    return cast.person("dave", totp=False)


@pytest.fixture
def erin(db: None) -> User:
    """Verified address, TOTP."""
    return cast.person("erin")


@pytest.fixture
def mallory(db: None) -> User:
    """The attacker: an account like any other, verified, with TOTP."""
    return cast.person("mallory")


@pytest.fixture
def mona(db: None) -> User:
    """Staff: moderator."""
    return cast.staff("mona", StaffKind.MODERATOR)


@pytest.fixture
def sven(db: None) -> User:
    """Staff: security."""
    return cast.staff("sven", StaffKind.SECURITY)
