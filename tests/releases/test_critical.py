"""The critical list: kept by two curators through the console's pages, told to owners, deaf to deletion."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
from django.db import IntegrityError, connection, transaction

from accounts.models import StaffKind, User
from indexsite import clock
from indexsite.models import AuditEvent
from releases.actions.lifecycle import deleting, purging
from releases.models import (
    UNDO_TIME,
    Designation,
    ListChange,
    ListProposal,
    ListProposalState,
    ListSource,
    Project,
    designation_of,
)
from tests.support import cast
from tests.support.critical import curators, listed, proposed, unlisted
from tests.support.people import browser, letters_to
from tests.support.races import together
from tests.support.uploads import nothing_changes

pytestmark = pytest.mark.django_db

LIST, QUEUE, PROPOSE = "/admin/critical/", "/admin/critical/queue/", "/admin/critical/propose/"
JOIN = {"name": "Sample_Project", "change": "join", "reason": "Half of the index needs it"}


def page_of(proposal: ListProposal) -> str:
    return f"/admin/critical/proposal/{proposal.pk}/"


def trail() -> list[str]:
    return list(
        AuditEvent.objects.filter(name__startswith="critical.").order_by("pk").values_list("name", flat=True)
    )


def computed(name: str = "sampleproject", change: ListChange = ListChange.JOIN) -> ListProposal:
    """As the ranking will make it."""
    return ListProposal.objects.create(
        name=name, change=change, source=ListSource.COMPUTED, reason="Rank 17.", proposed_at=clock.now()
    )


@pytest.fixture
def lena(db: None) -> User:
    return curators()[0]


@pytest.fixture
def lars(db: None) -> User:
    return curators()[1]


@pytest.fixture
def project(alice: User, bob: User) -> Project:
    return cast.ProjectFactory(name="Sample.Project", owner=alice, maintainer=bob)


# -- by hand --------------------------------------------------------------------------------------------------


def test_two_curators_put_a_name_on_the_list_and_its_owners_are_told(
    alice: User, bob: User, lena: User, lars: User, project: Project
) -> None:
    browser(lena).post(PROPOSE, JOIN)

    (proposal,) = ListProposal.objects.open()
    assert (proposal.name, proposal.source, proposal.first) == ("sample-project", ListSource.BY_HAND, lena)
    assert designation_of("sample-project") is None
    assert letters_to(alice.email) == []
    assert "Half of the index needs it" in browser(lars).get(QUEUE).text

    assert browser(lars).post(page_of(proposal), {"act": "agree"}).status_code == 302

    found = designation_of("sample-project")
    assert found is not None
    assert (found.reason, found.began_with.second) == ("Half of the index needs it", lars)
    assert trail() == ["critical.proposed", "critical.listed"]
    (letter,) = letters_to(alice.email)
    assert letter.subject == "Sample.Project is now on the list of critical projects"
    assert "Half of the index needs it" in letter.body
    assert letters_to(bob.email) == []
    for path in ("", "settings/"):
        shown = browser(alice).get(f"/manage/project/sample-project/{path}").text
        assert "Half of the index needs it" in shown
    history = browser(alice).get("/manage/project/sample-project/history/").text
    assert "was put on the critical list" in history
    for text in (letter.body, shown, history):
        assert "lena" not in text
        assert "lars" not in text
    assert "lena and lars" in browser(lena).get(LIST).text


def test_two_take_it_off_again(alice: User, lena: User, lars: User, project: Project) -> None:
    listed("sample-project")

    browser(lena).post(PROPOSE, JOIN | {"change": "leave", "reason": "Nobody needs it"})
    proposal = ListProposal.objects.open().get()
    assert designation_of("sample-project") is not None
    browser(lars).post(page_of(proposal), {"act": "agree"})

    assert designation_of("sample-project") is None
    assert Designation.objects.get().ended_with == proposal
    assert letters_to(alice.email)[-1].subject == "Sample.Project is no longer on the list of critical projects"
    assert trail()[-2:] == ["critical.proposed", "critical.unlisted"]
    listed("sample-project")
    assert Designation.objects.count() == 2


def test_nobody_says_yes_twice(lena: User) -> None:
    proposal = proposed("sampleproject")

    page = browser(lena).get(page_of(proposal)).text
    response = browser(lena).post(page_of(proposal), {"act": "agree"})

    assert "another curator has to agree" in page
    assert response.status_code == 403
    assert designation_of("sampleproject") is None


def test_a_curator_of_ones_own_project_does_not_decide_about_it(lena: User, lars: User, project: Project) -> None:
    cast.grant(lars, project)
    proposal = proposed("sample-project")

    assert browser(lars).post(page_of(proposal), {"act": "agree"}).status_code == 403
    assert designation_of("sample-project") is None


def test_a_no_takes_one_and_a_reason_and_leaves_the_name_free(lena: User, lars: User) -> None:
    proposal = proposed("sampleproject")
    page = page_of(proposal)

    assert browser(lars).post(page, {"reason": " "}).status_code == 400
    assert browser(lars).post(page, {"reason": "Not that many"}).status_code == 302

    proposal.refresh_from_db()
    assert (proposal.state, proposal.declined_by) == (ListProposalState.DECLINED, lars)
    assert "Not that many" in browser(lena).get(f"{QUEUE}?state=over").text
    assert "This proposal is over" in browser(lars).post(page, {"act": "agree"}, follow=True).text
    proposed("sampleproject")
    assert trail() == ["critical.proposed", "critical.declined", "critical.proposed"]


@pytest.mark.parametrize(
    ("form", "status", "said"),
    [
        (JOIN | {"reason": " "}, 400, ""),
        (JOIN | {"name": "-x-"}, 400, "begin and end with a letter or digit"),
        (JOIN | {"name": "there"}, 409, "on the list already"),
        (JOIN | {"change": "leave"}, 409, "not on the list"),
        (JOIN | {"name": "waiting"}, 409, "a proposal for waiting already"),
    ],
)
def test_what_cannot_be_proposed_is_said_and_loses_nothing(
    lena: User, form: dict[str, str], status: int, said: str
) -> None:
    listed("there")
    proposed("waiting")
    count = ListProposal.objects.count()

    response = browser(lena).post(PROPOSE, form)

    assert response.status_code == status
    assert said in response.text
    assert form["reason"].strip() in response.text
    assert ListProposal.objects.count() == count


def test_a_name_without_a_project_is_listed_and_nobody_is_told(lena: User) -> None:
    listed("not-yet-there")
    assert designation_of("not-yet-there") is not None


# -- computed -------------------------------------------------------------------------------------------------


def test_what_was_computed_waits_in_the_same_queue_and_takes_two_yeses(lena: User, lars: User) -> None:
    proposal = computed()
    assert "Nobody's yes yet" in browser(lena).get(QUEUE).text
    assert "Rank 17." in browser(lena).get(f"{QUEUE}?source=computed").text
    assert "Rank 17." not in browser(lena).get(f"{QUEUE}?source=hand").text

    browser(lena).post(page_of(proposal), {"act": "agree"})
    assert designation_of("sampleproject") is None
    assert browser(lena).post(page_of(proposal), {"act": "agree"}).status_code == 403
    browser(lars).post(page_of(proposal), {"act": "agree"})

    assert designation_of("sampleproject") is not None
    assert trail() == ["critical.seconded", "critical.listed"]


# -- deletion -------------------------------------------------------------------------------------------------


def test_the_name_stays_listed_when_its_project_is_gone(alice: User, project: Project) -> None:
    listed("sample-project")
    at = clock.now()

    deleting.delete_project(actor=cast.actor(alice), project=project, at=at)
    assert designation_of("sample-project") is not None
    purging.purge_deleted(at=at + UNDO_TIME)

    assert designation_of("sample-project") is not None


# -- who may --------------------------------------------------------------------------------------------------


def test_all_staff_with_a_role_look_and_curators_alone_act(
    alice: User, lena: User, lars: User, files_dir: Path
) -> None:
    listed("there")
    proposal = proposed("sampleproject")
    root = cast.person("root", is_staff=True, is_superuser=True)
    others = [cast.staff(f"s-{kind}", kind) for kind in StaffKind if kind != StaffKind.CURATOR]
    asked = [(each, browser(each)) for each in (alice, root, *others)]
    with nothing_changes(files_dir):
        for user, client in asked:
            for path in (LIST, QUEUE, page_of(proposal)):
                assert client.get(path).status_code == (200 if user in others else 403), (user, path)
            assert client.get(PROPOSE).status_code == 403
            assert client.post(PROPOSE, JOIN).status_code == 403
            assert client.post(page_of(proposal), {"act": "agree"}).status_code == 403
            assert client.post(page_of(proposal), {"reason": "No."}).status_code == 403


def test_the_pages_cost_the_same_whatever_the_length(lena: User, django_assert_max_num_queries) -> None:  # type: ignore[no-untyped-def]
    for number in range(12):
        listed(f"listed-{number}")
        proposed(f"waiting-{number}")
    client = browser(lena)
    for path in (LIST, QUEUE):
        with django_assert_max_num_queries(18):
            assert client.get(path).status_code == 200


# -- what the database refuses --------------------------------------------------------------------------------


@contextmanager
def refused(said: str) -> Iterator[None]:
    with pytest.raises(IntegrityError, match=said), transaction.atomic():
        yield


def sql(statement: str, *values: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def test_one_person_is_no_two(lena: User) -> None:
    proposal = proposed("sampleproject")
    rows = ListProposal.objects.filter(pk=proposal.pk)
    with refused("list_proposal_has_a_second_person"):
        rows.update(second=lena, second_at=clock.now(), state="done")
    with refused("list_proposal_is_agreed_by_two"):
        rows.update(state="done")
    with refused("list_proposal_has_a_second_person"):
        ListProposal.objects.filter(pk=computed("other").pk).update(second=lena)
    with refused("list_proposal_by_hand_is_somebodys"):
        ListProposal.objects.create(
            name="x", change="join", source=ListSource.BY_HAND, reason="x", proposed_at=clock.now()
        )


def test_no_name_gets_on_or_off_the_list_past_two_yeses(lena: User, lars: User) -> None:
    waiting, at = proposed("sampleproject"), clock.now()
    with refused("gets on the list by two"):
        Designation.objects.create(name="sampleproject", reason="x", began_at=at, began_with=waiting)
    with refused("made in the middle"):
        ListProposal.objects.create(
            name="y", change="join", source="hand", reason="x", proposed_at=at, first=lena, second=lars,
            second_at=at, state="done",
        )  # fmt: skip
    done = listed("there")
    with refused("gets on the list by two"):
        Designation.objects.create(name="another", reason="x", began_at=at, began_with=done)
    there = Designation.objects.filter(name="there")
    with refused("gets off the list by two"):
        there.update(ended_at=at, ended_with=done)
    with refused("gets off the list by two"):
        sql("UPDATE releases_designation SET name = 'other' WHERE name = 'there'")
    for table in ("releases_designation", "releases_listproposal"):
        with refused("never deleted"):
            sql(f"DELETE FROM {table}")


def test_what_was_agreed_to_stays_as_it_was(lena: User, mallory: User) -> None:
    waiting, done = proposed("sampleproject"), listed("there")
    for row, changes in [
        (waiting, {"name": "other"}),
        (waiting, {"change": "leave"}),
        (waiting, {"first": mallory}),
        (done, {"state": "open"}),
        (done, {"second": mallory}),
    ]:
        with refused("stays what was agreed to"):
            ListProposal.objects.filter(pk=row.pk).update(**changes)
    unlisted("there")
    with refused("what was stays"):
        Designation.objects.filter(name="there").update(ended_at=None, ended_with=None)


@pytest.mark.django_db(transaction=True)
def test_two_curators_at_once_are_one_yes_each(lena: User, lars: User) -> None:
    proposal = computed()
    clients = [browser(lena), browser(lars)]
    answers = together(*(partial(client.post, page_of(proposal), {"act": "agree"}) for client in clients))

    assert [answer.status_code for answer in answers] == [302, 302]
    proposal.refresh_from_db()
    assert {proposal.first, proposal.second} == {lena, lars}
    assert Designation.objects.standing().count() == 1
