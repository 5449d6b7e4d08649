"""Previews: what a draft looks like to whoever has its token, and to nobody else."""

from __future__ import annotations

import logging

import pytest
from django.http import HttpResponse
from django.test import Client

from accounts.models import User
from indexsite import clock
from indexsite.logs import WithoutTokens
from releases.actions.drafts.beginning import renew_preview
from releases.actions.drafts.ending import cancel_draft
from releases.actions.drafts.publishing import finish_draft
from releases.actions.lifecycle.status import quarantine_project
from releases.models import Draft, Project
from tests.support import cast, published
from tests.support.distributions import make_sdist, make_wheel
from tests.support.drafts import add, again, begin, by_token, gathered, in_browser

pytestmark = pytest.mark.django_db

JSON = "application/vnd.pypi.simple.v1+json"


@pytest.fixture
def project(alice: User) -> Project:
    return cast.ProjectFactory(name="sampleproject", owner=alice)


@pytest.fixture
def draft(alice: User, project: Project) -> Draft:
    """Of 1.0, with one wheel; 0.9 is published."""
    published.publish(project, "0.9")
    return gathered(by_token(alice), make_wheel())


def get(path: str, **headers: str) -> HttpResponse:
    return Client().get(path, headers=headers)


def listed(path: str) -> list[str]:
    """File names of a project's page."""
    response = get(path, accept=JSON)
    assert response.status_code == 200, path
    return [file["filename"] for file in response.json()["files"]]


def projects_of(path: str) -> list[str]:
    return [project["name"] for project in get(path, accept=JSON).json()["projects"]]


def test_the_draft_alone_and_over_what_is_published(draft: Draft, alice: User) -> None:
    published.publish(cast.ProjectFactory(name="other"), "2.0")
    wheel = make_wheel().filename
    old = "sampleproject-0.9-py3-none-any.whl"

    assert projects_of(f"/stage/{draft.token}/simple/") == ["sampleproject"]
    assert listed(f"/stage/{draft.token}/simple/sampleproject/") == [wheel]
    assert get(f"/stage/{draft.token}/simple/other/").status_code == 404
    assert projects_of(f"/stage/{draft.token}/overlay/") == ["other", "sampleproject"]
    assert listed(f"/stage/{draft.token}/overlay/sampleproject/") == [old, wheel]
    assert get(f"/stage/{draft.token}/overlay/other/").content == get("/simple/other/").content
    assert listed("/simple/sampleproject/") == [old]


def test_pages_lead_to_the_bytes_and_their_metadata(draft: Draft) -> None:
    wheel = make_wheel()
    (entry,) = get(f"/stage/{draft.token}/simple/sampleproject/", accept=JSON).json()["files"]
    page = get(f"/stage/{draft.token}/overlay/sampleproject/").content.decode()

    assert entry["url"] in page
    assert entry["hashes"]["sha256"] == wheel.sha256
    bytes_of = get(entry["url"])
    assert bytes_of.getvalue() == wheel.content
    assert bytes_of["Content-Disposition"] == f'attachment; filename="{wheel.filename}"'
    assert bytes_of["Content-Security-Policy"].startswith("sandbox")
    assert get(entry["url"] + ".metadata").getvalue() == wheel.metadata
    part = get(entry["url"], range="bytes=2-5")
    assert (part.status_code, part.getvalue()) == (206, wheel.content[2:6])
    assert (
        f'href="/stage/{draft.token}/overlay/sampleproject/"'
        in get(f"/stage/{draft.token}/overlay/").content.decode()
    )


def addresses(draft: Draft) -> list[str]:
    stage = f"/stage/{draft.token}"
    views = ("simple/", "simple/sampleproject/", "overlay/", "overlay/sampleproject/", "overlay/other/")
    return [*(f"{stage}/{view}" for view in views), f"{stage}/files/{make_wheel().filename}"]


def test_nothing_may_be_kept_handed_on_or_found(draft: Draft) -> None:
    published.publish(cast.ProjectFactory(name="other"), "2.0")
    for address in [*addresses(draft), f"/stage/{draft.token}/files/missing", "/stage/wrong/simple/"]:
        response = get(address)
        assert response["Cache-Control"] == "private, no-store", address
        assert response["Referrer-Policy"] == "no-referrer"
        assert response["X-Robots-Tag"].startswith("noindex")
        assert "Access-Control-Allow-Origin" not in response
        assert not response.cookies


@pytest.mark.parametrize("end", ["publish", "cancel", "renew", "quarantine"])
def test_a_preview_ends(draft: Draft, alice: User, mona: User, end: str) -> None:
    old = addresses(draft)
    assert {get(address).status_code for address in old[:4]} == {200}
    if end == "publish":
        finish_draft(actor=in_browser(alice), draft=draft, at=clock.now())
    elif end == "cancel":
        cancel_draft(actor=in_browser(alice), draft=draft, at=clock.now())
    elif end == "renew":
        renew_preview(actor=in_browser(alice), draft=draft)
    else:
        quarantine_project(actor=cast.actor(mona), project=draft.project, reason="It steals.", at=clock.now())

    answers = [get(address) for address in old]

    assert {answer.status_code for answer in answers} == {404}
    never = get("/stage/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA/simple/")
    assert {answer.content for answer in answers} == {never.content}
    if end == "renew":
        assert listed(f"/stage/{again(draft).token}/simple/sampleproject/") == [make_wheel().filename]


def test_several_drafts_lie_over_the_index_together(draft: Draft, alice: User) -> None:
    cast.ProjectFactory(name="plugin", owner=alice)
    plugin = gathered(by_token(alice), make_wheel("plugin"), name="plugin")
    second = begin(by_token(alice), version="2.0")
    add(by_token(alice), second, make_sdist("sampleproject", "2.0"))
    both = f"/stage/{draft.token}+{plugin.token}+{second.token}/overlay"

    assert listed(f"{both}/plugin/") == [make_wheel("plugin").filename]
    assert listed(f"{both}/sampleproject/")[1:] == [make_wheel().filename, make_sdist(version="2.0").filename]
    assert get(f"/stage/{draft.token}+wrong/overlay/").status_code == 404
    assert get(f"/stage/{'+'.join([draft.token] * 21)}/overlay/").status_code == 404


def test_a_file_published_meanwhile_is_listed_once(draft: Draft, project: Project) -> None:
    published.publish(project, "1.0", content=b"other")

    assert listed(f"/stage/{draft.token}/overlay/sampleproject/").count(make_wheel().filename) == 1


def test_tokens_are_in_no_log(draft: Draft, caplog: pytest.LogCaptureFixture) -> None:
    """Django logs what is not found and what is not allowed, with its address."""
    with caplog.at_level(logging.INFO):
        get(f"/stage/{draft.token}/simple/missing/")
        Client().post(f"/stage/{draft.token}/simple/")
    told = [record.getMessage() for record in caplog.records]

    assert not any(draft.token in line for line in told)
    assert [line for line in told if "/stage/" in line] == [
        "Not Found: /stage/(token)/simple/missing/",
        "Method Not Allowed (POST): /stage/(token)/simple/",
    ]
    # So it would be, without the filter.
    record = logging.LogRecord("x", logging.WARNING, "x", 1, "Not Found: %s", (f"/stage/{draft.token}/",), None)
    assert draft.token in record.getMessage()
    assert WithoutTokens().filter(record)
    assert draft.token not in record.getMessage()
