"""A recovery desk with something to do: four accounts that somebody wants to get back into."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from uuid import UUID

from allauth.account.models import EmailAddress
from django.db import transaction

from accounts.models import KnownDevice, User
from indexsite import clock
from indexsite.actors import Actor
from indexsite.management.demo.acting import at_browser, publish
from indexsite.management.demo.archives import Package
from mfa.models import AuthenticatorApp
from recovery import bearers
from recovery.actions import approving, desk, gathering, owner, requests, story
from recovery.assurance import Signal
from recovery.models import CaseReason, NoticeSent, RecoveryCase
from releases.models import File

LONG_AGO = timedelta(days=400)
SHOWN_TOO_LITTLE, HALF_APPROVED, DISPUTED = "quentin", "rosa", "stan"
# Owner, project, from where somebody asked (networks of RFC 5737 and 2544), days ago. None of them can sign in.
CLAIMS = (
    ("petra", "lanterns", "198.51.100.7", 2),
    ("quentin", "matches", "203.0.113.7", 3),
    ("rosa", "candles", "192.0.2.7", 4),
    ("stan", "embers", "198.18.4.7", 1),
)


def create(staff: dict[str, User]) -> None:
    """petra waits for the desk, quentin has shown too little, rosa wants a second yes, stan's is disputed."""
    for name, project, address, days in CLAIMS:
        user = _owner(name, project)
        if not user.recovery_cases.exists():
            _claim(user, address, clock.now() - timedelta(days=days), staff)


def _owner(name: str, project: str) -> User:
    user = User.objects.filter(username=name).first() or _account(name)
    if not File.objects.filter(release__project__name=project).exists():
        summary = f"Small {project}, lit by a few lines."
        publish(Package(project, "1.0", summary, "It burns."), user, at=clock.now() - LONG_AGO)
    return user


@transaction.atomic
def _account(name: str) -> User:
    then, email = clock.now() - LONG_AGO, f"{name}@example.org"
    # Nobody knows the password, and the app is lost.
    user = User.objects.create_user(name, email, secrets.token_urlsafe(24), date_joined=then, last_login=then)
    EmailAddress.objects.create(user=user, email=email, primary=True, verified=True)
    AuthenticatorApp.objects.create(user=user, name="Phone in the lake", confirmed=True)
    return user


def _claim(user: User, address: str, at: datetime, staff: dict[str, User]) -> None:
    claimant = Actor(user=None, address=address, client="manage.py demo")
    submitted = requests.submit(
        actor=claimant, username=user.username, mailbox=user.email, reason=CaseReason.LOST_FACTOR, device="", at=at
    )
    pk, secret, token = submitted.case_id, submitted.secret, bearers.mint()
    # What the worker does before it mails the link, and once the owner's letter has left.
    rows = RecoveryCase.objects.filter(pk=pk)
    rows.update(user=user, mailbox_is_verified=True, link=bearers.digest(token))
    requests.open_link(actor=claimant, pk=pk, secret=secret, token=token, at=at)
    NoticeSent.objects.filter(case=pk).update(sent_at=at)
    rows.update(notified_at=at)
    if user.username == DISPUTED:
        letter = NoticeSent.objects.filter(case=pk).latest("pk")
        owner.dispute_by_link(actor=claimant, token=bearers.owner_token(pk, letter.pk), at=clock.now())
        return
    _offer(pk, claimant, Signal.PASSWORD, "", at)
    if user.username != SHOWN_TOO_LITTLE:
        then = at - LONG_AGO
        device = KnownDevice.objects.create(
            user=user, digest=secrets.token_hex(32), created_at=then, last_used_at=at - timedelta(days=20)
        )
        _offer(pk, claimant, Signal.DEVICE, str(device.pk), at)
    requests.finish(actor=claimant, pk=pk, secret=secret, at=at)
    NoticeSent.objects.filter(case=pk).update(sent_at=at)
    if user.username == HALF_APPROVED:
        _first_yes(pk, at_browser(staff["tina"]))


@transaction.atomic
def _offer(pk: UUID, claimant: Actor, signal: Signal, reference: str, at: datetime) -> None:
    gathering.add(
        story.lock(pk), by=claimant, signal=signal, subject=signal.value, reference=reference, has_passed=True,
        since=at - LONG_AGO, at=at,
    )  # fmt: skip


def _first_yes(pk: UUID, tina: Actor) -> None:
    now = clock.now()
    taken = desk.take(actor=tina, pk=pk, at=now)
    digest = taken.case.evidence_digest
    approving.approve(actor=tina, pk=pk, digest=digest, reason="The browser is an old one of hers.", at=now)
    desk.release(actor=tina, pk=pk, at=now)
