"""Pages where people decide about a draft with a key: approve it, release it, and take back either."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from accounts.forms import PageForm
from indexsite import clock
from indexsite.errors import InvalidInput
from indexsite.http import actor_of, enforces
from indexsite.policies import Action, require
from mfa import ceremonies, challenges
from releases.actions.drafts import approving, pressing, signing
from releases.actions.drafts.signing import Code, KeyAnswer, Proof
from releases.actions.drafts.standing import open_draft
from releases.evidence import evidence_file
from releases.forms_approvals import (
    DigestForm,
    SignedByCodeForm,
    SignedByKeyForm,
    TimedByCodeForm,
    TimedByKeyForm,
    TimedForm,
)
from releases.models import Draft, SignedAct
from releases.views_drafts import act_page, draft_answer, sent


@dataclass(frozen=True)
class _Signing:
    """A page that asks for a signature, and what is done with it."""

    act: SignedAct
    template: str
    by_key: type[PageForm]
    by_code: type[PageForm]
    do: Callable[..., Draft]
    done: str


_APPROVE = _Signing(
    SignedAct.APPROVE,
    "approve",
    SignedByKeyForm,
    SignedByCodeForm,
    approving.approve_draft,
    "Your approval is recorded.",
)
_RELEASE = _Signing(
    SignedAct.RELEASE, "release", SignedByKeyForm, SignedByCodeForm, pressing.release_draft, "It is published."
)
_SCHEDULE = _Signing(
    SignedAct.RELEASE,
    "schedule",
    TimedByKeyForm,
    TimedByCodeForm,
    pressing.release_draft,
    "It will be published at that time.",
)


@sensitive_post_parameters("code", "credential")
@act_page(Action.DRAFT_APPROVE)
def approve(request: HttpRequest, found: Draft) -> HttpResponse:
    return _sign(request, found, _APPROVE)


@sensitive_post_parameters("code", "credential")
@act_page(Action.DRAFT_RELEASE)
def release(request: HttpRequest, found: Draft) -> HttpResponse:
    return _sign(request, found, _RELEASE)


@sensitive_post_parameters("code", "credential")
@act_page(Action.DRAFT_RELEASE)
def schedule(request: HttpRequest, found: Draft) -> HttpResponse:
    return _sign(request, found, _SCHEDULE)


def _sign(request: HttpRequest, found: Draft, signing_page: _Signing) -> HttpResponse:
    shown = {"digest": found.digest}
    by_key = signing_page.by_key(request.POST if "credential" in request.POST else None, initial=shown)
    by_code = signing_page.by_code(request.POST if "code" in request.POST else None, initial=shown)

    def act(data: dict[str, Any]) -> None:
        signing_page.do(
            actor=actor_of(request),
            draft=found,
            proof=_proof(request, signing_page.act, data),
            at=clock.now(),
        )

    form = by_key if by_key.is_bound else by_code
    return draft_answer(
        request, signing_page.template, form, found, act, signing_page.done, by_key=by_key, by_code=by_code
    )


def _proof(request: HttpRequest, act: SignedAct, data: dict[str, Any]) -> Proof:
    if "credential" not in data:
        return Code(data["code"], data["digest"], data.get("publish_at"))
    user = actor_of(request).person
    asked = challenges.take(request, signing.PURPOSES[act], user_id=user.pk, at=clock.now())
    return KeyAnswer(asked, ceremonies.parse(data["credential"]))


@never_cache
@require_POST
@enforces(Action.DRAFT_APPROVE)
def approve_options(request: HttpRequest, public_id: uuid.UUID) -> JsonResponse:
    """What the browser asks a key for: to sign for the approval of what the page showed."""
    return _options(request, public_id, SignedAct.APPROVE)


@never_cache
@require_POST
@enforces(Action.DRAFT_RELEASE)
def release_options(request: HttpRequest, public_id: uuid.UUID) -> JsonResponse:
    """The same for the release, at once or at the time that was chosen."""
    return _options(request, public_id, SignedAct.RELEASE)


def _options(request: HttpRequest, public_id: uuid.UUID, act: SignedAct) -> JsonResponse:
    actor = actor_of(request)
    found = open_draft(actor=actor, public_id=public_id)
    require(actor, signing.ACTIONS[act], found)
    form = (TimedForm if "publish_at" in request.POST else DigestForm)(request.POST)
    if not form.is_valid():
        raise InvalidInput("Fill in what the page asks for, then try again.", code="form-incomplete")
    at, publish_at = clock.now(), form.cleaned_data.get("publish_at")
    if publish_at is not None:
        pressing.check_time(publish_at, at=at)
    options, asked = signing.ask(
        actor=actor,
        draft=found,
        act=act,
        digest=form.cleaned_data["digest"],
        publish_at=publish_at,
        at=at,
    )
    challenges.keep(request, asked, at=at)
    return JsonResponse(options)


@act_page(Action.DRAFT_RETURN)
def withdraw(request: HttpRequest, found: Draft) -> HttpResponse:
    def act(data: dict[str, Any]) -> None:
        approving.withdraw_approval(actor=actor_of(request), draft=found, at=clock.now())

    return draft_answer(request, "withdraw", PageForm(sent(request)), found, act, "Your approval counts no more.")


@act_page(Action.DRAFT_RETURN)
def unschedule(request: HttpRequest, found: Draft) -> HttpResponse:
    def act(data: dict[str, Any]) -> None:
        pressing.unschedule_release(actor=actor_of(request), draft=found, at=clock.now())

    return draft_answer(
        request, "unschedule", PageForm(sent(request)), found, act, "Nothing is published by itself."
    )


@require_safe
@enforces(Action.DRAFT_READ)
def evidence(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """What was signed about the draft, for `manage.py verify_approvals`."""
    found = open_draft(actor=actor_of(request), public_id=public_id)
    response = HttpResponse(evidence_file(found), content_type="application/json")
    response["Content-Disposition"] = f'attachment; filename="approvals-{found.public_id}.json"'
    response["Cache-Control"] = "private, no-store"
    return response
