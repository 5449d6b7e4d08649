"""Where to go on to: `next` is taken only when it stays on this site."""

from __future__ import annotations

from urllib.parse import urlencode, urlsplit

from django.http import HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme

NEXT = "next"


def safe_next(request: HttpRequest) -> str:
    """The path the person was on the way to, or ""; never another site."""
    wanted = request.POST.get(NEXT) or request.GET.get(NEXT) or ""
    return wanted if is_local(wanted) else ""


def came_from(request: HttpRequest) -> str:
    """The page to return to once an interruption is over: this one, or for a POST the page its form was on."""
    if request.method in {"GET", "HEAD"}:
        return request.get_full_path()
    parts = urlsplit(request.headers.get("Referer", ""))
    page = parts.path + (f"?{parts.query}" if parts.query else "")
    if parts.netloc == request.get_host() and is_local(page):
        return page
    return request.path


def with_next(url: str, next_url: str) -> str:
    """`url`, carrying `next_url` along where there is one."""
    return f"{url}?{urlencode({NEXT: next_url})}" if next_url else url


def is_local(url: str) -> bool:
    """Whether this is a path on this site."""
    # A path of ours and nothing that a browser may read as another host ("//x", "/\\x", "https:x").
    return url.startswith("/") and url_has_allowed_host_and_scheme(url, allowed_hosts=None)
