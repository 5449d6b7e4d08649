"""Cases as tests want them: written row by row, past all actions; or by a claimant, through them."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import time
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import time_machine
from django.db import transaction
from django_otp.oath import TOTP

from accounts.models import KnownDevice, SigningKey, StaffKind, User
from indexsite import clock
from indexsite.actors import Actor
from mfa import totp
from mfa.ceremonies import Kind
from recovery.actions import approving, enrolling, executing, gathering, requests, story
from recovery.actions import desk as desk_acts
from recovery.assurance import Signal
from recovery.models import BreakGlass, CaseApproval, CaseReason, CaseState, NoticeKind, NoticeSent, RecoveryCase
from releases.models import Project, Release, Role
from tests.support import cast, people
from tests.support.authenticators import SoftKey
from tests.support.tokens import token_of

DIGEST = "d" * 64
PATHS = {
    CaseState.SUBMITTED: (),
    CaseState.EVIDENCE: (CaseState.EVIDENCE,),
    CaseState.QUEUED: (CaseState.EVIDENCE, CaseState.QUEUED),
    CaseState.IN_REVIEW: (CaseState.EVIDENCE, CaseState.QUEUED, CaseState.IN_REVIEW),
    CaseState.APPROVED: (CaseState.EVIDENCE, CaseState.QUEUED, CaseState.IN_REVIEW, CaseState.APPROVED),
    CaseState.AUTO_COOLING: (CaseState.EVIDENCE, CaseState.AUTO_COOLING),
}


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def stored_case(
    user: User | None, state: CaseState = CaseState.SUBMITTED, *, at: datetime | None = None, **fields: object
) -> RecoveryCase:
    """A row in this state, without letters, evidence or history."""
    at = at or clock.now()
    case = RecoveryCase.objects.create(
        user=user,
        claimed=user.username if user is not None else "nobody",
        mailbox=user.email if user is not None else "nobody@example.org",
        mailbox_is_verified=user is not None,
        secret=digest(secrets.token_hex()),
        link=digest(secrets.token_hex()),
        evidence_digest=DIGEST,
        submitted_at=at,
    )
    for step in PATHS[state]:
        extra: dict[str, object] = {"opened_at": at} if step == CaseState.EVIDENCE else {}
        if step == CaseState.AUTO_COOLING:
            extra |= {"approvals_needed": 0, "notified_at": at, "not_before": at + timedelta(hours=72)}
        RecoveryCase.objects.filter(pk=case.pk).update(state=step, **extra)
    if fields:
        RecoveryCase.objects.filter(pk=case.pk).update(**fields)
    case.refresh_from_db()
    return case


def stored_approval(case: RecoveryCase, person: User, **fields: object) -> CaseApproval:
    values = {
        "role": "support-1",
        "evidence_digest": case.evidence_digest,
        "signature": "s" * 64,
        "reason": "checked",
        "approved_at": clock.now(),
        **fields,
    }
    return CaseApproval.objects.create(case=case, person=person, **values)


def stored_notices(case: RecoveryCase, *kinds: NoticeKind, at: datetime | None = None) -> None:
    at = at or clock.now()
    for kind in kinds:
        NoticeSent.objects.create(
            case=case, kind=kind, round=case.round, address=case.mailbox, queued_at=at, sent_at=at
        )


def cooling_case(user: User, *approvers: User, at: datetime | None = None) -> RecoveryCase:
    """Approved by these people, told twice, and due since an hour."""
    at = at or clock.now()
    case = stored_case(user, CaseState.IN_REVIEW, at=at - timedelta(days=8))
    for person in approvers:
        stored_approval(case, person)
    due = {"notified_at": at - timedelta(days=8), "not_before": at - timedelta(hours=1)}
    rows = RecoveryCase.objects.filter(pk=case.pk)
    rows.update(state=CaseState.APPROVED, **due)
    rows.update(state=CaseState.COOLING)
    case.refresh_from_db()
    stored_notices(case, NoticeKind.OPENED, NoticeKind.LAST_DAY, at=at - timedelta(days=2))
    return case


# -- cases through the actions ---------------------------------------------------------------------------------

START = datetime(2027, 3, 1, 9, tzinfo=UTC)
# Signal, and how old it has to be to count.
PROOFS = {
    Signal.PASSWORD: timedelta(days=40),
    Signal.DEVICE: timedelta(days=40),
    Signal.PROJECT_TOKEN: timedelta(days=40),
    Signal.USER_TOKEN: timedelta(days=40),
    Signal.SIGNATURE: timedelta(days=100),
    Signal.CO_OWNER: timedelta(days=100),
    Signal.REPOSITORY: timedelta(days=100),
}
PATH = re.compile(r"http://testserver/recovery/(open|cancel|enrol)/([^/\s]+)/")


def visitor(address: str = "192.0.2.10") -> Actor:
    return Actor(user=None, address=address, client="Claimant/1")


def veteran(username: str, **options: object) -> User:
    """Somebody whose account is old enough for its mailbox to count."""
    user = cast.person(username, **options)
    User.objects.filter(pk=user.pk).update(date_joined=clock.now() - timedelta(days=400), last_login=clock.now())
    user.refresh_from_db()
    return user


def desk(username: str, *kinds: StaffKind) -> User:
    """Somebody of the desk, with a security key and nothing else."""
    return cast.staff(username, *kinds, totp=False)


def on_duty(user: User, *, address: str = "203.0.113.5") -> Actor:
    """At the console, having proved the key just now."""
    return replace(cast.actor(User.objects.get(pk=user.pk)), address=address)


def thing(user: User | None, signal: Signal) -> str:
    """Something of the person's that such a proof is about, as evidence refers to it."""
    if user is None:
        return ""
    then = clock.now() - timedelta(days=400)
    match signal:
        case Signal.DEVICE:
            digest_of = digest(secrets.token_hex())
            device = KnownDevice.objects.create(user=user, digest=digest_of, created_at=then, last_used_at=then)
            return str(device.pk)
        case Signal.USER_TOKEN | Signal.PROJECT_TOKEN:
            return str(token_of(user, description=secrets.token_hex(4), created_at=then).pk)
        case Signal.SIGNATURE:
            values = {
                "kind": "ssh",
                "fingerprint": secrets.token_hex(8),
                "text": "key",
                "name": "key",
                "nonce": "n",
            }
            return str(SigningKey.objects.create(user=user, added_at=then, proved_at=then, **values).pk)
        case Signal.CO_OWNER:
            shared = Project.objects.filter(roles__user=user)
            owners = Role.objects.filter(project__in=shared, kind="owner").exclude(user=user)
            return str(owners.values_list("user", flat=True).first() or _new_co_owner(user).pk)
        case Signal.REPOSITORY:
            project = Project.objects.filter(roles__user=user).first() or cast.ProjectFactory(owner=user)
            metadata = {"project_url": ["Source, https://github.com/them/code"]}
            version = secrets.token_hex(8)
            Release.objects.create(
                project=project, version=version, normalized_version=version, created_at=then, metadata=metadata
            )
            return "https://github.com/them/code"
    return ""


def _new_co_owner(user: User) -> User:
    other = veteran(f"friend-of-{user.username}")
    project = cast.ProjectFactory(owner=user)
    cast.grant(other, project)
    return other


def offer(
    pk: uuid.UUID, signal: Signal, *, by: Actor | None = None, passed: bool = True, subject: str = ""
) -> None:
    """As the page of such evidence does once it was checked."""
    with transaction.atomic():
        case = story.lock(pk)
        gathering.add(
            case,
            by=by or visitor(),
            signal=signal,
            subject=subject or signal.value,
            reference=thing(case.user, signal),
            has_passed=passed,
            since=(case.opened_at or clock.now()) - PROOFS[signal],
            at=clock.now(),
        )


class Claim:
    """One claimant, from the form to the factor, by the public actions alone."""

    def __init__(self, username: str, mailbox: str, *, address: str = "192.0.2.10", **options: object) -> None:
        self.actor = visitor(address)
        self.name, self.mailbox = username, mailbox
        options.setdefault("reason", CaseReason.LOST_FACTOR)
        submitted = requests.submit(
            actor=self.actor, username=username, mailbox=mailbox, device="", at=clock.now(), **options
        )
        self.pk, self.secret = submitted.case_id, submitted.secret

    @property
    def case(self) -> RecoveryCase:
        return RecoveryCase.objects.get(pk=self.pk)

    @property
    def state(self) -> str:
        return self.case.state

    def open(self) -> Claim:
        requests.open_link(
            actor=self.actor, pk=self.pk, secret=self.secret, token=link("open", self.mailbox), at=clock.now()
        )
        people.letters()
        return self

    def offer(self, *signals: Signal, passed: bool = True, subject: str = "") -> Claim:
        for signal in signals:
            offer(self.pk, signal, by=self.actor, passed=passed, subject=subject)
        people.letters()
        return self

    def finish(self) -> Claim:
        requests.finish(actor=self.actor, pk=self.pk, secret=self.secret, at=clock.now())
        return self

    def approve(self, *staff: User) -> Claim:
        """In this order; the first takes the case."""
        if self.state == CaseState.QUEUED:
            desk_acts.take(actor=on_duty(staff[0]), pk=self.pk, at=clock.now())
        for person in staff:
            approving.approve(
                actor=on_duty(person),
                pk=self.pk,
                digest=self.case.evidence_digest,
                reason="the evidence is good",
                at=clock.now(),
            )
        return self

    def enter(self, *, secret: str = "") -> enrolling.Guest:
        return enrolling.enter(
            actor=self.actor,
            token=link("enrol", self.mailbox),
            pk=self.pk,
            secret=secret or self.secret,
            at=clock.now(),
        )

    def enrol(self, password: str = people.NEW_PASSWORD) -> None:
        """All steps, with an authenticator app or, where one is needed, a key."""
        guest = self.enter()
        enrolling.set_password(guest=guest, new=password, at=clock.now())
        codes = enrolling.make_codes(guest=guest, at=clock.now())
        enrolling.prove_codes(guest=guest, code=codes[0], at=clock.now())
        guest = self.enter()
        if guest.needs_key:
            options, challenge = enrolling.ask_for_key(guest=guest, kind=Kind.KEY)
            answer = json.loads(SoftKey().create(options))
            enrolling.add_key(guest=guest, name="new", challenge=challenge, answer=answer, at=clock.now())
        else:
            secret = totp.new_secret()
            enrolling.add_app(guest=guest, secret=secret, code=code_of(secret), at=clock.now())


def due(team: list[User]) -> Claim:
    """Olga's, decided by two, told in time, and due in real time: a broken glass has moved the clocks."""
    claim = Claim("olga", "olga@example.org").open().offer(Signal.DEVICE).finish()
    claim.approve(*team)
    now, case = clock.now(), claim.case
    stored_notices(case, NoticeKind.LAST_DAY, at=now - timedelta(days=2))
    case.notices.filter(kind=NoticeKind.OPENED).update(sent_at=now - timedelta(days=9))
    sven = desk("sven", StaffKind.SECURITY)
    glass = BreakGlass.objects.create(
        case=case, asked_by=team[1], asked_at=now, reason="test", expires_at=now + timedelta(minutes=30)
    )
    BreakGlass.objects.filter(pk=glass.pk).update(
        confirmed_by=sven, confirmed_at=now - timedelta(hours=1), expires_at=now + timedelta(hours=1)
    )
    RecoveryCase.objects.filter(pk=case.pk).update(
        notified_at=now - timedelta(days=9), not_before=now - timedelta(seconds=1)
    )
    return claim


def code_of(secret: str) -> str:
    generator = TOTP(bytes.fromhex(secret))
    generator.time = time.time()
    return f"{generator.token():06d}"


def link(kind: str, address: str, *, which: int = -1) -> str:
    """The token of a link of this kind in the letters to the address: the latest one."""
    found = [
        match[2]
        for letter in people.letters_to(address)
        for match in PATH.finditer(str(letter.body))
        if match[1] == kind
    ]
    assert found, f"no {kind} link went to {address}"
    return found[which]


def headlines(address: str) -> list[str]:
    """What the letters of a recovery to this address are about."""
    prefix = "Recovery: "
    found = people.subjects(people.letters_to(address))
    return [subject.removeprefix(prefix) for subject in found if subject.startswith(prefix)]


class Calendar:
    """The site's clock, and the worker that goes with it."""

    def __init__(self, traveller: time_machine.Coordinates) -> None:
        self.traveller = traveller

    def pass_by(self, *, step: timedelta = timedelta(hours=8), **length: float) -> None:
        """Let time pass in steps, after each of which the worker looks at cases and delivers letters."""
        left = timedelta(**length)
        while left > timedelta(0):
            self.traveller.shift(min(step, left))
            left -= step
            tend()

    def jump(self, **length: float) -> None:
        """Let time pass with the worker away."""
        self.traveller.shift(timedelta(**length))


def tend() -> None:
    executing.tend(at=clock.now())
    people.letters()


def queued(username: str, *signals: Signal, address: str = "192.0.2.10") -> Claim:
    """A claim whose claimant has offered all of it and waits for the desk."""
    return Claim(username, f"{username}@example.org", address=address).open().offer(*signals).finish()
