"""The WSGI application: Django, behind a thin layer that answers most installers without it.

The layer takes requests for `/simple/…` and `/files/…` in their one spelling; `releases.serving` says what to
answer, as it does for the views, so the two agree to the byte. Anything unusual falls through to Django. Uploads
reach their view through `settings.UPLOAD_MIDDLEWARE` alone: a browser's session and second factor mean nothing
there, and asking for them cost a tenth of the upload.
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from wsgiref.util import FileWrapper

from django.core.handlers.wsgi import WSGIHandler
from django.core.wsgi import get_wsgi_application

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "indexsite.settings")
django_application = get_wsgi_application()

# These read settings and models, so only now.
from django.conf import settings  # noqa: E402
from django.http.request import split_domain_port, validate_host  # noqa: E402

from indexsite.http import is_trusted_proxy  # noqa: E402
from releases import serving  # noqa: E402
from releases.serving import Answer  # noqa: E402
from releases.views_files import ask_of_environ  # noqa: E402

_SIMPLE = re.compile(r"/simple/(?:([a-z0-9]+(?:-[a-z0-9]+)*)/)?", re.ASCII)
_FILE = re.compile(r"/files/([0-9a-f]{2})/([0-9a-f]{2})/([0-9a-f]{60})/([A-Za-z0-9._+!-]+)", re.ASCII)
_UPLOADS = {"/legacy/", "/draft/legacy/"}
_FORWARDED_PROTO = "HTTP_X_FORWARDED_PROTO"
_STATUS_LINES = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}


class UploadHandler(WSGIHandler):
    """Django with the middleware that uploads need, and no other."""

    def load_middleware(self, is_async: bool = False) -> None:  # noqa: FBT001, FBT002 - Django's signature
        """As Django does, from the shorter list; it looks nowhere but into `settings.MIDDLEWARE`."""
        every = settings.MIDDLEWARE
        settings.MIDDLEWARE = settings.UPLOAD_MIDDLEWARE
        try:
            super().load_middleware(is_async)
        finally:
            settings.MIDDLEWARE = every


def thin(django: WSGIApplication, uploads: WSGIApplication | None = None) -> WSGIApplication:
    """`django` with the layer in front of it; `uploads`, where given, takes the uploads."""

    def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        # Django believes this header whoever sent it; here it goes unless a proxy of ours did.
        if _FORWARDED_PROTO in environ and not is_trusted_proxy(environ.get("REMOTE_ADDR", "")):
            del environ[_FORWARDED_PROTO]
        answer = _answer(environ)
        if answer is None:
            is_upload = environ["REQUEST_METHOD"] == "POST" and environ.get("PATH_INFO") in _UPLOADS
            return (uploads if uploads is not None and is_upload else django)(environ, start_response)
        headers = list(answer.headers.items())
        if settings.SECURE_HSTS_SECONDS and _is_secure(environ):
            headers.append(("Strict-Transport-Security", f"max-age={settings.SECURE_HSTS_SECONDS}"))
        start_response(_STATUS_LINES[answer.status], headers)
        if isinstance(answer.body, bytes):
            return [answer.body]
        send: Callable[..., Iterable[bytes]] = environ.get("wsgi.file_wrapper", FileWrapper)
        return send(answer.body, serving.CHUNK)

    return application


def _answer(environ: WSGIEnvironment) -> Answer | None:
    """The answer to a plain read in its one spelling under an allowed host; None: Django shall see to it."""
    if environ["REQUEST_METHOD"] not in {"GET", "HEAD"} or environ.get("QUERY_STRING"):
        return None
    path = environ.get("PATH_INFO", "")
    if (simple := _SIMPLE.fullmatch(path)) is not None:
        if not _is_ours(environ.get("HTTP_HOST", "")):
            return None
        return serving.simple_page(simple[1] or "", ask_of_environ(environ))
    if (file := _FILE.fullmatch(path)) is not None:
        if not _is_ours(environ.get("HTTP_HOST", "")):
            return None
        return serving.file(file[1] + file[2] + file[3], file[4], ask_of_environ(environ))
    return None


@functools.lru_cache(maxsize=64)
def _is_ours(host: str) -> bool:
    domain, _ = split_domain_port(host)
    return bool(domain) and validate_host(domain, settings.ALLOWED_HOSTS)


def _is_secure(environ: dict[str, Any]) -> bool:
    forwarded = settings.SECURE_PROXY_SSL_HEADER
    if forwarded and forwarded[0] in environ:
        return bool(environ[forwarded[0]].split(",")[0].strip() == forwarded[1])
    return bool(environ["wsgi.url_scheme"] == "https")


application = thin(django_application, UploadHandler())
