"""`/legacy/`: the upload protocol of twine, uv, flit, hatch, poetry and pdm.

Every refusal says its sentence twice: in the HTTP reason phrase, all that twine and hatch print, and in the
body, all that uv prints. A client's mistake is never a 5xx, because twine repeats those.
"""

from __future__ import annotations

import json
import logging
from dataclasses import replace

from django.conf import settings
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe
from packaging.utils import canonicalize_name

from indexsite import clock, limits
from indexsite.actors import Actor
from indexsite.errors import Conflict, DomainError, NotAuthenticated
from indexsite.http import enforces, problem, public, reason_line, status_of
from indexsite.limits import Limit
from indexsite.policies import Action
from releases import serving
from releases.actions.drafts.staging import Staged
from releases.actions.drafts.standing import review_address
from releases.actions.publish import IncomingFile, PublishResult
from releases.actions.releasing import FilenameReserved
from releases.actions.uploading import upload_file
from releases.api_receive import (
    FORM_ALLOWANCE,
    LengthMissing,
    ReadingOn,
    announced_length,
    received,
    too_large,
)
from releases.draft_bodies import session_of
from releases.upload2 import MEDIA_TYPE
from releases.views_files import ask_of, respond
from tokens.authentication import authenticate

logger = logging.getLogger(__name__)

BUSY_SECONDS = 5
DRAFT_PATH = "/draft/"


class Busy(DomainError):
    """Somebody else holds what this upload needs; the same request will succeed in a moment."""

    code = "busy"


@csrf_exempt  # no cookie speaks here: the Authorization header alone does
@enforces(Action.FILE_UPLOAD)
def upload(request: HttpRequest) -> HttpResponse:
    """POST one file, as every client does it; anything else hears what this address is for."""
    if request.method != "POST":
        return _explain(request)
    try:
        actor = _admit(request)
        with received(request, max_bytes=limits.MAX_FILE_BYTES) as incoming:
            result = upload_file(
                actor=actor,
                incoming=incoming,
                for_a_draft=_is_for_a_draft(request, actor, incoming),
                at=clock.now(),
            )
    except DomainError as error:
        return Refusal(request, error)
    except OperationalError:
        logger.exception("An upload gave up waiting for the database.")
        return Refusal(request, Busy("The index is busy; wait a few seconds and upload again."))
    return _staged(request, actor, result) if isinstance(result, Staged) else _done(result)


@public("Installers and upload tools read the index without an account.")
@require_safe
def simple_beside(request: HttpRequest, name: str) -> HttpResponseBase:
    """A project's files as HTML: hatch looks below the upload address for what is published already."""
    ask = replace(ask_of(request), accept="text/html", wanted="")
    return respond(serving.simple_page(canonicalize_name(name), ask))


def _is_for_a_draft(request: HttpRequest, actor: Actor, incoming: IncomingFile) -> bool:
    """By the address, by the form, or since the token is for nothing else, whatever address it is used at."""
    is_asked = "true" in incoming.form.get("staged", ())
    return is_asked or request.path.startswith(DRAFT_PATH) or getattr(actor.credential, "is_drafts_only", False)


def _admit(request: HttpRequest) -> Actor:
    """Everything that can be said from the headers alone, before a byte of the body is read."""
    length = announced_length(request)
    actor = authenticate(request)
    if length > limits.MAX_FILE_BYTES + FORM_ALLOWANCE:
        raise too_large(limits.MAX_FILE_BYTES)
    # Counted before the work: a file that is refused may cost more than one that is published.
    limits.consume(Limit.UPLOAD_USER, str(actor.user.pk if actor.user else ""), at=clock.now())
    return actor


class Refusal(ReadingOn):
    """The refusal as problem+json."""

    def __init__(self, request: HttpRequest, error: DomainError) -> None:
        status = _status_of(error)
        # uv prints title and detail, one after the other.
        answer = problem(error, status=status, title="Upload refused")
        answer.status_code = status
        super().__init__(request, answer)
        if status == 503:
            self["Retry-After"] = str(BUSY_SECONDS)


def _status_of(error: DomainError) -> int:
    if isinstance(error, LengthMissing):
        return 411
    if isinstance(error, Busy):
        return 503
    if isinstance(error, Conflict) and not isinstance(error, FilenameReserved):
        # `twine --skip-existing` takes every 409 for "is there already" and goes on as if it had worked.
        return 403
    # 401 makes some clients ask for a password; everything about the credential is 403 here.
    return 403 if isinstance(error, NotAuthenticated) else status_of(error)


def _done(result: PublishResult) -> HttpResponse:
    release = result.file.release
    address = f"{settings.SITE_URL}/project/{release.project.normalized_name}/{release.version}/"
    said = "Published" if result.created else "Already published, nothing changed"
    return HttpResponse(f"{said}: {result.file.filename}\n{address}\n", content_type="text/plain; charset=utf-8")


def _staged(request: HttpRequest, actor: Actor, staged: Staged) -> HttpResponse:
    """Where to look at the draft; for programs that ask for it, the session as Upload 2.0 has it."""
    if staged.draft is None or staged.published is not None:
        assert staged.published is not None  # noqa: S101 - one of the two
        return _done(PublishResult(staged.published, created=False))
    address = review_address(staged.draft)
    if MEDIA_TYPE in request.headers.get("Accept", ""):
        answer = HttpResponse(json.dumps(session_of(actor, staged.draft)), content_type=MEDIA_TYPE)
    else:
        said = "Staged" if staged.created else "Already staged, nothing changed"
        answer = HttpResponse(
            f"{said}: {staged.filename}\nNothing is published yet; look at the draft at {address}\n",
            content_type="text/plain; charset=utf-8",
        )
    answer["Location"] = address
    answer["Cache-Control"] = "private, no-store"
    return answer


def _explain(request: HttpRequest) -> HttpResponse:
    sentence = "This address takes uploads by POST."
    address = request.build_absolute_uri("/draft/legacy/" if request.path.startswith(DRAFT_PATH) else "/legacy/")
    answer = HttpResponse(
        f"{sentence}\n\nTo upload with a token:\n\n"
        f"    twine upload --repository-url {address} -u __token__ dist/*\n"
        f"    uv publish --publish-url {address}\n\nMore: {request.build_absolute_uri('/help/')}\n",
        content_type="text/plain; charset=utf-8",
        status=405,
        reason=reason_line(sentence),
    )
    answer["Allow"] = "POST"
    return answer
