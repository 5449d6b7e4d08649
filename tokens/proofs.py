"""Tokens as proof of who somebody is: narrowed offline for one case, never handed over.

Whoever shows such a proof has shown to hold the token; whoever intercepts it has nothing (`static/recovery/`
has the program that makes one).
"""

from __future__ import annotations

import hmac
import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings

from tokens.macaroons import caveats, wire
from tokens.macaroons.wire import MacaroonError
from tokens.models import Token, get_token_and_user

# From its making to our reading it (NIST SP 800-63B-4, 3.1.3.3: ten minutes for what travels another way).
PROOF_LIFE = timedelta(minutes=10)
_NO_KEY = bytes(32)
_LIMITS = (caveats.ProjectNames, caveats.ProjectIds, caveats.DraftsOnly, caveats.OneDraft, caveats.Versions)


@dataclass(frozen=True)
class ProvenToken:
    """A token that somebody holds.

    `is_limited`: it is, or was made, good for some projects, drafts or versions only. Such tokens are handed to
    many jobs, so they say less of who holds them.
    """

    token: Token
    is_limited: bool


def check(text: str, *, case: str, nonce: str, at: datetime) -> ProvenToken:
    """Whose token `text` was made from, for this case and nonce.

    The caller sees to it that a nonce is used once.

    Raises:
        MacaroonError: it is no such proof, or is too old, good for too long, or made from a token that does not
            work any more.
    """
    macaroon = wire.parse(text.strip(), prefix=settings.ENV.token_prefix)
    token = _signed_by_its_row(macaroon)
    proofs = [proof for proof in map(caveats.load_proof, macaroon.caveats) if proof is not None]
    others = [caveats.load(each) for each in macaroon.caveats if caveats.load_proof(each) is None]
    if len(proofs) != 1 or not _is_for(proofs[0], case, nonce):
        raise MacaroonError("caveat", "is no proof for this case")
    _insist_on_short_life(others, at)
    restrictions = (*others, *token.understood_caveats())
    caveats.check_bearer(restrictions, at=at, user_id=caveats.public_id(token.user_id))
    if token.revoked_at is not None:
        raise MacaroonError("caveat", "was revoked")
    return ProvenToken(token, is_limited=any(isinstance(each, _LIMITS) for each in restrictions))


def looks_raw(text: str) -> bool:
    """Whether there is a token in `text` that is no proof, of this site or not, working or not."""
    return bool(_raw_macaroons(text))


def raw_tokens(text: str, *, most: int = 10) -> list[Token]:
    """Rows of all tokens in `text` that may still open something for whoever reads it; `most` are looked at."""
    found = {}
    for macaroon in _raw_macaroons(text, most):
        with suppress(MacaroonError):
            token = _signed_by_its_row(macaroon)
            found[token.pk] = token
    return list(found.values())


def _raw_macaroons(text: str, most: int = 10) -> list[wire.Macaroon]:
    spelled = re.compile(rf"{re.escape(settings.ENV.token_prefix)}[A-Za-z0-9_-]{{40,{wire.MAX_TOKEN_LENGTH}}}")
    found = []
    for match in spelled.findall(text)[:most]:
        with suppress(MacaroonError):
            macaroon = wire.parse(match, prefix=settings.ENV.token_prefix)
            if not any(caveats.is_proof(each) for each in macaroon.caveats):
                found.append(macaroon)
    return found


def _signed_by_its_row(macaroon: wire.Macaroon) -> Token:
    try:
        token = get_token_and_user(UUID(macaroon.identifier.decode()))
    except ValueError:
        token = None
    wire.verify_signature(macaroon, token.root_key if token is not None else _NO_KEY)
    if token is None:
        raise MacaroonError("bad-signature", "its signature does not match")
    return token


def _is_for(proof: caveats.RecoveryProof, case: str, nonce: str) -> bool:
    return hmac.compare_digest(proof.case.encode(), case.encode()) and hmac.compare_digest(
        proof.nonce.encode(), nonce.encode()
    )


def _insist_on_short_life(restrictions: list[caveats.AnyCaveat], at: datetime) -> None:
    until = caveats.expires_at(restrictions)
    if until is None or until > at + PROOF_LIFE:
        raise MacaroonError("caveat", "is good for longer than a proof may be")
