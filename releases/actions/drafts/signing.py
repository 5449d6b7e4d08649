"""Signing about a draft, whatever is said: the statement, the key that signs it, and the row that keeps both."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings

from indexsite.actors import Actor
from indexsite.errors import Conflict, PermissionRefused
from indexsite.policies import Action, require
from mfa import ceremonies, recovery_codes
from mfa.actions import challenge as codes
from mfa.actions import key_proof
from mfa.actions.challenge import WrongCode
from mfa.assertions import KeptSignature
from mfa.challenges import Challenge, ChallengeGone, Purpose
from mfa.models import SecurityKey
from releases.actions.drafts.standing import review_address
from releases.models import Draft, DraftState, Project, SignedAct, SignedStatement, SigningFactor
from releases.queries_approvals import age_refusal, factor_refusal
from releases.statements import Statement, Unreadable, challenge_of, moment

ACTIONS = {SignedAct.APPROVE: Action.DRAFT_APPROVE, SignedAct.RELEASE: Action.DRAFT_RELEASE}
PURPOSES = {SignedAct.APPROVE: Purpose.APPROVE, SignedAct.RELEASE: Purpose.RELEASE}


class ApprovalStale(Conflict):
    """The draft, or what the project asks for, is not what the person has looked at."""

    code = "approval-stale"

    def __init__(self, draft: Draft) -> None:
        super().__init__(
            f"The draft of {draft.name} {draft.version} is not what you looked at any more; look at it again at "
            f"{review_address(draft)}"
        )


class KeyNeeded(PermissionRefused):
    """The project's rules take nothing less than a security key for this."""

    code = "signing-key-needed"

    def __init__(self, project: Project) -> None:
        super().__init__(
            f"Project '{project.name}' takes a security key or passkey for this; a code of an app does not do."
        )


class FactorDoesNotCount(PermissionRefused):
    """The factor is the person's, and too new or set aside."""

    code = "factor-does-not-count"


@dataclass(frozen=True)
class KeyAnswer:
    """What a browser's script has brought: the challenge of its session, and the key's answer."""

    challenge: Challenge
    answer: dict[str, Any]


@dataclass(frozen=True)
class Code:
    """What was typed where no key is asked for: the code, and the draft digest that the page showed."""

    code: str
    digest: str
    publish_at: datetime | None = None


type Proof = KeyAnswer | Code


@dataclass(frozen=True)
class Signed:
    """A statement and the factor that stands for it; `signature` is None for an authenticator app."""

    statement: Statement
    publish_at: datetime | None
    factor: SigningFactor
    device: str
    device_label: str
    signature: KeptSignature | None


def ask(
    *, actor: Actor, draft: Draft, act: SignedAct, digest: str, publish_at: datetime | None = None, at: datetime
) -> tuple[dict[str, Any], Challenge]:
    """What the browser asks the key for, and the challenge to keep: the digest of the statement.

    Args:
        digest: the draft digest that the page showed.

    Raises:
        ApprovalStale: the draft is another one by now, or not in review.
        LimitReached, PermissionRefused: see there.
    """
    require(actor, ACTIONS[act], draft)
    statement = _statement(actor, draft, act, digest, publish_at).canonical()
    return key_proof.ask_to_sign(
        actor=actor, purpose=PURPOSES[act], value=challenge_of(statement), about=statement.decode(), at=at
    )


def sign(actor: Actor, draft: Draft, act: SignedAct, proof: Proof, *, at: datetime) -> Signed:
    """Check the proof, which is used up by it, whatever comes of the act.

    Raises:
        ChallengeGone: the challenge was for something else.
        KeyNeeded: a code, where the project takes keys.
        DomainError: the key's answer or the code is not good.
    """
    require(actor, ACTIONS[act], draft)
    if isinstance(proof, KeyAnswer):
        return _signed_by_key(actor, draft, act, proof, at)
    return _confirmed_by_code(actor, draft, act, proof, at)


def insist_current(draft: Draft, signed: Signed) -> None:
    """Under the lock: draft and rules are still those of the statement, and the factor counts.

    Raises:
        ApprovalStale, FactorDoesNotCount, KeyNeeded: see there.
    """
    project = draft.project
    assert project is not None  # noqa: S101 - `locked` has seen to it
    said = signed.statement
    is_same = said.draft_digest == draft.digest and said.policy_version == project.policy_version
    if draft.state != DraftState.REVIEW or not is_same:
        raise ApprovalStale(draft)
    if signed.factor == SigningFactor.APP and not project.approve_by_code:
        raise KeyNeeded(project)
    refusal = factor_refusal(project, signed.factor, signed.device)
    # An approval is worth what the key behind it is; to release takes approvals besides.
    if not refusal and said.act == SignedAct.APPROVE:
        refusal = age_refusal(signed.device)
    if refusal:
        raise FactorDoesNotCount(refusal)


def keep(actor: Actor, draft: Draft, signed: Signed, *, at: datetime) -> SignedStatement:
    """The row; its constraints decide between two that come at once."""
    said, kept = signed.statement, signed.signature
    row = SignedStatement(
        draft=draft,
        person=actor.person,
        act=said.act,
        draft_digest=said.draft_digest,
        policy_version=said.policy_version,
        publish_at=signed.publish_at,
        nonce=said.nonce,
        statement=said.canonical(),
        factor=signed.factor,
        device=signed.device,
        device_label=signed.device_label,
        client_data=kept.client_data if kept else b"",
        authenticator_data=kept.authenticator_data if kept else b"",
        signature=kept.signature if kept else b"",
        public_key=kept.public_key if kept else b"",
        credential_sha256=kept.credential_sha256 if kept else "",
        algorithm=kept.algorithm if kept else None,
        rp_id=kept.rp_id if kept else "",
        origin=kept.origin if kept else "",
        created_at=at,
    )
    row.evidence_sha256 = row.evidence().digest()
    row.save()
    return row


def _statement(actor: Actor, draft: Draft, act: SignedAct, digest: str, publish_at: datetime | None) -> Statement:
    if draft.project is None or draft.state != DraftState.REVIEW or not digest or draft.digest != digest:
        raise ApprovalStale(draft)
    return Statement(
        site=settings.SITE_URL,
        act=act.value,
        draft=str(draft.public_id),
        project=draft.normalized_name,
        version=draft.version,
        draft_digest=digest,
        policy_version=draft.project.policy_version,
        publish_at=moment(publish_at) if publish_at is not None else None,
        approver=actor.person.username,
        nonce=secrets.token_urlsafe(24),
    )


def _signed_by_key(actor: Actor, draft: Draft, act: SignedAct, proof: KeyAnswer, at: datetime) -> Signed:
    challenge = proof.challenge
    try:
        said = Statement.read(challenge.about.encode())
    except Unreadable:
        raise ChallengeGone from None
    is_for_this = (said.act, said.draft, said.approver) == (act, str(draft.public_id), actor.person.username)
    if not is_for_this or challenge_of(said.canonical()) != challenge.value:
        raise ChallengeGone
    key: SecurityKey = key_proof.prove(
        actor=actor, user=actor.person, challenge=challenge, answer=proof.answer, at=at
    )
    return Signed(
        said,
        datetime.fromisoformat(said.publish_at) if said.publish_at is not None else None,
        SigningFactor.KEY,
        str(key.persistent_id),
        key.label,
        ceremonies.kept(key, proof.answer),
    )


def _confirmed_by_code(actor: Actor, draft: Draft, act: SignedAct, proof: Code, at: datetime) -> Signed:
    said = _statement(actor, draft, act, proof.digest, proof.publish_at)
    if draft.project is None or not draft.project.approve_by_code:
        raise KeyNeeded(draft.project) if draft.project is not None else ApprovalStale(draft)
    if recovery_codes.looks_like_one(proof.code):
        raise WrongCode  # it would be used up, and is no factor to decide with
    proved = codes.step_up(actor=actor, code=proof.code, at=at)
    return Signed(said, proof.publish_at, SigningFactor.APP, proved.device, "authenticator app", None)
