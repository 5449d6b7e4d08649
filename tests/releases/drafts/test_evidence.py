"""Files of evidence: they hold without a database, and whatever is altered in them is found."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction

from accounts.models import User
from indexsite import clock
from indexsite.models import AuditEvent
from releases.evidence import evidence_file, faults_of
from releases.models import Draft, Project, SignedStatement
from releases.statements import Evidence, Statement, Unreadable, b64, unb64
from tests.support import cast
from tests.support.approvals import approve, in_review, old_approver, release, reviewed_project
from tests.support.distributions import make_sdist, make_wheel
from tests.support.drafts import again

pytestmark = pytest.mark.django_db


@pytest.fixture
def published(alice: User, bob: User, erin: User) -> Draft:
    reviewed_project(alice, bob, erin)
    draft = in_review(alice, make_wheel(), make_sdist())
    for person in (bob, erin):
        approve(person, draft)
    release(alice, draft)
    return again(draft)


@pytest.fixture
def told(published: Draft) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(evidence_file(published))
    return told


def faults(told: Any) -> list[str]:
    return faults_of(json.dumps(told).encode())[1]


def verified(path: Path) -> tuple[int, str]:
    out, code = io.StringIO(), 0
    try:
        call_command("verify_approvals", str(path), stdout=out)
    except SystemExit as error:
        code = int(error.code or 0)
    return code, out.getvalue()


def test_what_was_exported_holds_without_the_database(
    published: Draft, tmp_path: Path, django_assert_num_queries: Any
) -> None:
    out = io.StringIO()
    call_command("export_approvals", str(published.public_id), stdout=out)
    path = tmp_path / "approvals.json"
    path.write_text(out.getvalue())

    with django_assert_num_queries(0):
        code, said = verified(path)

    assert code == 0
    assert [line.split(" on ")[0] for line in said.splitlines()[:3]] == [
        "approve by bob",
        "approve by erin",
        "release by alice",
    ]
    assert "signed by a key that asked for its owner" in said
    for event in AuditEvent.objects.filter(name__in=("draft.approved", "draft.released")):
        assert event.data["evidence"] in said


ENTRIES = sorted([*(name for name in Evidence.__dataclass_fields__), "evidence_sha256"])


def flipped(value: Any) -> Any:
    """Something else of the same kind, by as little as possible."""
    if value is None or isinstance(value, int):
        return (value or 0) + 1
    assert isinstance(value, str)
    return ("b" if value[:1] != "b" else "c") + value[1:]


@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize("number", [0, 2])
def test_whatever_is_altered_in_a_statement_is_found(told: dict[str, Any], entry: str, number: int) -> None:
    assert faults(told) == []
    told["statements"][number][entry] = flipped(told["statements"][number][entry])
    assert faults(told)


@pytest.mark.parametrize("entry", ENTRIES)
def test_a_digest_that_was_made_anew_hides_nothing_that_the_key_has_signed(
    told: dict[str, Any], entry: str
) -> None:
    """Whoever alters an entry can compute the digest over it again; the signature they cannot."""
    unsigned = {"created_at", "evidence_sha256", "credential_sha256"}
    given = told["statements"][0]
    given[entry] = flipped(given[entry])
    try:
        evidence, _ = Evidence.read(given)
    except Unreadable:
        return  # found even earlier
    given["evidence_sha256"] = evidence.digest()
    # When the server says it received it, and which key it was, the audit trail's digest holds fast.
    assert bool(faults(told)) is (entry not in unsigned)


@pytest.mark.parametrize("field", sorted(Statement.__dataclass_fields__))
def test_every_part_of_the_statement_is_signed(told: dict[str, Any], field: str) -> None:
    given = told["statements"][0]
    said = json.loads(given["statement"])
    said[field] = flipped(said[field])
    given["statement"] = Statement(**said).canonical().decode()
    evidence, _ = Evidence.read(given)
    given["evidence_sha256"] = evidence.digest()
    if field in told:
        told[field] = said[field]
    assert any("signature does not hold" in fault or "says neither" in fault for fault in faults(told))


@pytest.mark.parametrize("field", ["site", "project", "version", "draft", "draft_digest", "format"])
def test_the_head_of_the_file_is_that_of_its_statements(told: dict[str, Any], field: str) -> None:
    told[field] = flipped(told[field])
    assert faults(told)


ALTERATIONS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "a file less": lambda told: told["files"].pop(),
    "another size": lambda told: told["files"][0].update(size=1),
    "another name": lambda told: told["files"][0].update(filename="x.whl"),
    "another content": lambda told: told["files"][0].update(sha256="0" * 64),
    "more in a file": lambda told: told["files"][0].update(more=1),
    "sizes of a kind that has no order": lambda told: told["files"][0].update(filename=1),
    "no list of files": lambda told: told.update(files=3),
    "no statements": lambda told: told.update(statements=3),
    "a statement twice": lambda told: told["statements"].append(told["statements"][0]),
    "more in a statement": lambda told: told["statements"][0].update(more=1),
    "something else at the head": lambda told: told.update(more=1),
    "spaces in the statement": lambda told: told["statements"][0].update(
        statement=told["statements"][0]["statement"].replace(",", ", ", 1)
    ),
    "the answer of another": lambda told: told["statements"][0].update(
        {name: told["statements"][1][name] for name in ("client_data", "authenticator_data", "signature")}
    ),
    "the app instead of the key": lambda told: told["statements"][0].update(factor="authenticator-app"),
    "a factor nobody knows": lambda told: told["statements"][0].update(factor="a nod"),
    "numbers where text belongs": lambda told: told["statements"][0].update(statement=1),
}


@pytest.mark.parametrize("what", ALTERATIONS)
def test_other_alterations_are_found_and_never_an_error(told: dict[str, Any], what: str) -> None:
    ALTERATIONS[what](told)
    assert faults(told)


@pytest.mark.parametrize("content", [b"", b"[]", b"null", b"{", b"\xff", b"[" * 100_000])
def test_what_is_no_such_file_is_said_to_be_none(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    code, said = verified(path)
    assert (code, said.startswith("FAULT: This is no")) == (1, True)


def test_a_code_is_shown_as_what_it_is(alice: User, bob: User, carol: User) -> None:
    from releases.actions.drafts.approving import approve_draft
    from releases.actions.drafts.signing import Code
    from tests.support.drafts import in_browser

    project: Project = reviewed_project(alice, bob, approve_by_code=True)
    cast.add_totp(carol)
    old_approver(carol, project)
    draft = in_review(alice)
    proof = Code(cast.totp_code(carol), draft.digest)
    approve_draft(actor=in_browser(carol), draft=draft, proof=proof, at=clock.now())

    shown, found = faults_of(evidence_file(again(draft)))
    assert found == []
    assert "not signed" in shown[0]


def test_base64_has_one_spelling() -> None:
    assert unb64(b64(b"ab")) == b"ab"
    for other in ("YWI=", "YWJ", "YW I"):
        with pytest.raises(ValueError, match=r"."):
            unb64(other)


def test_the_database_refuses_to_change_what_was_signed(published: Draft) -> None:
    row = SignedStatement.objects.first()
    assert row is not None
    signed = [
        field.attname
        for field in SignedStatement._meta.concrete_fields
        if field.attname not in {"id", "voided_at", "voided_why"}
    ]
    for column in signed:
        touch = f"UPDATE releases_signedstatement SET {column} = {column} WHERE id = %s"
        with (
            pytest.raises(IntegrityError, match="what was signed does not change"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(touch, [row.pk])
    SignedStatement.objects.filter(pk=row.pk).update(voided_at=clock.now(), voided_why="x")
    with pytest.raises(IntegrityError, match="stays void"), transaction.atomic():
        SignedStatement.objects.filter(pk=row.pk).update(voided_at=None, voided_why="")
