"""Pages about people's own SSH and OpenPGP keys."""

from __future__ import annotations

import shlex

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from accounts.actions import signing_keys as acts
from accounts.forms import PageForm, SignatureForm, SigningKeyForm
from accounts.models import SigningKey
from accounts.pages import show_form
from accounts.signatures import KeyKind
from indexsite import clock
from indexsite.actors import Actor
from indexsite.errors import Conflict, InvalidInput, LimitReached, NotFound
from indexsite.http import actor_of, enforces
from indexsite.policies import Action, require
from mfa.stepup import step_up_required


@require_http_methods(["GET", "HEAD", "POST"])
@enforces(Action.SIGNING_KEY_ADD)
@step_up_required
def keys(request: HttpRequest) -> HttpResponse:
    """The keys of the account, and a form for one more."""
    actor = actor_of(request)
    require(actor, Action.SIGNING_KEY_ADD)
    form = SigningKeyForm(request.POST or None)
    if form.is_valid():
        try:
            key = acts.add_key(actor=actor, **form.cleaned_data, at=clock.now())
        except (InvalidInput, Conflict) as error:
            form.refuse(error)
        else:
            return redirect("signing_key", key.pk)
    held = SigningKey.objects.proved().filter(user=actor.person)
    return show_form(request, "account/signing_keys.html", form, keys=held)


@require_http_methods(["GET", "HEAD", "POST"])
@enforces(Action.SIGNING_KEY_ADD)
@step_up_required
def prove(request: HttpRequest, pk: int) -> HttpResponse:
    """The text to sign, the command that signs it, and a place for what it prints."""
    actor = actor_of(request)
    require(actor, Action.SIGNING_KEY_ADD)
    key = _mine(actor, pk)
    form = SignatureForm(request.POST or None)
    if form.is_valid():
        try:
            acts.prove_key(actor=actor, pk=pk, signature=form.cleaned_data["signature"], at=clock.now())
        except (InvalidInput, Conflict, LimitReached) as error:
            form.refuse(error)
        else:
            messages.success(request, f"{key.name} is proved.")
            return redirect("signing_keys")
    return show_form(request, "account/signing_key.html", form, key=key, command=_command(key))


@require_http_methods(["GET", "HEAD", "POST"])
@enforces(Action.SIGNING_KEY_REMOVE)
@step_up_required
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    """What its removal means, and the button."""
    actor = actor_of(request)
    require(actor, Action.SIGNING_KEY_REMOVE)
    key = _mine(actor, pk)
    if request.method == "POST":
        acts.remove_key(actor=actor, pk=pk, at=clock.now())
        messages.success(request, f"{key.name} is removed.")
        return redirect("signing_keys")
    return show_form(request, "account/signing_key_remove.html", PageForm(), key=key)


def _mine(actor: Actor, pk: int) -> SigningKey:
    key = SigningKey.objects.filter(user=actor.person, removed_at=None, pk=pk).select_related("user").first()
    if key is None:
        raise NotFound("There is no such key on your account.")
    return key


# Where ssh-keygen puts a key, unless it is told otherwise; what is not here is ECDSA, whatever its curve.
_FILES = {
    "ssh-ed25519": "id_ed25519",
    "ssh-rsa": "id_rsa",
    "sk-ssh-ed25519@openssh.com": "id_ed25519_sk",
    "sk-ecdsa-sha2-nistp256@openssh.com": "id_ecdsa_sk",
}


def _command(key: SigningKey) -> str:
    said = f"echo {shlex.quote(acts.message_for(key))}"
    if key.kind == KeyKind.SSH:
        file = _FILES.get(key.text.partition(" ")[0], "id_ecdsa")
        return f"{said} | ssh-keygen -Y sign -f ~/.ssh/{file} -n {acts.namespace()}"
    return f"{said} | gpg --armor --detach-sign --local-user {key.fingerprint}"
