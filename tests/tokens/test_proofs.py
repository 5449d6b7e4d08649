"""A token narrowed to a proof for one recovery: what it shows, and that it does nothing else."""

from __future__ import annotations

import subprocess
import sys
from datetime import datetime, timedelta

import pytest
from django.conf import settings
from django.test import Client

from accounts.models import User
from indexsite import clock
from indexsite.env import BASE_DIR
from indexsite.errors import PermissionRefused
from tests.support import cast
from tests.support.tokens import basic, request_with, token_of
from tokens import proofs
from tokens.authentication import authenticate
from tokens.macaroons import caveats, wire
from tokens.macaroons.caveats import (
    AnyCaveat,
    DraftsOnly,
    Expiry,
    OneDraft,
    ProjectNames,
    RecoveryProof,
    Versions,
)
from tokens.macaroons.wire import MacaroonError
from tokens.models import Token

pytestmark = pytest.mark.django_db

CASE, NONCE = "0b0c", "n-1"
PROGRAM = BASE_DIR / "static" / "recovery" / "prove_token.py"


def narrowed(secret: str, *more: AnyCaveat | RecoveryProof) -> str:
    macaroon = wire.parse(secret, prefix=settings.ENV.token_prefix)
    restricted = wire.restrict(macaroon, *(caveats.dump(each.encode()) for each in more))
    return wire.serialize(restricted, prefix=settings.ENV.token_prefix)


def lasting(life: timedelta, at: datetime | None = None) -> Expiry:
    begin = at or clock.now()
    return Expiry(int((begin + life).timestamp()), int(begin.timestamp()) - 60)


def proof_of(token: Token, case: str = CASE, nonce: str = NONCE, life: timedelta = timedelta(minutes=9)) -> str:
    return narrowed(token.secret(), RecoveryProof(case, nonce), lasting(life))


def refused(text: str, *, case: str = CASE, nonce: str = NONCE, at: datetime | None = None) -> str:
    with pytest.raises(MacaroonError) as error:
        proofs.check(text, case=case, nonce=nonce, at=at or clock.now())
    return error.value.reason


def run_program(code: str, typed: str) -> subprocess.CompletedProcess[str]:
    # As it is downloaded: no project around it, nothing installed.
    command = [sys.executable, "-I", str(PROGRAM), code]
    return subprocess.run(command, input=typed, capture_output=True, text=True, cwd="/", timeout=30)


def test_a_proof_shows_whose_token_it_was_made_from(alice: User) -> None:
    token = token_of(alice)
    found = proofs.check(proof_of(token), case=CASE, nonce=NONCE, at=clock.now())
    assert (found.token, found.token.user, found.is_limited) == (token, alice, False)


def test_a_token_for_a_project_is_limited_and_so_is_one_narrowed_by_its_holder(alice: User) -> None:
    project = cast.ProjectFactory(name="sampleproject", owner=alice)
    whole = token_of(alice).secret()
    ways = (ProjectNames(("sampleproject",)), DraftsOnly(), OneDraft("6f1c1b0e"), Versions(">=2"))
    narrow = [narrowed(whole, way) for way in ways]
    for secret in (token_of(alice, project=project, description="one").secret(), *narrow):
        proof = narrowed(secret, RecoveryProof(CASE, NONCE), lasting(timedelta(minutes=9)))
        assert proofs.check(proof, case=CASE, nonce=NONCE, at=clock.now()).is_limited


def test_the_program_makes_a_proof_and_prints_nothing_else(alice: User) -> None:
    token = token_of(alice)
    done = run_program(f"{CASE}.{NONCE}", token.secret() + "\n")
    assert (done.returncode, done.stderr) == (0, "")
    (proof,) = done.stdout.split()
    assert proof != token.secret()
    assert proofs.check(proof, case=CASE, nonce=NONCE, at=clock.now()).token == token
    # One spelling: what it writes is what this site writes.
    assert wire.serialize(wire.parse(proof, prefix="idx-"), prefix="idx-") == proof
    assert len(PROGRAM.read_text().splitlines()) <= 40


def test_the_program_copes_with_long_names_and_refuses_what_is_no_token(alice: User) -> None:
    long_case = "c" * 150
    done = run_program(f"{long_case}.{NONCE}", token_of(alice).secret())
    assert proofs.check(done.stdout, case=long_case, nonce=NONCE, at=clock.now()).token.user == alice
    wrong = run_program(f"{CASE}.{NONCE}", "idx-AgEbbbb\n")
    assert wrong.returncode != 0
    assert (wrong.stdout, "not an API token" in wrong.stderr) == ("", True)


# --- Case 18: replayed, stripped, or used to upload ---


def test_an_intercepted_token_that_is_merely_short_lived_uploads(alice: User) -> None:
    """Without a kind of its own, a proof would be a working token for ten minutes."""
    short = narrowed(token_of(alice).secret(), lasting(timedelta(minutes=9)))
    assert authenticate(request_with(basic(short))).user == alice


def test_a_proof_opens_neither_upload_nor_any_interface(alice: User) -> None:
    proof = proof_of(token_of(alice))
    with pytest.raises(PermissionRefused, match="narrowed to a proof for a recovery") as refusal:
        authenticate(request_with(basic(proof)))
    assert refusal.value.sentence.isascii()
    client = Client()
    upload = client.post("/legacy/", {":action": "file_upload"}, headers={"authorization": basic(proof)})
    assert upload.status_code == 403
    for path in ("/api/v1/token/", "/api/v1/projects/"):
        assert client.get(path, headers={"authorization": f"Bearer {proof}"}).status_code in (401, 403), path


def test_a_proof_is_for_one_case_and_one_nonce(alice: User) -> None:
    proof = proof_of(token_of(alice))
    assert "no proof for this case" in refused(proof, case="other")
    assert "no proof for this case" in refused(proof, nonce="n-2")


def test_restrictions_cannot_be_taken_off_or_exchanged(alice: User) -> None:
    macaroon = wire.parse(proof_of(token_of(alice)), prefix="idx-")
    stripped = wire.Macaroon(macaroon.location, macaroon.identifier, macaroon.caveats[:-2], macaroon.signature)
    assert "signature" in refused(wire.serialize(stripped, prefix="idx-"))
    other = caveats.dump(RecoveryProof("another", NONCE).encode())
    changed = (*macaroon.caveats[:-2], other, macaroon.caveats[-1])
    exchanged = wire.Macaroon(macaroon.location, macaroon.identifier, changed, macaroon.signature)
    assert "signature" in refused(wire.serialize(exchanged, prefix="idx-"), case="another")


def test_two_cases_cannot_share_a_proof(alice: User) -> None:
    both = narrowed(proof_of(token_of(alice)), RecoveryProof("another", NONCE))
    assert "no proof for this case" in refused(both)
    assert "no proof for this case" in refused(both, case="another")


def test_a_proof_lives_ten_minutes_at_most(alice: User) -> None:
    token = token_of(alice)
    assert "longer than a proof" in refused(proof_of(token, life=timedelta(minutes=11)))
    assert "longer than a proof" in refused(narrowed(token.secret(), RecoveryProof(CASE, NONCE)))
    proof = proof_of(token)
    assert "expired" in refused(proof, at=clock.now() + timedelta(minutes=10))


def test_a_raw_a_revoked_an_unknown_and_a_garbled_token_are_no_proof(alice: User) -> None:
    token = token_of(alice)
    assert "no proof for this case" in refused(token.secret())
    proof = proof_of(token)
    Token.objects.filter(pk=token.pk).update(revoked_at=clock.now())
    assert "revoked" in refused(proof)
    assert refused("idx-AgEbbbb")
    assert refused("hello")


def test_raw_tokens_are_found_in_any_text_and_proofs_are_not(alice: User, bob: User) -> None:
    one, other = token_of(alice), token_of(bob)
    short = narrowed(other.secret(), lasting(timedelta(minutes=9)))
    text = f"my token is {one.secret()}, and\n{short} and {proof_of(one)} and idx-{'A' * 60}"
    assert {token.pk for token in proofs.raw_tokens(text)} == {one.pk, other.pk}
    assert proofs.raw_tokens(proof_of(one)) == []
