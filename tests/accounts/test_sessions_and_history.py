"""Where I am signed in, and what happened to my account."""

import csv
import io
import json
from datetime import timedelta

import pytest
import time_machine
from allauth.usersessions.models import UserSession
from django.core.cache import cache
from django.db import transaction

from accounts import queries
from accounts.models import User
from indexsite import audit, history_pages
from indexsite.policies import STEP_UP_WINDOW
from tests.support import cast, people
from tests.support.tokens import token_of
from tokens.authentication import TokenCredential

pytestmark = pytest.mark.django_db


def row_of(client) -> UserSession:
    return UserSession.objects.get(session_key=client.session.session_key)


def test_a_history_goes_back_two_years(carol: User) -> None:
    with transaction.atomic():
        audit.record(cast.actor(carol), audit.EmailAdded(about=carol, email="old@example.org"))
    for days, count in ((730, 1), (732, 0)):
        with time_machine.travel(timedelta(days=days), tick=True):
            assert queries.history(carol).count() == count
    assert people.events(carol) == ["email.added"]  # the trail behind it keeps all


@pytest.mark.asvs("7.5.2")
def test_one_session_is_ended(carol: User) -> None:
    mine, other = people.browser(carol, agent="Mine/1"), people.browser(carol, agent="Other/1")
    page = mine.get("/account/sessions/")
    assert {row.user_agent for row in page.context["sessions"]} == {"Mine/1", "Other/1"}
    assert page.text.count("This session") == 1
    mine.post("/account/sessions/", {"session": row_of(other).pk})
    assert people.signed_in_as(other) == ""
    assert people.signed_in_as(mine) == "carol"
    assert people.events(carol)[-1] == "sessions.ended"


@pytest.mark.asvs("7.5.2")
def test_all_other_sessions_are_ended(alice: User) -> None:
    mine, *others = [people.browser(alice) for _ in range(3)]
    mine.post("/account/sessions/", {"act": "others"})
    assert [people.signed_in_as(client) for client in others] == ["", ""]
    assert people.signed_in_as(mine) == "alice"
    assert "Ended sessions: 2." in mine.get("/account/history/").text


@pytest.mark.asvs("7.5.2")
def test_whoever_lost_the_key_ends_sessions_with_the_app_and_nothing_else(alice: User) -> None:
    other = people.browser(alice)
    cast.add_key(alice)
    with time_machine.travel(STEP_UP_WINDOW + timedelta(minutes=1), tick=True):
        asked = other.post("/account/sessions/", {"act": "others"})["Location"]
        assert "any=1" in asked
        people.forget_last_code(alice)
        third = people.browser(alice)
        other.post(asked, {"code": cast.totp_code(alice)})
        assert other.post("/account/sessions/", {"act": "others"})["Location"] == "/account/sessions/"
        assert people.signed_in_as(third) == ""
        assert people.signed_in_as(other) == "alice"
        assert "/account/second-factor/" in other.get("/account/email/")["Location"]


@pytest.mark.asvs("7.5.2")
def test_a_password_alone_ends_no_sessions_of_whoever_has_a_factor(alice: User) -> None:
    client, other = people.browser(alice), people.browser(alice)
    with time_machine.travel(STEP_UP_WINDOW + timedelta(minutes=1), tick=True):
        asked = client.post("/account/sessions/", {"act": "others"})["Location"]
        client.post(asked, {"password": cast.PASSWORD})
        client.post("/account/sessions/", {"act": "others"})
        assert people.signed_in_as(other) == "alice"


@pytest.mark.asvs("7.5.2")
def test_sessions_are_seen_at_any_time_and_ended_after_a_new_proof(alice: User) -> None:
    mine, other = people.browser(alice), people.browser(alice)
    with time_machine.travel(STEP_UP_WINDOW + timedelta(minutes=1), tick=True):
        assert len(mine.get("/account/sessions/").context["sessions"]) == 2
        for act in ({"act": "others"}, {"session": str(row_of(other).pk)}, {"act": "forget-all"}):
            response = mine.post("/account/sessions/", act)
            assert response["Location"].startswith("/account/second-factor/"), act
        assert people.signed_in_as(other) == "alice"
        people.forget_last_code(alice)
        mine.post("/account/second-factor/", {"code": cast.totp_code(alice)})
        mine.post("/account/sessions/", {"act": "others"})
        assert people.signed_in_as(other) == ""


def test_ending_the_present_session_signs_out(carol: User) -> None:
    client = people.browser(carol)
    assert client.post("/account/sessions/", {"session": row_of(client).pk})["Location"] == "/account/login/"
    assert people.signed_in_as(client) == ""


def test_nobody_ends_a_session_of_somebody_else(alice: User, carol: User) -> None:
    mine, theirs = people.browser(carol), people.browser(alice)
    assert mine.post("/account/sessions/", {"session": row_of(theirs).pk}).status_code == 404
    assert mine.post("/account/sessions/", {"session": "x"}).status_code == 404
    assert people.signed_in_as(theirs) == "alice"


def test_a_session_that_ran_out_is_not_listed(carol: User) -> None:
    mine, other = people.browser(carol), people.browser(carol)
    other.session.delete()
    assert len(mine.get("/account/sessions/").context["sessions"]) == 1


def test_history_shows_only_what_is_about_me_and_hides_where_others_were(alice: User, carol: User) -> None:
    with transaction.atomic():
        audit.record(cast.actor(alice), audit.RoleGranted(about=carol, project="critlib", role="maintainer"))
        audit.record(cast.actor(alice), audit.PasswordChanged(about=alice))
    entries = [queries.history_entry(row, carol) for row in queries.history(carol)]
    assert [entry.sentence for entry in entries] == ["carol became maintainer of critlib."]
    assert (entries[0].actor, entries[0].address, entries[0].client) == ("alice", "", "")
    page = people.browser(carol).get("/account/history/").text
    assert "carol became maintainer of critlib." in page
    assert "The password was changed" not in page


def test_a_history_is_filtered_and_taken_away_with_who_how_and_from_where(alice: User) -> None:
    client = people.browser(alice, agent="Browser/9")
    client.post("/account/letters/", {"letter": ["unyanked"]})
    token = token_of(alice)
    with transaction.atomic():
        audit.record(cast.actor(alice, credential=TokenCredential(token, ())), audit.PasswordChanged(about=alice))
    lines = list(csv.DictReader(io.StringIO(client.get("/account/history/?format=csv").getvalue().decode())))
    assert lines == json.loads(client.get("/account/history/?format=json").getvalue())
    found = {line["event"]: line for line in lines}
    signed_in = found["account.signed-in"]
    assert signed_in["sentence"] == "Signed in with password and authenticator app."
    assert (signed_in["actor"], signed_in["address"], signed_in["client"]) == ("alice", "127.0.0.1", "Browser/9")
    assert found["letters.chosen"]["credential"] == "web session"
    assert found["password.changed"]["credential"] == token.label
    for query, left in (
        ("kind=letters", {"letters.chosen"}),
        ("person=nobody", set()),
        ("until=2020-01-01", set()),
    ):
        rows = json.loads(client.get(f"/account/history/?format=json&{query}").getvalue())
        assert {row["event"] for row in rows} == left, query


def test_history_is_paged_and_takes_any_page_number(carol: User) -> None:
    with transaction.atomic():
        for _ in range(history_pages.PAGE_LENGTH + 5):
            audit.record(cast.actor(carol), audit.PasswordChanged(about=carol))
    client = people.browser(carol)
    assert len(client.get("/account/history/?page=2").context["entries"]) == 6
    for number in ("0", "-1", "x", "999999"):
        assert client.get("/account/history/", {"page": number}).status_code == 200


def test_use_is_noted_now_and_then_not_with_every_request(carol: User) -> None:
    client = people.browser(carol)
    long_ago = cast.clock.now() - timedelta(days=3)
    UserSession.objects.update(last_seen_at=long_ago)
    cache.clear()
    client.get("/account/")
    seen = row_of(client).last_seen_at
    assert seen > long_ago
    client.get("/account/")
    assert row_of(client).last_seen_at == seen
