"""How account pages are answered: never cached, and with the status of what went wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.cache import add_never_cache_headers, patch_cache_control

from accounts.forms import PageForm
from accounts.redirects import safe_next
from indexsite.errors import Conflict, InvalidInput, LimitReached
from indexsite.http import status_of


def show(request: HttpRequest, template: str, *, status: int = 200, **context: Any) -> HttpResponse:
    """Render a page about a person; no cache keeps it, and the way onward stays in reach as `next`."""
    response = render(request, template, {"next": safe_next(request), **context}, status=status)
    add_never_cache_headers(response)
    patch_cache_control(response, no_store=True)
    return response


def show_form(
    request: HttpRequest, template: str, form: PageForm, *, beside: PageForm | None = None, **context: Any
) -> HttpResponse:
    """Render a page with its form; 400 where a field is wrong, else the status of the refusal a form shows.

    `beside`: a second form on the page that may have been the one sent.
    """
    sent = beside if beside is not None and beside.errors else form
    refusal = sent.refusal
    status = status_of(refusal) if refusal is not None else 400 if sent.errors else 200
    response = show(request, template, status=status, form=form, beside=beside, **context)
    if isinstance(refusal, LimitReached):
        response["Retry-After"] = str(refusal.retry_after)
    return response


def answer(
    request: HttpRequest,
    template: str,
    form: PageForm,
    *,
    act: Callable[[dict[str, Any]], object],
    done: str,
    onward: str,
    cancel: str = "",
    **context: Any,
) -> HttpResponse:
    """Show the form; once it is sent and right, do `act` with its fields, say `done` and go `onward`.

    What can be put right, or has changed meanwhile, is said at the form, which keeps what was typed.

    Args:
        act: calls the one action of the page.
        onward: an address or the name of one.
        cancel: where "Cancel" leads, if not `onward`.
    """
    if form.is_valid():
        try:
            act(form.cleaned_data)
        except (InvalidInput, Conflict) as error:
            form.refuse(error)
        else:
            messages.success(request, done)
            return redirect(onward)
    return show_form(request, template, form, cancel=cancel or onward, **context)
