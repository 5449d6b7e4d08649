"""No oracle: whatever is offered, right or wrong, about somebody or nobody, answer and traces look the same."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from indexsite import clock
from recovery.actions import requests
from recovery.actions.evidence import knowing, reaching
from recovery.actions.evidence.receiving import Claim, progress_of
from recovery.actions.story import CaseMoved, CaseUnknown
from recovery.models import CancelledBy, CaseState, Evidence, NoticeKind, RecoveryCase, Verdict
from tests.support import cast, claim_pages
from tests.support.claims import ELSEWHERE, aged, case_of, claimant, offered, visitor
from tests.support.gits import GitServer, serving
from tests.support.people import HashCounter, events, letters, letters_to
from tests.support.recovery import stored_approval

pytestmark = pytest.mark.django_db

OFFERS: dict[str, Callable[[Claim], object]] = {
    "password": lambda claim: knowing.offer_password(claim, "wrong"),
    "browser": lambda claim: knowing.offer_browser(claim, "unknown"),
    "token": lambda claim: knowing.offer_token(claim, "nothing"),
    "signature": lambda claim: knowing.offer_signature(claim, "nothing"),
    "mailbox": lambda claim: reaching.offer_mailbox(claim, "guessed"),
    "vouch": lambda claim: reaching.offer_vouch(claim, "1234567890"),
}
NAMES = ["alice", "nobody-at-all", "sven"]


@pytest.fixture(autouse=True)
def _people(alice: User) -> None:
    aged(alice)
    cast.staff("sven")


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GitServer]:
    with serving(tmp_path / "repositories", monkeypatch) as started:
        yield started


def stranger(name: str, number: int = 0) -> Claim:
    """Somebody with a mailbox of their own, which no account has verified."""
    return claimant(name, f"stranger{number}@example.com", address=f"203.0.{number}.9")


def page(claim: Claim) -> object:
    """All that a status page may show: public lines, and what is left to be offered."""
    case = case_of(claim)
    lines = [(line.name, line.text, line.data) for line in case.events.filter(is_public=True)]
    return case.state, lines, [(each.kind.code, each.offered, each.left) for each in progress_of(case)]


@pytest.mark.parametrize("kind", OFFERS)
def test_case_1_known_unknown_and_staff_names_hear_the_same(kind: str) -> None:
    pages, answers = [], []
    for number, name in enumerate(NAMES):
        claim = stranger(name, number)
        answers.append(OFFERS[kind](claim))
        pages.append(page(claim))
    assert answers == [None, None, None]
    assert pages[0] == pages[1] == pages[2]


def test_right_and_wrong_look_the_same() -> None:
    right, wrong = (
        claimant("alice", "alice@example.org"),
        claimant("alice", "alice@example.org", address=ELSEWHERE),
    )
    assert knowing.offer_password(right, cast.PASSWORD) == knowing.offer_password(wrong, "wrong")  # type: ignore[func-returns-value]
    assert page(right) == page(wrong)
    verdicts = [offered(claim)[0].verdict for claim in (right, wrong)]
    assert verdicts == [Verdict.PASSED, Verdict.FAILED]


@pytest.mark.parametrize("name", NAMES)
def test_a_password_costs_one_hash_whoever_it_is_for(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    claim = stranger(name)
    hashes = HashCounter(monkeypatch)
    assert hashes.during(lambda: knowing.offer_password(claim, "wrong")) == 1


def test_a_repository_is_asked_whoever_it_is_for(server: GitServer) -> None:
    server.make("alice/demo")
    for number, name in enumerate(NAMES):
        claim = stranger(name, number)
        reaching.ask_for_repository(claim)
        reaching.offer_repository(claim, server.url("alice/demo"))
    assert len(server.seen) == len(NAMES)


def test_a_letter_goes_to_any_address_and_names_no_account() -> None:
    bodies = []
    for number, (name, address) in enumerate(
        [("alice", "alice@example.org"), ("alice", "mallory@example.com"), ("nobody-at-all", "m2@example.com")]
    ):
        claim = stranger(name, number)
        reaching.ask_for_mailbox(claim, address)
        letter = letters_to(address)[-1]
        assert "alice" not in f"{letter.subject} {letter.body}".replace(address, "")
        body = re.sub(r"\d\d:\d\d UTC", "", str(letter.body))  # a minute may pass between two of them
        bodies.append([line for line in body.splitlines() if "/recovery/mailbox/" not in line])
    assert bodies[0] == bodies[1] == bodies[2]


def test_without_the_secret_of_the_request_nothing_is_taken() -> None:
    claim = claimant("alice", "alice@example.org")
    thief = Claim(visitor(ELSEWHERE), claim.case_id, "guessed", claim.at)
    for offer in OFFERS.values():
        with pytest.raises(CaseUnknown):
            offer(thief)
    assert offered(claim) == []


def test_the_owner_hears_of_evidence_and_a_strangers_branch_stays_silent() -> None:
    """Somebody with a mailbox of their own makes no letters, until something passes that the owner alone has."""
    claim = stranger("alice")
    before = len(letters())
    knowing.offer_password(claim, "wrong")
    assert len(letters()) == before
    assert not [name for name in events(case_of(claim).user) if name.startswith("recovery.")]
    knowing.offer_password(claim, cast.PASSWORD)
    letters()
    told = case_of(claim).notices.filter(address="alice@example.org").values_list("kind", flat=True)
    assert set(told) == {NoticeKind.OPENED, NoticeKind.EVIDENCE}
    assert letters_to("alice@example.org")
    assert "recovery.evidence-added" in events(case_of(claim).user)


def test_owners_are_told_of_wrong_evidence_as_of_right() -> None:
    claim = claimant("alice", "alice@example.org")
    mail.outbox.clear()
    knowing.offer_password(claim, "wrong")
    assert letters_to("alice@example.org")


def test_verdicts_decide_nothing_before_the_claimant_is_done() -> None:
    claim = claimant("alice", "alice@example.org")
    before = case_of(claim)
    knowing.offer_password(claim, cast.PASSWORD)
    after = case_of(claim)
    assert (after.state, after.tier, after.points) == (before.state, before.tier, before.points)
    requests.finish(actor=claim.actor, pk=claim.case_id, secret=claim.secret, at=clock.now())
    assert case_of(claim).points > before.points


# --- What evidence does to a decision ---


def test_case_11_evidence_after_an_approval_voids_it() -> None:
    tina = cast.staff("tina", "support-1")
    claim = claimant("alice", "alice@example.org")
    rows = RecoveryCase.objects.filter(pk=claim.case_id)
    for state in (CaseState.QUEUED, CaseState.IN_REVIEW):
        rows.update(state=state)
    approval = stored_approval(case_of(claim), tina)
    rows.update(state=CaseState.APPROVED)
    knowing.offer_password(claim, "wrong")
    approval.refresh_from_db()
    assert approval.void_at is not None
    assert case_of(claim).state == CaseState.QUEUED
    assert case_of(claim).evidence_digest != approval.evidence_digest


@pytest.mark.parametrize(("cancelled_by", "takes"), [(CancelledBy.MAILBOX, True), (CancelledBy.SESSION, False)])
def test_what_a_mailbox_stopped_takes_better_proof_and_what_a_session_stopped_does_not(
    cancelled_by: CancelledBy, takes: bool
) -> None:
    claim = claimant("alice", "alice@example.org")
    RecoveryCase.objects.filter(pk=claim.case_id).update(
        state=CaseState.CANCELLED, cancelled_by=cancelled_by, ended_at=clock.now()
    )
    if takes:
        knowing.offer_password(claim, cast.PASSWORD)
        assert offered(claim)[0].verdict == Verdict.PASSED
    else:
        with pytest.raises(CaseMoved):
            knowing.offer_password(claim, cast.PASSWORD)


@pytest.mark.parametrize("state", [CaseState.REJECTED, CaseState.WITHDRAWN, CaseState.EXPIRED])
def test_a_closed_case_takes_nothing(state: CaseState) -> None:
    claim = claimant("alice", "alice@example.org")
    RecoveryCase.objects.filter(pk=claim.case_id).update(state=state, ended_at=clock.now())
    with pytest.raises(CaseMoved):
        knowing.offer_password(claim, cast.PASSWORD)
    assert not Evidence.objects.filter(signal="password").exists()


# --- What takes time tells, too ---


def counted(act: Callable[[], object]) -> int:
    with CaptureQueriesContext(connection) as asked:
        act()
    return len(asked)


def works(name: str, number: int) -> list[int]:
    """Statements for a stranger who opens, finishes, and offers something afterwards."""
    client, mailbox = Client(REMOTE_ADDR=f"203.0.{number}.9"), f"s{number}@example.com"
    case = claim_pages.asked(client, name, mailbox)
    path, token = claim_pages.link_in(mailbox), claim_pages.evidence_path(case, "token")
    return [
        counted(lambda: client.post(path)),
        counted(lambda: client.post(claim_pages.status_path(case), {"act": "finish"})),
        counted(lambda: client.post(token, {"proof": "nothing"})),
    ]


def test_a_stranger_cannot_tell_by_the_work_whose_account_it_is() -> None:
    """As many statements for everybody and for nobody."""
    alice, nobody, sven = (works(name, number) for number, name in enumerate(NAMES))
    assert nobody == sven
    # The lock of a row that is there, and reading it: weighing took dozens more.
    assert all(known - unknown <= 2 for known, unknown in zip(alice, nobody, strict=True)), (alice, nobody)


def test_a_right_password_in_a_silent_case_takes_no_more_work_than_a_wrong_one() -> None:
    """Its letters to the owner leave by the worker; the answer does not wait for them."""
    right, wrong = stranger("alice", 1), stranger("alice", 2)
    before = letters_to("alice@example.org")
    work = [
        counted(lambda: knowing.offer_password(right, cast.PASSWORD)),
        counted(lambda: knowing.offer_password(wrong, "wrong")),
    ]
    assert abs(work[0] - work[1]) <= 1  # the row of the password's age
    assert not case_of(right).notices.exists()
    letters()
    assert case_of(right).notices.filter(kind=NoticeKind.OPENED).exists()
    assert not case_of(wrong).notices.exists()
    assert len(letters_to("alice@example.org")) > len(before)
