"""Random people at random moments: claimants, owners, the desk and the worker do whatever comes to their minds.

After each step everything that must never be is looked for in the rows.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from datetime import timedelta

from django.db.models import Q

from accounts.models import StaffKind, User
from indexsite import clock
from indexsite.errors import DomainError
from mfa.models import AuthenticatorApp, FactorRemoval, SecurityKey, has_factor
from recovery import bearers
from recovery.actions import approving, desk, owner, requests, resuming
from recovery.models import MOVES, BreakGlass, CaseState, Lease, NoticeKind, NoticeSent, RecoveryCase
from tests.support import cast, people, recovery
from tests.support.recovery import Calendar, Claim, on_duty, visitor

STEPS = [timedelta(minutes=1), timedelta(hours=1), timedelta(hours=9), timedelta(days=1), timedelta(days=4)]
SIGNALS = list(recovery.PROOFS)


class Machine:
    """One run, repeatable by its seed."""

    def __init__(self, seed: int, calendar: Calendar) -> None:
        self.draw = random.Random(seed)
        self.calendar = calendar
        self.claims: list[Claim] = []
        self.states: dict[object, str] = {}
        self.seen: Counter[str] = Counter()
        self.owners = [recovery.veteran(f"owner{number}") for number in range(4)]
        shared = cast.ProjectFactory(name="shared", owner=self.owners[1])
        cast.grant(self.owners[2], shared)
        cast.ProjectFactory(name="alone", owner=self.owners[3])
        kinds = [StaffKind.SUPPORT_1, StaffKind.SUPPORT_1, StaffKind.SUPPORT_2, StaffKind.SUPPORT_2]
        kinds += [StaffKind.SECURITY, StaffKind.SECURITY]
        self.staff = [recovery.desk(f"staff{number}", kind) for number, kind in enumerate(kinds)]

    def run(self, steps: int) -> Counter[str]:
        """So many acts; returns which moves were seen.

        Raises:
            AssertionError: something came about that must never be.
        """
        acts: list[tuple[int, Callable[[], object]]] = [
            (3, self.ask), (6, self.open), (8, self.offer), (5, self.finish), (2, self.withdraw),
            (9, self.take), (12, self.approve), (2, self.ask_claimant), (2, self.answer), (2, self.reject),
            (1, self.settle), (1, self.glass), (1, self.break_glass), (2, self.cancel), (1, self.dispute),
            (1, self.reopen), (1, self.sign_in), (6, self.enrol), (1, self.bounce), (1, self.merge),
            (16, self.time_passes), (16, self.worker),
        ]  # fmt: skip
        weights = [weight for weight, _ in acts]
        for _ in range(steps):
            ((_, act),) = self.draw.choices(acts, weights)
            people.forget_limits()
            try:
                act()
            except (DomainError, IndexError, AssertionError) as refusal:
                if isinstance(refusal, AssertionError) and "link went to" not in str(refusal):
                    raise
            self.check()
        return self.seen

    # -- who does what ------------------------------------------------------------------------------------

    def claim(self, *states: CaseState) -> Claim:
        """Any recent claim; mostly one in such a state, so that the run gets somewhere."""
        fits = [each for each in self.claims[-12:] if not states or each.state in states]
        return self.draw.choice(fits if fits and self.draw.random() < 0.9 else self.claims[-12:])

    def desk(self) -> User:
        return self.draw.choice(self.staff)

    def ask(self) -> None:
        user = self.draw.choice(self.owners)
        name = self.draw.choice([user.username] * 6 + ["nobody", "staff0"])
        mailbox = self.draw.choice([user.email] * 4 + [f"other{self.draw.randrange(99)}@example.net"])
        self.claims.append(
            Claim(name, mailbox, address=f"10.{self.draw.randrange(250)}.{len(self.claims) % 250}.1")
        )

    def open(self) -> None:
        self.claim(CaseState.SUBMITTED).open()

    def offer(self) -> None:
        claim = self.claim(CaseState.EVIDENCE)
        claim.offer(self.draw.choice(SIGNALS), passed=self.draw.random() < 0.9)

    def finish(self) -> None:
        self.claim(CaseState.EVIDENCE).finish()

    def withdraw(self) -> None:
        claim = self.claim()
        if self.draw.random() < 0.3:
            requests.withdraw(actor=claim.actor, pk=claim.pk, secret=claim.secret, at=clock.now())

    def take(self) -> None:
        reason = self.draw.choice(["", "", "a reason"])
        claim = self.claim(CaseState.QUEUED)
        desk.take(actor=on_duty(self.desk()), pk=claim.pk, at=clock.now(), reason=reason)

    def approve(self) -> None:
        claim = self.claim(CaseState.IN_REVIEW, CaseState.APPROVED)
        lease = Lease.objects.filter(case=claim.pk).select_related("person").first()
        person = lease.person if lease is not None and self.draw.random() < 0.5 else self.desk()
        digest = self.draw.choice([claim.case.evidence_digest] * 9 + ["stale"])
        approving.approve(actor=on_duty(person), pk=claim.pk, digest=digest, reason="good", at=clock.now())

    def ask_claimant(self) -> None:
        claim = self.claim(CaseState.IN_REVIEW)
        lease = Lease.objects.get(case=claim.pk) if Lease.objects.filter(case=claim.pk).exists() else None
        person = lease.person if lease is not None else self.desk()
        desk.ask(actor=on_duty(person), pk=claim.pk, text="Which project?", at=clock.now())

    def answer(self) -> None:
        claim = self.claim(CaseState.NEEDS_INFO)
        requests.reply(actor=claim.actor, pk=claim.pk, secret=claim.secret, text="That one", at=clock.now())

    def reject(self) -> None:
        claim = self.claim(CaseState.IN_REVIEW)
        desk.reject(actor=on_duty(self.desk()), pk=claim.pk, reason="no", at=clock.now())

    def settle(self) -> None:
        claim = self.claim(CaseState.DISPUTED)
        goes_on = self.draw.random() < 0.5
        desk.settle(actor=on_duty(self.desk()), pk=claim.pk, goes_on=goes_on, reason="seen", at=clock.now())

    def glass(self) -> None:
        claim = self.claim(CaseState.COOLING)
        approving.ask_for_glass(actor=on_duty(self.desk()), pk=claim.pk, reason="now", at=clock.now())

    def break_glass(self) -> None:
        glass = self.draw.choice(list(BreakGlass.objects.order_by("-pk")[:3]))
        approving.break_glass(actor=on_duty(self.desk()), glass_pk=glass.pk, at=clock.now())

    def letter(self) -> NoticeSent:
        return self.draw.choice(list(NoticeSent.objects.filter(case=self.claim().pk)))

    def cancel(self) -> None:
        if self.draw.random() < 0.5:
            letter = self.letter()
            token = bearers.owner_token(letter.case_id, letter.pk)
            owner.cancel_by_link(actor=visitor(), token=token, at=clock.now())
        else:
            actor = cast.actor(self.draw.choice(self.owners))
            owner.cancel_by_session(actor=actor, pk=self.claim().pk, at=clock.now())

    def dispute(self) -> None:
        letter = self.letter()
        token = bearers.owner_token(letter.case_id, letter.pk)
        owner.dispute_by_link(actor=visitor(), token=token, at=clock.now())

    def reopen(self) -> None:
        claim = self.claim(CaseState.CANCELLED)
        resuming.reopen(actor=claim.actor, pk=claim.pk, secret=claim.secret, at=clock.now())

    def sign_in(self) -> None:
        user = User.objects.get(pk=self.draw.choice(self.owners).pk)
        if has_factor(user) and user.recovering_since is None and self.draw.random() < 0.4:
            owner.self_resolve(actor=cast.actor(user), at=clock.now())

    def enrol(self) -> None:
        self.claim(CaseState.EXECUTED).enrol()

    def bounce(self) -> None:
        letter = self.letter()
        desk.note_bounce(actor=on_duty(self.desk()), pk=letter.case_id, email=letter.address, at=clock.now())

    def merge(self) -> None:
        one, other = self.claim(CaseState.IN_REVIEW), self.claim()
        desk.merge(actor=on_duty(self.desk()), pk=one.pk, into=other.pk, reason="same", at=clock.now())

    def time_passes(self) -> None:
        length = self.draw.choice(STEPS)
        self.calendar.jump(seconds=length.total_seconds())

    def worker(self) -> None:
        recovery.tend()

    # -- what must never be -------------------------------------------------------------------------------

    def check(self) -> None:
        for case in RecoveryCase.objects.exclude(
            pk__in=[pk for pk, state in self.states.items() if state in ("closed", "rejected", "expired")]
        ):
            before = self.states.get(case.pk, CaseState.SUBMITTED.value)
            if before != case.state:
                self.seen[f"{before}>{case.state}"] += 1
                self.check_path(case, before)
                if case.state == CaseState.EXECUTED:
                    check_execution(case)
            self.states[case.pk] = case.state
        check_accounts()

    def check_path(self, case: RecoveryCase, before: str) -> None:
        """One act may take several moves, but only moves that there are."""
        reached, border = {before}, {before}
        for _ in range(3):
            border = {to.value for state in border for to in MOVES.get(CaseState(state), ())}
            reached |= border
        assert case.state in reached, f"{before} > {case.state}"


def check_execution(case: RecoveryCase) -> None:
    """Just carried out: by nobody and the rules, or by enough people; and its owner was told."""
    assert case.not_before is not None
    assert case.executed_at is not None
    assert case.executed_at >= case.not_before
    given = case.approvals.filter(void_at=None)
    people_who = set(given.values_list("person", flat=True))
    if case.approvals_needed:
        assert len(people_who) >= max(2, case.approvals_needed)
        assert set(given.values_list("evidence_digest", flat=True)) == {case.evidence_digest}
        assert not approving.missing(
            approving.needed_roles(case), [approving.rank_of(each.person) for each in given]
        )
    else:
        assert case.tier == 0
        assert not people_who
    told = case.notices.filter(is_owner=True).exclude(sent_at=None)
    assert told.filter(kind=NoticeKind.OPENED).exists()
    last = told.filter(kind=NoticeKind.LAST_DAY, round=case.round).order_by("sent_at").first()
    assert last is not None
    is_broken = case.glass.exclude(confirmed_at=None).exists()
    assert is_broken or case.executed_at - last.sent_at >= timedelta(hours=24)
    everybody = set(told.filter(kind=NoticeKind.OPENED).values_list("address", flat=True))
    executed = case.notices.filter(kind=NoticeKind.EXECUTED, round=case.round, is_owner=True)
    assert everybody <= set(executed.values_list("address", flat=True))


def check_accounts() -> None:
    """Whoever has no factor was handed over, and everything that counts no more has its record."""
    for user in User.objects.filter(username__startswith="owner"):
        is_shut = user.recovering_since is not None
        assert has_factor(user) != is_shut, user
        if is_shut:
            due = [CaseState.EXECUTED, CaseState.DISPUTED, CaseState.QUEUED, CaseState.IN_REVIEW]
            due += [CaseState.NEEDS_INFO, CaseState.APPROVED, CaseState.COOLING]
            ended = ~Q(executed_at=None)
            assert RecoveryCase.objects.filter(user=user).filter(ended).exists(), due
    gone = {key.persistent_id for key in SecurityKey._base_manager.filter(confirmed=False)}
    gone |= {app.persistent_id for app in AuthenticatorApp._base_manager.filter(confirmed=False)}
    assert gone <= set(FactorRemoval.objects.values_list("device", flat=True))
