"""What only the owner should reach: another mailbox, a repository, a co-owner."""

from __future__ import annotations

import secrets
from datetime import datetime

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction

from accounts import usernames
from accounts.models import User
from indexsite import audit, limits
from indexsite.actors import Actor
from indexsite.audit.evidence import VouchOpened, VouchTakenBack
from indexsite.errors import InvalidInput, NotFound
from indexsite.fetch import FetchFailed
from indexsite.limits import Limit
from indexsite.policies import Action, require, require_now
from recovery import bearers, evidence_now, letters_evidence, repositories
from recovery.actions.evidence.receiving import Claim, Found, ask, receive, standing_nonce
from recovery.assurance import Signal
from recovery.models import PIN_LIFE, Challenge, RecoveryCase, VouchPin
from recovery.repositories import Repository

PIN_DIGITS = 10


class AddressUnusable(InvalidInput):
    """What was typed is no address at all."""

    code = "evidence-address"
    field = "email"

    def __init__(self) -> None:
        super().__init__("This is no e-mail address; type another address of the account.")


class RepositoryUnusable(InvalidInput):
    """Nothing this site asks; it depends on the address alone."""

    code = "evidence-repository"
    field = "url"

    def __init__(self) -> None:
        super().__init__("This is no address of a repository that can be asked; paste its https address.")


class NobodyToVouchFor(NotFound):
    """No such person, or nobody the actor shares anything with: the two look the same."""

    code = "vouch-nobody"

    def __init__(self) -> None:
        super().__init__(
            "You own no project together with an account of this name, and manage no organization it is in."
        )


# -- another mailbox --------------------------------------------------------------------------------------


def ask_for_mailbox(claim: Claim, email: str) -> None:
    """Mail a link to an address. It goes to any address: whether one came says nothing about the account.

    Raises:
        AddressUnusable: it is none.
        LimitReached: too many letters there.
        CaseUnknown, CaseMoved, TriesUsed: as for `ask`.
    """
    address = email.strip().lower()
    try:
        validate_email(address)
    except ValidationError as error:
        raise AddressUnusable from error
    limits.consume(Limit.EVIDENCE_ADDRESS, claim.actor.address, at=claim.at)
    limits.consume(Limit.MAIL_TO_ADDRESS, address, at=claim.at)
    token = bearers.mint()
    with transaction.atomic():
        challenge = ask(claim, "mailbox", target=address, mailed=bearers.digest(token))
        letters_evidence.mailbox_link(email=address, token=token, until=challenge.expires_at)


def offer_mailbox(claim: Claim, token: str) -> None:
    """The mailed link was opened, in the browser of the request, and its button pressed. Raises as `receive` does.

    Whoever merely reads the mailbox has no request secret, and whoever only asked has no link.
    """

    def look(case: RecoveryCase) -> Found | None:
        mailed = case.challenges.filter(kind="mailbox", digest=bearers.digest(token), expires_at__gt=claim.at)
        if not mailed.filter(used_at=None).update(used_at=claim.at):
            return None
        email = mailed.get().target
        since = evidence_now.mailbox_since(case.user, email) if case.user is not None else None
        if since is None or case.user is None:
            return None
        is_sound = evidence_now.is_mailbox_sound(case.user, email, claim.at)
        return Found(Signal.MAILBOX, evidence_now.mailbox_domain(email), email, since, is_sound=is_sound)

    receive(claim, "mailbox", look)


# -- a repository -----------------------------------------------------------------------------------------


def ask_for_repository(claim: Claim) -> str:
    """The name of the branch to push; the same for the whole case. Raises as `ask` does."""
    return f"{repositories.BRANCH}{standing_nonce(claim, 'repository').nonce}"


def offer_repository(claim: Claim, url: str) -> None:
    """Ask the repository for the branch.

    Raises:
        RepositoryUnusable: not an address that is ever asked.
        CaseUnknown, CaseMoved, TriesUsed, LimitReached: as for `receive`.
    """
    repository = repositories.parse(url)
    if repository is None:
        raise RepositoryUnusable

    def look(case: RecoveryCase) -> Found | None:
        nonce = case.challenges.filter(kind="repository").first()
        # Asked whoever the case is about, so that it takes as long.
        if not _has_branch(repository, nonce) or case.user is None:
            return None
        since = evidence_now.cited_since(case.user, repository, claim.at - evidence_now.SETTLED)
        if since is None:
            return None
        return Found(Signal.REPOSITORY, repository.boundary, repository.address, since, is_sound=True)

    receive(claim, "repository", look)


def _has_branch(repository: Repository, challenge: Challenge | None) -> bool:
    try:
        return challenge is not None and repositories.has_branch(repository, challenge.nonce)
    except FetchFailed:
        return False


# -- a co-owner -------------------------------------------------------------------------------------------


def open_pin(*, actor: Actor, username: str, at: datetime) -> str:
    """Give one's word for somebody: a PIN of ten digits, which they type into their request within a day.

    Raises:
        PermissionRefused: no factor, or no fresh proof of it; or the account is held.
        NobodyToVouchFor: nobody of this name with whom the actor owns or manages anything.
        LimitReached: too many changes.
    """
    require(actor, Action.RECOVERY_VOUCH)
    limits.consume(Limit.CHANGE_USER, str(actor.person.pk), at=at)
    with transaction.atomic():
        subject = User.objects.filter(username=usernames.canonical(username)).first()
        if subject is None or subject == actor.user or evidence_now.may_vouch_since(actor.person, subject) is None:
            raise NobodyToVouchFor
        require_now(actor, Action.RECOVERY_VOUCH)
        VouchPin.objects.filter(voucher=actor.person, subject=subject, ended_at=None).update(ended_at=at)
        pin = f"{secrets.randbelow(10**PIN_DIGITS):0{PIN_DIGITS}d}"
        VouchPin.objects.create(
            voucher=actor.person,
            subject=subject,
            digest=_pin_digest(subject, pin),
            factor=actor.factor,
            opened_at=at,
            expires_at=at + PIN_LIFE,
        )
        audit.record(actor, VouchOpened(about=actor.person, whom=subject.username))
        letters_evidence.vouch_opened(actor.person, whom=subject.username, actor=actor)
    return pin


@transaction.atomic
def take_back_pin(*, actor: Actor, username: str, at: datetime) -> None:
    """Take one's word back as long as nobody has used it.

    Raises:
        NobodyToVouchFor: there is no open PIN for this name.
    """
    require(actor, Action.ACCOUNT_VIEW)
    mine = VouchPin.objects.filter(voucher=actor.person, ended_at=None)
    if not mine.filter(subject__username=usernames.canonical(username)).update(ended_at=at):
        raise NobodyToVouchFor
    audit.record(actor, VouchTakenBack(about=actor.person, whom=usernames.canonical(username)))


def offer_vouch(claim: Claim, pin: str) -> None:
    """Take a co-owner's PIN. Raises as `receive` does."""
    digits = "".join(char for char in pin if char.isdigit())

    def look(case: RecoveryCase) -> Found | None:
        subject = case.user
        if subject is None:
            return None
        opened = VouchPin.objects.filter(
            subject=subject, digest=_pin_digest(subject, digits), expires_at__gt=claim.at, ended_at=None
        )
        found = opened.select_related("voucher").first()
        if found is None or not opened.update(ended_at=claim.at, used_in=case):
            return None
        tie = evidence_now.may_vouch_since(found.voucher, subject)
        if tie is None:
            return None
        signal, since = tie
        is_sound = evidence_now.is_voucher_sound(found.voucher, claim.at)
        return Found(signal, f"person {found.voucher.pk}", str(found.voucher.pk), since, is_sound=is_sound)

    receive(claim, "vouch", look)


def _pin_digest(subject: User, digits: str) -> str:
    return bearers.keyed("vouch pin", f"{subject.pk} {digits}")
