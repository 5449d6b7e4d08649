"""The checklist's points on sessions: how they begin, what they say, how they end."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from accounts.models import User
from indexsite import clock
from indexsite.actors import Permission
from releases.actions.drafts.ending import tend
from releases.models import Draft, DraftState, Project
from tests.conformance.client import Answer, Client
from tests.conformance.conftest import Maker
from tests.support.distributions import Distribution, make_wheel
from tests.support.uploads import token_for, upload

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("spelled", ["Other.Thing", "other_thing", "OTHER--THING"])
def test_14_names_are_normalized(client: Client, spelled: str) -> None:
    created = client.create(spelled, "1.0").expect(201)

    assert Draft.objects.get().normalized_name == "other-thing"
    assert client.create("other-thing", "1.0").expect(409).location == created.location


@pytest.mark.parametrize(
    ("name", "version"),
    [("-sample", "1.0"), ("sämple", "1.0"), ("sampleproject", "one"), ("sampleproject", "1+a")],
)
def test_14_what_is_no_name_or_version_is_refused(client: Client, name: str, version: str) -> None:
    client.create(name, version).expect(400)
    assert not Draft.objects.exists()


def test_15_a_new_session_has_its_address_in_the_header(client: Client) -> None:
    created = client.create("sampleproject", "1.0").expect(201)

    assert created.location == created.links["session"]
    assert client.get(created.location).status == 200


def test_16_a_name_that_nobody_has_is_reserved(client: Client, stranger: Client) -> None:
    client.create("brand-new", "1.0").expect(201)

    stranger.create("brand-new", "2.0").expect(403)
    stranger.create("Brand.New", "1.0").expect(403)


def test_17_a_reserved_name_is_seen_by_nobody_until_it_is_published(client: Client, client_of: Maker) -> None:
    fresh = client.create("brand-new", "1.0").expect(201)
    visitor, origin = client_of(None), client.root.removesuffix("/upload/2.0/")
    pages = [
        "/simple/brand-new/",
        "/project/brand-new/",
        "/pypi/brand-new/json",
        "/rss/project/brand-new/releases.xml",
    ]
    assert {visitor.ask("GET", origin + page).status for page in pages} == {404}

    wheel = make_wheel("brand-new", "1.0")
    client.add(fresh, wheel.filename, wheel.content).expect(201)
    assert {visitor.ask("GET", origin + page).status for page in pages} == {404}
    client.publish(fresh).expect(201)

    assert {visitor.ask("GET", origin + page).status for page in pages} == {200}
    client.create("brand-new", "2.0").expect(201)


def test_18_a_canceled_first_release_gives_the_name_back(client: Client, stranger: Client) -> None:
    fresh = client.create("brand-new", "1.0").expect(201)
    client.delete(fresh.location).expect(204)

    assert not Project.with_deleted.filter(name="brand-new").exists()
    stranger.create("brand-new", "1.0").expect(201)


def test_19_what_is_ours_has_a_name_of_its_own(session: Answer) -> None:
    assert set(session.body["meta"]) == {"api-version", "_indexsite"}
    assert set(session.body) <= {
        "meta", "links", "mechanisms", "session-token", "expires-at", "status", "files", "notices",
    }  # fmt: skip


def test_20_mechanisms_are_listed_the_preferred_one_first(session: Answer) -> None:
    assert session.body["mechanisms"] == ["http-post-bytes", "vnd-indexsite-chunks"]


def test_21_the_token_is_for_those_who_may_preview(client: Client, drafter: Client, session: Answer) -> None:
    assert len(session.body["session-token"]) >= 32
    seen = drafter.get(session.location).expect(200)

    assert "session-token" not in seen.body
    assert "stage" not in seen.links
    assert session.body["session-token"] not in seen.content.decode()


def test_22_the_stage_is_calculable_from_the_token(client: Client, session: Answer) -> None:
    origin, token = client.root.removesuffix("/upload/2.0/"), session.body["session-token"]

    assert session.links["stage"] == f"{origin}/stage/{token}/simple/"
    other = client.create("sampleproject", "2.0").expect(201).body["session-token"]
    assert token[:22] != other[:22]
    assert token[22:] != other[22:]


def test_23_the_end_is_written_in_utc_with_whole_seconds(session: Answer) -> None:
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", session.body["expires-at"])
    until = datetime.strptime(session.body["expires-at"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    assert timedelta(days=6, hours=23) < until - clock.now() <= timedelta(days=7, seconds=1)

    with time_machine.travel(until - timedelta(seconds=1)):
        assert tend(at=clock.now()) == 0
    with time_machine.travel(until + timedelta(seconds=1)):
        assert tend(at=clock.now()) == 1


def test_24_what_can_be_extended_has_the_link(client: Client, session: Answer) -> None:
    longer = client.post(session.links["extend"], **{"extend-for": 86_400}).expect(200)

    assert longer.body["expires-at"] > session.body["expires-at"]
    assert client.get(session.location).body == longer.body


@pytest.mark.parametrize("version", ["1.0", "1", "1.0.0", "v1.0"])
def test_25_a_second_session_of_the_version_is_led_to_the_first(
    client: Client, colleague: Client, session: Answer, version: str
) -> None:
    for asking in (client, colleague):
        refused = asking.create("SampleProject", version).expect(409)
        assert refused.location == session.location
        assert refused.body["code"] == "draft-exists"


def test_26_a_stranger_hears_nothing_of_a_session(stranger: Client, session: Answer) -> None:
    of_live, of_none = (stranger.create("sampleproject", version).expect(403) for version in ("1.0", "9.9"))

    assert of_live.location == ""
    assert of_live.content == of_none.content


def test_27_a_session_after_another_one_has_other_addresses(client: Client, session: Answer) -> None:
    client.delete(session.location).expect(204)
    second = client.create("sampleproject", "1.0").expect(201)

    assert second.location != session.location
    assert second.body["session-token"] != session.body["session-token"]
    assert second.links["stage"] != session.links["stage"]
    assert client.get(session.location).expect(200).body["status"] == "canceled"


def test_29_canceled_files_are_not_listed(client: Client, session: Answer, wheel: Distribution) -> None:
    file = client.add(session, wheel.filename, wheel.content).expect(201)
    assert wheel.filename in client.get(session.location).body["files"]
    client.delete(file.links["file-upload-session"]).expect(204)

    assert client.get(session.location).body["files"] == {}
    assert client.get(file.links["file-upload-session"]).expect(200).body["status"] == "canceled"


def test_31_in_processing_nothing_changes_and_error_says_why(
    client: Client, drafter: Client, session: Answer, wheel: Distribution
) -> None:
    file = client.add(session, wheel.filename, wheel.content).expect(201)
    assert drafter.publish(session).expect(202).body["status"] == "processing"
    assert "upload" not in client.get(session.location).links
    other = make_wheel("sampleproject", "1.0", tag="py2-none-any")
    client.announce(session, other.filename, other.content).expect(409)
    client.delete(file.links["file-upload-session"]).expect(409)
    client.post(session.links["extend"], **{"extend-for": 60}).expect(409)
    client.delete(session.location).expect(409)

    Draft.objects.update(state=DraftState.RETURNED, notice="The licence is missing.")

    returned = client.get(session.location).expect(200)
    assert returned.body["status"] == "error"
    assert returned.body["notices"] == ["The licence is missing."]
    client.add(returned, other.filename, other.content).expect(201)


def test_32_unfinished_files_stop_a_publish_and_are_named(
    client: Client, session: Answer, wheel: Distribution, sdist: Distribution
) -> None:
    client.announce(session, wheel.filename, wheel.content).expect(202)
    assert client.add(session, sdist.filename, b"no archive").status == 400
    before = client.get(session.location).content

    refused = client.publish(session).expect(409)

    assert {error["source"]: error["message"] for error in refused.body["errors"]} == {
        wheel.filename: "This file is pending.",
        sdist.filename: "This file is error.",
    }
    assert client.get(session.location).content == before


def test_33_publishing_answers_201_or_202_with_the_address(
    client: Client, drafter: Client, session: Answer, wheel: Distribution
) -> None:
    client.add(session, wheel.filename, wheel.content).expect(201)
    handed_in = drafter.publish(session).expect(202)
    assert handed_in.location == session.location
    assert int(handed_in.headers["retry-after"]) > 0
    assert "/manage/draft/" in handed_in.body["notices"][0]

    second, other = client.create("sampleproject", "2.0").expect(201), make_wheel("sampleproject", "2.0")
    client.add(second, other.filename, other.content).expect(201)
    published = client.publish(second).expect(201)
    assert published.location == second.location
    assert published.body["status"] == "published"
    assert client.publish(second).expect(201).body == published.body


def test_34_a_publish_that_fails_changes_nothing(client: Client, session: Answer) -> None:
    before = client.get(session.location).content

    assert client.publish(session).expect(409).body["code"] == "draft-empty"

    assert client.get(session.location).content == before


def test_42_a_canceled_session_keeps_no_files_and_no_links(
    client: Client, client_of: Maker, session: Answer, wheel: Distribution
) -> None:
    file = client.add(session, wheel.filename, wheel.content).expect(201)
    link = client.get(session.location).body["files"][wheel.filename]["link"]
    client.delete(session.location).expect(204)

    body = client.get(session.location).expect(200).body
    assert body["files"] == {}
    assert set(body["links"]) == {"session"}
    assert "session-token" not in body
    assert client_of(None).ask("GET", link).status == 404
    assert client_of(None).ask("GET", session.links["stage"]).status == 404
    assert client.publish(session).status == 409
    assert client.get(file.links["file-upload-session"]).body["status"] == "canceled"


def test_43_what_is_in_processing_is_not_canceled(
    client: Client, drafter: Client, session: Answer, wheel: Distribution
) -> None:
    client.add(session, wheel.filename, wheel.content).expect(201)
    drafter.publish(session).expect(202)

    client.delete(session.location).expect(409)


def test_44_a_file_under_way_does_not_keep_a_session_from_being_canceled(
    client: Client, session: Answer, wheel: Distribution
) -> None:
    client.announce(session, wheel.filename, wheel.content).expect(202)
    client.delete(session.location).expect(204)


def test_45_a_session_lives_a_week(client: Client, session: Answer) -> None:
    with time_machine.travel(clock.now() + timedelta(days=6, hours=23)):
        tend(at=clock.now())
        assert client.get(session.location).expect(200).body["status"] == "open"


def test_46_the_status_is_the_body_of_the_creation(client: Client, session: Answer, wheel: Distribution) -> None:
    assert client.get(session.location).body == session.body
    client.add(session, wheel.filename, wheel.content).expect(201)

    later = client.get(session.location).body
    assert later.keys() == session.body.keys()
    told = later["meta"]["_indexsite"]["files"][wheel.filename]
    assert told["hashes"] == {"sha256": wheel.sha256, "blake2_256": wheel.blake2_256}
    assert told["size"] == len(wheel.content)


def test_47_the_outcome_can_be_read_for_thirty_days(client: Client, session: Answer) -> None:
    client.delete(session.location).expect(204)
    with time_machine.travel(clock.now() + timedelta(days=29)):
        tend(at=clock.now())
        assert client.get(session.location).expect(200).body["status"] == "canceled"
    with time_machine.travel(clock.now() + timedelta(days=31)):
        tend(at=clock.now())
        client.get(session.location).expect(404)


def test_48_an_extension_beyond_what_is_allowed_leaves_the_end_as_it_is(client: Client, session: Answer) -> None:
    longest = client.post(session.links["extend"], **{"extend-for": 10**15}).expect(200)
    again = client.post(session.links["extend"], **{"extend-for": 10**15}).expect(200)

    assert again.body["expires-at"] == longest.body["expires-at"]


def test_66_a_token_without_the_right_to_publish_hands_in(
    client_of: Maker, alice: User, session: Answer, client: Client, wheel: Distribution
) -> None:
    client.add(session, wheel.filename, wheel.content).expect(201)
    narrow = client_of(alice, Permission.DRAFT_READ, Permission.DRAFT_SUBMIT)

    assert narrow.publish(session).expect(202).body["status"] == "processing"
    assert not Project.objects.get(name="sampleproject").releases.exists()


def test_28_the_link_of_a_file_is_absolute_and_has_the_token(
    client: Client, drafter: Client, client_of: Maker, session: Answer, wheel: Distribution
) -> None:
    client.add(session, wheel.filename, wheel.content).expect(201)
    link = client.get(session.location).body["files"][wheel.filename]["link"]

    assert link.startswith("http://testserver/stage/")
    assert session.body["session-token"] in link
    assert client_of(None).ask("GET", link).expect(200).content == wheel.content
    hidden = drafter.get(session.location).body["files"][wheel.filename]["link"]
    assert client_of(None).ask("GET", hidden).status == 401


def test_30_previews_are_offered(client: Client, client_of: Maker, session: Answer, wheel: Distribution) -> None:
    client.add(session, wheel.filename, wheel.content).expect(201)
    page = client_of(None).ask("GET", session.links["stage"] + "sampleproject/").expect(200)

    assert wheel.filename in page.content.decode()


def test_64_a_legacy_upload_joins_a_live_session(
    client: Client, alice: User, session: Answer, wheel: Distribution, sdist: Distribution
) -> None:
    client.add(session, wheel.filename, wheel.content).expect(201)
    secret = token_for(alice)

    assert upload(sdist, secret, path="/draft/legacy/").status_code == 200
    other = make_wheel("sampleproject", "1.0", tag="py2-none-any")
    staged = upload(other, secret, staged="true")

    assert staged.status_code == 200
    assert set(client.get(session.location).body["files"]) == {wheel.filename, sdist.filename, other.filename}
    assert Draft.objects.count() == 1
