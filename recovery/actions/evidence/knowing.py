"""What only the owner should know or have at hand: the password, a browser, a key, a token."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.conf import settings

from accounts import known_devices, passwords, signatures
from accounts.actions import sign_in
from accounts.models import SigningKey, User, known_device
from accounts.signatures import KeyKind, KeyUnusable, PublicKey, SignatureWrong
from indexsite import audit
from indexsite.errors import InvalidInput
from mfa.models import devices_of
from recovery import bearers, evidence_now
from recovery.actions.evidence.receiving import Claim, Found, ask, live_challenges, receive, use
from recovery.assurance import Signal
from recovery.models import Challenge, RecoveryCase
from tokens import proofs
from tokens.actions.revoke import drop_tokens
from tokens.macaroons.wire import MacaroonError

PASTED = "because it was pasted into a request for recovery"


class RawTokenPasted(InvalidInput):
    """Said of everything that looks like a token and is no proof, whoever's it is and whether or not it works."""

    code = "raw-token-pasted"
    field = "proof"

    def __init__(self) -> None:
        super().__init__(
            "This is a token itself, which nobody should ever see; if it worked, it is revoked now. "
            "Run the program on this page and paste what it prints."
        )


# -- the password -----------------------------------------------------------------------------------------


def offer_password(claim: Claim, password: str) -> None:
    """Raises what `receive` raises, and LimitReached for too many sign-ins that failed."""

    def look(case: RecoveryCase) -> Found | None:
        name = case.user.username if case.user is not None else case.claimed
        is_leaked = passwords.is_breached(password)
        found = sign_in.prove_password(actor=claim.actor, username=name, password=password, at=claim.at)
        if found is None or found != case.user:
            return None
        since = evidence_now.password_since(found)
        return Found(Signal.PASSWORD, "password", "", since, is_sound=not is_leaked)

    receive(claim, "password", look)


# -- a browser --------------------------------------------------------------------------------------------


def offer_browser(claim: Claim, shown: str) -> None:
    """Take the cookie by which a browser is known (`accounts.known_devices.shown`). Raises as `receive` does."""

    def look(case: RecoveryCase) -> Found | None:
        device = known_device(case.user, known_devices.digest(case.user, shown), claim.at)
        if device is None or case.user is None:
            return None
        here = bearers.network(claim.actor.address)
        is_home = bool(here) and here == bearers.network(device.address)
        first = first_factor_at(case.user)
        return Found(
            Signal.DEVICE_AT_HOME if is_home else Signal.DEVICE,
            f"browser {device.pk}",
            str(device.pk),
            # Before the account had a factor, no sign-in was a whole one.
            since=max(device.created_at, first) if first is not None else device.created_at,
            is_sound=first is not None and device.last_used_at >= first,
            last_used_at=device.last_used_at,
        )

    receive(claim, "browser", look)


def first_factor_at(user: User) -> datetime | None:
    """Since when a sign-in has taken a second factor."""
    added = user.audit_events.filter(name=audit.FactorAdded.name).order_by("id").values_list("at", flat=True)
    moments = [*added[:1], *(device.created_at for device in devices_of(user))]
    return min((moment for moment in moments if moment is not None), default=None)


# -- a token ----------------------------------------------------------------------------------------------


def ask_for_token(claim: Claim) -> str:
    """The code that the program on the page takes. Raises as `ask` does."""
    challenge = ask(claim, "token")
    return f"{challenge.case_id}.{challenge.nonce}"


def offer_token(claim: Claim, proof: str) -> None:
    """Take what the program printed.

    Raises:
        RawTokenPasted: it is a token. It is revoked, whoever's it was.
        CaseUnknown, CaseMoved, TriesUsed, LimitReached: as for `receive`.
    """
    if proofs.looks_raw(proof):
        drop_tokens(proofs.raw_tokens(proof), by=claim.actor, at=claim.at, reason=PASTED)
        raise RawTokenPasted

    def look(case: RecoveryCase) -> Found | None:
        for challenge in live_challenges(case, "token", claim.at):
            if (found := _proven(challenge, proof, claim.at)) is not None:
                break
        else:
            return None
        if found.token.user_id != case.user_id or not use(challenge, claim.at):
            return None
        return Found(
            Signal.PROJECT_TOKEN if found.is_limited else Signal.USER_TOKEN,
            f"token {found.token.pk}",
            str(found.token.pk),
            since=found.token.created_at,
            is_sound=found.token.last_used_at is not None,
            last_used_at=found.token.last_used_at,
        )

    receive(claim, "token", look)


def _proven(challenge: Challenge, proof: str, at: datetime) -> proofs.ProvenToken | None:
    try:
        return proofs.check(proof, case=str(challenge.case_id), nonce=challenge.nonce, at=at)
    except MacaroonError:
        return None


# -- a key ------------------------------------------------------------------------------------------------


def message_for(challenge: Challenge) -> str:
    """The line to sign: it names site, request and nonce, so that it is good for nothing else."""
    return f"I ask {settings.SITE_URL} to let me back in, in request {challenge.case_id}. {challenge.nonce}"


def namespace() -> str:
    """What an SSH signature says it is for; another name than that of adding a key."""
    return f"recovery@{urlsplit(settings.SITE_URL).hostname}"


def ask_for_signature(claim: Claim) -> Challenge:
    """The challenge that `message_for` makes a line of. Raises as `ask` does."""
    return ask(claim, "signature")


def offer_signature(claim: Claim, signature: str) -> None:
    """Take an armored signature of the line. Raises as `receive` does."""

    def look(case: RecoveryCase) -> Found | None:
        keys = SigningKey.objects.proved().filter(user=case.user_id or 0)
        # At least one check, also where there is no key, so that it takes about as long.
        candidates: list[tuple[PublicKey, SigningKey | None]] = [(key.public_key, key) for key in keys]
        for challenge in live_challenges(case, "signature", claim.at):
            message = f"{message_for(challenge)}\n".encode()
            for public, key in candidates or [(_nobodys_key(), None)]:
                if (
                    _is_signed(public, message, signature, claim.at)
                    and key is not None
                    and use(challenge, claim.at)
                ):
                    since = key.proved_at or key.added_at
                    return Found(Signal.SIGNATURE, f"key {key.fingerprint}", str(key.pk), since, is_sound=True)
        return None

    receive(claim, "signature", look)


def _is_signed(key: PublicKey, message: bytes, signature: str, at: datetime) -> bool:
    try:
        signatures.check(key, message=message, signature=signature, namespace=namespace(), at=at)
    except (KeyUnusable, SignatureWrong):
        return False
    return True


def _nobodys_key() -> PublicKey:
    public = Ed25519PrivateKey.generate().public_key()
    return PublicKey(KeyKind.SSH, "", public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode())
