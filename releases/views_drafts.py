"""Pages of drafts: what lies in one, and what people decide about it."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe
from packaging.utils import canonicalize_name

from accounts.forms import PageForm
from accounts.pages import answer, show
from indexsite import clock, limits
from indexsite.http import View, actor_of, enforces
from indexsite.limits import Limit
from indexsite.policies import Action, require
from releases import draft_downloads
from releases.actions.drafts import beginning, ending, publishing
from releases.actions.drafts.standing import ended, open_draft
from releases.actions.projects import open_project
from releases.forms_drafts import CancelForm, PublishForm, ReturnForm
from releases.models import Draft
from releases.queries_drafts import draft_page, drafts_of
from releases.queries_review import review_page
from releases.views_files import ask_of, respond

type _Page = Callable[[HttpRequest, Draft], HttpResponse]


@require_safe
@enforces(Action.PROJECT_MANAGE)
def drafts(request: HttpRequest, name: str) -> HttpResponse:
    """All drafts of a project."""
    project = open_project(actor=actor_of(request), name=canonicalize_name(name))
    return show(request, "releases/drafts/drafts.html", project=project, drafts=drafts_of(project))


@require_safe
@enforces(Action.DRAFT_READ)
def draft(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """One draft: files, digests, how to try it, what can be done."""
    actor = actor_of(request)
    found = open_draft(actor=actor, public_id=public_id)
    # What was only reserved has no project any more, once it was given up.
    name = "draft" if found.project is not None else "gone"
    return show(
        request,
        f"releases/drafts/{name}.html",
        project=found.project,
        page=draft_page(found, actor=actor),
        review=review_page(found, actor=actor),
        draft=found,
    )


@require_safe
@enforces(Action.DRAFT_PREVIEW)
def file(request: HttpRequest, public_id: uuid.UUID, filename: str) -> HttpResponseBase:
    """One file of a draft."""
    return respond(draft_downloads.file(_to_look_into(request, public_id), filename, ask_of(request)))


@require_safe
@enforces(Action.DRAFT_PREVIEW)
def all_files(request: HttpRequest, public_id: uuid.UUID) -> HttpResponseBase:
    """All files of a draft in one zip."""
    headers, pieces = draft_downloads.all_files(_to_look_into(request, public_id))
    return StreamingHttpResponse(pieces, content_type="application/zip", headers=headers)


def _to_look_into(request: HttpRequest, public_id: uuid.UUID) -> Draft:
    """The draft, for somebody who may have its files."""
    actor = actor_of(request)
    found = open_draft(actor=actor, public_id=public_id)
    if found.project is None:
        raise ended(found)
    require(actor, Action.DRAFT_PREVIEW, found)
    return found


def act_page(action: Action) -> Callable[[_Page], View]:
    """The view's draft, opened for somebody who may do `action`; asked before anything is shown."""

    def decorate(view: _Page) -> View:
        @wraps(view)
        def opened(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
            actor = actor_of(request)
            found = open_draft(actor=actor, public_id=public_id)
            if found.project is None:
                raise ended(found)
            require(actor, action, found)
            if request.method == "POST":
                limits.consume(Limit.CHANGE_USER, str(actor.person.pk), at=clock.now())
            return view(request, found)

        return require_http_methods(["GET", "HEAD", "POST"])(enforces(action)(opened))

    return decorate


def draft_answer(
    request: HttpRequest,
    name: str,
    form: PageForm,
    found: Draft,
    act: Callable[[dict[str, Any]], object],
    done: str,
    **context: Any,
) -> HttpResponse:
    """The page of an act on the draft, or what comes after it; `context` is for its template."""
    return answer(
        request,
        f"releases/drafts/{name}.html",
        form,
        act=act,
        done=done,
        onward=reverse("draft", args=[found.public_id]),
        project=found.project,
        draft=found,
        page=draft_page(found, actor=actor_of(request)),
        **context,
    )


def sent(request: HttpRequest) -> Any:
    """What a form is bound to."""
    return request.POST if request.method == "POST" else None


@act_page(Action.DRAFT_SUBMIT)
def hand_in(request: HttpRequest, found: Draft) -> HttpResponse:
    def act(data: dict[str, Any]) -> None:
        publishing.submit_draft(actor=actor_of(request), draft=found, at=clock.now())

    return draft_answer(request, "hand_in", PageForm(sent(request)), found, act, "The draft is in review.")


@act_page(Action.DRAFT_RETURN)
def send_back(request: HttpRequest, found: Draft) -> HttpResponse:
    def act(data: dict[str, Any]) -> None:
        publishing.return_draft(actor=actor_of(request), draft=found, reason=data["reason"], at=clock.now())

    return draft_answer(request, "return", ReturnForm(sent(request)), found, act, "The draft was returned.")


@act_page(Action.DRAFT_PUBLISH)
def publish(request: HttpRequest, found: Draft) -> HttpResponse:
    def act(data: dict[str, Any]) -> None:
        publishing.publish_draft(actor=actor_of(request), draft=found, digest=data["digest"], at=clock.now())

    form = PublishForm(sent(request), initial={"digest": found.digest})
    return draft_answer(request, "publish", form, found, act, f"{found.name} {found.version} is published.")


@act_page(Action.DRAFT_CANCEL)
def cancel(request: HttpRequest, found: Draft) -> HttpResponse:
    def act(data: dict[str, Any]) -> None:
        ending.cancel_draft(actor=actor_of(request), draft=found, reason=data["reason"], at=clock.now())

    return draft_answer(request, "cancel", CancelForm(sent(request)), found, act, "The draft was canceled.")


@act_page(Action.DRAFT_REPLACE)
def renew(request: HttpRequest, found: Draft) -> HttpResponse:
    def act(data: dict[str, Any]) -> None:
        beginning.renew_preview(actor=actor_of(request), draft=found)

    return draft_answer(request, "renew", PageForm(sent(request)), found, act, "The preview has a new address.")
