"""`/recovery/enrol/…`: a new password, codes, a factor, by the mailed link where it was asked. Signs nobody in.

What is to be done next is read from the account, so that whoever comes back goes on where they were.
"""

from __future__ import annotations

from urllib.parse import quote

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.utils.safestring import mark_safe
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST

from accounts import allauth_internals
from accounts.forms import AuthenticatorCodeForm, FactorCodeForm, KeyForm, NewPasswordForm, PageForm
from accounts.models import User
from accounts.pages import show, show_form
from accounts.views import device_pages
from indexsite import clock
from indexsite.errors import DomainError
from indexsite.http import actor_of, public
from mfa import ceremonies, challenges, recovery_codes, totp
from mfa import queries as factors
from mfa.ceremonies import Kind
from mfa.challenges import Purpose
from recovery import claimants, queries
from recovery.actions import enrolling
from recovery.actions.enrolling import EnrolmentInvalid, Guest
from recovery.actions.story import CaseUnknown

_SECRET = "recovery_totp_secret"  # noqa: S105 - a name in the session, not a secret
_KEY_PURPOSE = "the link and the secret in the browser that asked are the key; for setting up a factor alone"


@sensitive_post_parameters("password1", "code", "credential")
@require_http_methods(["GET", "HEAD", "POST"])
@public(_KEY_PURPOSE)
def enrol(request: HttpRequest, token: str) -> HttpResponse:
    """The step that is next: password, codes, factor."""
    try:
        guest = _guest(request, token)
    except EnrolmentInvalid as error:
        return _ended(request, token, error)
    if _next_step(guest) == "password" or "again" in request.GET:
        return _password(request, guest)
    if _next_step(guest) == "codes":
        return _codes(request, guest)
    return _factor(request, guest, token)


def _guest(request: HttpRequest, token: str) -> Guest:
    pk = queries.case_with_enrolment_link(token)
    if pk is None:
        raise EnrolmentInvalid
    secret = claimants.secret_of(request, pk)
    return enrolling.enter(actor=actor_of(request), token=token, pk=pk, secret=secret, at=clock.now())


def _ended(request: HttpRequest, token: str, error: EnrolmentInvalid) -> HttpResponse:
    """To whoever made the request it is said where it stands; to others, that the link is of no use."""
    pk = queries.case_with_enrolment_link(token)
    try:
        case = claimants.case_of(request, pk) if pk is not None else None
    except CaseUnknown:
        case = None
    return show(request, "recovery/enrol_ended.html", status=400, case=case, error=error)


def _next_step(guest: Guest) -> str:
    codes = factors.codes_of(guest.user)
    if not guest.user.has_usable_password():
        return "password"
    return "factor" if codes.are_ready else "codes"


def _password(request: HttpRequest, guest: Guest) -> HttpResponse:
    form = NewPasswordForm(request.POST or None)
    if form.is_valid():
        try:
            enrolling.set_password(guest=guest, new=form.cleaned_data["password1"], at=clock.now())
        except DomainError as error:
            form.refuse(error)
        else:
            messages.success(request, "Your password is set.")
            return redirect(request.path)
    return _page(request, "recovery/enrol_password.html", form, guest)


@sensitive_variables("plain")
def _codes(request: HttpRequest, guest: Guest) -> HttpResponse:
    form = FactorCodeForm(request.POST if request.POST.get("act") == "prove" else None)
    plain: list[str] = []
    try:
        if request.POST.get("act") == "generate":
            plain = enrolling.make_codes(guest=guest, at=clock.now())
        elif form.is_valid():
            enrolling.prove_codes(guest=guest, code=form.cleaned_data["code"], at=clock.now())
            messages.success(request, "Your recovery codes are in order; all of them are still good.")
            return redirect(request.path)
    except DomainError as error:
        form.refuse(error)
    text = f"Recovery codes for {settings.SITE_URL}, user {guest.user.username}\n\n" + "\n".join(plain) + "\n"
    return _page(
        request,
        "recovery/enrol_codes.html",
        form,
        guest,
        plain=plain,
        count=recovery_codes.COUNT,
        download="data:text/plain;charset=utf-8," + quote(text),
        codes=factors.codes_of(guest.user),
    )


@sensitive_variables("secret")
def _factor(request: HttpRequest, guest: Guest, token: str) -> HttpResponse:
    """An app, or a key; from the middle tiers up a key alone."""
    is_key = "credential" in request.POST
    key = KeyForm(request.POST if is_key else None)
    app = AuthenticatorCodeForm(request.POST if request.method == "POST" and not is_key else None)
    secret = _secret_for(request, guest)
    form: PageForm = key if is_key else app
    if form.is_valid():
        try:
            if is_key:
                _add_key(request, guest, key)
            else:
                enrolling.add_app(guest=guest, secret=secret, code=app.cleaned_data["code"], at=clock.now())
        except DomainError as error:
            form.refuse(error)
        else:
            return _done(request, guest)
    address = totp.uri(secret, guest.user.username)
    return _page(
        request,
        "recovery/enrol_factor.html",
        app,
        guest,
        beside=key,
        token=token,
        qr=mark_safe(totp.qr_svg(address)),  # noqa: S308 - drawn by us from our own address
        secret=totp.grouped(secret),
        uri=address,
    )


def _secret_for(request: HttpRequest, guest: Guest) -> str:
    """Of the app to be set up in this case; another case's is another one."""
    case, secret = request.session.get(_SECRET) or ["", ""]
    if case != str(guest.case.pk):
        secret = totp.new_secret()
        request.session[_SECRET] = [str(guest.case.pk), secret]
    return str(secret)


def _add_key(request: HttpRequest, guest: Guest, form: KeyForm) -> None:
    enrolling.add_key(
        guest=guest,
        name=form.cleaned_data["name"],
        challenge=challenges.take(request, Purpose.ADD, user_id=guest.user.pk, at=clock.now()),
        answer=ceremonies.parse(form.cleaned_data["credential"]),
        at=clock.now(),
    )


def _done(request: HttpRequest, guest: Guest) -> HttpResponse:
    allauth_internals.sign_out(request)  # whoever was signed in here, maybe somebody else
    request.session.pop(_SECRET, None)
    user = User.objects.get(pk=guest.user.pk)
    messages.success(request, f"The account {user.username} is yours again; sign in with what you just set up.")
    response = redirect("account_login")
    # Else the sign-in would wait for a letter, maybe to the very mailbox that was lost.
    device_pages.remember(request, response, user)
    return response


@never_cache
@require_POST
@public(_KEY_PURPOSE)
def key_options(request: HttpRequest, token: str) -> JsonResponse:
    """What the browser asks a new key for."""
    kind = Kind.PASSKEY if request.POST.get("kind") == Kind.PASSKEY else Kind.KEY
    options, asked = enrolling.ask_for_key(guest=_guest(request, token), kind=kind)
    challenges.keep(request, asked, at=clock.now())
    return JsonResponse(options)


def _page(request: HttpRequest, template: str, form: PageForm, guest: Guest, **context: object) -> HttpResponse:
    return show_form(
        request,
        template,
        form,
        account=guest.user,
        case=guest.case,
        until=guest.enrolment.expires_at,
        needs_key=guest.needs_key,
        **context,  # type: ignore[arg-type]  # show_form's own are not among them, but for `beside`
    )
