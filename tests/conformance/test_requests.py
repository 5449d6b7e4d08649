"""The checklist's points on versions, media types, authorization and errors."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from accounts.models import User
from indexsite import clock
from releases.models import Draft, Project, Role
from tests.conformance.client import MEDIA_TYPE, Answer, Client
from tests.conformance.conftest import Maker
from tests.support import cast
from tests.support.distributions import Distribution
from tests.support.tokens import token_of

pytestmark = pytest.mark.django_db


def raw(client: Client, content: bytes, **headers: str) -> Answer:
    return client.ask("POST", client.root, content, **{"content_type": MEDIA_TYPE} | headers)


def new_session(**meta: str) -> bytes:
    return json.dumps({"meta": meta or {"api-version": "2.0"}, "name": "sampleproject", "version": "1.0"}).encode()


def test_01_the_endpoint_can_be_switched_off(
    client: Client, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    assert raw(client, new_session()).status == 201
    monkeypatch.setattr(settings, "ENV", dataclasses.replace(settings.ENV, upload_2=False))

    refused = raw(client, new_session()).expect(404)

    assert refused.body["code"] == "upload-2-off"
    assert "/legacy/" in refused.body["detail"]


def test_02_it_is_another_endpoint_than_the_legacy_one(client: Client) -> None:
    body = new_session()
    at_legacy = client.ask("POST", client.root.replace("/upload/2.0/", "/legacy/"), body, content_type=MEDIA_TYPE)

    assert at_legacy.status == 400
    assert not Draft.objects.exists()


@pytest.mark.parametrize("content_type", ["application/json", "application/vnd.pypi.upload.v3+json", "text/plain"])
def test_03_requests_of_other_types_are_refused(client: Client, content_type: str) -> None:
    assert (
        raw(client, new_session(), content_type=content_type).expect(415).body["code"] == "unsupported-media-type"
    )
    assert raw(client, new_session()).headers["content-type"] == MEDIA_TYPE


@pytest.mark.parametrize("accept", ["text/html", "application/json", f"{MEDIA_TYPE};q=0, */*"])
def test_03_clients_that_take_other_types_only_hear_so(client: Client, accept: str) -> None:
    raw(client, new_session(), accept=accept).expect(406)
    assert not Draft.objects.exists()
    raw(client, new_session(), accept="text/html, application/*;q=0.1").expect(201)


@pytest.mark.parametrize("version", ["1.0", "3.0", "", "20.0"])
def test_04_another_major_version_in_the_body_is_refused(client: Client, version: str) -> None:
    refused = raw(client, new_session(**{"api-version": version})).expect(400)

    assert refused.body["code"] == "wrong-api-version"
    assert refused.body["errors"][0]["source"] == "meta.api-version"
    raw(client, new_session(**{"api-version": "2.1"})).expect(201)


def test_05_without_a_good_token_the_answer_is_401_and_says_how(
    client_of: Maker, alice: User, sampleproject: Project
) -> None:
    revoked = token_of(alice)
    revoked.revoked_at = clock.now()
    revoked.save()
    for client in (client_of(None), Client(client_of(None).root, "idx-nonsense", client_of(None)._transport)):
        refused = client.create("sampleproject", "1.0").expect(401)
        assert refused.headers["www-authenticate"].startswith("Basic realm=")
    gone = Client(client_of(None).root, revoked.secret(), client_of(None)._transport)
    assert gone.create("sampleproject", "1.0").expect(401).body["code"] == "token-revoked"


def test_05_a_good_token_of_somebody_without_the_right_gets_403(stranger: Client, client: Client) -> None:
    assert "www-authenticate" not in stranger.create("sampleproject", "1.0").expect(403).headers


def requests_of(client: Client, session: Answer, upload: Answer) -> dict[str, Any]:
    links, mechanism = upload.links, upload.body["mechanism"]
    return {
        "create": lambda: client.create("sampleproject", "2.0"),
        "read": lambda: client.get(session.links["session"]),
        "upload": lambda: client.post(
            session.links["upload"], filename="a", size=1, hashes={"a": "b"}, mechanism="c"
        ),
        "extend": lambda: client.post(session.links["extend"], **{"extend-for": 60}),
        "bytes": lambda: client.ask("POST", mechanism["file_url"], b"x", content_type="application/octet-stream"),
        "attest": lambda: client.ask(
            "POST", mechanism["attestations_url"], b"[]", content_type="application/json"
        ),
        "complete": lambda: client.post(links["complete"]),
        "read file": lambda: client.get(links["file-upload-session"]),
        "delete file": lambda: client.delete(links["file-upload-session"]),
        "publish": lambda: client.publish(session),
        "cancel": lambda: client.delete(session.links["session"]),
    }


def test_06_every_request_asks_for_the_right(
    client: Client, stranger: Client, session: Answer, wheel: Distribution
) -> None:
    upload = client.announce(session, wheel.filename, wheel.content).expect(202)
    before = client.get(session.links["session"]).content

    for name, ask in requests_of(stranger, session, upload).items():
        assert ask().status == 403, name

    assert client.get(session.links["session"]).content == before


def test_07_whoever_lost_the_right_gets_403_also_as_creator(
    client: Client, session: Answer, wheel: Distribution, bob: User, alice: User
) -> None:
    upload = client.announce(session, wheel.filename, wheel.content).expect(202)
    Role.objects.filter(user=alice).delete()
    cast.grant(bob, Project.objects.get(name="sampleproject"))

    for name, ask in requests_of(client, session, upload).items():
        assert ask().status == 403, name


def test_08_a_colleague_goes_on_with_a_session_that_somebody_else_began(
    session: Answer, colleague: Client, wheel: Distribution
) -> None:
    assert colleague.add(session, wheel.filename, wheel.content).status == 201

    listed = colleague.get(session.links["session"]).expect(200).body
    assert listed["files"][wheel.filename]["status"] == "completed"
    assert listed["meta"]["_indexsite"]["files"][wheel.filename]["uploaded-by"] == "bob"


def test_09_each_request_of_a_mechanism_is_authorized(
    client: Client, session: Answer, alice: User, bob: User, wheel: Distribution
) -> None:
    upload = client.announce(session, wheel.filename, wheel.content, mechanism="vnd-indexsite-chunks").expect(202)
    url, half = upload.body["mechanism"]["file_url"], len(wheel.content) // 2
    client.ask("PATCH", url, wheel.content[:half], upload_offset="0").expect(204)
    Role.objects.filter(user=alice).delete()

    client.ask("PATCH", url, wheel.content[half:], upload_offset=str(half)).expect(403)
    client.ask("HEAD", url).expect(403)


def test_11_whoever_begins_a_first_release_may_finish_it(client: Client) -> None:
    fresh = client.create("brand-new", "1.0").expect(201)

    assert client.get(fresh.location).expect(200).body["status"] == "open"
    assert client.post(fresh.links["extend"], **{"extend-for": 60}).status == 200


def refusals_of(client: Client, stranger: Client, session: Answer) -> list[Answer]:
    return [
        raw(client, b"{"),
        raw(client, b"[]"),
        raw(client, b"[" * 60_000),
        raw(client, new_session(), content_type="text/plain"),
        raw(client, new_session(), accept="text/html"),
        raw(client, b"x" * 70_000),
        client.create("sampleproject", "1.0"),
        client.create("no name!", "x"),
        stranger.get(session.location),
        client.ask("PUT", session.location, b""),
        client.get(
            session.location.replace(session.location.split("/")[-2], "0" * 8 + "-0000-4000-8000-" + "0" * 12)
        ),
        client.publish(session),
        client.get(client.root + "nothing/"),
    ]


def test_12_every_refusal_is_a_problem_document(client: Client, stranger: Client, session: Answer) -> None:
    statuses = []
    for refused in refusals_of(client, stranger, session):
        assert refused.headers["content-type"] == "application/problem+json", refused.content
        body = refused.body
        assert body["status"] == refused.status
        assert {"type", "title", "detail"} <= body.keys()
        assert "details" not in body
        statuses.append(refused.status)
    assert statuses == [400, 400, 400, 415, 406, 413, 409, 400, 403, 405, 404, 409, 404]


def test_13_refusals_have_meta_and_errors(client: Client, stranger: Client, session: Answer) -> None:
    *ours, _ = refusals_of(client, stranger, session)
    for refused in ours:
        assert refused.body["meta"]["api-version"] == "2.0"
        assert refused.body["meta"]["_indexsite"]["code"] == refused.body["code"]
        assert all(error["source"] and error["message"] for error in refused.body["errors"])
        assert refused.body["errors"]
    both = client.post(client.root, name=7, version="")
    assert [error["source"] for error in both.body["errors"]] == ["name", "version"]


def test_10_the_stage_needs_no_token_and_only_reads(client_of: Maker, session: Answer) -> None:
    visitor = client_of(None)

    assert visitor.ask("GET", session.links["stage"]).status == 200
    # Without a cookie a browser's form is refused before the method is.
    assert visitor.ask("POST", session.links["stage"], b"").status in {403, 405}
    assert visitor.ask("DELETE", session.links["stage"]).status in {403, 405}
