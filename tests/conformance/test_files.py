"""The checklist's points on files: names, reservations, uploads and the mechanisms."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from accounts.models import User
from indexsite import clock, storage
from indexsite.actors import Permission
from releases.actions.drafts.publishing import return_draft
from releases.models import Draft, DraftFile, DraftState, File, ReservedFilename
from tests.conformance.client import Answer, Client
from tests.support import cast
from tests.support.distributions import Distribution, make_wheel
from tests.support.uploads import token_for, upload

pytestmark = pytest.mark.django_db

CHUNKS = "vnd-indexsite-chunks"


@pytest.fixture
def in_review(client: Client, drafter: Client, session: Answer, wheel: Distribution) -> Answer:
    """A session with one file, which people look at."""
    client.add(session, wheel.filename, wheel.content).expect(201)
    return drafter.publish(session).expect(202)


def test_35_a_name_that_the_legacy_interface_took_is_not_published_again(
    client: Client, alice: User, session: Answer, wheel: Distribution
) -> None:
    client.add(session, wheel.filename, wheel.content).expect(201)
    assert upload(wheel, token_for(alice)).status_code == 200

    refused = client.publish(session).expect(409)

    assert [error["source"] for error in refused.body["errors"]] == [wheel.filename]
    assert File.objects.filter(filename=wheel.filename).count() == 1


def test_36_a_conflict_leaves_nothing_half(
    client: Client, alice: User, session: Answer, wheel: Distribution, sdist: Distribution
) -> None:
    for file in (wheel, sdist):
        client.add(session, file.filename, file.content).expect(201)
    assert upload(wheel, token_for(alice)).status_code == 200

    client.publish(session).expect(409)

    assert list(File.objects.values_list("filename", flat=True)) == [wheel.filename]
    assert client.get(session.location).body["status"] == "open"


def test_37_all_names_are_reserved_while_people_look(in_review: Answer, wheel: Distribution) -> None:
    assert list(ReservedFilename.objects.values_list("filename", flat=True)) == [wheel.filename]


def test_38_no_other_upload_takes_a_reserved_name(alice: User, in_review: Answer, wheel: Distribution) -> None:
    assert upload(wheel, token_for(alice)).status_code == 409


def test_39_reserved_files_are_invisible(client: Client, in_review: Answer, wheel: Distribution) -> None:
    origin = client.root.removesuffix("/upload/2.0/")
    digest = wheel.sha256
    path = f"/files/{digest[:2]}/{digest[2:4]}/{digest[4:]}/{wheel.filename}"

    assert client.ask("GET", origin + path).status == 404
    assert wheel.filename not in client.ask("GET", f"{origin}/simple/sampleproject/").content.decode()


def test_40_a_refusal_gives_the_names_back(alice: User, in_review: Answer, wheel: Distribution) -> None:
    return_draft(actor=cast.actor(alice), draft=Draft.objects.get(), reason="No.", at=clock.now())

    assert upload(wheel, token_for(alice)).status_code == 200


def test_41_a_conflict_names_the_files(
    client: Client, alice: User, session: Answer, wheel: Distribution, sdist: Distribution
) -> None:
    for file in (wheel, sdist):
        client.add(session, file.filename, file.content).expect(201)
        assert upload(file, token_for(alice)).status_code == 200

    refused = client.publish(session).expect(409)

    assert refused.body["code"] == "filename-conflict"
    assert {error["source"] for error in refused.body["errors"]} == {wheel.filename, sdist.filename}


@pytest.mark.parametrize("filename", ["a b.whl", "sampleproject-1.0.exe", "../sampleproject-1.0.tar.gz", "x"])
def test_49_what_is_no_file_name_is_refused_at_once(client: Client, session: Answer, filename: str) -> None:
    refused = client.announce(session, filename, b"x").expect(400)

    assert refused.body["errors"][0]["source"] == "filename"
    assert not DraftFile.objects.exists()


@pytest.mark.parametrize(
    "hashes", [{}, {"sha256": "00"}, {"sha256": "g" * 64}, {"crc32": "00000000"}, {"shake_128": "00"}]
)
def test_50_announcements_without_good_digests_are_refused(
    client: Client, session: Answer, wheel: Distribution, hashes: dict[str, str]
) -> None:
    refused = client.announce(session, wheel.filename, wheel.content, hashes=hashes).expect(400)

    assert refused.body["errors"][0]["source"] == "hashes"


@pytest.mark.parametrize("wrong", ["sha256", "blake2b"])
def test_50_all_digests_have_to_match(client: Client, session: Answer, wheel: Distribution, wrong: str) -> None:
    hashes = {name: hashlib.new(name, wheel.content).hexdigest() for name in ("sha256", "blake2b")}
    hashes[wrong] = hashes[wrong][::-1]
    announced = client.announce(session, wheel.filename, wheel.content, hashes=hashes).expect(202)
    client.send(announced, wheel.content).expect(204)

    refused = client.complete(announced).expect(400)

    assert wrong in refused.body["detail"]
    assert client.get(announced.location).body["status"] == "error"


def test_51_a_published_name_is_not_taken_again(
    client: Client, alice: User, session: Answer, wheel: Distribution
) -> None:
    assert upload(wheel, token_for(alice)).status_code == 200

    assert client.announce(session, wheel.filename, b"other").expect(409).body["code"] == "file-exists"
    assert File.objects.get().sha256 == wheel.sha256


@pytest.mark.parametrize("mechanism", ["vnd-elsewhere-magic", "http-put"])
def test_52_an_unknown_mechanism_is_refused_by_its_own_status(
    client: Client, session: Answer, wheel: Distribution, mechanism: str
) -> None:
    client.announce(session, wheel.filename, wheel.content, mechanism=mechanism).expect(422)


def test_53_what_cannot_go_on_is_a_conflict(client: Client, session: Answer, wheel: Distribution) -> None:
    client.delete(session.location).expect(204)

    client.announce(session, wheel.filename, wheel.content).expect(409)


def test_54_a_new_upload_answers_202_and_when_to_ask_again(
    client: Client, session: Answer, wheel: Distribution
) -> None:
    announced = client.announce(session, wheel.filename, wheel.content).expect(202)

    assert int(announced.headers["retry-after"]) > 0
    assert announced.body["status"] == "pending"


def test_55_the_body_of_an_upload_names_its_end_and_mechanism(
    client: Client, session: Answer, wheel: Distribution
) -> None:
    body = client.announce(session, wheel.filename, wheel.content).expect(202).body

    assert body["mechanism"]["identifier"] == "http-post-bytes"
    assert body["expires-at"] == session.body["expires-at"]
    assert "extend" not in body["links"]
    assert set(body["links"]) == {"file-upload-session", "publishing-session", "complete"}


def test_56_a_completed_upload_can_still_be_asked_for(
    client: Client, session: Answer, wheel: Distribution
) -> None:
    completed = client.add(session, wheel.filename, wheel.content).expect(201)

    polled = client.get(completed.links["file-upload-session"]).expect(200)
    assert polled.body == completed.body
    assert polled.body["status"] == "completed"


@pytest.mark.parametrize("content", [b"no archive", b""])
def test_57_whatever_fails_in_the_end_is_an_error_for_good(
    client: Client, session: Answer, wheel: Distribution, content: bytes
) -> None:
    announced = client.announce(session, wheel.filename, content or b"x").expect(202)
    client.send(announced, content or b"x").expect(204)

    first, second = client.complete(announced).expect(400), client.complete(announced).expect(400)

    assert first.content == second.content
    assert first.body["code"] == "file-refused"
    status = client.get(announced.location).body
    assert status["status"] == "error"
    assert status["notices"] == [first.body["detail"]]
    client.send(announced, wheel.content).expect(409)


def test_58_deleting_a_file_answers_204_and_not_while_people_look(
    client: Client, session: Answer, in_review: Answer, wheel: Distribution
) -> None:
    address = in_review.body["meta"]["_indexsite"]["files"][wheel.filename]["file-upload-session"]
    client.delete(address).expect(409)
    Draft.objects.update(state=DraftState.RETURNED, notice="No.")

    assert client.delete(address).expect(204).content == b""
    client.delete(address).expect(204)


def test_59_an_upload_under_way_is_not_replaced(client: Client, session: Answer, wheel: Distribution) -> None:
    announced = client.announce(session, wheel.filename, wheel.content).expect(202)
    client.announce(session, wheel.filename, wheel.content).expect(409)

    client.delete(announced.location).expect(204)
    client.announce(session, wheel.filename, wheel.content).expect(202)


def test_60_the_status_of_a_deleted_file_lives_as_long_as_its_session(
    client: Client, session: Answer, wheel: Distribution
) -> None:
    announced = client.announce(session, wheel.filename, wheel.content).expect(202)
    client.delete(announced.location).expect(204)
    assert client.get(announced.location).expect(200).body["status"] == "canceled"

    DraftFile.objects.all().delete()
    Draft.objects.all().delete()
    client.get(announced.location).expect(404)


def test_61_bytes_come_by_post_and_the_last_ones_count(
    client: Client, session: Answer, wheel: Distribution
) -> None:
    announced = client.announce(session, wheel.filename, wheel.content).expect(202)
    client.send(announced, b"x" * len(wheel.content)).expect(204)
    client.send(announced, wheel.content).expect(204)
    assert client.send(announced, wheel.content + b"x").expect(413).body["code"] == "body-too-large"

    client.complete(announced).expect(201)
    with storage.open_blob(wheel.sha256) as blob:
        assert blob.read() == wheel.content


ATTESTATION: dict[str, Any] = {"version": 1, "verification_material": {}, "envelope": {"statement": "x"}}


def attest(client: Client, announced: Answer, content: bytes) -> Answer:
    url = announced.body["mechanism"]["attestations_url"]
    return client.ask("POST", url, content, content_type="application/json")


def test_62_attestations_come_before_the_end(client: Client, session: Answer, wheel: Distribution) -> None:
    announced = client.announce(session, wheel.filename, wheel.content).expect(202)
    attest(client, announced, json.dumps([ATTESTATION]).encode()).expect(204)
    client.send(announced, wheel.content).expect(204)
    completed = client.complete(announced).expect(201)

    assert completed.body["meta"]["_indexsite"]["attestations"] == 1
    assert DraftFile.objects.get().attestations == [ATTESTATION]
    attest(client, announced, b"[]").expect(409)
    assert DraftFile.objects.get().attestations == [ATTESTATION]


@pytest.mark.parametrize(
    "content",
    [b"{}", b"[1]", b"[{}]", b"[", b'[{"version":1,"verification_material":"\\u0000","envelope":{}}]',
     b'[{"version":1,"verification_material":"\\ud800","envelope":{}}]', b"[" + b" " * 70_000 + b"]"],
    ids=["object", "number", "empty", "cut", "nul", "half", "long"],
)  # fmt: skip
def test_62_what_are_no_attestations_is_refused(
    client: Client, session: Answer, wheel: Distribution, content: bytes
) -> None:
    announced = client.announce(session, wheel.filename, wheel.content).expect(202)

    assert attest(client, announced, content).status in {400, 413}
    assert DraftFile.objects.get().attestations == []


def test_63_a_large_file_comes_in_parts_of_any_size(client: Client, session: Answer, wheel: Distribution) -> None:
    announced = client.announce(session, wheel.filename, wheel.content, mechanism=CHUNKS).expect(202)
    mechanism = announced.body["mechanism"]
    assert (mechanism["identifier"], mechanism["offset"]) == (CHUNKS, 0)
    url, content = mechanism["file_url"], wheel.content
    assert client.ask("HEAD", url).expect(204).headers["upload-offset"] == "0"

    client.ask("PATCH", url, content[:100], upload_offset="0").expect(204)
    repeated = client.ask("PATCH", url, content[:100], upload_offset="0").expect(204)
    assert repeated.headers["upload-offset"] == "100"
    early = client.ask("PATCH", url, content[200:], upload_offset="200").expect(409)
    assert early.headers["upload-offset"] == "100"
    client.ask("PATCH", url, content[100:]).expect(400)
    assert client.ask("PATCH", url, b"", upload_offset="100").status in {400, 411}
    last = client.ask("POST", url, content[100:], upload_offset="100").expect(204)

    assert (last.headers["upload-complete"], last.headers["upload-length"]) == ("?1", str(len(content)))
    assert client.complete(announced).expect(201).body["status"] == "completed"
    with storage.open_blob(wheel.sha256) as blob:
        assert blob.read() == content


def test_63_more_bytes_than_were_announced_are_refused(
    client: Client, session: Answer, wheel: Distribution
) -> None:
    announced = client.announce(session, wheel.filename, wheel.content, mechanism=CHUNKS).expect(202)
    url = announced.body["mechanism"]["file_url"]
    client.ask("PATCH", url, wheel.content[:100], upload_offset="0").expect(204)

    assert client.ask("PATCH", url, wheel.content, upload_offset="100").expect(400).body["code"] == "size-mismatch"
    assert client.ask("HEAD", url).headers["upload-offset"] == "100"


def test_65_a_name_that_is_under_way_is_not_taken_by_a_legacy_upload_without_the_right_to_replace(
    client: Client, alice: User, session: Answer, wheel: Distribution
) -> None:
    client.announce(session, wheel.filename, wheel.content).expect(202)
    permissions = [Permission.DRAFT_CREATE, Permission.DRAFT_UPLOAD, Permission.DRAFT_READ]
    other = make_wheel("sampleproject", "1.0")

    response = upload(other, token_for(alice, permissions=permissions), path="/draft/legacy/")

    # The PEP wants 409 here, which `twine --skip-existing` takes for success (see docs/upload-2.md).
    assert response.status_code == 403
    assert client.get(session.location).body["files"][wheel.filename]["status"] == "pending"
