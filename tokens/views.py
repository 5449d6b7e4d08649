"""Pages on which people make, see and revoke their tokens."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts.pages import show_form
from indexsite import clock
from indexsite.actors import Permission
from indexsite.errors import InvalidInput, LimitReached
from indexsite.http import actor_of, enforces
from indexsite.policies import Action, require
from mfa.stepup import step_up_required
from tokens import queries
from tokens.actions import CreatedToken, create_token, revoke_all_tokens, revoke_token
from tokens.forms import TokenForm
from tokens.snippets import snippets


@require_safe
@never_cache
@enforces(Action.ACCOUNT_VIEW)
def token_list(request: HttpRequest) -> HttpResponse:
    """What works, when it was last used and by whom; what no longer works."""
    actor = actor_of(request)
    require(actor, Action.ACCOUNT_VIEW)
    lists = queries.tokens_of(actor.person, at=clock.now())
    return render(request, "tokens/list.html", {"tokens": lists.live, "ended": lists.ended})


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@enforces(Action.TOKEN_CREATE)
@step_up_required
def token_create(request: HttpRequest) -> HttpResponse:
    """The form; its answer is the one page that ever shows the token."""
    actor = actor_of(request)
    require(actor, Action.TOKEN_CREATE)
    at = clock.now()
    projects = queries.projects_for_tokens(actor.person)
    form = TokenForm(request.POST if request.method == "POST" else None, projects=projects, now=at)
    if form.is_valid():
        data = form.cleaned_data
        try:
            created = create_token(
                actor=actor,
                description=data["description"],
                project=data["project"],
                permissions=data["permissions"] | {Permission.READ_ACCOUNT},
                versions=data["versions"],
                expires_at=data["expires_at"],
                at=at,
            )
        except (InvalidInput, LimitReached) as error:
            form.refuse(error)
        else:
            return _reveal(request, created)
    return show_form(request, "tokens/create.html", form, projects=projects)


def _reveal(request: HttpRequest, created: CreatedToken) -> HttpResponse:
    """Rendered into the answer of the POST and kept nowhere: neither a reload nor the way back shows it again."""
    context = {
        "token": created.token,
        "secret": created.secret,
        "snippets": snippets(
            site_url=settings.SITE_URL, secret=created.secret, is_drafts_only=created.token.is_drafts_only
        ),
    }
    response = render(request, "tokens/created.html", context)
    response["Referrer-Policy"] = "no-referrer"
    return response


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@enforces(Action.TOKEN_REVOKE)
def token_revoke(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Asks once, then revokes; somebody else's token does not exist here."""
    actor = actor_of(request)
    require(actor, Action.ACCOUNT_VIEW)
    token = queries.own_token(actor.person, pk)
    if request.method != "POST" and token.revoked_at is None:
        return render(request, "tokens/revoke.html", {"token": token})
    if request.method == "POST" and revoke_token(actor=actor, token=token, at=clock.now()):
        messages.success(request, f"{token.description} was revoked.")
    else:
        messages.info(request, f"{token.description} had been revoked before.")
    return redirect("account_tokens")


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@enforces(Action.TOKEN_REVOKE)
def token_revoke_all(request: HttpRequest) -> HttpResponse:
    """Asks once, then revokes everything that still works."""
    actor = actor_of(request)
    require(actor, Action.ACCOUNT_VIEW)
    at = clock.now()
    if request.method != "POST":
        live = queries.tokens_of(actor.person, at=at).live
        return render(request, "tokens/revoke_all.html", {"tokens": live})
    count = revoke_all_tokens(actor=actor, at=at)
    messages.success(request, "1 token was revoked." if count == 1 else f"{count} tokens were revoked.")
    return redirect("account_tokens")
