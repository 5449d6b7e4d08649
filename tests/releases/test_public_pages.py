"""Home, search, project and person as visitors see them."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from accounts.models import User
from indexsite import limits
from indexsite.limits import Limit
from releases.description import render
from releases.models import File, Project, ProjectStatus, Release, RoleKind
from tests.support import cast, index

AT = datetime(2026, 3, 4, 5, 6, tzinfo=UTC)

pytestmark = pytest.mark.django_db


@pytest.fixture
def visitor() -> Client:
    return Client()


def published(name: str = "Sample.Project", *versions: str, owner: User | None = None, **fields: Any) -> Project:
    """A project with an sdist for each version, a day apart."""
    project = cast.ProjectFactory(name=name, owner=owner, created_at=AT, last_serial=1)
    for number, version in enumerate(versions or ("1.0",)):
        at = AT + timedelta(days=number)
        index.sdist(index.release(project, version, at=at, **fields), at=at)
    return project


def text_of(visitor: Client, path: str, *, status: int = 200) -> str:
    response = visitor.get(path)
    assert response.status_code == status
    return response.content.decode()


class TestHome:
    def test_an_empty_site_says_how_to_begin(self, visitor: Client) -> None:
        page = text_of(visitor, "/")
        assert "Nothing published yet" in page
        assert "/help/#start" in page

    def test_new_projects_and_releases_are_listed(self, visitor: Client) -> None:
        published("One", "1.0", "2.0", summary="First of all")
        page = text_of(visitor, "/")
        assert 'href="/project/one/"' in page
        assert '<span class="version">2.0</span>' in page
        assert "First of all" in page
        assert "<strong>1</strong> project," in page
        assert "<strong>2</strong> releases, <strong>2</strong> files" in page

    def test_a_cache_that_is_down_takes_nothing_from_it(
        self, visitor: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        published()

        def down(*args: object) -> None:
            raise ConnectionError

        monkeypatch.setattr(cache, "get_or_set", down)
        assert "<strong>1</strong> project," in text_of(visitor, "/")

    def test_what_is_hidden_or_empty_is_not_listed(self, visitor: Client) -> None:
        quarantined = published("Evil")
        quarantined.status = ProjectStatus.QUARANTINED
        quarantined.save()
        empty = cast.ProjectFactory(name="Reserved")
        index.release(empty, "1.0")
        page = text_of(visitor, "/")
        assert "Evil" not in page
        assert "Reserved" not in page

    def test_the_cost_does_not_grow(self, visitor: Client, django_assert_num_queries: Any) -> None:
        for number in range(20):
            published(f"project-{number}", "1.0", "1.1")
        with django_assert_num_queries(2):
            visitor.get("/")
        with django_assert_num_queries(1):
            visitor.get("/")


class TestSearch:
    def names(self, visitor: Client, query: str) -> list[str]:
        response = visitor.get("/search/", {"q": query})
        assert response.status_code == 200
        return [release.project.normalized_name for release in response.context["releases"]]

    def test_a_flood_of_searches_is_slowed_down(self, visitor: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        few = dataclasses.replace(limits.LIMITS[Limit.SEARCH_ADDRESS], count=2)
        monkeypatch.setitem(limits.LIMITS, Limit.SEARCH_ADDRESS, few)
        answers = [visitor.get("/search/?q=http") for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert "Too many searches from your network address" in answers[2].text
        assert int(answers[2]["Retry-After"]) > 0
        assert visitor.get("/search/").status_code == 200

    def test_the_name_comes_before_beginnings_insides_and_summaries(self, visitor: Client) -> None:
        published("about-http", summary="A client")
        published("zap", summary="Speaks http too")
        published("httpx", summary="A client")
        published("http")
        published("unrelated")
        assert self.names(visitor, "HTTP") == ["http", "httpx", "about-http", "zap"]

    @pytest.mark.parametrize(
        "query", ["sample.project", "Sample_Project", "sample project", "  sample   PROJECT "]
    )
    def test_any_spelling_of_a_name_finds_it(self, visitor: Client, query: str) -> None:
        published("Sample.Project")
        assert self.names(visitor, query) == ["sample-project"]

    def test_every_word_must_match(self, visitor: Client) -> None:
        published("one", summary="Fast parser")
        published("two", summary="Slow parser")
        assert self.names(visitor, "fast parser") == ["one"]
        assert self.names(visitor, "parser two") == ["two"]

    def test_signs_of_patterns_mean_themselves(self, visitor: Client) -> None:
        published("one", summary="100% pure")
        published("two", summary="a_b")
        published("three", summary="back\\slash")
        assert self.names(visitor, "%") == ["one"]
        assert self.names(visitor, "a_b") == ["two"]
        assert self.names(visitor, "\\") == ["three"]

    @pytest.mark.parametrize(
        "query",
        [
            "\x00",
            "a\x00b",
            "-",
            "...",
            "'",
            '"; drop table',
            "\ud83d\ude00",
            "x" * 100_000,
            "a " * 5_000,
            "[",
            "%00",
        ],
    )
    def test_no_query_breaks_it(self, visitor: Client, query: str) -> None:
        published()
        for page in ("1", "0", "-1", "x", "99999999999999999999", "last", ""):
            data = {"q": query.encode("utf-8", "surrogatepass"), "page": page}
            assert visitor.get("/search/", data).status_code == 200
        assert visitor.get("/search/?q=%ff%fe%ed%a0%80&page=%00").status_code == 200

    def test_the_query_is_shown_as_text(self, visitor: Client) -> None:
        page = text_of(visitor, "/search/?q=%3Cscript%3Ealert(1)%3C/script%3E")
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert(1)" in page

    def test_nothing_found_says_what_to_try(self, visitor: Client) -> None:
        assert "Nothing found for" in text_of(visitor, "/search/?q=nothing")

    def test_without_a_query_all_projects_come_in_pages(
        self, visitor: Client, django_assert_num_queries: Any
    ) -> None:
        assert "Nothing published yet" in text_of(visitor, "/search/")
        for number in range(25):
            published(f"project-{number}")
        with django_assert_num_queries(3):
            page = text_of(visitor, "/search/?page=2")
        assert "Page 2 of 2" in page
        assert page.count('class="result"') == 5

    def test_quarantined_projects_are_not_found(self, visitor: Client) -> None:
        project = published("Evil")
        project.status = ProjectStatus.QUARANTINED
        project.save()
        assert self.names(visitor, "evil") == []


METADATA = {
    "metadata_version": "2.4",
    "author": "Ada",
    "author_email": "Ada <ada@example.org>, bert@example.org",
    "maintainer": "Cleo",
    "license_expression": "MIT",
    "keywords": ["one", "two"],
    "classifier": ["Programming Language :: Python :: 3", "Private :: Mine"],
    "project_url": ["Source, https://example.org/src", "Evil, javascript:alert(1)"],
    "home_page": "https://example.org/",
    "requires_dist": [
        "requests>=2",
        "pytest ; extra == 'test'",
        "uvloop; sys_platform != 'win32' and extra == 'fast'",
    ],
    "provides_extra": ["test", "fast", "none"],
}


class TestProject:
    def test_the_page_says_all_a_reader_needs(self, visitor: Client, alice: User) -> None:
        description = "# Hello\n\n![logo](https://example.org/l.png)\n"
        published(
            "Sample.Project", "1.0", owner=alice, summary="Does things", metadata=METADATA,
            requires_python=">=3.9", description=description,
            description_html=render(description, "text/markdown"),
        )  # fmt: skip
        page = text_of(visitor, "/project/sample-project/")
        file = File.objects.get()
        for part in (
            "Sample.Project", "Does things", "/simple/ sample-project", '<h1 id="user-content-hello">Hello</h1>',
            f'href="/files/{file.path}"', file.sha256, file.blake2_256, file.md5, "&gt;=3.9", "MIT",
            'href="https://example.org/src"', 'href="https://example.org/"', "mailto:ada@example.org",
            "mailto:bert@example.org", "Cleo", 'href="/user/alice/"', "requests&gt;=2", "uvloop ; sys_platform",
            "Python :: 3", "one, two", '"/rss/project/sample-project/releases.xml"', "/pypi/sample-project/json",
        ):  # fmt: skip
            assert part in page
        assert "javascript:" not in page
        assert "&#x27;test&#x27;" not in page

    def test_pictures_of_descriptions_may_load_and_nothing_else(self, visitor: Client) -> None:
        published()
        policy = visitor.get("/project/sample-project/")["Content-Security-Policy"]
        assert "img-src 'self' data: https:" in policy
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "https:" not in visitor.get("/")["Content-Security-Policy"]

    def test_other_spellings_lead_to_the_one_address(self, visitor: Client) -> None:
        published("Sample.Project", "1.0")
        for path in ("/project/Sample.Project/", "/project/sample__project/"):
            response = visitor.get(path)
            assert (response.status_code, response["Location"]) == (301, "/project/sample-project/")
        for path in (
            "/project/sample-project/1.0.0/",
            "/project/Sample.Project/1.0/",
            "/project/sample-project/v1/",
        ):
            response = visitor.get(path)
            assert (response.status_code, response["Location"]) == (301, "/project/sample-project/1.0/")

    def test_an_older_release_says_so_and_installs_itself(self, visitor: Client) -> None:
        published("Sample", "1.0", "2.0")
        page = text_of(visitor, "/project/sample/1.0/")
        assert "/simple/ sample==1.0" in page
        assert "Go to 2.0, the latest release" in page
        newest = text_of(visitor, "/project/sample/2.0/")
        assert "Go to 2.0" not in newest
        assert "sample==2.0" not in newest

    def test_a_pre_release_is_not_the_latest_and_says_what_it_is(self, visitor: Client) -> None:
        published("Sample", "1.0", "2.0rc1")
        assert '<span class="version">1.0</span>' in text_of(visitor, "/project/sample/")
        assert "This is a pre-release" in text_of(visitor, "/project/sample/2.0rc1/")
        published("Early", "0.1a1")
        assert "only pre-releases so far" in text_of(visitor, "/project/early/")

    def test_a_yanked_release_has_a_banner_and_is_passed_over(self, visitor: Client) -> None:
        published("Sample", "1.0", "2.0")
        Release.objects.filter(version="2.0").update(yanked_at=AT, yanked_reason="Broken <b>badly</b>")
        assert '<span class="version">1.0</span>' in text_of(visitor, "/project/sample/")
        page = text_of(visitor, "/project/sample/2.0/")
        assert "This release was yanked" in page
        assert "Broken &lt;b&gt;badly&lt;/b&gt;" in page

    @pytest.mark.parametrize(
        ("status", "words"),
        [("archived", "This project is archived"), ("deprecated", "This project is deprecated")],
    )
    def test_a_status_is_shown_with_its_reason(self, visitor: Client, status: str, words: str) -> None:
        project = published()
        Project.objects.filter(pk=project.pk).update(status=status, status_reason="Use another one.")
        page = text_of(visitor, "/project/sample-project/")
        assert words in page
        assert "Use another one." in page

    def test_a_quarantined_project_shows_its_banner_and_nothing_of_its_own(self, visitor: Client) -> None:
        project = published("Evil", summary="Harmless, promised", owner=cast.person("mallory"))
        Project.objects.filter(pk=project.pk).update(status="quarantined", status_reason="Steals secrets.")
        for path in ("/project/evil/", "/project/evil/1.0/"):
            page = text_of(visitor, path, status=404)
            assert "in quarantine" in page
            assert "Steals secrets." in page
            for hidden in ("Harmless", "/files/", "pip install", "mallory"):
                assert hidden not in page

    @pytest.mark.parametrize(
        "path",
        [
            "/project/missing/",
            "/project/sample-project/9.9/",
            "/project/sample-project/nonsense/",
            "/project/x%00/",
        ],
    )
    def test_what_is_not_there_is_a_404_that_helps(self, visitor: Client, path: str) -> None:
        published()
        assert "here" in text_of(visitor, path, status=404)

    def test_a_name_without_files_is_not_published(self, visitor: Client) -> None:
        index.release(cast.ProjectFactory(name="Reserved"), "1.0")
        text_of(visitor, "/project/reserved/", status=404)
        text_of(visitor, "/project/reserved/1.0/", status=404)

    def test_a_release_without_description_says_how_to_get_one(self, visitor: Client) -> None:
        published()
        assert "has no description" in text_of(visitor, "/project/sample-project/")

    def test_a_wheel_shows_its_tags(self, visitor: Client) -> None:
        project = published()
        file = File.objects.get(release__project=project)
        file.pk, file.filename = None, "sample_project-1.0-cp313-abi3-win_amd64.whl"
        file.package_type = "bdist_wheel"
        file.save()
        page = text_of(visitor, "/project/sample-project/")
        for tag in ("cp313", "abi3", "win_amd64"):
            assert f">{tag}</span>" in page

    def test_only_its_people_see_the_way_to_manage_it(self, visitor: Client, alice: User, carol: User) -> None:
        published(owner=alice)
        assert "/manage/project/" not in text_of(visitor, "/project/sample-project/")
        visitor.force_login(carol)
        assert "/manage/project/" not in text_of(visitor, "/project/sample-project/")
        visitor.force_login(alice)
        assert "/manage/project/" in text_of(visitor, "/project/sample-project/")

    def test_the_cost_does_not_grow_with_releases(self, visitor: Client, django_assert_num_queries: Any) -> None:
        published("Sample", *(f"1.{number}" for number in range(60)))
        with django_assert_num_queries(6):
            page = text_of(visitor, "/project/sample/")
        assert "10 older" in page


@pytest.mark.parametrize(
    "path",
    [
        "/project/x%00/", "/project/sample-project/%00/", f"/project/sample-project/{'9' * 5000}/",
        "/pypi/x%00/json", "/pypi/sample-project/%00/json", f"/pypi/sample-project/{'9' * 5000}/json",
        "/rss/project/x%00/releases.xml", "/user/x%00/",
    ],
)  # fmt: skip
def test_no_address_breaks_a_page(visitor: Client, path: str) -> None:
    published()
    assert visitor.get(path).status_code == 404


class TestPerson:
    def test_their_projects_are_listed(self, visitor: Client, alice: User, django_assert_num_queries: Any) -> None:
        for number in range(5):
            published(f"sample-{number}", owner=alice)
        with django_assert_num_queries(3):
            page = text_of(visitor, "/user/alice/")
        assert page.count('class="result"') == 5

    def test_a_malformed_name_is_nobody(self, visitor: Client) -> None:
        for name in ("x%00", "-", "a b", "x" * 300):
            text_of(visitor, f"/user/{name}/", status=404)

    def test_names_have_one_spelling(self, visitor: Client, alice: User) -> None:
        published(owner=alice)
        assert visitor.get("/user/Alice/")["Location"] == "/user/alice/"

    def test_whoever_publishes_nothing_looks_like_nobody(self, visitor: Client, carol: User) -> None:
        nobody = text_of(visitor, "/user/nobody/", status=404)
        assert text_of(visitor, "/user/carol/", status=404) == nobody.replace("nobody", "carol")
        visitor.force_login(carol)
        assert "No projects yet" in text_of(visitor, "/user/carol/")

    def test_quarantined_projects_closed_accounts_and_approvers_do_not_show(
        self, visitor: Client, alice: User, bob: User
    ) -> None:
        project = published(owner=alice)
        cast.grant(bob, project, RoleKind.APPROVER)
        text_of(visitor, "/user/bob/", status=404)
        Project.objects.update(status="quarantined")
        text_of(visitor, "/user/alice/", status=404)
        Project.objects.update(status="active")
        User.objects.filter(username="alice").update(is_active=False)
        text_of(visitor, "/user/alice/", status=404)
        assert "Nobody at present" in text_of(visitor, "/project/sample-project/")
