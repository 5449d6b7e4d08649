"""Who asks to get back in: accounts, their owners and what those still have, attackers and what those have got.

Everybody goes through the real acts. What is assumed of people is a table here; nothing else is.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pysequoia
from allauth.account.models import EmailAddress

from accounts import signatures
from accounts.actions import devices
from accounts.models import KnownDevice, Membership, MembershipKind, Organization, SigningKey, User
from indexsite import clock, fetch
from mfa.models import AuthenticatorApp
from recovery import repositories
from recovery.actions.evidence import knowing, reaching
from recovery.actions.evidence.receiving import Claim
from releases.models import Project, Release, Role
from tests.support import cast
from tests.support.tokens import token_of
from tokens.macaroons import caveats, wire
from tokens.models import Token

LONG_AGO = timedelta(days=400)

# Shares of what is at stake. A quarter to a third of all are dormant accounts without a project; the list of
# critical projects is a hundredth of them, but those people ask, too.
TIERS = {"I0": 0.30, "I1": 0.45, "I2": 0.20, "I3": 0.05}
# Of ten requests one is never opened, one is solved by a code found again; the others are meant.
NEVER_OPENED, SOLVED_ALONE = 0.10, 0.10
# How many still read the mailbox of the account (a quarter of all requests are about a lost one, too).
READS_MAILBOX = 0.75
# What owners have left, and offer. The last two need a project, a colleague.
KIT = {
    "password": 0.75,
    "browser": 0.55,
    "token": 0.30,
    "mailbox": 0.25,
    "signature": 0.10,
    "repository": 0.60,
    "vouch": 0.40,
}

# What attackers have got, by kind: evidence, whether they read the mailbox of the account, what they go for.
# All owners sleep: nobody cancels, so that what stops them is the policy.
STATED = {
    "a stranger": ((), False, ("I0", "I1", "I2", "I3")),
    "has the password": (("password",), False, ("I0", "I1", "I2", "I3")),
    "has stolen a token": (("token",), False, ("I0", "I1", "I2", "I3")),
    "a co-owner who pushes": (("vouch", "repository"), False, ("I1", "I3")),
    "reads the mailbox": ((), True, ("I1", "I2", "I3")),
    "reads the mailbox, has the password": (("password",), True, ("I1", "I2", "I3")),
    "reads the mailbox and pushes": (("repository",), True, ("I1", "I2", "I3")),
}
# More than the policy is meant to stop by itself: here the owner has to read the letters.
BEYOND = {
    "reads the mailbox of an account with nothing in it": ((), True, ("I0",)),
    "reads the mailbox, has stolen a token": (("token",), True, ("I1",)),
}


@dataclass
class Forges:
    """The Git servers of the world, at the port where this site asks them: references by address."""

    branches: dict[str, set[str]] = field(default_factory=dict)

    def get(self, url: str, **options: object) -> bytes:
        address = url.removesuffix(".git/info/refs?service=git-upload-pack")
        lines = [f"{'0' * 40} refs/heads/{name}\n" for name in sorted(self.branches.get(address, {"main"}))]
        packets = "".join(f"{len(line) + 4:04x}{line}" for line in lines)
        return f"001e# service=git-upload-pack\n0000{packets}0000".encode()


@dataclass
class Account:
    """An account of long ago, and everything its owner may still have."""

    user: User
    tier: str
    partner: User
    rng: random.Random
    forges: Forges

    def offer(self, kind: str, claim: Claim, links: dict[tuple[str, str], str], deliver: object) -> None:
        """Go through the real act of this kind with the real thing."""
        if kind == "mailbox":
            self._offer_mailbox(claim, links, deliver)
        else:
            getattr(self, f"_offer_{kind}")(claim)

    def _offer_password(self, claim: Claim) -> None:
        knowing.offer_password(claim, cast.PASSWORD)

    def _offer_browser(self, claim: Claim) -> None:
        then = clock.now() - LONG_AGO
        shown = devices.remember(user=self.user, shown="", session_key="", address="", client="", at=then)
        KnownDevice.objects.filter(user=self.user).update(last_used_at=clock.now() - timedelta(days=9))
        knowing.offer_browser(claim, shown)

    def _offer_token(self, claim: Claim) -> None:
        token = token_of(self.user, created_at=clock.now() - LONG_AGO)
        Token.objects.filter(pk=token.pk).update(last_used_at=clock.now() - timedelta(days=9))
        case, nonce = knowing.ask_for_token(claim).split(".")
        now = int(clock.now().timestamp())
        more = (caveats.RecoveryProof(case, nonce), caveats.Expiry(now + 540, now - 60))
        macaroon = wire.restrict(
            wire.parse(token.secret(), prefix="idx-"), *(caveats.dump(each.encode()) for each in more)
        )
        knowing.offer_token(claim, wire.serialize(macaroon, prefix="idx-"))

    def _offer_signature(self, claim: Claim) -> None:
        then = clock.now() - LONG_AGO
        key = pysequoia.Tsk.generate("Owner <owner@example.org>")
        public = signatures.read(str(key.extract_certificate()), at=clock.now())
        SigningKey.objects.create(
            user=self.user, kind=public.kind, fingerprint=public.fingerprint, text=public.text, name="key",
            nonce="n", added_at=then, proved_at=then,
        )  # fmt: skip
        text = f"{knowing.message_for(knowing.ask_for_signature(claim))}\n".encode()
        signed = pysequoia.sign(key.signer(), text, mode=pysequoia.SignatureMode.DETACHED)
        knowing.offer_signature(claim, bytes(signed).decode())

    def _offer_repository(self, claim: Claim) -> None:
        url = f"https://github.com/{self.user.username}/code"
        self.forges.branches.setdefault(url, {"main"}).add(reaching.ask_for_repository(claim))
        reaching.offer_repository(claim, url)

    def _offer_vouch(self, claim: Claim) -> None:
        voucher = cast.actor(self.partner)
        reaching.offer_vouch(claim, reaching.open_pin(actor=voucher, username=self.user.username, at=clock.now()))

    def _offer_mailbox(self, claim: Claim, links: dict[tuple[str, str], str], deliver: object) -> None:
        email = f"{self.user.username}@other.example.net"
        EmailAddress.objects.get_or_create(user=self.user, email=email, verified=True, primary=False)
        reaching.ask_for_mailbox(claim, email)
        deliver()  # type: ignore[operator]
        reaching.offer_mailbox(claim, links["mailbox", email])


def make_partner(at: datetime) -> User:
    """Somebody who owns projects and manages organisations together with everybody else."""
    partner = cast.person("partner")
    _age(partner, at)
    return partner


def make_account(name: str, tier: str, partner: User, rng: random.Random, forges: Forges, at: datetime) -> Account:
    """An account with this much at stake, as of long ago."""
    then = at - LONG_AGO
    user = cast.person(name)
    account = Account(user, tier, partner, rng, forges)
    if tier != "I0":
        project = Project.objects.create(name=f"project-of-{name}", created_at=then)
        holders = [user] if tier == "I2" else [user, partner]
        for holder in holders:
            Role.objects.create(user=holder, project=project, kind="owner", granted_at=then)
        Release.objects.create(
            project=project, version="1.0", normalized_version="1.0", created_at=then,
            metadata={"project_url": [f"Source, https://github.com/{name}/code"]},
        )  # fmt: skip
    if tier == "I3":
        organization = Organization.objects.create(name=f"org-{name}", display_name=name, created_at=then)
        for member in (user, partner):
            Membership.objects.create(
                organization=organization, user=member, kind=MembershipKind.MANAGER, joined_at=then
            )
    _age(user, at)
    return account


def _age(user: User, at: datetime) -> None:
    then = at - LONG_AGO
    User.objects.filter(pk=user.pk).update(date_joined=then, last_login=at)
    AuthenticatorApp.objects.filter(user=user).update(created_at=then)
    user.refresh_from_db()


def kit_of(account: Account, rng: random.Random) -> list[str]:
    """What this owner still has."""
    without = set()
    if account.tier == "I0":
        without = {"repository", "vouch"}
    elif account.tier == "I2":
        without = {"vouch"}
    return [kind for kind, share in KIT.items() if kind not in without and rng.random() < share]


def install(forges: Forges) -> object:
    """Let the site ask these forges; returns what it asked before."""
    before = fetch.get
    repositories.fetch.get = forges.get  # type: ignore[assignment]
    return before
