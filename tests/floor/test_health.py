"""/healthz, /readyz, /metrics."""

import dataclasses
import ipaddress
from pathlib import Path

import pytest
from django.conf import LazySettings, settings
from django.db import connection
from django.test import Client

from tests.support import index
from tests.support.cast import ProjectFactory


def with_env(monkeypatch: pytest.MonkeyPatch, **fields: object) -> None:
    monkeypatch.setattr(settings, "ENV", dataclasses.replace(settings.ENV, **fields))


def test_the_process_answers_without_a_database(client: Client) -> None:
    response = client.get("/healthz")

    assert (response.status_code, response.content) == (200, b"ok\n")


@pytest.mark.django_db
def test_a_site_that_can_work_is_ready(client: Client) -> None:
    response = client.get("/readyz")

    assert response.status_code == 200
    assert response.json() == {"ready": True, "failing": []}


@pytest.mark.django_db
def test_a_database_that_lacks_a_migration_is_not_ready(client: Client) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'releases'")

    response = client.get("/readyz")

    assert response.status_code == 503
    assert response.json()["failing"] == ["database"]


@pytest.mark.django_db
def test_a_store_that_cannot_be_written_is_not_ready(client: Client, files_dir: Path) -> None:
    files_dir.parent.mkdir(exist_ok=True)
    files_dir.write_text("a file where a directory should be")

    response = client.get("/readyz")

    assert response.status_code == 503
    assert response.json()["failing"] == ["storage"]


@pytest.mark.django_db
def test_figures_are_true(client: Client) -> None:
    index.sdist(index.release(ProjectFactory(name="one"), "1.0"), size=1234)

    text = client.get("/metrics", headers={"Host": "localhost:8000"}).content.decode()

    assert "indexsite_projects 1\n" in text
    assert "indexsite_files 1\n" in text
    assert "indexsite_file_bytes 1234\n" in text
    assert "indexsite_queued_tasks 0\n" in text


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("address", "headers"),
    [
        ("203.0.113.9", {}),
        ("not an address", {}),
        # A proxy on this machine that nobody told us of: everybody would look local.
        ("127.0.0.1", {"X-Forwarded-For": "203.0.113.9"}),
        ("127.0.0.1", {"Forwarded": "for=203.0.113.9"}),
        ("127.0.0.1", {"X-Real-IP": "203.0.113.9"}),
        ("127.0.0.1", {"Via": "1.1 proxy"}),
        # One that says nothing of itself: it passes on the name of the site.
        ("127.0.0.1", {"Host": "index.example.org"}),
        ("::1", {"Host": "index.example.org"}),
    ],
)
def test_figures_are_not_for_the_outside(
    client: Client, address: str, headers: dict[str, str], settings: LazySettings
) -> None:
    settings.ALLOWED_HOSTS = ["localhost", "index.example.org"]
    response = client.get("/metrics", headers={"Host": "localhost", **headers}, REMOTE_ADDR=address)

    assert response.status_code == 404
    assert b"indexsite_projects" not in response.content


@pytest.mark.django_db
def test_figures_are_for_the_staff_network_also_through_a_known_proxy(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_env(
        monkeypatch,
        staff_networks=(ipaddress.ip_network("10.1.0.0/16"),),
        trusted_proxies=(ipaddress.ip_network("192.0.2.0/24"),),
    )

    through = client.get("/metrics", headers={"X-Forwarded-For": "10.1.2.3"}, REMOTE_ADDR="192.0.2.1")
    claimed = client.get("/metrics", headers={"X-Forwarded-For": "10.1.2.3, 203.0.113.9"}, REMOTE_ADDR="192.0.2.1")

    assert through.status_code == 200
    assert claimed.status_code == 404
