"""The person's e-mail addresses: add, verify, make primary, remove."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from accounts import allauth_internals, queries
from accounts.actions import emails
from accounts.actions.emails import AddressTaken, MailedCodeVoid
from accounts.forms import EmailForm, MailedCodeForm
from accounts.pages import show_form
from indexsite import clock
from indexsite.errors import DomainError
from indexsite.http import actor_of, enforces
from indexsite.policies import Action
from mfa.stepup import step_up_required


@require_http_methods(["GET", "HEAD", "POST"])
@enforces(Action.EMAIL_CHANGE)
@step_up_required
def addresses(request: HttpRequest) -> HttpResponse:
    """List the addresses; one POST does one thing to one of them."""
    if request.method != "POST":
        return _page(request)
    match request.POST.get("act"):
        case "add":
            return _add(request)
        case "send":
            return _send_code(request)
        case "verify":
            return _verify(request)
        case "primary":
            emails.make_primary(actor=actor_of(request), email=request.POST.get("email", ""))
            messages.success(request, "Letters go to this address from now on; the others have been told.")
        case "remove":
            emails.remove_address(actor=actor_of(request), email=request.POST.get("email", ""), at=clock.now())
            messages.success(request, "The address is removed; it and the others have been told.")
    return redirect("account_email")


def _page(
    request: HttpRequest, *, form: EmailForm | None = None, code_form: MailedCodeForm | None = None
) -> HttpResponse:
    user = actor_of(request).person
    code = allauth_internals.mailed_code(request)
    return show_form(
        request,
        "account/email.html",
        form or EmailForm(),
        beside=code_form or MailedCodeForm(),
        waiting_for=code.email if code is not None and code.user == user else "",
        addresses=queries.addresses(user),
    )


def _add(request: HttpRequest) -> HttpResponse:
    form = EmailForm(request.POST)
    if not form.is_valid():
        return _page(request, form=form)
    try:
        row = emails.add_address(actor=actor_of(request), email=form.cleaned_data["email"])
        allauth_internals.mail_code(request, actor_of(request).person, row.email)
    except DomainError as error:
        form.refuse(error)
        return _page(request, form=form)
    messages.success(request, f"A code is on its way to {row.email}; your other addresses have been told.")
    return redirect("account_email")


def _send_code(request: HttpRequest) -> HttpResponse:
    user = actor_of(request).person
    email = request.POST.get("email", "").lower()
    if any(row.email == email and not row.verified for row in queries.addresses(user)):
        allauth_internals.mail_code(request, user, email)
        messages.success(request, f"A code is on its way to {email}.")
    return redirect("account_email")


def _verify(request: HttpRequest) -> HttpResponse:
    user = actor_of(request).person
    form = MailedCodeForm(request.POST)
    code = allauth_internals.mailed_code(request)
    if code is None or code.user != user:
        messages.warning(request, "This code is too old; have a new one mailed.")
        return redirect("account_email")
    if not form.is_valid():
        return _page(request, code_form=form)
    try:
        emails.enter_code(
            actor=actor_of(request), user=user, mailed=code, typed=form.cleaned_data["code"], at=clock.now()
        )
    except (MailedCodeVoid, AddressTaken) as error:
        messages.warning(request, error.sentence)
    except DomainError as error:
        form.refuse(error)
        return _page(request, code_form=form)
    else:
        messages.success(request, f"{code.email} is verified.")
    return redirect("account_email")
