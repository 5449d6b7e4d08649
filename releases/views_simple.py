"""The simple repository API over HTTP. Here are only the redirects to the one spelling of an address and the way
from a Django request to `releases.serving` and back."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponseBase, HttpResponsePermanentRedirect
from django.urls import reverse
from django.views.decorators.http import require_safe
from packaging.utils import canonicalize_name

from indexsite.http import public
from releases import serving
from releases.views_files import ask_of, respond


@public("Installers read the index without an account.")
@require_safe
def simple_root(request: HttpRequest) -> HttpResponseBase:
    return respond(serving.simple_page("", ask_of(request)))


@public("Installers read the index without an account.")
@require_safe
def simple_project(request: HttpRequest, name: str) -> HttpResponseBase:
    normalized = canonicalize_name(name)
    if name != normalized and normalized.strip("-"):
        return _moved(request, normalized)
    return respond(serving.simple_page(normalized, ask_of(request)))


@public("Installers read the index without an account.")
@require_safe
def simple_slash(request: HttpRequest, name: str = "") -> HttpResponseBase:
    """An address without its final slash (PEP 503 demands the slash)."""
    return _moved(request, canonicalize_name(name))


def _moved(request: HttpRequest, normalized: str) -> HttpResponseBase:
    target = reverse("simple_project", args=[normalized]) if normalized else reverse("simple_root")
    query = request.META.get("QUERY_STRING", "")
    return HttpResponsePermanentRedirect(f"{target}?{query}" if query else target)
