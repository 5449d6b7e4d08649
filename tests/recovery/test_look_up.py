"""The console's look-up: what the staff find and see, what they do not, and that it is written down."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Membership, MembershipKind, Organization, StaffKind, User
from indexsite import audit, clock
from indexsite.actors import Actor
from indexsite.limits import LIMITS, Limit
from indexsite.models import AuditEvent
from recovery.models import CaseState
from releases.models import MalwareReport, Project, RoleKind
from tests.support import cast, people, recovery
from tests.support.cast import ProjectFactory

pytestmark = pytest.mark.django_db

LOOK_UP = "/admin/look-up/"


@pytest.fixture
def tina(db: None) -> Client:
    return people.browser(cast.staff("tina", StaffKind.SUPPORT_1))


@pytest.fixture
def mona(db: None) -> Client:
    return people.browser(cast.staff("mona", StaffKind.MODERATOR))


def find(client: Client, kind: str, name: str) -> str:
    return client.post(LOOK_UP, {"kind": kind, "name": name}).text


def looks() -> list[tuple[str, str, dict[str, Any]]]:
    rows = AuditEvent.objects.filter(name__in=["account.looked-up", "account.searched", "project.looked-up"])
    return [(row.name, row.about_label, row.data) for row in rows.order_by("pk")]


def test_accounts_are_found_by_the_beginning_of_their_name_and_nobody_is_told(tina: Client) -> None:
    for name in ("alice", "alina", "bob"):
        cast.person(name)
    User.objects.filter(username="alina").update(is_active=False, frozen_at=clock.now())
    text = find(tina, "account", " ALI")
    assert f'href="{LOOK_UP}account/alice/"' in text
    assert "frozen" in text.partition("alina")[2]
    assert "bob" not in text
    assert "None." in find(tina, "account", "zz")
    assert looks() == []


def test_of_many_only_some_are_shown_and_too_short_a_beginning_shows_none(tina: Client) -> None:
    for number in range(30):
        User.objects.create(username=f"many{number:02}", email="")
    text = find(tina, "account", "many")
    assert text.count(f'href="{LOOK_UP}account/many') == 25
    assert "There may be more" in text
    response = tina.post(LOOK_UP, {"kind": "account", "name": "m"})
    assert response.status_code == 400
    assert "Type at least 2 characters" in response.text


def test_an_address_is_found_whole_alone_and_the_search_stands_in_its_owners_history(
    tina: Client, alice: User
) -> None:
    squatter = cast.person("squatter")
    EmailAddress.objects.create(user=squatter, email=alice.email, verified=False)
    assert "None." in find(tina, "email", "alice@example")
    assert "None." in find(tina, "email", "lice@example.org")
    text = find(tina, "email", "Alice@Example.org")
    assert text.index("account/alice/") < text.index("account/squatter/")
    assert looks() == [
        ("account.searched", "", {"email": "a…@example"}),
        ("account.searched", "", {"email": "l…@example.org"}),
        ("account.searched", "alice", {"email": "a…@example.org"}),
        ("account.searched", "squatter", {"email": "a…@example.org"}),
    ]
    history = people.browser(alice).get("/account/history/").text
    assert "searched for the account with the address a…@example.org" in history
    assert "tina" not in history


def test_whoever_searches_for_too_many_addresses_is_stopped(tina: Client, alice: User) -> None:
    for number in range(LIMITS[Limit.LOOK_UP_STAFF].count):
        tina.post(LOOK_UP, {"kind": "email", "name": f"{number}@example.org"})
    response = tina.post(LOOK_UP, {"kind": "email", "name": alice.email})
    assert response.status_code == 429
    assert "account/alice/" not in response.text
    assert not AuditEvent.objects.filter(name="account.searched", about=alice).exists()


def test_the_page_of_an_account_has_what_the_site_knows_and_no_secret(tina: Client) -> None:
    olga = recovery.veteran("olga")
    cast.add_key(olga, "crimson")
    EmailAddress.objects.create(user=olga, email="olga@elsewhere.net", verified=False)
    project = ProjectFactory(name="sampleproject", owner=olga)
    group = Organization.objects.create(name="group", display_name="Group", created_at=clock.now())
    Membership.objects.create(organization=group, user=olga, kind=MembershipKind.MANAGER, joined_at=clock.now())
    case = recovery.stored_case(olga, CaseState.QUEUED)
    people.browser(olga)
    with transaction.atomic():
        by_olga = Actor(user=olga, address="198.51.100.7", client="Browser/1.0")
        audit.record(by_olga, audit.EmailAdded(about=olga, email="olga@elsewhere.net"))

    text = tina.get(f"{LOOK_UP}account/olga/").text
    for shown in (
        "Security keys: 1", "1 signed in", "Verified", "Not verified", "o…@elsewhere.net",
        "sampleproject", "Owner", "Organization group", "Manager", str(case.pk), "In the queue", "198.51.100.",
    ):  # fmt: skip
        assert shown in text, shown
    for hidden in ("olga@", "198.51.100.7", "crimson"):
        assert hidden not in text, hidden
    assert f'href="{LOOK_UP}project/{project.normalized_name}/"' in text
    assert looks() == [("account.looked-up", "olga", {})]
    history = people.browser(olga).get("/account/history/").text
    assert "looked at the account of olga in the console" in history
    assert "tina" not in history


def test_the_state_of_an_account_is_said_in_words(tina: Client, alice: User) -> None:
    assert "Active" in tina.get(f"{LOOK_UP}account/alice/").text
    until = clock.now() + timedelta(days=1)
    User.objects.filter(pk=alice.pk).update(
        is_active=False, frozen_at=clock.now(), frozen_reason="Spam.", hold_until=until, edits_frozen_until=until
    )
    text = tina.get(f"{LOOK_UP}account/alice/").text
    assert [word in text for word in ("Frozen", "Spam.", "On hold", "Changes frozen")] == [True] * 4
    assert ">Active<" not in text


def test_who_of_the_staff_looked_is_for_auditors_to_know(tina: Client, mona: Client, alice: User) -> None:
    tina.get(f"{LOOK_UP}account/alice/")
    text = mona.get(f"{LOOK_UP}account/alice/").text
    assert "by staff" in text
    assert "by tina" not in text


def test_cases_are_for_those_who_see_cases(mona: Client) -> None:
    case = recovery.stored_case(recovery.veteran("olga"), CaseState.QUEUED)
    text = mona.get(f"{LOOK_UP}account/olga/").text
    assert str(case.pk) not in text
    assert "Requests to get back in" not in text


def test_a_project_is_found_and_shown_without_a_word_to_its_people(mona: Client, alice: User, bob: User) -> None:
    project = ProjectFactory(name="Sample.Project", owner=alice, maintainer=bob)
    MalwareReport.objects.create(project=project, text="It steals.", reporter=bob, reported_at=clock.now())
    assert f'href="{LOOK_UP}project/sample-project/"' in find(mona, "project", "sample_pro")
    text = mona.get(f"{LOOK_UP}project/sample.project/").text
    for shown in ("Sample.Project", "Active", "alice", "bob", RoleKind.MAINTAINER.label, "Not listed"):
        assert shown in text, shown
    assert "<dd>1</dd>" in text.partition("Open reports of malware")[2][:40]
    assert "It steals" not in text
    assert looks() == [("project.looked-up", "", {"label": "Sample.Project"})]
    assert "looked at" not in people.browser(alice).get("/manage/project/sample-project/history/").text
    assert "looked at" not in people.browser(alice).get("/account/history/").text


def test_what_is_deleted_or_in_quarantine_is_found_too(mona: Client, alice: User) -> None:
    project = ProjectFactory(name="gone", owner=alice)
    Project.with_deleted.filter(pk=project.pk).update(status="quarantined", status_reason="It steals.")
    assert "Quarantined" in find(mona, "project", "gone")
    assert "It steals." in mona.get(f"{LOOK_UP}project/gone/").text


@pytest.mark.parametrize("path", ["account/nobody-here/", "project/nothing-here/"])
def test_what_is_not_there_is_not_there(tina: Client, path: str) -> None:
    assert tina.get(f"{LOOK_UP}{path}").status_code == 404
    assert looks() == []


@pytest.mark.parametrize("kind", [StaffKind.VIEWER, StaffKind.CURATOR, StaffKind.AUDITOR])
def test_who_answers_nobody_looks_nobody_up(kind: StaffKind, alice: User) -> None:
    ProjectFactory(name="sampleproject", owner=alice)
    client = people.browser(cast.staff("someone", kind))
    for path in ("", "account/alice/", "project/sampleproject/"):
        assert client.get(f"{LOOK_UP}{path}").status_code == 403
    assert client.post(LOOK_UP, {"kind": "email", "name": alice.email}).status_code == 403
    assert looks() == []
    assert "Look-up" not in client.get("/admin/").text


def test_pages_cost_at_most_twelve_questions_however_much_there_is(tina: Client) -> None:
    def cost(path: str) -> int:
        with CaptureQueriesContext(
            connection,
        ) as counted:
            assert tina.get(f"{LOOK_UP}{path}").status_code == 200
        return len([each for each in counted if "SAVEPOINT" not in each["sql"]])

    olga = recovery.veteran("olga")
    ProjectFactory(name="project", owner=olga)
    tina.get(LOOK_UP)
    few = [cost("account/olga/"), cost("project/project/")]
    for number in range(15):
        ProjectFactory(name=f"project{number}", owner=olga)
        cast.grant(cast.person(f"other{number}"), Project.objects.get(name="project"), RoleKind.MAINTAINER)
        recovery.stored_case(olga, CaseState.EVIDENCE)
        EmailAddress.objects.create(user=olga, email=f"{number}@example.net", verified=True)
    assert [cost("account/olga/"), cost("project/project/")] == few
    assert max(few) <= 12
