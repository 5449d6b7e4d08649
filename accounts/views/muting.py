"""`/account/letters/`: the harmless letters, each with a switch."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from accounts import letters
from accounts.actions import muting
from accounts.pages import show
from indexsite.http import actor_of, enforces
from indexsite.policies import Action
from mfa.stepup import step_up_required


@require_http_methods(["GET", "HEAD", "POST"])
@enforces(Action.LETTERS_CHOOSE)
@step_up_required
def choose(request: HttpRequest) -> HttpResponse:
    """Switch letters on and off."""
    actor = actor_of(request)
    if request.method == "POST":
        wanted = set(request.POST.getlist("letter"))
        muting.mute(actor=actor, muted=[name for name in letters.MUTABLE if name not in wanted])
        messages.success(request, "Saved; your addresses have been told.")
        return redirect("account_letters")
    muted = set(actor.person.muted_notices.values_list("letter", flat=True))
    choices = [(name, words, name not in muted) for name, words in letters.MUTABLE.items()]
    return show(request, "account/letters.html", choices=choices)
