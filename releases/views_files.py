"""Downloads over HTTP, and the way from a Django request to `releases.serving` and back."""

from __future__ import annotations

from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.views.decorators.http import require_safe

from indexsite.http import public
from releases import serving
from releases.serving import Answer, Ask


@public("Installers download files without an account.")
@require_safe
def file(request: HttpRequest, aa: str, bb: str, rest: str, filename: str) -> HttpResponseBase:
    return respond(serving.file(aa + bb + rest, filename, ask_of(request)))


def ask_of(request: HttpRequest) -> Ask:
    """What of the request matters to `releases.serving`."""
    return ask_of_environ(request.META, wanted=request.GET.get("format", ""))


def ask_of_environ(environ: dict[str, str], *, wanted: str = "") -> Ask:
    """The same from a WSGI environment."""
    get = environ.get
    return Ask(
        method=environ["REQUEST_METHOD"],
        accept=get("HTTP_ACCEPT", ""),
        accept_encoding=get("HTTP_ACCEPT_ENCODING", ""),
        if_none_match=get("HTTP_IF_NONE_MATCH", ""),
        range=get("HTTP_RANGE", ""),
        if_range=get("HTTP_IF_RANGE", ""),
        wanted=wanted,
        user_agent=get("HTTP_USER_AGENT", ""),
    )


def respond(answer: Answer) -> HttpResponseBase:
    """The answer as a Django response."""
    if answer.status == 304:
        # Streaming, because middleware would announce a length of 0, which a cache may take for the page's.
        response = StreamingHttpResponse((), status=304, headers=answer.headers)
        del response["Content-Type"]
        return response
    if isinstance(answer.body, bytes):
        return HttpResponse(answer.body, status=answer.status, headers=answer.headers)
    headers = dict(answer.headers)
    # Given by itself: what is only a header, FileResponse replaces by its own guess.
    content_type = headers.pop("Content-Type")
    return FileResponse(answer.body, status=answer.status, headers=headers, content_type=content_type)
