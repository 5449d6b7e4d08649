"""RSS: newest projects, newest releases, one project's releases."""

from datetime import UTC, datetime
from xml.etree import ElementTree

import pytest
from django.conf import settings
from django.test import Client

from releases.models import Project, ProjectStatus
from tests.support import index
from tests.support.cast import ProjectFactory

pytestmark = pytest.mark.django_db


def titles(client: Client, path: str) -> list[str]:
    response = client.get(path)
    assert response.status_code == 200
    assert response["Content-Type"].startswith("application/rss+xml")
    return [item.findtext("title", "") for item in ElementTree.fromstring(response.content).iter("item")]


@pytest.fixture
def projects() -> list[Project]:
    made = []
    for day, name in enumerate(("first", "second", "third"), start=1):
        at = datetime(2026, 3, day, tzinfo=UTC)
        project = ProjectFactory(name=name, created_at=at)
        index.sdist(index.release(project, "1.0", at=at, summary=f"{name} & co"))
        made.append(project)
    return made


def test_newest_come_first(client: Client, projects: list[Project]) -> None:
    assert titles(client, "/rss/updates.xml") == ["third 1.0", "second 1.0", "first 1.0"]
    assert titles(client, "/rss/packages.xml") == ["third is new here", "second is new here", "first is new here"]


def test_one_project_has_a_feed_of_its_releases(client: Client, projects: list[Project]) -> None:
    index.sdist(index.release(projects[0], "2.0", at=datetime(2026, 4, 1, tzinfo=UTC)))

    assert titles(client, "/rss/project/First/releases.xml") == ["first 2.0", "first 1.0"]


def test_an_item_links_to_the_page_and_dates_it(client: Client, projects: list[Project]) -> None:
    root = ElementTree.fromstring(client.get("/rss/updates.xml").content)
    item = next(root.iter("item"))

    assert item.findtext("link") == f"{settings.SITE_URL}/project/third/1.0/"
    assert item.findtext("description") == "third & co"
    assert item.findtext("pubDate") == "Tue, 03 Mar 2026 00:00:00 +0000"


def test_nothing_hidden_or_unpublished_shows(client: Client, projects: list[Project]) -> None:
    index.release(ProjectFactory(name="without-files"), "1.0")
    Project.objects.filter(pk=projects[2].pk).update(status=ProjectStatus.QUARANTINED)

    assert titles(client, "/rss/updates.xml") == ["second 1.0", "first 1.0"]
    assert titles(client, "/rss/packages.xml") == ["second is new here", "first is new here"]
    assert client.get("/rss/project/third/releases.xml").status_code == 404
    assert client.get("/rss/project/nothing/releases.xml").status_code == 404
