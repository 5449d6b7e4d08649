"""`/account/security/mailbox/`: before the first factor of an account with rights, its mail has to be read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from accounts import sessions
from accounts.forms import MailedCodeForm
from accounts.pages import show_form
from accounts.redirects import safe_next, with_next
from indexsite import clock
from indexsite.errors import DomainError
from indexsite.http import actor_of, enforces
from indexsite.policies import Action, require
from mfa.actions import first_factor
from mfa.stepup import step_up_required

LIFETIME = timedelta(minutes=10)  # ASVS 5.0, 6.5.5
MAX_TRIES = 5
_SESSION_KEY = "mailbox_code"


@sensitive_post_parameters("code")
@require_http_methods(["GET", "HEAD", "POST"])
@enforces(Action.ACCOUNT_VIEW)
@step_up_required
def mailbox_check(request: HttpRequest) -> HttpResponse:
    """Mail a code, then wait for it."""
    actor = actor_of(request)
    require(actor, Action.ACCOUNT_VIEW)
    waits_for = _waiting(request)
    if request.method == "POST" and request.POST.get("act") == "send":
        email, digest = first_factor.mail_code(actor=actor, at=clock.now())
        request.session[_SESSION_KEY] = {
            "user": actor.person.pk, "email": email, "digest": digest, "tries": 0, "at": clock.now().timestamp(),
        }  # fmt: skip
        messages.success(request, f"A code is on its way to {email}.")
        return redirect(with_next(reverse("mailbox_check"), safe_next(request)))
    form = MailedCodeForm(request.POST if "code" in request.POST and waits_for else None)
    if form.is_valid() and waits_for:
        _count_try(request)
        try:
            first_factor.enter_code(
                actor=actor,
                email=waits_for["email"],
                digest=waits_for["digest"],
                typed=form.cleaned_data["code"],
                at=clock.now(),
            )
        except DomainError as error:
            form.refuse(error)
        else:
            del request.session[_SESSION_KEY]
            sessions.note_mailbox(request, actor.person)
            sessions.rotate(request)
            return redirect(safe_next(request) or settings.LOGIN_REDIRECT_URL)
    return show_form(request, "mfa/mailbox.html", form, waits_for=waits_for)


def _waiting(request: HttpRequest) -> dict[str, str] | None:
    """The code this session waits for, unless it is too old or was guessed at too often."""
    kept = request.session.get(_SESSION_KEY)
    if kept is None or kept["user"] != actor_of(request).person.pk or kept["tries"] >= MAX_TRIES:
        return None
    age = clock.now() - datetime.fromtimestamp(kept["at"], tz=UTC)
    return kept if timedelta(0) <= age <= LIFETIME else None


def _count_try(request: HttpRequest) -> None:
    kept = request.session[_SESSION_KEY]
    request.session[_SESSION_KEY] = {**kept, "tries": kept["tries"] + 1}
    request.session.save()
