"""A project under review, the people who decide there, and their keys."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

from django.test import Client

from accounts.models import User
from indexsite import clock
from indexsite.actors import Actor
from mfa.models import SecurityKey
from releases.actions.drafts import approving, pressing, signing
from releases.actions.drafts.publishing import submit_draft
from releases.actions.drafts.signing import KeyAnswer
from releases.models import Draft, Project, Publishing, Role, RoleKind, SignedAct
from tests.support import cast
from tests.support.authenticators import SoftKey
from tests.support.distributions import Distribution, make_wheel
from tests.support.drafts import again, by_token, gathered, in_browser

LONG_AGO = timedelta(days=30)


def reviewed_project(
    owner: User,
    *approvers: User,
    name: str = "sampleproject",
    mode: Publishing = Publishing.AUTO,
    approvals: int = 2,
    four_eyes: bool = True,
    **columns: Any,
) -> Project:
    """A project where review is required, with people who have been approvers for long and have keys."""
    project: Project = cast.ProjectFactory(
        name=name,
        owner=owner,
        publishing=mode,
        approvals=approvals,
        four_eyes=four_eyes,
        **columns,
    )
    for approver in approvers:
        old_approver(approver, project)
    for person in (owner, *approvers):
        old_key(person)
    return project


def old_approver(user: User, project: Project) -> Role:
    role = cast.grant(user, project, RoleKind.APPROVER)
    Role.objects.filter(pk=role.pk).update(granted_at=clock.now() - LONG_AGO)
    return role


def old_key(user: User, name: str = "blue", **options: Any) -> SoftKey:
    """A key that the person has had for long."""
    key = cast.add_key(user, name, **options)
    SecurityKey.objects.filter(user=user, name=name).update(created_at=clock.now() - LONG_AGO)
    return key


def in_review(by: User, *distributions: Distribution, name: str = "sampleproject") -> Draft:
    """A draft that the person's pipeline has gathered and handed in."""
    actor = by_token(by)
    draft = gathered(actor, *distributions or (make_wheel(name),), name=name)
    return again(submit_draft(actor=actor, draft=draft, at=clock.now()))


def key_answer(
    actor: Actor, draft: Draft, act: SignedAct, *, key: SoftKey | None = None, **asked: Any
) -> KeyAnswer:
    """What the person's browser brings after it was asked to sign for the draft as it is."""
    key = key or cast.key_of(actor.person)
    assert key is not None
    options, challenge = signing.ask(
        actor=actor, draft=draft, act=act, digest=asked.pop("digest", draft.digest), at=clock.now(), **asked
    )
    return KeyAnswer(challenge, json.loads(key.get(options)))


def approve(user: User, draft: Draft, **asked: Any) -> Draft:
    actor = in_browser(user)
    proof = key_answer(actor, draft, SignedAct.APPROVE, **asked)
    return approving.approve_draft(actor=actor, draft=draft, proof=proof, at=clock.now())


def release(user: User, draft: Draft, **asked: Any) -> Draft:
    actor = in_browser(user)
    proof = key_answer(actor, draft, SignedAct.RELEASE, **asked)
    return pressing.release_draft(actor=actor, draft=draft, proof=proof, at=clock.now())


def other_challenge(proof: KeyAnswer, **changed: Any) -> KeyAnswer:
    """The same answer, to a challenge that differs in this."""
    return KeyAnswer(replace(proof.challenge, **changed), proof.answer)


def sign_by_page(client: Client, user: User, draft: Draft, act: str = "approve", **fields: str) -> Any:
    """As the script of the page does it: ask for the challenge, ask the key, send its answer."""
    page = f"/manage/draft/{draft.public_id}/{act}/"
    shown = {"digest": draft.digest, **fields}
    where = page if act == "approve" else f"/manage/draft/{draft.public_id}/release/"
    options = client.post(f"{where}options/", shown, headers={"accept": "application/json"})
    if options.status_code != 200:
        return options
    key = cast.key_of(user)
    assert key is not None
    return client.post(page, {**shown, "credential": key.get(options.json())})
