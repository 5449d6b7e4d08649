"""The pages of evidence, one a kind: what to do, a place for it, and "received", whatever it was.

Pages and answers depend on the kind alone and on what was offered before, never on the account or on a check.
"""

from __future__ import annotations

import shlex
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from accounts import known_devices
from accounts.forms import ConfirmPasswordForm, EmailForm, PageForm, SignatureForm
from accounts.pages import show, show_form
from indexsite import clock
from indexsite.errors import DomainError, NotFound
from indexsite.http import public
from recovery import claimants, queries, standings
from recovery.actions.evidence import knowing, reaching
from recovery.actions.evidence.receiving import Claim, live_challenges, progress_of
from recovery.actions.requests import OpeningLinkInvalid
from recovery.actions.story import CaseMoved, CaseUnknown
from recovery.forms import PinForm, ProofForm, RepositoryForm
from recovery.models import RecoveryCase
from recovery.repositories import BRANCH

RECEIVED = "Received."
NOT_NOW = "As your request stands, nothing more can be offered."

type Offer = Callable[[HttpRequest, Claim, dict[str, Any]], None]


@dataclass(frozen=True)
class Step:
    """How one kind of evidence is offered at its page, `recovery/step_….html`.

    Attributes:
        form: what is typed. `offer`: takes it; `said`: afterwards.
        ask: makes what has to be answered, where there is such a thing; a button does, no page by itself.
        shows: what the page needs beyond its form.
    """

    form: type[PageForm]
    offer: Offer
    said: str = RECEIVED
    ask: Callable[[Claim], object] | None = None
    shows: Callable[[RecoveryCase, datetime], dict[str, Any]] = lambda case, at: {}


def _offer_browser(request: HttpRequest, claim: Claim, fields: dict[str, Any]) -> None:
    case = claimants.case_of(request, claim.case_id)
    name = case.user.username if case.user is not None else case.claimed
    knowing.offer_browser(claim, known_devices.shown(request, name))


def _token_shows(case: RecoveryCase, at: datetime) -> dict[str, Any]:
    made = live_challenges(case, "token", at)
    return {"code": f"{case.pk}.{made[-1].nonce}" if made else ""}


def _signature_shows(case: RecoveryCase, at: datetime) -> dict[str, Any]:
    made = live_challenges(case, "signature", at)
    if not made:
        return {}
    said = f"echo {shlex.quote(knowing.message_for(made[-1]))}"
    return {
        "ssh": f"{said} | ssh-keygen -Y sign -f ~/.ssh/id_ed25519 -n {knowing.namespace()}",
        "gpg": f"{said} | gpg --armor --detach-sign",
    }


def _repository_shows(case: RecoveryCase, at: datetime) -> dict[str, Any]:
    hosts = {"hosts": settings.ENV.evidence_git_hosts}
    made = case.challenges.filter(kind="repository").first()
    return {"command": f"git push origin HEAD:refs/heads/{BRANCH}{made.nonce}", **hosts} if made else hosts


STEPS: dict[str, Step] = {
    "mailbox": Step(
        EmailForm,
        lambda request, claim, fields: reaching.ask_for_mailbox(claim, fields["email"]),
        said="A letter is on its way there. Open its link in this browser, and press the button.",
    ),
    "password": Step(
        ConfirmPasswordForm,
        lambda request, claim, fields: knowing.offer_password(claim, fields["password"]),
    ),
    "browser": Step(PageForm, _offer_browser),
    "token": Step(
        ProofForm,
        lambda request, claim, fields: knowing.offer_token(claim, fields["proof"]),
        ask=knowing.ask_for_token,
        shows=_token_shows,
    ),
    "repository": Step(
        RepositoryForm,
        lambda request, claim, fields: reaching.offer_repository(claim, fields["url"]),
        ask=reaching.ask_for_repository,
        shows=_repository_shows,
    ),
    "signature": Step(
        SignatureForm,
        lambda request, claim, fields: knowing.offer_signature(claim, fields["signature"]),
        ask=knowing.ask_for_signature,
        shows=_signature_shows,
    ),
    "vouch": Step(PinForm, lambda request, claim, fields: reaching.offer_vouch(claim, fields["pin"])),
}


@sensitive_post_parameters("password", "proof", "signature", "pin")
@require_http_methods(["GET", "HEAD", "POST"])
@public("the secret in the browser that asked is the key; nobody is signed in")
def offer(request: HttpRequest, pk: uuid.UUID, code: str) -> HttpResponse:
    """One kind of evidence: how to, and a place for it."""
    step = STEPS.get(code)
    if step is None:
        raise NotFound("There is nothing at this address.")
    if code == "browser":
        # The cookie by which a browser is known is sent nowhere else.
        return redirect("recovery_browser", pk=pk)
    return _offer(request, pk, code, step)


@require_http_methods(["GET", "HEAD", "POST"])
@public("the secret in the browser that asked is the key; nobody is signed in")
def offer_browser(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Below /account/, where browsers say whether they are known."""
    return _offer(request, pk, "browser", STEPS["browser"])


def _offer(request: HttpRequest, pk: uuid.UUID, code: str, step: Step) -> HttpResponse:
    case = claimants.case_of(request, pk)
    if not standings.takes_evidence(case):
        messages.warning(request, NOT_NOW)
        return redirect("recovery_status", pk=pk)
    is_asking = request.POST.get("act") == "ask"
    form = step.form(request.POST if request.method == "POST" and not is_asking else None)
    try:
        if is_asking and step.ask is not None:
            step.ask(claimants.claim_of(request, pk))
            return redirect(request.path)
        if form.is_valid():
            step.offer(request, claimants.claim_of(request, pk), form.cleaned_data)
            messages.success(request, step.said)
            return redirect("recovery_status", pk=pk)
    except CaseMoved:
        messages.warning(request, standings.MOVED)
        return redirect("recovery_status", pk=pk)
    except CaseUnknown:
        raise
    except DomainError as error:
        form = _refused(step, form, error)
    return _page(request, case, code, form)


def _refused(step: Step, form: PageForm, error: DomainError) -> PageForm:
    """What was typed stays, unless it is a secret, or the refusal is not about it."""
    if isinstance(error, knowing.RawTokenPasted) or not form.is_bound:
        form = step.form({})
        form.errors.clear()
    form.refuse(error)
    return form


def _page(request: HttpRequest, case: RecoveryCase, code: str, form: PageForm) -> HttpResponse:
    at = clock.now()
    (progress,) = (each for each in progress_of(case) if each.kind.code == code)
    return show_form(
        request,
        f"recovery/step_{code}.html",
        form,
        case=case,
        progress=progress,
        kind=progress.kind,
        **STEPS[code].shows(case, at),
    )


@require_http_methods(["GET", "HEAD", "POST"])
@public("the link is half of the key; the other half is the secret in the browser that asked")
def open_mailbox(request: HttpRequest, token: str) -> HttpResponse:
    """The link in the letter to another mailbox: a button, which alone does something."""
    if request.method != "POST":
        has_asked = claimants.has_asked(request)
        address = settings.SITE_URL + request.path
        return show(request, "recovery/open_mailbox.html", has_asked=has_asked, address=address)
    pk = queries.case_with_mailbox_link(token)
    if pk is None:
        raise OpeningLinkInvalid
    try:
        reaching.offer_mailbox(claimants.claim_of(request, pk), token)
    except CaseUnknown:
        raise OpeningLinkInvalid from None
    except CaseMoved:
        messages.warning(request, standings.MOVED)
    else:
        messages.success(request, RECEIVED)
    return redirect("recovery_status", pk=pk)
