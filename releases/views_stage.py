"""`/stage/…`: previews of drafts over HTTP, for whoever has their token."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponseBase
from django.views.decorators.http import require_safe

from indexsite.http import public
from releases import previews
from releases.views_files import ask_of, respond

_WHY = "The token in the address is the right to read (PEP 694)."


@public(_WHY)
@require_safe
def root(request: HttpRequest, tokens: str, view: str) -> HttpResponseBase:
    return respond(previews.root(tokens, ask_of(request), is_overlay=view == "overlay"))


@public(_WHY)
@require_safe
def project(request: HttpRequest, tokens: str, view: str, name: str) -> HttpResponseBase:
    return respond(previews.project(tokens, name, ask_of(request), is_overlay=view == "overlay"))


@public(_WHY)
@require_safe
def file(request: HttpRequest, tokens: str, filename: str) -> HttpResponseBase:
    return respond(previews.file(tokens, filename, ask_of(request)))
