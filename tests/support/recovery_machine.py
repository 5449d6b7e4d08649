"""Random people at random moments: claimants, owners, the desk and the worker do whatever comes to their minds.

After each step everything that must never be is looked for in the rows.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta

from django.core import mail

from accounts.actions import freezing
from accounts.models import StaffKind, User
from indexsite import clock
from indexsite.errors import DomainError
from mfa.models import AuthenticatorApp, FactorRemoval, SecurityKey, has_factor
from recovery import bearers
from recovery.actions import approving, desk, owner, requests, resuming
from recovery.assurance import Signal
from recovery.models import (
    COOLING_STATES,
    HANDED_OVER_STATES,
    MOVES,
    OPEN_STATES,
    UNDECIDED_STATES,
    BreakGlass,
    CaseState,
    Lease,
    NoticeKind,
    NoticeSent,
    RecoveryCase,
)
from tests.support import cast, people, recovery
from tests.support.case_moves import Moves
from tests.support.recovery import Calendar, Claim, on_duty, visitor

# Mostly short, or links and leases would have run out before anybody came to use them.
STEPS = {
    timedelta(minutes=1): 16,
    timedelta(hours=1): 28,
    timedelta(hours=9): 20,
    timedelta(days=1): 8,
    timedelta(days=4): 4,
    timedelta(days=15): 1,
}
# By how much more often somebody acts who could make a move that nobody has made yet.
URGE = 8
# Of the letters only the latest are read.
LETTERS_KEPT = 1000
SIGNALS = list(recovery.PROOFS)
# What somebody without a project can show; the others would give them one.
OWN_SIGNALS = [Signal.PASSWORD, Signal.DEVICE, Signal.USER_TOKEN, Signal.SIGNATURE]
# Of claims that have ended only so many of the latest are thought of.
WINDOW = 12
OVER = {"closed", "cancelled", "rejected", "expired", "duplicate", "withdrawn", "self-resolved"}
EVERY_MOVE = frozenset(f"{old.value}>{to.value}" for old, moves in MOVES.items() for to in moves)


_S = CaseState
# Where a case is taken, and how often from there.
TAKEN_IN = {CaseState.QUEUED: 6, CaseState.IN_REVIEW: 2, CaseState.NEEDS_INFO: 1, CaseState.APPROVED: 1}


class NothingThere(Exception):
    """Nothing of the kind to act on."""


class Machine:
    """One run, repeatable by its seed."""

    def __init__(self, seed: int, calendar: Calendar) -> None:
        self.draw = random.Random(seed)
        self.calendar = calendar
        self.claims: list[Claim] = []
        self.states: dict[object, str] = {}
        self.seen: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.moves = Moves()
        # Four with projects, of which three share some; the others have nothing at stake: some the rules decide.
        self.owners = [recovery.veteran(f"owner{number}") for number in range(20)]
        shared = cast.ProjectFactory(name="shared", owner=self.owners[0])
        cast.grant(self.owners[1], shared)
        cast.ProjectFactory(name="alone", owner=self.owners[2])
        other = cast.ProjectFactory(name="other", owner=self.owners[3])
        cast.grant(self.owners[0], other)
        kinds = [StaffKind.SUPPORT_1, StaffKind.SUPPORT_1, StaffKind.SUPPORT_2, StaffKind.SUPPORT_2]
        kinds += [StaffKind.SECURITY, StaffKind.SECURITY]
        self.staff = [recovery.desk(f"staff{number}", kind) for number, kind in enumerate(kinds)]
        self.moderator = recovery.desk("moderator", StaffKind.MODERATOR)

    def run(self, steps: int) -> Counter[str]:
        """So many acts, done or refused; returns which moves were seen.

        Raises:
            AssertionError: something came about that must never be.
        """
        # How often, who, and where to it would bring a case.
        acts: list[tuple[int, Callable[[], object], CaseState | None]] = [
            (6, self.ask, None), (3, self.open, None), (11, self.offer, _S.QUEUED), (6, self.finish, None),
            (1, self.withdraw, _S.WITHDRAWN), (8, self.take, None), (16, self.approve, None),
            (6, self.ask_claimant, None), (3, self.answer, None), (3, self.reject, _S.REJECTED),
            (1, self.release, None), (2, self.settle, None), (1, self.glass, None), (1, self.break_glass, None),
            (2, self.cancel, _S.CANCELLED), (1, self.dispute, _S.DISPUTED),
            (1, self.security_stops, _S.DISPUTED), (3, self.reopen, _S.REJECTED),
            (2, self.sign_in, _S.SELF_RESOLVED), (6, self.enrol, CaseState.HOLD), (1, self.bounce, None),
            (3, self.merge, _S.DUPLICATE), (1, self.freeze, _S.REJECTED), (3, self.unfreeze, None),
            (22, self.time_passes, None), (18, self.worker, None),
        ]  # fmt: skip
        while steps:
            ((_, act, _),) = self.draw.choices(acts, [weight * self.urge(to) for weight, _, to in acts])
            people.forget_limits()
            del mail.outbox[:-LETTERS_KEPT]
            try:
                act()
            except NothingThere:
                continue
            except DomainError as refusal:
                self.refused[refusal.code] += 1  # and nothing has changed
            except AssertionError as refusal:
                if "link went to" not in str(refusal):
                    raise
            else:
                check_accounts()
            self.check()
            steps -= 1
        return self.seen

    # -- who does what ------------------------------------------------------------------------------------

    def urge(self, to: CaseState | None) -> int:
        """How much more often somebody acts than usual: there is a case that nobody has brought there before."""
        if to is None:
            return 1
        unseen = {move for move in EVERY_MOVE if move.endswith(f">{to.value}")} - self.seen.keys()
        return URGE if unseen & {f"{self.states[each.pk]}>{to.value}" for each in self.known()} else 1

    def claim(self, *states: CaseState, to: CaseState | None = None) -> Claim:
        """A recent claim in such a state, now and then in another; rare states as often as frequent ones.

        `to`: where the act brings it; the less often that was seen, the more often such a claim is taken.
        """
        is_wild = not states or self.draw.random() < 0.05
        by_state: dict[str, list[Claim]] = {}
        for each in self.known():
            if is_wild or self.states[each.pk] in states:
                by_state.setdefault(self.states[each.pk], []).append(each)
        found = sorted(by_state)
        if not found:
            raise NothingThere
        goal = "" if to is None else to.value
        (state,) = self.draw.choices(found, [1 / (1 + self.seen[f"{each}>{goal}"]) for each in found])
        return self.one_of(by_state[state])

    def known(self) -> list[Claim]:
        """Claims that go on, and some that have ended."""
        going_on = [each for each in self.claims[:-WINDOW] if self.states[each.pk] not in OVER]
        return going_on + self.claims[-WINDOW:]

    def one_of[Thing](self, things: Sequence[Thing]) -> Thing:
        if not things:
            raise NothingThere
        return self.draw.choice(things)

    def holder(self, claim: Claim) -> User:
        """Mostly whoever works on the case."""
        lease = Lease.objects.filter(case=claim.pk).select_related("person").first()
        return lease.person if lease is not None and self.draw.random() < 0.8 else self.desk()

    def desk(self) -> User:
        return self.draw.choice(self.staff)

    def ask(self) -> None:
        user = self.draw.choice(self.owners)
        name = self.draw.choice([user.username] * 14 + ["nobody", "staff0"])
        mailbox = self.draw.choice([user.email] * 4 + [f"other{self.draw.randrange(99)}@example.net"])
        claim = Claim(name, mailbox, address=f"10.{self.draw.randrange(250)}.{len(self.claims) % 250}.1")
        self.claims.append(claim)
        self.states[claim.pk] = CaseState.SUBMITTED
        people.letters()
        if self.draw.random() < 0.7:
            claim.open()

    def open(self) -> None:
        self.claim(CaseState.SUBMITTED).open()

    def offer(self) -> None:
        if self.draw.random() < 0.8:
            claim = self.claim(CaseState.EVIDENCE)
        else:
            claim = self.claim(*UNDECIDED_STATES, CaseState.APPROVED, CaseState.COOLING, to=CaseState.QUEUED)
        known = SIGNALS if claim.name in {owner.username for owner in self.owners[:4]} else OWN_SIGNALS
        is_theirs = self.draw.random() < 0.9
        for signal in self.draw.sample(known, self.draw.randint(2, 4)):
            claim.offer(signal, passed=is_theirs and self.draw.random() < 0.95)

    def finish(self) -> None:
        self.claim(CaseState.EVIDENCE).finish()

    def withdraw(self) -> None:
        claim = self.claim(*OPEN_STATES, CaseState.CANCELLED, to=CaseState.WITHDRAWN)
        if self.draw.random() < 0.5:
            requests.withdraw(actor=claim.actor, pk=claim.pk, secret=claim.secret, at=clock.now())

    def take(self) -> None:
        reason = self.draw.choice(["", "", "a reason"])
        (state,) = self.draw.choices(list(TAKEN_IN), list(TAKEN_IN.values()))
        desk.take(actor=on_duty(self.desk()), pk=self.claim(state).pk, at=clock.now(), reason=reason)

    def release(self) -> None:
        claim = self.claim(CaseState.IN_REVIEW)
        actor = on_duty(self.holder(claim))
        if self.draw.random() < 0.5:
            desk.release(actor=actor, pk=claim.pk, at=clock.now())
        else:
            desk.escalate(actor=actor, pk=claim.pk, reason="odd", at=clock.now())

    def approve(self) -> None:
        claim = self.claim(CaseState.IN_REVIEW, CaseState.APPROVED)
        person = self.desk()
        if claim.state == CaseState.IN_REVIEW and self.draw.random() < 0.8:
            person = self.holder(claim)
            desk.take(actor=on_duty(person), pk=claim.pk, at=clock.now())  # the half hour may be over
        digest = self.draw.choice([claim.case.evidence_digest] * 9 + ["stale"])
        approving.approve(actor=on_duty(person), pk=claim.pk, digest=digest, reason="good", at=clock.now())

    def ask_claimant(self) -> None:
        claim = self.claim(CaseState.IN_REVIEW)
        actor = on_duty(self.holder(claim))
        desk.take(actor=actor, pk=claim.pk, at=clock.now())
        desk.ask(actor=actor, pk=claim.pk, text="Which project?", at=clock.now())

    def answer(self) -> None:
        claim = self.claim(CaseState.NEEDS_INFO)
        requests.reply(actor=claim.actor, pk=claim.pk, secret=claim.secret, text="That one", at=clock.now())

    def reject(self) -> None:
        claim = self.claim(CaseState.IN_REVIEW, CaseState.NEEDS_INFO, CaseState.APPROVED, to=CaseState.REJECTED)
        person = self.holder(claim)
        desk.take(actor=on_duty(person), pk=claim.pk, at=clock.now(), reason="to say no")
        desk.reject(actor=on_duty(person), pk=claim.pk, reason="no", at=clock.now())

    def settle(self) -> None:
        claim = self.claim(CaseState.DISPUTED)
        goes_on = self.draw.random() < 0.5
        desk.settle(actor=on_duty(self.desk()), pk=claim.pk, goes_on=goes_on, reason="seen", at=clock.now())

    def glass(self) -> None:
        claim = self.claim(CaseState.COOLING)
        approving.ask_for_glass(actor=on_duty(self.desk()), pk=claim.pk, reason="now", at=clock.now())

    def break_glass(self) -> None:
        glass = self.one_of(list(BreakGlass.objects.order_by("-pk")[:3]))
        approving.break_glass(actor=on_duty(self.desk()), glass_pk=glass.pk, at=clock.now())

    def letter(self, to: CaseState | None = None) -> NoticeSent:
        claim = self.claim(*OPEN_STATES, *HANDED_OVER_STATES, CaseState.CANCELLED, to=to)
        return self.one_of(list(NoticeSent.objects.filter(case=claim.pk)))

    def cancel(self) -> None:
        if self.draw.random() < 0.5:
            letter = self.letter(to=CaseState.CANCELLED)
            token = bearers.owner_token(letter.case_id, letter.pk)
            owner.cancel_by_link(actor=visitor(), token=token, at=clock.now())
        else:
            claim = self.claim(*OPEN_STATES, to=CaseState.CANCELLED)
            own = [user for user in self.owners if user.username == claim.name]
            actor = cast.actor(self.draw.choice(own * 8 + self.owners))
            owner.cancel_by_session(actor=actor, pk=claim.pk, at=clock.now())

    def dispute(self) -> None:
        letter = self.letter(to=CaseState.DISPUTED)
        token = bearers.owner_token(letter.case_id, letter.pk)
        owner.dispute_by_link(actor=visitor(), token=token, at=clock.now())

    def security_stops(self) -> None:
        if self.draw.random() < 0.4:
            actor = on_duty(self.draw.choice(self.staff[-2:]))
            claim = self.claim(*OPEN_STATES, *HANDED_OVER_STATES, to=CaseState.DISPUTED)
            owner.dispute_by_security(actor=actor, pk=claim.pk, reason="odd", at=clock.now())

    def freeze(self) -> None:
        user = User.objects.get(pk=self.draw.choice(self.owners).pk)
        if self.draw.random() < 0.7:  # somebody whose case is refused when it is weighed, or at its date
            user = self.claim(CaseState.EVIDENCE, *COOLING_STATES, to=CaseState.REJECTED).case.user or user
        freezing.freeze_account(actor=on_duty(self.moderator), user=user, reason="spam", at=clock.now())

    def unfreeze(self) -> None:
        frozen = User.objects.filter(username__startswith="owner").exclude(frozen_at=None)
        for user in frozen:
            freezing.unfreeze_account(actor=on_duty(self.moderator), user=user, reason="it was not")

    def reopen(self) -> None:
        claim = self.claim(CaseState.CANCELLED)
        if self.draw.random() < 0.5:
            claim.offer(Signal.PASSWORD, passed=self.draw.random() < 0.3)
        resuming.reopen(actor=claim.actor, pk=claim.pk, secret=claim.secret, at=clock.now())

    def sign_in(self) -> None:
        user = self.claim(*OPEN_STATES, to=CaseState.SELF_RESOLVED).case.user
        if (
            user is not None
            and user.is_active
            and has_factor(user)
            and user.recovering_since is None
            and self.draw.random() < 0.4
        ):
            owner.self_resolve(actor=cast.actor(user), at=clock.now())

    def enrol(self) -> None:
        self.claim(CaseState.EXECUTED).enrol()

    def bounce(self) -> None:
        letter = self.letter()
        desk.note_bounce(actor=on_duty(self.desk()), pk=letter.case_id, email=letter.address, at=clock.now())

    def merge(self) -> None:
        held = set(Lease.objects.values_list("case", flat=True))
        one = self.one_of([each for each in self.known() if each.pk in held])
        others = [each for each in self.known() if each.name == one.name and each is not one]
        other = self.one_of(others) if others else self.claim()
        actor = on_duty(Lease.objects.get(case=one.pk).person)
        desk.heartbeat(actor=actor, pk=one.pk, at=clock.now())
        desk.merge(actor=actor, pk=one.pk, into=other.pk, reason="same", at=clock.now())

    def time_passes(self) -> None:
        (length,) = self.draw.choices(list(STEPS), list(STEPS.values()))
        self.calendar.jump(seconds=length.total_seconds())

    def worker(self) -> None:
        recovery.tend()

    # -- what must never be -------------------------------------------------------------------------------

    def check(self) -> None:
        for pk, before, after in self.moves.since_last():
            self.seen[f"{before}>{after}"] += 1
            assert f"{before}>{after}" in EVERY_MOVE
            self.states[pk] = after
            if after == CaseState.EXECUTED:
                check_execution(RecoveryCase.objects.get(pk=pk))


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
    holders = set(AuthenticatorApp.objects.filter(confirmed=True).values_list("user", flat=True))
    holders |= set(SecurityKey.objects.filter(confirmed=True).values_list("user", flat=True))
    for user in User.objects.filter(username__startswith="owner"):
        is_shut = user.recovering_since is not None
        assert (user.pk in holders) != is_shut, user
        assert not is_shut or RecoveryCase.objects.filter(user=user).exclude(executed_at=None).exists()
    gone = {key.persistent_id for key in SecurityKey._base_manager.filter(confirmed=False)}
    gone |= {app.persistent_id for app in AuthenticatorApp._base_manager.filter(confirmed=False)}
    assert gone <= set(FactorRemoval.objects.values_list("device", flat=True))
