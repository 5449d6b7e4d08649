"""`/pypi/<name>/json`: what existing tools read."""

from datetime import UTC, datetime

import pytest
from django.conf import settings
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from releases.models import Project, ProjectStatus
from tests.support import index
from tests.support.cast import ProjectFactory

AT = datetime(2026, 3, 1, 12, 30, 15, 250, tzinfo=UTC)


@pytest.fixture
def sample(alice: User) -> Project:
    project: Project = ProjectFactory(name="Sample.Project", owner=alice, last_serial=42)
    for version in ("1.0", "1.10", "1.9", "2.0rc1"):
        index.sdist(index.release(project, version, at=AT, summary=f"as of {version}"), at=AT)
    return project


def test_the_latest_final_release_is_the_one_described(client: Client, sample: Project) -> None:
    document = client.get("/pypi/sample-project/json").json()

    assert document["info"]["version"] == "1.10"
    assert document["info"]["summary"] == "as of 1.10"
    assert list(document["releases"]) == ["1.0", "1.9", "1.10", "2.0rc1"]
    assert [file["filename"] for file in document["urls"]] == ["sample_project-1.10.tar.gz"]
    assert document["last_serial"] == 42
    assert document["vulnerabilities"] == []


def test_a_yanked_release_is_described_only_when_nothing_else_is_left(client: Client, sample: Project) -> None:
    sample.releases.exclude(version="2.0rc1").update(yanked_at=AT, yanked_reason="broken")

    document = client.get("/pypi/sample-project/json").json()

    assert document["info"]["version"] == "2.0rc1"
    assert document["info"]["yanked"] is False
    assert document["releases"]["1.0"][0]["yanked"] is True
    assert document["releases"]["1.0"][0]["yanked_reason"] == "broken"


def test_a_file_carries_its_digests_size_time_and_address(client: Client, sample: Project) -> None:
    (file,) = client.get("/pypi/sample-project/1.0/json").json()["urls"]

    row = sample.releases.get(version="1.0").files.get()
    assert file["digests"] == {"blake2b_256": row.blake2_256, "md5": row.md5, "sha256": row.sha256}
    assert file["size"] == 1000
    assert file["upload_time"] == "2026-03-01T12:30:15"
    assert file["upload_time_iso_8601"] == "2026-03-01T12:30:15.000250Z"
    assert file["url"] == f"{settings.SITE_URL}/files/{row.path}"
    assert file["packagetype"] == "sdist"


def test_one_release_comes_without_the_list_of_all(client: Client, sample: Project) -> None:
    document = client.get("/pypi/sample-project/1.9.0/json").json()

    assert document["info"]["version"] == "1.9"
    assert "releases" not in document


def test_core_metadata_appears_under_the_names_clients_know(client: Client, alice: User) -> None:
    project = ProjectFactory(name="rich", owner=alice)
    index.sdist(
        index.release(
            project,
            "1.0",
            requires_python=">=3.9",
            description="# Rich",
            description_content_type="text/markdown",
            metadata={
                "author": "Alice",
                "keywords": ["a", "b"],
                "classifier": ["Topic :: Internet"],
                "license_expression": "MIT",
                "license_file": ["LICENSE"],
                "platform": ["any"],
                "project_url": ["Docs, https://example.org/docs", "Source, https://example.org/a,b"],
                "provides_extra": ["speed"],
                "requires_dist": ["requests>=2"],
            },
        )
    )

    info = client.get("/pypi/rich/json").json()["info"]

    assert info["author"] == "Alice"
    assert info["keywords"] == "a,b"
    assert info["classifiers"] == ["Topic :: Internet"]
    assert info["license_expression"] == "MIT"
    assert info["license_files"] == ["LICENSE"]
    assert info["platform"] == "any"
    assert info["project_urls"] == {"Docs": "https://example.org/docs", "Source": "https://example.org/a,b"}
    assert info["provides_extra"] == ["speed"]
    assert info["requires_dist"] == ["requests>=2"]
    assert info["requires_python"] == ">=3.9"
    assert info["license"] == ""
    assert info["download_url"] is None


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("/pypi/Sample.Project/json", "/pypi/sample-project/json"),
        ("/pypi/Sample_Project/1.0/json", "/pypi/sample-project/1.0/json"),
    ],
)
def test_other_spellings_lead_to_the_normal_one(client: Client, sample: Project, path: str, target: str) -> None:
    response = client.get(path)

    assert (response.status_code, response["Location"]) == (301, target)


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("/pypi/nothing/json", "There is no project 'nothing' here; check the spelling."),
        (
            "/pypi/sample-project/9/json",
            "There is no release 9 of project 'sample-project' here; check the spelling.",
        ),
    ],
)
def test_what_is_not_there_is_named(client: Client, sample: Project, path: str, sentence: str) -> None:
    response = client.get(path)

    assert response.status_code == 404
    assert response.json()["detail"] == sentence


def test_a_quarantined_project_and_one_without_releases_are_not_there(client: Client, sample: Project) -> None:
    ProjectFactory(name="empty")
    Project.objects.filter(pk=sample.pk).update(status=ProjectStatus.QUARANTINED)

    assert client.get("/pypi/sample-project/json").status_code == 404
    assert client.get("/pypi/empty/json").status_code == 404


def test_a_reader_who_has_it_already_gets_no_body(client: Client, sample: Project) -> None:
    first = client.get("/pypi/sample-project/json")

    again = client.get("/pypi/sample-project/json", headers={"If-None-Match": first["ETag"]})

    assert (again.status_code, again.content) == (304, b"")
    assert first["Access-Control-Allow-Origin"] == "*"
    assert first["X-PyPI-Last-Serial"] == "42"


def test_the_cost_does_not_grow_with_the_releases(
    client: Client, sample: Project, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(3):
        client.get("/pypi/sample-project/json")
