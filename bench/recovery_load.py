"""A year at the recovery desk: requests at the rates of the large index, people of the desk with working hours,
attackers among the claimants.

Real acts, real clocks, the real policy table and the real database, on a clock that jumps from event to event.
Says how long people wait, how much of that is the desk's, what it costs the desk, and whom it let in wrongly; with
a weakened table it has to let some in, else it could not tell.

    python -m bench.recovery_load --days 365 --staff 1 2 3 4

A little over 400 lines: claimants, the site and the desk take turns on one clock and one heap of events.
"""

from __future__ import annotations

import argparse
import heapq
import itertools
import json
import math
import os
import platform
import random
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.recovery_figures import figures

if TYPE_CHECKING:
    from accounts.models import User
    from bench.recovery_people import Account
    from recovery.actions.evidence.receiving import Claim

RESULTS = Path(__file__).resolve().parent / "results" / "recovery.json"
START = datetime(2027, 1, 4, tzinfo=UTC)  # a Monday
PER_WEEK = 62
ATTACKS = 0.15  # for each honest request
STEP = timedelta(hours=4)  # between two looks of the worker
OFFICE = range(9, 17)  # hours, Monday to Friday
# What a person of the desk has for it in an hour, what one look takes (minutes, by tier).
DESK_MINUTES = 15.0
LOOK = (3.0, 4.0, 5.0, 8.0)
# Who is on the desk when it has so many people: the highest tier needs two of tier 2 and security.
ROLES = (("support-2",), ("support-1",), ("security",), ("support-2",))
LINK = re.compile(r"/recovery/(open|mailbox|enrol)/([^/\s\"]+)/")


@dataclass(frozen=True)
class Plan:
    """What is simulated. `spike`: this many times the rate, for a fortnight in the middle."""

    days: int = 365
    per_week: float = PER_WEEK
    spike: float = 10.0
    staff: int = 3
    seed: int = 1
    weakened: bool = False
    beyond: bool = False
    attacks: float = ATTACKS


@dataclass
class Story:
    """One request, as it went."""

    kind: str
    tier: str
    asked_at: datetime
    minutes: float = 0.0
    looks: int = 0
    queued_at: datetime | None = None
    decided_at: datetime | None = None
    executed_at: datetime | None = None
    end: str = "open"

    @property
    def is_attack(self) -> bool:
        return self.kind != "owner"


@dataclass
class Desk:
    """The whole simulation: what is to happen next, and what has happened."""

    plan: Plan
    rng: random.Random
    at: datetime = START
    agenda: list[tuple[datetime, int, Callable[[], None]]] = field(default_factory=list)
    order: Iterator[int] = field(default_factory=itertools.count)
    stories: dict[Any, Story] = field(default_factory=dict)
    claims: dict[Any, tuple[Claim, Account]] = field(default_factory=dict)
    links: dict[tuple[str, str], str] = field(default_factory=dict)
    staff: list[User] = field(default_factory=list)
    backlog: list[int] = field(default_factory=list)
    enrolling: set[Any] = field(default_factory=set)
    # Who has looked at which case as it stands: nobody of a desk reads the same case every hour.
    looked_at: set[tuple[Any, ...]] = field(default_factory=set)
    names: Counter[str] = field(default_factory=Counter)

    def later(self, when: datetime, act: Callable[[], None]) -> None:
        heapq.heappush(self.agenda, (when, next(self.order), act))


def simulate(plan: Plan) -> dict[str, Any]:
    """Run it on the database at hand, which should be empty; returns figures."""
    import time_machine

    from bench import recovery_people as people
    from tests.support import recovery

    desk = Desk(plan, random.Random(plan.seed))
    forges = people.Forges()
    with time_machine.travel(START, tick=False) as travel, _policy(plan), _world(forges):
        partner = people.make_partner(START)
        for number, kinds in enumerate(ROLES[: plan.staff]):
            desk.staff.append(recovery.desk(f"desk{number}", *kinds))
        _plan_requests(desk, partner, forges)
        end = START + timedelta(days=plan.days)
        desk.later(START + STEP, lambda: _tend(desk))
        desk.later(START + timedelta(hours=OFFICE.start), lambda: _office(desk))
        while desk.agenda and desk.agenda[0][0] <= end:
            desk.at, _, act = heapq.heappop(desk.agenda)
            travel.move_to(desk.at)
            act()
    return figures(desk)


# -- claimants --------------------------------------------------------------------------------------------


def _plan_requests(desk: Desk, partner: User, forges: Any) -> None:
    from bench import recovery_people as people

    attacks = people.BEYOND if desk.plan.beyond else people.STATED
    for day in range(desk.plan.days):
        middle = abs(day - desk.plan.days / 2) <= 7
        rate = desk.plan.per_week / 7 * (desk.plan.spike if middle else 1)
        for _ in range(_count(desk.rng, rate)):
            _plan_one(desk, partner, forges, day, "owner")
        for _ in range(_count(desk.rng, desk.plan.per_week / 7 * desk.plan.attacks)):
            _plan_one(desk, partner, forges, day, desk.rng.choice(sorted(attacks)))


def _plan_one(desk: Desk, partner: User, forges: Any, day: int, kind: str) -> None:
    when = START + timedelta(days=day, minutes=desk.rng.randrange(24 * 60))
    desk.later(when, lambda: _ask(desk, partner, forges, kind))


def _ask(desk: Desk, partner: User, forges: Any, kind: str) -> None:
    from bench import recovery_people as people
    from indexsite.actors import Actor
    from recovery.actions import requests
    from recovery.actions.evidence.receiving import Claim
    from recovery.models import CaseReason

    attack = {**people.STATED, **people.BEYOND}.get(kind)
    tiers = list(people.TIERS)
    tier = (
        desk.rng.choice(attack[2])
        if attack
        else desk.rng.choices(tiers, [people.TIERS[each] for each in tiers])[0]
    )
    number = len(desk.stories)
    account = people.make_account(f"user{number}", tier, partner, desk.rng, forges, desk.at)
    reads = attack[1] if attack else desk.rng.random() < people.READS_MAILBOX
    mailbox = account.user.email if reads else f"somebody{number}@mail.example.com"
    # Each from a network of their own.
    address = f"10.{number // 250 % 250}.{number % 250}.7"
    actor = Actor(user=None, address=address, client="Browser/1.0")
    asked = requests.submit(
        actor=actor, username=account.user.username, mailbox=mailbox, reason=CaseReason.LOST_FACTOR,
        device="", at=desk.at,
    )  # fmt: skip
    desk.stories[asked.case_id] = Story(kind, tier, desk.at)
    claim = Claim(actor, asked.case_id, asked.secret, desk.at)
    desk.claims[asked.case_id] = (claim, account)
    _deliver(desk)
    if attack is None and desk.rng.random() < people.NEVER_OPENED:
        return
    kit = list(attack[0]) if attack else people.kit_of(account, desk.rng)
    desk.later(desk.at + timedelta(minutes=20), lambda: _open(desk, claim, mailbox))
    desk.later(desk.at + timedelta(hours=20), lambda: _offer_all(desk, claim, account, kit))
    if attack is None and desk.rng.random() < people.SOLVED_ALONE:
        desk.later(desk.at + timedelta(hours=60), lambda: _solve(desk, account))


def _open(desk: Desk, claim: Claim, mailbox: str) -> None:
    from recovery.actions import requests

    token = desk.links["open", mailbox]
    requests.open_link(actor=claim.actor, pk=claim.case_id, secret=claim.secret, token=token, at=desk.at)
    _deliver(desk)


def _offer_all(desk: Desk, claim: Claim, account: Account, kit: list[str]) -> None:
    from recovery.actions import requests
    from recovery.models import CaseState, RecoveryCase

    if RecoveryCase.objects.get(pk=claim.case_id).state != CaseState.EVIDENCE:
        return
    claim = replace(claim, at=desk.at)
    for kind in kit:
        account.offer(kind, claim, desk.links, lambda: _deliver(desk))
    requests.finish(actor=claim.actor, pk=claim.case_id, secret=claim.secret, at=desk.at)
    _deliver(desk)


def _solve(desk: Desk, account: Account) -> None:
    """The owner has found a recovery code and signs in."""
    from recovery.actions import owner
    from tests.support import cast

    account.user.refresh_from_db()
    if account.user.recovering_since is None:
        owner.self_resolve(actor=cast.actor(account.user), at=desk.at)
        _deliver(desk)


def _enrol(desk: Desk, pk: Any) -> None:
    """Whoever has got the account sets up a factor, with the real acts."""
    from mfa import totp
    from mfa.ceremonies import Kind
    from recovery.actions import enrolling
    from recovery.models import CaseState, RecoveryCase
    from tests.support import people as browsing
    from tests.support.authenticators import SoftKey
    from tests.support.recovery import code_of

    case = RecoveryCase.objects.get(pk=pk)
    desk.enrolling.discard(pk)
    if case.state != CaseState.EXECUTED:
        return
    claim, _ = desk.claims[pk]
    options = {"actor": claim.actor, "token": desk.links["enrol", case.mailbox], "pk": pk, "secret": claim.secret}
    guest = enrolling.enter(at=desk.at, **options)
    enrolling.set_password(guest=guest, new=browsing.NEW_PASSWORD, at=desk.at)
    codes = enrolling.make_codes(guest=guest, at=desk.at)
    enrolling.prove_codes(guest=guest, code=codes[0], at=desk.at)
    guest = enrolling.enter(at=desk.at, **options)
    if guest.needs_key:
        asked, challenge = enrolling.ask_for_key(guest=guest, kind=Kind.KEY)
        answer = json.loads(SoftKey().create(asked))
        enrolling.add_key(guest=guest, name="new", challenge=challenge, answer=answer, at=desk.at)
    else:
        secret = totp.new_secret()
        enrolling.add_app(guest=guest, secret=secret, code=code_of(secret), at=desk.at)
    _deliver(desk)


# -- the site ---------------------------------------------------------------------------------------------


def _deliver(desk: Desk) -> None:
    """The worker sends what is queued; links reach their readers."""
    from django.core import mail

    from tests.support.worker import run_queued

    run_queued()
    for letter in mail.outbox:
        for match in LINK.finditer(str(letter.body)):
            desk.links[match[1], letter.to[0]] = match[2]
    mail.outbox.clear()


def _tend(desk: Desk) -> None:
    from recovery.actions import executing
    from recovery.models import CaseState, RecoveryCase

    executing.tend(at=desk.at)
    _deliver(desk)
    if desk.at.hour < STEP.total_seconds() / 3600:
        waiting = (CaseState.QUEUED, CaseState.IN_REVIEW, CaseState.APPROVED)
        desk.backlog.append(RecoveryCase.objects.filter(state__in=waiting).count())
    for case in RecoveryCase.objects.filter(state=CaseState.EXECUTED):
        if case.pk not in desk.enrolling:
            desk.enrolling.add(case.pk)
            desk.stories[case.pk].executed_at = case.executed_at
            desk.later(desk.at + timedelta(hours=2), lambda pk=case.pk: _enrol(desk, pk))  # type: ignore[misc]
    desk.later(desk.at + STEP, lambda: _tend(desk))


# -- the desk ---------------------------------------------------------------------------------------------


def _office(desk: Desk) -> None:
    """One hour: everybody looks at cases until their time for it is over."""
    if desk.at.weekday() < 5 and desk.at.hour in OFFICE:
        for person in desk.staff:
            left = DESK_MINUTES
            seen: set[Any] = set()
            while left > 0 and (spent := _look(desk, person, seen)):
                left -= spent
        _deliver(desk)
    desk.later(desk.at + timedelta(hours=1), lambda: _office(desk))


def _look(desk: Desk, person: User, seen: set[Any]) -> float:
    """The next case that this person can do something about; returns the minutes it took, 0 for none."""
    from django.db.models import Case, Count, Q, When

    from recovery.models import CaseState, RecoveryCase

    states = (CaseState.APPROVED, CaseState.QUEUED, CaseState.IN_REVIEW)
    waiting = RecoveryCase.objects.filter(state__in=states, user__isnull=False)
    waiting = waiting.exclude(approvals__person=person, approvals__void_at=None)
    # One that was rejected once, at the highest tier, waits for a second reader and is nobody's.
    waiting = waiting.filter(Q(state=CaseState.APPROVED) | Q(lease=None))
    ordered = waiting.order_by(Case(When(state=CaseState.APPROVED, then=0), default=1), "queued_at")
    yeses = Count("approvals", filter=Q(approvals__void_at=None))
    for standing in ordered.annotate(yeses=yeses).values_list("pk", "state", "round", "evidence_digest", "yeses"):
        pk = standing[0]
        if pk in seen or (person.pk, *standing) in desk.looked_at:
            continue
        seen.add(pk)
        desk.looked_at.add((person.pk, *standing))
        case = RecoveryCase.objects.get(pk=pk)
        if _decide(desk, person, case):
            minutes = LOOK[case.tier]
            story = desk.stories[pk]
            story.minutes += minutes
            story.looks += 1
            return minutes
    return 0.0


def _decide(desk: Desk, person: User, case: Any) -> bool:
    """Yes wherever the table allows one, no otherwise: nobody here has a feeling for fraud."""
    from indexsite.errors import DomainError
    from recovery.actions import approving
    from recovery.actions import desk as acts
    from recovery.models import CaseState
    from tests.support.recovery import on_duty

    actor = on_duty(person)
    try:
        if case.state != CaseState.APPROVED:
            acts.take(actor=actor, pk=case.pk, at=desk.at)
        approving.approve(
            actor=actor, pk=case.pk, digest=case.evidence_digest, reason="as the table says", at=desk.at
        )
    except approving.MinimumNotMet:
        try:
            if case.state == CaseState.APPROVED:
                acts.take(actor=actor, pk=case.pk, at=desk.at)
            acts.reject(actor=actor, pk=case.pk, reason="the minimum is not met", at=desk.at)
        except acts.SecondReaderNeeded:
            return True
        except DomainError:
            return False
    except DomainError:
        # Too low a role, or a letter that has not left yet: back to the others.
        case.refresh_from_db()
        if case.state == CaseState.IN_REVIEW:
            acts.release(actor=actor, pk=case.pk, at=desk.at)
        return False
    return True


# -- rules and world --------------------------------------------------------------------------------------


@contextmanager
def _policy(plan: Plan) -> Iterator[None]:
    """The table in force, or one in which a mailbox is enough for everything but the highest tier."""
    from recovery.actions import approving, assessing, enrolling, gathering
    from recovery.assurance import Tier, Way
    from recovery.assurance_policy import POLICY, loosened

    if not plan.weakened:
        yield
        return
    easy = (Way(20, 1, timedelta(days=3)),)
    tiers = {tier: replace(rule, ways=easy) if tier < Tier.I3 else rule for tier, rule in POLICY.tiers.items()}
    weak = replace(POLICY, number=0, tiers=tiers)
    assert loosened(weak)
    modules = [module for module in (approving, assessing, enrolling, gathering) if hasattr(module, "POLICY")]
    for module in modules:
        module.POLICY = weak  # type: ignore[attr-defined]
    try:
        yield
    finally:
        for module in modules:
            module.POLICY = POLICY  # type: ignore[attr-defined]


@contextmanager
def _world(forges: Any) -> Iterator[None]:
    from indexsite import fetch

    before, fetch.get = fetch.get, forges.get
    try:
        yield
    finally:
        fetch.get = before


def _count(rng: random.Random, mean: float) -> int:
    """How many come in a day, if they come independently of one another."""
    limit, product, count = math.exp(-min(mean, 500)), rng.random(), 0
    while product > limit:
        product *= rng.random()
        count += 1
    return count


# -- by itself --------------------------------------------------------------------------------------------


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--days", type=int, default=365)
    arguments.add_argument("--per-week", type=float, default=PER_WEEK)
    arguments.add_argument("--spike", type=float, default=10.0)
    arguments.add_argument("--staff", type=int, nargs="+", default=[1, 2, 3, 4])
    arguments.add_argument("--record", action="store_true", help=f"write {RESULTS.name}")
    chosen = arguments.parse_args()
    plans = [Plan(chosen.days, chosen.per_week, chosen.spike, staff) for staff in chosen.staff]
    most = max(chosen.staff)
    plans.append(replace(plans[0], staff=most, spike=1, beyond=True))
    plans.append(replace(plans[0], staff=most, spike=1, weakened=True))
    results = []
    for plan in plans:
        results.append(_on_its_own(plan))
        print(json.dumps(results[-1], indent=2), flush=True)
    if chosen.record:
        machine = {"cpus": os.cpu_count(), "system": platform.platform(), "python": platform.python_version()}
        RESULTS.write_text(json.dumps({"machine": machine, "runs": results}, indent=2) + "\n")
    return 0


def _on_its_own(plan: Plan) -> dict[str, Any]:
    """A database of its own for each run."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    import django

    django.setup()
    from django.db import connection
    from django.test.utils import setup_test_environment, teardown_test_environment

    setup_test_environment()
    name = connection.creation.create_test_db(verbosity=0)
    try:
        return simulate(plan)
    finally:
        connection.creation.destroy_test_db(name, verbosity=0)
        teardown_test_environment()


if __name__ == "__main__":
    sys.exit(main())
