"""Yanking a release or a file, and taking it back: what installers, readers, members and the trail see of it."""

from __future__ import annotations

import pytest
from django.test import Client

from accounts.models import User
from indexsite.models import AuditEvent
from releases.models import Project
from tests.support import cast
from tests.support.distributions import make_wheel
from tests.support.lifecycle import SDIST, WHEEL, sampleproject, serial, yanked
from tests.support.people import browser, letters_to, subjects
from tests.support.uploads import token_for, upload

pytestmark = pytest.mark.django_db

RELEASE = "/manage/project/sampleproject/releases/1.0/"
FILE = f"/manage/project/sampleproject/files/{WHEEL}/"
PAGES = [f"{RELEASE}yank/", f"{RELEASE}unyank/", f"{FILE}yank/", f"{FILE}unyank/"]


@pytest.fixture
def project(alice: User, bob: User) -> Project:
    return sampleproject(alice, bob)


def trail() -> list[tuple[str, dict[str, str]]]:
    rows = AuditEvent.objects.filter(name__contains="yanked").order_by("pk")
    return [(row.name, row.data) for row in rows]


def test_a_yanked_release_is_yanked_everywhere(alice: User, project: Project, client: Client) -> None:
    before = serial()

    response = browser(alice).post(f"{RELEASE}yank/", {"reason": "Eats <all> files"}, follow=True)

    assert response.redirect_chain == [(RELEASE, 302)]
    assert "sampleproject 1.0 is yanked." in response.text
    assert yanked() == {WHEEL: "Eats <all> files", SDIST: "Eats <all> files"}
    assert client.get("/simple/sampleproject/").text.count('data-yanked="Eats &lt;all&gt; files"') == 2
    assert serial() > before
    document = client.get("/pypi/sampleproject/json").json()
    assert (document["info"]["yanked"], document["info"]["yanked_reason"]) == (True, "Eats <all> files")
    assert [url["yanked_reason"] for url in document["urls"]] == ["Eats <all> files"] * 2
    assert "Eats &lt;all&gt; files" in client.get("/project/sampleproject/1.0/").text
    assert "Eats &lt;all&gt; files" in browser(alice).get(RELEASE).text
    assert trail() == [("release.yanked", {"version": "1.0", "reason": "Eats <all> files"})]


def test_taking_it_back_leaves_no_mark(alice: User, project: Project, client: Client) -> None:
    alice_browser = browser(alice)
    alice_browser.post(f"{RELEASE}yank/", {"reason": "Broken"})

    response = alice_browser.post(f"{RELEASE}unyank/", follow=True)

    assert "sampleproject 1.0 is no longer yanked." in response.text
    assert yanked() == {WHEEL: False, SDIST: False}
    assert "data-yanked" not in client.get("/simple/sampleproject/").text
    assert "Broken" not in client.get("/project/sampleproject/").text
    assert [name for name, _ in trail()] == ["release.yanked", "release.unyanked"]


def test_one_file_is_yanked_alone_and_without_a_reason(alice: User, project: Project, client: Client) -> None:
    alice_browser = browser(alice)

    alice_browser.post(f"{FILE}yank/", {"reason": ""})

    assert yanked() == {WHEEL: True, SDIST: False}
    assert client.get("/simple/sampleproject/").text.count('data-yanked=""') == 1
    assert client.get("/project/sampleproject/").text.count("Yanked") == 1
    assert trail() == [("file.yanked", {"filename": WHEEL, "reason": "none given"})]

    alice_browser.post(f"{FILE}unyank/")

    assert yanked() == {WHEEL: False, SDIST: False}


def test_a_file_keeps_its_own_mark_when_its_release_is_taken_back(alice: User, project: Project) -> None:
    alice_browser = browser(alice)
    alice_browser.post(f"{FILE}yank/", {"reason": "Wrong tag"})
    alice_browser.post(f"{RELEASE}yank/", {"reason": "Broken"})
    assert yanked() == {WHEEL: "Broken", SDIST: "Broken"}

    alice_browser.post(f"{RELEASE}unyank/")

    assert yanked() == {WHEEL: "Wrong tag", SDIST: False}


def test_a_release_yanked_without_a_reason_shows_that_of_the_file(alice: User, project: Project) -> None:
    alice_browser = browser(alice)
    alice_browser.post(f"{FILE}yank/", {"reason": "Wrong tag"})

    alice_browser.post(f"{RELEASE}yank/", {"reason": ""})

    assert yanked() == {WHEEL: "Wrong tag", SDIST: True}


def test_a_file_uploaded_to_a_yanked_release_is_yanked(alice: User, project: Project) -> None:
    browser(alice).post(f"{RELEASE}yank/", {"reason": "Broken"})

    assert upload(make_wheel(tag="py2-none-any"), token_for(alice)).status_code == 200

    assert yanked()["sampleproject-1.0-py2-none-any.whl"] == "Broken"


def test_owners_and_maintainers_are_told(alice: User, bob: User, erin: User, project: Project) -> None:
    alice_browser = browser(alice)
    alice_browser.post(f"{RELEASE}yank/", {"reason": "Broken"})
    alice_browser.post(f"{RELEASE}unyank/")

    for member in (alice, bob):
        found = [letter for letter in letters_to(member.email) if "yanked" in letter.subject]
        assert subjects(found) == ["sampleproject 1.0 was yanked", "sampleproject 1.0 is no longer yanked"]
        assert "Reason:    Broken" in found[0].body
        assert "Yanked by: alice" in found[0].body
        assert "127.0.0.1" not in found[0].body
    assert not letters_to(erin.email)


def test_the_same_again_changes_nothing_and_another_reason_replaces_the_first(
    alice: User, project: Project
) -> None:
    alice_browser = browser(alice)
    alice_browser.post(f"{RELEASE}yank/", {"reason": "Broken"})
    at = project.releases.get().yanked_at

    alice_browser.post(f"{RELEASE}yank/", {"reason": "Broken"})
    assert len(trail()) == 1

    alice_browser.post(f"{RELEASE}yank/", {"reason": "Deletes files"})
    assert yanked()[WHEEL] == "Deletes files"
    assert project.releases.get().yanked_at == at
    assert len(trail()) == 2

    alice_browser.post(f"{RELEASE}unyank/")
    alice_browser.post(f"{RELEASE}unyank/")
    assert len(trail()) == 3


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("  two\r\n lines\tand a\x07 bell ", "two lines and a bell"),
        ("\u202eturned\u202c \u200bhidden", "turned hidden"),
        ('"><script>alert(1)</script>', '"><script>alert(1)</script>'),
        ("e\u0301", "\u00e9"),
    ],
)
def test_a_reason_becomes_one_printable_line(
    alice: User, project: Project, client: Client, typed: str, shown: str
) -> None:
    browser(alice).post(f"{RELEASE}yank/", {"reason": typed})

    assert yanked()[WHEEL] == shown
    assert "<script>alert" not in client.get("/simple/sampleproject/").text
    assert "<script>alert" not in client.get("/project/sampleproject/").text


def test_a_reason_has_an_end(alice: User, project: Project) -> None:
    response = browser(alice).post(f"{RELEASE}yank/", {"reason": "x" * 501})

    assert response.status_code == 400
    assert yanked() == {WHEEL: False, SDIST: False}


@pytest.mark.parametrize("page", PAGES)
def test_the_page_says_what_will_happen_before_anything_does(alice: User, project: Project, page: str) -> None:
    response = browser(alice).get(page)

    assert response.status_code == 200
    assert "nstallers" in response.text
    assert trail() == []


@pytest.mark.parametrize("page", PAGES)
def test_others_do_nothing_here(
    alice: User, bob: User, dave: User, mallory: User, project: Project, page: str
) -> None:
    approver = cast.person("frank")
    cast.grant(approver, project, cast.RoleKind.APPROVER)
    cast.grant(dave, project)
    expected = {None: 302, mallory: 404, bob: 403, approver: 403, dave: 302}
    for person, status in expected.items():
        client = browser(person)
        assert client.get(page).status_code == status, person
        assert client.post(page, {"reason": "mine"}).status_code == status, person
    assert trail() == []
    assert yanked() == {WHEEL: False, SDIST: False}


@pytest.mark.parametrize("page", PAGES)
def test_what_is_not_there_is_not_found(alice: User, project: Project, page: str) -> None:
    alice_browser = browser(alice)
    for there, elsewhere in (("1.0", "9.9"), ("any.whl", "other.whl"), ("sampleproject/", "no-such-name/")):
        if there in page:
            assert alice_browser.post(page.replace(there, elsewhere)).status_code == 404


def test_a_quarantined_project_does_not_change(alice: User, project: Project) -> None:
    Project.objects.update(status="quarantined")

    response = browser(alice).post(f"{RELEASE}yank/", {"reason": "Broken"})

    assert response.status_code == 403
    assert "is quarantined" in response.text
    assert trail() == []


def test_maintainers_see_the_state_and_no_buttons(bob: User, project: Project) -> None:
    page = browser(bob).get(RELEASE).text

    assert "Release 1.0" in page
    assert "yank/" not in page


def test_any_spelling_of_the_version_will_do(alice: User, project: Project) -> None:
    browser(alice).post("/manage/project/Sampleproject/releases/v1/yank/", {"reason": "Broken"})

    assert yanked()[WHEEL] == "Broken"
