"""The simple API over HTTP."""

import gzip
import json

import pytest
from django.db import connection, transaction
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from releases import serving
from releases.actions import pages
from releases.models import Project, ProjectStatus, SimplePage
from tests.support import published

JSON = {"accept": "application/vnd.pypi.simple.v1+json"}
BOTH = [{}, JSON]

pytestmark = pytest.mark.django_db


@pytest.fixture
def sample() -> Project:
    project = published.project("Sample.Project")
    published.publish(project, "1.0", requires_python=">=3.9")
    return project


def page_of(client: Client, path: str = "/simple/sample-project/") -> dict:
    return json.loads(client.get(path, headers=JSON).content)


def test_a_published_file_is_on_the_page_at_once(client: Client, sample: Project) -> None:
    file = published.publish(sample, "1.1", content=b"new wheel")
    got = page_of(client)
    assert got["versions"] == ["1.0", "1.1"]
    assert got["meta"]["_last-serial"] == 2
    newest = got["files"][1]
    assert newest["hashes"] == {"sha256": file.sha256}
    assert newest["upload-time"] == "2026-03-04T05:06:07.080000Z"
    download = client.get(newest["url"])
    assert b"".join(download.streaming_content) == b"new wheel"
    assert f'href="{newest["url"]}#sha256={file.sha256}"' in client.get("/simple/sample-project/").text


@pytest.mark.parametrize("headers", BOTH)
def test_a_page_says_how_it_may_be_kept(client: Client, sample: Project, headers: dict[str, str]) -> None:
    got = client.get("/simple/sample-project/", headers=headers)
    assert got["Cache-Control"] == "public, max-age=600"
    assert got["Vary"] == "Accept, Accept-Encoding"
    assert got["Surrogate-Key"] == "project/sample-project"
    assert got["X-PyPI-Last-Serial"] == "1"
    assert got["Content-Type"] == ("text/html; charset=utf-8" if not headers else headers["accept"])
    assert int(got["Content-Length"]) == len(got.content)
    assert "Set-Cookie" not in got


def test_the_html_of_the_api_is_named_so_when_it_was_asked_for(client: Client, sample: Project) -> None:
    got = client.get("/simple/sample-project/", headers={"accept": "application/vnd.pypi.simple.latest+html"})
    assert got["Content-Type"] == "application/vnd.pypi.simple.v1+html"


def test_the_format_can_be_asked_for_in_the_address(client: Client, sample: Project) -> None:
    got = client.get("/simple/sample-project/?format=application/vnd.pypi.simple.v1%2Bjson")
    assert got.json()["name"] == "sample-project"


@pytest.mark.parametrize("headers", BOTH)
def test_an_unchanged_page_is_not_sent_again(client: Client, sample: Project, headers: dict[str, str]) -> None:
    first = client.get("/simple/sample-project/", headers=headers)
    for tag in (first["ETag"], f"W/{first['ETag']}", f'"other", {first["ETag"]}', "*"):
        again = client.get("/simple/sample-project/", headers={**headers, "if-none-match": tag})
        assert again.status_code == 304
        assert again["ETag"] == first["ETag"]
        assert b"".join(again.streaming_content) == b""
        assert "Content-Length" not in again
    published.publish(sample, "2.0")
    changed = client.get("/simple/sample-project/", headers={**headers, "if-none-match": first["ETag"]})
    assert changed.status_code == 200
    assert changed["ETag"] != first["ETag"]


def test_representations_and_codings_have_validators_of_their_own(client: Client, sample: Project) -> None:
    zipped = {"accept-encoding": "gzip"}
    tags = {
        client.get("/simple/sample-project/", headers=headers)["ETag"]
        for headers in ({}, JSON, zipped, {**JSON, **zipped})
    }
    assert len(tags) == 4


@pytest.mark.parametrize("headers", BOTH)
def test_a_page_travels_compressed_to_whom_it_suits(
    client: Client, sample: Project, headers: dict[str, str]
) -> None:
    plain = client.get("/simple/sample-project/", headers=headers)
    for accepted in ("gzip", "br, gzip;q=0.5", "*", "gzip, deflate"):
        got = client.get("/simple/sample-project/", headers={**headers, "accept-encoding": accepted})
        assert got["Content-Encoding"] == "gzip"
        assert gzip.decompress(got.content) == plain.content
    for refused in ("identity", "br", "gzip;q=0", "gzip; q=0.000"):
        got = client.get("/simple/sample-project/", headers={**headers, "accept-encoding": refused})
        assert "Content-Encoding" not in got
        assert got.content == plain.content


@pytest.mark.parametrize("path", ["/simple/sample-project/", "/simple/", "/simple/missing/"])
def test_head_says_what_get_would_without_saying_it(client: Client, sample: Project, path: str) -> None:
    get, head = client.get(path), client.head(path)
    assert (head.status_code, dict(head.headers)) == (get.status_code, dict(get.headers))
    assert head.content == b""


@pytest.mark.parametrize(
    ("asked", "target"),
    [
        ("/simple/Sample.Project/", "/simple/sample-project/"),
        ("/simple/sample__project/", "/simple/sample-project/"),
        ("/simple/Sample.Project", "/simple/sample-project/"),
        ("/simple/sample-project", "/simple/sample-project/"),
        ("/simple/Not-There/", "/simple/not-there/"),
        ("/simple", "/simple/"),
        ("/simple/Sample.Project/?format=text/html", "/simple/sample-project/?format=text/html"),
    ],
)
def test_every_spelling_leads_to_the_one(client: Client, asked: str, target: str) -> None:
    got = client.get(asked)
    assert (got.status_code, got["Location"]) == (301, target)


@pytest.mark.parametrize(
    "path", ["/simple/missing/", "/simple/-/", "/simple/a%00b/", "/simple/..../", "/simple/é/"]
)
def test_a_missing_project_is_a_sentence_in_the_format_asked_for(client: Client, path: str) -> None:
    page, problem = client.get(path), client.get(path, headers=JSON)
    assert page.status_code == problem.status_code == 404
    assert problem["Content-Type"] == "application/problem+json"
    assert problem.json()["code"] == "not-found"
    assert page["Content-Type"] == "text/html; charset=utf-8"
    assert page["Cache-Control"] == "no-cache"


def test_a_missing_project_is_named_in_the_sentence(client: Client) -> None:
    assert "no project named 'missing'" in client.get("/simple/missing/", headers=JSON).json()["detail"]


def test_only_reading_is_possible(client: Client, sample: Project) -> None:
    assert client.post("/simple/sample-project/").status_code == 405
    assert client.delete("/simple/").status_code == 405


def test_an_empty_index_is_an_index(client: Client) -> None:
    assert page_of(client, "/simple/")["projects"] == []
    got = client.get("/simple/")
    assert (got.status_code, got["Cache-Control"]) == (200, "no-cache")


def test_the_root_names_every_project_with_its_serial(client: Client, sample: Project) -> None:
    published.publish(published.project("another"))
    assert [project["name"] for project in page_of(client, "/simple/")["projects"]] == [
        "another",
        "Sample.Project",
    ]
    html = client.get("/simple/")
    assert '<a href="/simple/sample-project/">Sample.Project</a>' in html.text
    assert html["Surrogate-Key"] == "simple-root"
    assert client.get("/simple/", headers={"if-none-match": html["ETag"]}).status_code == 304


@pytest.mark.parametrize("path", ["/simple/sample-project/", "/simple/"])
def test_a_read_costs_one_lookup_and_the_body_is_read_once(
    client: Client, sample: Project, path: str, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    client.get(path)
    with django_assert_num_queries(1):
        assert client.get(path).status_code == 200


def test_a_quarantined_project_vanishes_and_returns(client: Client, sample: Project) -> None:
    url = page_of(client)["files"][0]["url"]
    sample.status = ProjectStatus.QUARANTINED
    sample.save()
    published.refresh(sample)
    assert client.get("/simple/sample-project/").status_code == 404
    assert page_of(client, "/simple/")["projects"] == []
    assert client.get(url).status_code == 404
    assert client.get(url + ".metadata").status_code == 404
    sample.status = ProjectStatus.ACTIVE
    sample.save()
    published.refresh(sample)
    assert client.get("/simple/sample-project/").status_code == 200
    assert len(page_of(client, "/simple/")["projects"]) == 1


def test_a_deleted_project_leaves_no_page(client: Client, sample: Project) -> None:
    with transaction.atomic():
        sample.delete()
        pages.refresh_project(sample)
    assert client.get("/simple/sample-project/").status_code == 404
    assert not SimplePage.objects.filter(name="sample-project").exists()


def test_a_yanked_release_stays_on_the_page_and_says_so(client: Client, sample: Project) -> None:
    sample.releases.update(yanked_at=published.AT, yanked_reason="leaks")
    published.refresh(sample)
    assert page_of(client)["files"][0]["yanked"] == "leaks"
    assert 'data-yanked="leaks"' in client.get("/simple/sample-project/").text


def test_a_page_replaced_between_facts_and_body_is_read_again(
    client: Client, sample: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "_bodies", serving._BodyCache(max_bytes=1 << 20))
    real = serving._body
    calls: list[str] = []

    def body(name: str, *args: object, **kwargs: object) -> bytes | None:
        calls.append(name)
        if len(calls) == 1:
            published.publish(sample, "1.1")
        return real(name, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(serving, "_body", body)
    assert page_of(client)["versions"] == ["1.0", "1.1"]
    assert len(calls) == 2


class TestCacheOfBodies:
    def test_it_stays_within_its_size_and_forgets_the_oldest(self) -> None:
        cache = serving._BodyCache(max_bytes=10)
        cache.put(("a", "html", "1"), b"12345")
        cache.put(("b", "html", "1"), b"12345")
        assert cache.get(("a", "html", "1")) == b"12345"
        cache.put(("c", "html", "1"), b"1")
        assert cache.get(("b", "html", "1")) is None
        assert cache.get(("a", "html", "1")) == b"12345"

    def test_what_is_larger_than_the_cache_is_not_kept(self) -> None:
        cache = serving._BodyCache(max_bytes=10)
        cache.put(("a", "html", "1"), b"12345678901")
        assert cache.get(("a", "html", "1")) is None

    def test_the_same_body_counts_once(self) -> None:
        cache = serving._BodyCache(max_bytes=10)
        for _ in range(3):
            cache.put(("a", "html", "1"), b"12345")
        cache.put(("b", "html", "1"), b"12345")
        assert cache.get(("a", "html", "1"))


def test_the_columns_before_the_bodies_suffice_for_a_conditional_read(sample: Project) -> None:
    with connection.cursor() as cursor:
        columns = [
            c.name for c in connection.introspection.get_table_description(cursor, SimplePage._meta.db_table)
        ]
    assert columns.index("json_etag") < columns.index("html")
