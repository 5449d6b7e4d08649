"""Evidence that the site checks itself: what each kind takes, and what it is worth."""

from __future__ import annotations

import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from django.core import mail

from accounts import known_devices
from accounts.actions import devices
from accounts.models import KnownDevice, SigningKey, User
from accounts.signatures import read
from indexsite import audit, clock
from indexsite.env import BASE_DIR
from indexsite.errors import LimitReached
from recovery import kinds
from recovery.actions.evidence import knowing, reaching
from recovery.actions.evidence.knowing import RawTokenPasted
from recovery.actions.evidence.receiving import Claim, TriesUsed, progress_of
from recovery.actions.story import CaseUnknown
from recovery.assurance import EvidenceClass, Signal
from recovery.assurance_policy import POLICY
from recovery.models import Evidence, Verdict
from tests.support import cast, claims, system
from tests.support.claims import ELSEWHERE, HOME, add_address, case_of, claimant, offered, points, the_row
from tests.support.people import letters_to, mailed_link
from tests.support.ssh_keys import OnAuthenticator
from tests.support.tokens import token_of
from tokens.models import Token

pytestmark = pytest.mark.django_db

E, K, D, T, P, S, V = EvidenceClass


def test_the_mailbox_that_opens_the_case_is_the_first_evidence(claim: Claim) -> None:
    assert points(claim) == {E: 20}


# --- Another mailbox ---


def test_a_second_mailbox_counts_after_its_link_was_opened_and_sent(owner: User, claim: Claim) -> None:
    add_address(owner, "alice@example.net")
    reaching.ask_for_mailbox(claim, "Alice@Example.net ")
    token = mailed_link("alice@example.net").strip("/").rpartition("/")[2]
    assert points(claim) == {E: 20}
    reaching.offer_mailbox(claim, token)
    assert points(claim) == {E: 35}
    row = the_row(claim)
    assert (row.subject, row.reference, row.verdict) == ("example.net", "alice@example.net", Verdict.PASSED)


def test_a_second_mailbox_below_the_same_domain_adds_nothing(owner: User, claim: Claim) -> None:
    add_address(owner, "alice@mail.example.org")
    reaching.ask_for_mailbox(claim, "alice@mail.example.org")
    reaching.offer_mailbox(claim, mailed_link("alice@mail.example.org").strip("/").rpartition("/")[2])
    assert the_row(claim).verdict == Verdict.PASSED
    assert points(claim) == {E: 20}


def test_a_mailed_link_works_once_and_only_with_the_request_secret(owner: User, claim: Claim) -> None:
    add_address(owner, "alice@example.net")
    reaching.ask_for_mailbox(claim, "alice@example.net")
    token = mailed_link("alice@example.net").strip("/").rpartition("/")[2]
    # Whoever reads the mailbox, such as a scanner of links, has the link and nothing else.
    with pytest.raises(CaseUnknown):
        reaching.offer_mailbox(Claim(claim.actor, claim.case_id, "guessed", claim.at), token)
    reaching.offer_mailbox(claim, token)
    reaching.offer_mailbox(claim, token)
    assert [row.verdict for row in offered(claim)] == [Verdict.PASSED, Verdict.FAILED]


def test_an_address_that_left_the_account_meanwhile_counts_no_more(owner: User, claim: Claim) -> None:
    row = add_address(owner, "alice@example.net")
    reaching.ask_for_mailbox(claim, "alice@example.net")
    reaching.offer_mailbox(claim, mailed_link("alice@example.net").strip("/").rpartition("/")[2])
    row.delete()
    assert points(claim) == {E: 20}


# --- The password ---


def test_the_password_counts_if_it_is_old_enough(owner: User, claim: Claim) -> None:
    knowing.offer_password(claim, cast.PASSWORD)
    assert points(claim) == {E: 20, K: 15}
    claims.past_event(owner, audit.PasswordChanged(about=owner), clock.now() - timedelta(days=29))
    Evidence.objects.filter(pk=the_row(claim).pk).update(since=clock.now() - timedelta(days=29))
    assert points(claim) == {E: 20}


def test_a_password_changed_since_counts_no_more(owner: User, claim: Claim) -> None:
    knowing.offer_password(claim, cast.PASSWORD)
    claims.past_event(owner, audit.PasswordReset(about=owner), clock.now() + timedelta(seconds=1))
    assert points(claim) == {E: 20}


def test_three_tries_right_or_wrong_and_never_more(owner: User, claim: Claim) -> None:
    for password in ("wrong one", cast.PASSWORD, "wrong again"):
        knowing.offer_password(claim, password)
    with pytest.raises(TriesUsed):
        knowing.offer_password(claim, cast.PASSWORD)
    assert [row.verdict for row in offered(claim)] == [Verdict.FAILED, Verdict.PASSED, Verdict.FAILED]


def test_passwords_are_counted_as_sign_ins_across_cases(owner: User) -> None:
    """Without the count, a case for each three guesses would be as many guesses as one has mailboxes."""
    strangers = []
    for number in range(4):
        opened = claimant("alice", f"mallory{number}@example.com", address=f"203.0.{number}.9")
        strangers.append(Claim(claims.visitor(ELSEWHERE), opened.case_id, opened.secret, opened.at))
    guesses = [stranger for stranger in strangers for _ in range(3)]
    for stranger in guesses[:10]:
        knowing.offer_password(stranger, "guess")
    with pytest.raises(LimitReached, match="failed sign-ins"):
        knowing.offer_password(guesses[10], "guess")


# --- A browser ---


def known(user: User, *, days: int, address: str = HOME) -> str:
    """The secret of a browser that has been known for so long."""
    then = clock.now() - timedelta(days=days)
    secret = devices.remember(user=user, shown="", session_key="", address=address, client="", at=then)
    digest = known_devices.digest(user, secret)
    KnownDevice.objects.filter(digest=digest).update(last_used_at=clock.now() - timedelta(days=1))
    return secret


def with_old_factor(user: User) -> None:
    claims.past_event(user, audit.FactorAdded(about=user, factor="app"), clock.now() - timedelta(days=300))


def test_a_known_browser_counts_and_more_so_at_home(owner: User) -> None:
    with_old_factor(owner)
    secret = known(owner, days=100)
    claim = claimant("alice", "alice@example.org", address=ELSEWHERE)
    knowing.offer_browser(claim, secret)
    assert points(claim) == {E: 20, D: 25}
    at_home = Claim(claims.visitor("198.51.100.200"), claim.case_id, claim.secret, claim.at)
    knowing.offer_browser(at_home, secret)
    assert points(claim) == {E: 20, D: 30}


def test_a_browser_known_from_before_the_first_factor_counts_from_that(owner: User, claim: Claim) -> None:
    claims.past_event(owner, audit.FactorAdded(about=owner, factor="app"), clock.now() - timedelta(days=10))
    knowing.offer_browser(claim, known(owner, days=100))
    assert the_row(claim).verdict == Verdict.PASSED
    assert points(claim) == {E: 20}


@pytest.mark.parametrize("secret", ["", "guessed"])
def test_an_unknown_browser_is_nothing(claim: Claim, secret: str) -> None:
    knowing.offer_browser(claim, secret)
    assert the_row(claim).verdict == Verdict.FAILED


def test_somebody_elses_browser_is_nothing(claim: Claim, bob: User) -> None:
    with_old_factor(bob)
    knowing.offer_browser(claim, known(bob, days=100))
    assert the_row(claim).verdict == Verdict.FAILED


def test_a_browser_that_the_owner_forgot_counts_no_more(owner: User, claim: Claim) -> None:
    with_old_factor(owner)
    knowing.offer_browser(claim, known(owner, days=100))
    assert D in points(claim)
    owner.known_devices.all().delete()
    assert D not in points(claim)


# --- A token ---


def run_program(code: str, secret: str) -> str:
    """What the program prints, downloaded and run by itself."""
    program = BASE_DIR / "static" / "recovery" / "prove_token.py"
    command = [sys.executable, "-I", str(program), code]
    done = subprocess.run(command, input=secret, capture_output=True, text=True, check=True, timeout=30)
    return done.stdout


def used_token(user: User, *, days: int = 100, **options: object) -> Token:
    token = token_of(user, created_at=clock.now() - timedelta(days=days), **options)
    Token.objects.filter(pk=token.pk).update(last_used_at=clock.now() - timedelta(days=2))
    return token


def test_a_proof_by_the_program_counts(owner: User, claim: Claim) -> None:
    token = used_token(owner)
    knowing.offer_token(claim, run_program(knowing.ask_for_token(claim), token.secret()))
    assert points(claim) == {E: 20, T: 25}
    # Nothing happened to the token, and nothing that opens anything was stored.
    assert Token.objects.unrevoked().filter(pk=token.pk).exists()
    assert token.secret() not in str(list(Evidence.objects.values()))


def test_a_token_for_a_project_counts_less(owner: User, claim: Claim) -> None:
    project = cast.ProjectFactory(name="sampleproject", owner=owner)
    secret = used_token(owner, project=project).secret()
    knowing.offer_token(claim, run_program(knowing.ask_for_token(claim), secret))
    assert points(claim) == {E: 20, T: 15}


@pytest.mark.parametrize("days", [1, 29])
def test_a_young_or_unused_token_counts_for_nothing(owner: User, claim: Claim, days: int) -> None:
    knowing.offer_token(claim, run_program(knowing.ask_for_token(claim), used_token(owner, days=days).secret()))
    unused = token_of(owner, description="unused", created_at=clock.now() - timedelta(days=100))
    knowing.offer_token(claim, run_program(knowing.ask_for_token(claim), unused.secret()))
    assert points(claim) == {E: 20}


def test_case_18_a_proof_is_not_replayed(owner: User, claim: Claim) -> None:
    """Without the nonce, whoever has seen one proof has it for ten minutes in every case."""
    token = used_token(owner)
    proof = run_program(knowing.ask_for_token(claim), token.secret())
    rival = claimant("alice", "mallory@example.com", address=ELSEWHERE)
    knowing.ask_for_token(rival)
    knowing.offer_token(rival, proof)
    knowing.offer_token(claim, proof)
    knowing.offer_token(claim, proof)
    assert T not in points(rival)
    assert [row.verdict for row in offered(claim)] == [Verdict.PASSED, Verdict.FAILED]


def test_case_18_a_proof_by_somebody_elses_token_is_nothing(claim: Claim, bob: User) -> None:
    knowing.offer_token(claim, run_program(knowing.ask_for_token(claim), used_token(bob).secret()))
    assert the_row(claim).verdict == Verdict.FAILED


def test_a_pasted_token_is_refused_and_revoked_whoevers_it_is(owner: User, claim: Claim, bob: User) -> None:
    mine, theirs = used_token(owner), used_token(bob)
    for token in (mine, theirs):
        with pytest.raises(RawTokenPasted):
            knowing.offer_token(claim, f"here: {token.secret()}")
        token.refresh_from_db()
        assert token.revoked_at is not None
    assert offered(claim) == []
    letter = letters_to(bob.email)[-1]
    assert "pasted into a request for recovery" in str(letter.body)


def test_a_token_that_never_was_gets_the_same_answer(claim: Claim, bob: User) -> None:
    made_up = used_token(bob).secret()
    Token.objects.all().delete()
    with pytest.raises(RawTokenPasted):
        knowing.offer_token(claim, made_up)


def test_a_token_revoked_after_its_proof_counts_no_more(owner: User, claim: Claim) -> None:
    token = used_token(owner)
    knowing.offer_token(claim, run_program(knowing.ask_for_token(claim), token.secret()))
    Token.objects.filter(pk=token.pk).update(revoked_at=clock.now())
    assert points(claim) == {E: 20}


# --- A key ---


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    if shutil.which("ssh-keygen") is None and system.may_install():
        system.install("openssh-client")
    file = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-N", "", "-t", "ed25519", "-f", file], check=True)
    return file


def added_key(user: User, file: Path, *, days: int) -> SigningKey:
    return added(user, file.with_suffix(".pub").read_text(), days=days)


def added(user: User, line: str, *, days: int) -> SigningKey:
    then = clock.now() - timedelta(days=days)
    public = read(line, at=then)
    return SigningKey.objects.create(
        user=user,
        kind=public.kind,
        fingerprint=public.fingerprint,
        text=public.text,
        name="laptop",
        nonce="n",
        added_at=then,
        proved_at=then,
    )


def signed(file: Path, text: str, namespace: str) -> str:
    command = ["ssh-keygen", "-q", "-Y", "sign", "-f", str(file), "-n", namespace]
    done = subprocess.run(command, input=f"{text}\n", capture_output=True, text=True, check=True)
    return done.stdout


def test_a_signature_by_an_old_key_counts_and_by_a_young_one_does_not(
    owner: User, claim: Claim, key_file: Path
) -> None:
    key = added_key(owner, key_file, days=91)
    text = knowing.message_for(knowing.ask_for_signature(claim))
    signature = signed(key_file, text, knowing.namespace())
    knowing.offer_signature(claim, signature)
    assert points(claim) == {E: 20, S: 25}
    knowing.offer_signature(claim, signature)  # used up
    assert [row.verdict for row in offered(claim)] == [Verdict.PASSED, Verdict.FAILED]
    Evidence.objects.filter(signal=Signal.SIGNATURE).update(since=clock.now() - timedelta(days=89))
    assert points(claim) == {E: 20}
    Evidence.objects.filter(signal=Signal.SIGNATURE).update(since=key.proved_at)
    SigningKey.objects.filter(pk=key.pk).update(removed_at=clock.now())
    assert points(claim) == {E: 20}


@pytest.mark.parametrize("kind", ["ed25519-sk", "ecdsa-sk"])
def test_a_key_on_an_authenticator_counts_if_it_was_touched(owner: User, claim: Claim, kind: str) -> None:
    key = OnAuthenticator(kind)
    added(owner, key.public, days=91)
    text = knowing.message_for(knowing.ask_for_signature(claim))
    knowing.offer_signature(claim, key.sign(text, knowing.namespace(), touched=False))
    assert points(claim) == {E: 20}
    knowing.offer_signature(claim, key.sign(text, knowing.namespace()))
    assert points(claim) == {E: 20, S: 25}


def test_a_signature_of_another_case_or_for_another_purpose_is_nothing(
    owner: User, claim: Claim, key_file: Path
) -> None:
    added_key(owner, key_file, days=91)
    other = claimant("alice", "mallory@example.com", address=ELSEWHERE)
    text = knowing.message_for(knowing.ask_for_signature(claim))
    knowing.ask_for_signature(other)
    knowing.offer_signature(other, signed(key_file, text, knowing.namespace()))
    knowing.offer_signature(claim, signed(key_file, text, "signing-key@testserver"))
    assert offered(other)[-1].verdict == Verdict.FAILED
    assert the_row(claim).verdict == Verdict.FAILED


# --- The registry ---


def test_every_signal_has_a_kind_except_those_of_publishers_to_come() -> None:
    known_signals = {signal for kind in kinds.all_kinds() for signal in kind.signals}
    assert set(Signal) - known_signals == {Signal.PUBLISHER}
    assert all(kind.belongs is POLICY.signals[next(iter(kind.signals))].belongs for kind in kinds.all_kinds())


def test_another_app_registers_its_kind_once(monkeypatch: pytest.MonkeyPatch, claim: Claim) -> None:
    monkeypatch.setattr(kinds, "_KINDS", dict(kinds._KINDS))
    publisher = kinds.Kind(
        "publisher", "A workflow", "Run it.", frozenset({Signal.PUBLISHER}), 3, lambda row, at: True
    )
    kinds.register(publisher)
    assert kinds.of_signal(Signal.PUBLISHER) is publisher
    assert progress_of(case_of(claim))[-1].kind is publisher
    with pytest.raises(ValueError, match="already"):
        kinds.register(publisher)


def test_what_else_would_help_is_what_was_not_offered(claim: Claim) -> None:
    knowing.offer_password(claim, "wrong")
    left = {each.kind.code: each.left for each in progress_of(case_of(claim))}
    assert left == {
        "mailbox": 5,  # not the one that opened it: else its page would say whether that one is the account's
        "password": 2,
        "browser": 5,
        "token": 5,
        "repository": 5,
        "signature": 5,
        "vouch": 5,
    }


def test_ages_are_counted_to_the_opening(owner: User, claim: Claim) -> None:
    """Waiting makes nothing older: a token of yesterday is one of yesterday at the end of the case, too."""
    knowing.offer_token(claim, run_program(knowing.ask_for_token(claim), used_token(owner, days=25).secret()))
    with time_machine.travel(clock.now() + timedelta(days=13)):
        assert points(claim) == {E: 20}
    assert mail.outbox
