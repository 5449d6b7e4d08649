"""The history of a project: who may read what of it, filters, and the same rows as files."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta

import pytest
from django.db import transaction
from django.test import Client

from accounts.models import User
from indexsite import audit, clock
from indexsite.actors import Permission
from indexsite.audit import lifecycle
from indexsite.audit import tokens as token_events
from indexsite.models import AuditEvent
from releases.models import Project, RoleKind, Transfer, TransferState
from tests.support import cast
from tests.support.people import browser
from tests.support.tokens import token_of

pytestmark = pytest.mark.django_db

PAGE = "/manage/project/sampleproject/history/"


@pytest.fixture
def sampleproject(alice: User, bob: User) -> Project:
    """alice's, with bob as maintainer; each has done something from a place of their own."""
    project = cast.ProjectFactory(name="sampleproject", owner=alice, maintainer=bob)
    note(alice, audit.ProjectCreated(about=alice, project="sampleproject"), address="192.0.2.1", client="alices/1")
    note(bob, audit.ReleaseCreated(project="sampleproject", version="1.0"), address="192.0.2.2", client="bobs/1")
    return project


def note(user: User, event: audit.Event, *, address: str = "", client: str = "", days_ago: int = 0) -> AuditEvent:
    """An act of the person, `days_ago` days before now."""
    return AuditEvent.objects.create(
        at=clock.now() - timedelta(days=days_ago),
        name=event.name,
        actor=user,
        actor_label=user.username,
        credential_label="web session",
        address=address,
        client=client,
        about=event.about,
        about_label=event.about.username if event.about else "",
        project=event.project,
        data=event.data(),
    )


def rows(user: User, **query: str) -> list[dict[str, str]]:
    """What the person gets as CSV, the latest first."""
    response = browser(user).get(PAGE, {"format": "csv", **query})
    assert response.status_code == 200
    assert response["Content-Disposition"] == 'attachment; filename="sampleproject-history.csv"'
    return list(csv.DictReader(io.StringIO(response.getvalue().decode(), newline="")))


def test_owners_see_where_everybody_was(alice: User, sampleproject: Project) -> None:
    text = browser(alice).get(PAGE).text

    assert "192.0.2.1" in text
    assert "192.0.2.2" in text
    assert {row["address"] for row in rows(alice)} == {"192.0.2.1", "192.0.2.2"}


@pytest.mark.parametrize("kind", [RoleKind.MAINTAINER, RoleKind.APPROVER])
def test_others_see_acts_but_only_their_own_place(
    alice: User, bob: User, sampleproject: Project, kind: RoleKind
) -> None:
    sampleproject.roles.filter(user=bob).update(kind=kind)
    text = browser(bob).get(PAGE).text

    assert "Project sampleproject was created." in text
    assert "192.0.2.2" in text
    for secret in ("192.0.2.1", "alices"):
        assert secret not in text
        assert secret not in json.dumps(rows(bob))


def test_staff_acts_appear_and_their_place_only_to_owners(alice: User, bob: User, sampleproject: Project) -> None:
    mona = cast.person("mona", is_staff=True)
    note(
        mona,
        token_events.TokenRevoked(
            about=bob, project="sampleproject", description="ci", token_id="x", reason="leaked"
        ),
    )

    for member in (alice, bob):
        assert rows(member)[0]["actor"] == "mona"


def test_filters_narrow_page_and_files_alike(alice: User, bob: User, sampleproject: Project) -> None:
    note(
        bob,
        audit.FilePublished(project="sampleproject", version="0", filename="old.whl", sha256="", size=1),
        days_ago=9,
    )
    today = f"{clock.now():%Y-%m-%d}"
    for query, expected in (
        ({}, ["file.published", "release.created", "project.created"]),
        ({"kind": "release"}, ["release.created"]),
        ({"person": "alice"}, ["project.created"]),
        ({"person": "bob", "since": today}, ["release.created"]),
        ({"until": f"{clock.now() - timedelta(days=5):%Y-%m-%d}"}, ["file.published"]),
        ({"person": "nobody"}, []),
    ):
        page = browser(alice).get(PAGE, query)
        shown = [entry.event for entry in page.context["entries"]]
        assert shown == [row["event"] for row in rows(alice, **query)]
        assert shown == expected


def test_the_filter_offers_the_kinds_there_are(alice: User, sampleproject: Project) -> None:
    text = browser(alice).get(PAGE).text

    assert '<option value="release">Release</option>' in text
    assert '<option value="password">' not in text


@pytest.mark.parametrize(
    "query",
    [
        {"since": "yesterday"},
        {"kind": "nonsense"},
        {"until": "9999-12-31"},
        {"person": "\0"},
        {"person": "x" * 99},
    ],
)
def test_a_filter_that_cannot_be_read_says_so_and_downloads_nothing(
    alice: User, sampleproject: Project, query: dict[str, str]
) -> None:
    page = browser(alice).get(PAGE, query)
    assert page.status_code == 400
    assert "errorlist" in page.text
    assert browser(alice).get(PAGE, {**query, "format": "csv"}).status_code == 400


def test_a_download_holds_more_than_a_page(alice: User, sampleproject: Project) -> None:
    for number in range(60):
        note(alice, audit.ReleaseCreated(project="sampleproject", version=f"2.{number}"))

    response = browser(alice).get(PAGE, {"format": "json"})

    assert len(json.loads(response.getvalue())) == 62
    assert response["Content-Type"] == "application/json"
    assert "no-store" in response["Cache-Control"]
    assert len(browser(alice).get(PAGE).context["entries"]) == 50
    second = browser(alice).get(PAGE, {"page": "2", "kind": "release"})
    assert len(second.context["entries"]) == 11
    assert "kind=release" in second.text


def test_a_formula_in_an_event_stays_text(alice: User, sampleproject: Project) -> None:
    note(
        alice,
        audit.FilePublished(project="sampleproject", version="1", filename="=cmd|'/c calc'!A1", sha256="", size=1),
    )

    assert rows(alice)[0]["sentence"].startswith("'=cmd")


@pytest.mark.parametrize("query", [{}, {"format": "csv"}, {"format": "json"}])
def test_nobody_else_reads_it(
    client: Client, mallory: User, dave: User, sampleproject: Project, query: dict[str, str]
) -> None:
    cast.ProjectFactory(name="elsewhere", owner=mallory)
    cast.grant(dave, sampleproject, RoleKind.MAINTAINER)
    staff = cast.person("tina", is_staff=True)

    assert client.get(PAGE, query)["Location"].startswith("/account/login/")
    assert browser(mallory).get(PAGE, query).status_code == 404
    assert browser(staff).get(PAGE, query).status_code == 404
    assert browser(dave).get(PAGE, query)["Location"].startswith("/account/security/")


def test_an_account_history_is_taken_along_too(alice: User, carol: User) -> None:
    with transaction.atomic():
        audit.record(cast.actor(alice), audit.RoleGranted(about=carol, project="critlib", role="maintainer"))
    response = browser(carol).get("/account/history/", {"format": "json", "kind": "role"})

    (row,) = json.loads(response.getvalue())
    assert (row["actor"], row["address"], row["client"]) == ("alice", "", "")
    assert response["Content-Disposition"] == 'attachment; filename="account-history.json"'


def test_of_staff_it_is_not_said_who_and_from_where(alice: User, mona: User, sampleproject: Project) -> None:
    """Not to an owner, who may be the one they act against, nor to a filter that guesses names."""
    place = {"address": "192.0.2.77", "client": "monas/1"}
    note(mona, lifecycle.ProjectQuarantined(project="sampleproject", reason="Evidence"), **place)
    note(mona, lifecycle.AccountFrozen(about=alice, reason="Evidence"), **place)

    project_page, account_page = PAGE, "/account/history/"
    for page, sentence in [
        (project_page, "sampleproject was put into quarantine"),
        (account_page, "Account alice was frozen"),
    ]:
        client = browser(alice)
        shown = client.get(page)
        assert sentence in shown.text
        assert sentence in client.get(page, {"person": "staff"}).text
        for secret in ("mona", "192.0.2.77"):
            assert secret not in shown.text
            assert secret not in client.get(page, {"format": "csv"}).getvalue().decode()
        assert sentence not in client.get(page, {"person": "mona"}).text
    secret = token_of(alice, permissions=[Permission.READ_HISTORY]).secret()
    path = "/api/v1/projects/sampleproject/history/"
    answer = Client().get(path, headers={"Authorization": f"Bearer {secret}"})
    assert answer.status_code == 200
    assert "put into quarantine" in answer.text
    assert "mona" not in answer.text
    assert "192.0.2.77" not in answer.text


def test_where_former_people_sat_does_not_go_with_a_transfer(
    alice: User, bob: User, erin: User, sampleproject: Project
) -> None:
    at = clock.now()
    Transfer.objects.create(
        project=sampleproject, to_user=erin, offered_by=alice, offered_at=at, expires_at=at,
        state=TransferState.DONE, ended_at=at,
    )  # fmt: skip
    sampleproject.roles.filter(user=alice).delete()
    cast.grant(erin, sampleproject)
    note(bob, audit.ReleaseCreated(project="sampleproject", version="2.0"), address="192.0.2.3", days_ago=-1)

    text = browser(erin).get(PAGE).text

    assert "Project sampleproject was created." in text
    assert "192.0.2.3" in text
    for former in ("192.0.2.1", "192.0.2.2", "alices", "bobs"):
        assert former not in text
        assert former not in json.dumps(rows(erin))
