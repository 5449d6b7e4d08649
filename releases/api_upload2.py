"""`/upload/2.0/`: the upload interface of PEP 694, which is a draft itself: hence `UPLOAD_2` switches it off.

Rules are in `releases.actions.drafts`, the wire format in `releases.upload2`; here is what HTTP adds.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from http import HTTPStatus
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from indexsite import clock, limits
from indexsite.actors import Actor
from indexsite.errors import Conflict, DomainError, InvalidInput, NotAuthenticated, NotFound, PermissionRefused
from indexsite.http import enforces, problem, status_of
from indexsite.limits import Limit
from indexsite.policies import Action
from releases import upload2
from releases.actions.drafts.beginning import begin_draft, extend_draft
from releases.actions.drafts.completing import complete_file
from releases.actions.drafts.ending import cancel_draft
from releases.actions.drafts.files import CHUNKS, WHOLE, MechanismUnknown, begin_file, remove_file
from releases.actions.drafts.publishing import finish_draft
from releases.actions.drafts.receiving import (
    MAX_ATTESTATION_BYTES,
    OffsetWrong,
    attach,
    expect_bytes,
    offset_of,
    receive_part,
    receive_whole,
)
from releases.actions.drafts.standing import (
    DraftExists,
    FilenameConflict,
    FilesNotReady,
    find_draft,
    find_draft_file,
)
from releases.api_receive import LengthMissing, ReadingOn, cut_off, received_bytes, small_body
from releases.draft_bodies import file_address, file_of, session_address, session_of
from releases.models import DraftFile, DraftFileState, DraftState
from releases.waiting import wait_for_change
from tokens.authentication import authenticate

logger = logging.getLogger(__name__)

# In seconds: a file is judged while its client waits, a draft as long as people take.
RETRY_FILE = 1
RETRY_REVIEW = 30
RETRY_BUSY = 5
# After an answer that was held back, and when there was no place to wait.
RETRY_WAITED = 1
RETRY_NO_PLACE = 10

type Endpoint = Callable[..., HttpResponse]


class MethodUnknown(InvalidInput):
    """The address does not take this method."""

    code = "method-not-allowed"

    def __init__(self, allowed: tuple[str, ...]) -> None:
        super().__init__(f"This address takes {' and '.join(allowed)}; see {settings.SITE_URL}/help/")
        self.allowed = allowed


class FileRefused(InvalidInput):
    """The bytes that came are no file that can be published; the upload of it is over."""

    code = "file-refused"


class Busy(DomainError):
    """Somebody else holds what this request needs; the same request will succeed in a moment."""

    code = "busy"


_STATUS: dict[type[DomainError], int] = {
    MethodUnknown: 405,
    upload2.NotAcceptable: 406,
    LengthMissing: 411,
    upload2.MediaTypeUnsupported: 415,
    MechanismUnknown: 422,
    Busy: 503,
}
# What is said of a token that is none, or none any more: another one may help (RFC 9110, 15.5.2).
_OF_CREDENTIALS = ("token-", "credentials-", "password-")
# Which key of the body a refusal is about.
_SOURCES = {
    "invalid-name": "name",
    "name-prohibited": "name",
    "name-of-python": "name",
    "name-confusable": "name",
    "draft-exists": "version",
    "invalid-version": "version",
    "release-deleted": "version",
    "wrong-project": "filename",
    "wrong-version": "filename",
    "invalid-file-name": "filename",
    "file-name-not-normalized": "filename",
    "unknown-file-type": "filename",
    "invalid-wheel-tag": "filename",
    "file-exists": "filename",
    "file-in-draft": "filename",
    "name-reserved": "filename",
    "invalid-size": "size",
    "project-full": "size",
    "hash-missing": "hashes",
    "invalid-hash": "hashes",
    "unknown-mechanism": "mechanism",
    "offset-missing": "Upload-Offset",
    "wrong-offset": "Upload-Offset",
    "invalid-attestations": "attestations",
}


def answering(*methods: str, takes_meta: bool = True) -> Callable[[Endpoint], Endpoint]:
    """What all these addresses share: the switch, methods, media types, the token, and refusals as problems.

    Args:
        takes_meta: a body of POST is of the PEP's type; else it is bytes of some mechanism.
    """

    def decorate(view: Endpoint) -> Endpoint:
        @csrf_exempt  # no cookie speaks here: the Authorization header alone does
        @functools.wraps(view)
        def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            try:
                if not settings.ENV.upload_2:
                    raise NotFound("This site does not offer Upload 2.0; upload to /legacy/.", code="upload-2-off")
                if request.method not in methods:
                    raise MethodUnknown(methods)
                actor = authenticate(request)
                upload2.check_accept(request.headers.get("Accept", ""))
                if takes_meta and request.method == "POST":
                    upload2.check_media_type(request.headers.get("Content-Type", ""))
                return view(request, actor, *args, **kwargs)
            except DomainError as error:
                return refusal(request, error)
            except OperationalError:
                logger.exception("A request gave up waiting for the database.")
                return refusal(request, Busy("The index is busy; wait a few seconds and ask again."))

        return answer

    return decorate


# -- sessions -----------------------------------------------------------------------------------------------------


@enforces(Action.DRAFT_CREATE)
@answering("POST")
def root(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Create a publishing session."""
    asked = upload2.read_new_session(_body(request))
    try:
        draft = begin_draft(actor=actor, name=asked.name, version=asked.version, at=clock.now())
    except DraftExists as error:
        # Whoever may not join hears that instead, and learns nothing of the draft.
        find_draft(actor=actor, public_id=error.draft.public_id)
        raise
    address = session_address(draft)
    return _answer(session_of(actor, draft), status=201, headers={"Location": address})


@enforces(Action.DRAFT_READ)
@answering("GET", "HEAD", "DELETE")
def session(request: HttpRequest, actor: Actor, public_id: UUID) -> HttpResponse:
    """Its status, on wish only when that changes; or its end."""
    draft = find_draft(actor=actor, public_id=public_id)
    if request.method == "DELETE":
        cancel_draft(actor=actor, draft=draft, at=clock.now())
        return _nothing()
    if request.method != "GET" or "wait" not in request.GET:
        return _answer(session_of(actor, draft))
    limits.consume(Limit.DRAFT_WAIT_USER, str(actor.person.pk), at=clock.now())
    has_waited = wait_for_change(draft, seconds=_wanted_wait(request))
    if has_waited:
        # Asked again: the right to read may have gone meanwhile.
        draft = find_draft(actor=actor, public_id=public_id)
    rest = RETRY_WAITED if has_waited else RETRY_NO_PLACE
    return _answer(session_of(actor, draft), headers={"Retry-After": str(rest)})


def _wanted_wait(request: HttpRequest) -> int:
    """In seconds; what is no number is no wish."""
    wanted = request.GET["wait"]
    return int(wanted) if wanted.isascii() and wanted.isdecimal() and len(wanted) < 6 else 0


@enforces(Action.DRAFT_SUBMIT)
@answering("POST")
def publish(request: HttpRequest, actor: Actor, public_id: UUID) -> HttpResponse:
    """Publish what was gathered, or hand it to those who decide about that."""
    upload2.read_meta(_body(request))
    draft = finish_draft(actor=actor, draft=find_draft(actor=actor, public_id=public_id), at=clock.now())
    headers = {"Location": session_address(draft)}
    if draft.state == DraftState.PUBLISHED:
        return _answer(session_of(actor, draft), status=201, headers=headers)
    return _answer(session_of(actor, draft), status=202, headers=headers | {"Retry-After": str(RETRY_REVIEW)})


@enforces(Action.DRAFT_UPLOAD)
@answering("POST")
def extend(request: HttpRequest, actor: Actor, public_id: UUID) -> HttpResponse:
    """Let the session live longer, as far as that is allowed."""
    asked = upload2.read_extension(_body(request))
    draft = find_draft(actor=actor, public_id=public_id)
    draft = extend_draft(actor=actor, draft=draft, seconds=asked.seconds, at=clock.now())
    return _answer(session_of(actor, draft))


@enforces(Action.DRAFT_UPLOAD)
@answering("POST")
def upload(request: HttpRequest, actor: Actor, public_id: UUID) -> HttpResponse:
    """Create a file upload session."""
    asked = upload2.read_new_file(_body(request))
    file = begin_file(
        actor=actor,
        draft=find_draft(actor=actor, public_id=public_id),
        filename=asked.filename,
        size=asked.size,
        hashes=asked.hashes,
        mechanism=asked.mechanism,
        at=clock.now(),
    )
    headers = {"Location": file_address(file), "Retry-After": str(RETRY_FILE)}
    return _answer(file_of(file), status=202, headers=headers)


# -- files --------------------------------------------------------------------------------------------------------


@enforces(Action.DRAFT_READ)
@answering("GET", "HEAD", "DELETE")
def file(request: HttpRequest, actor: Actor, public_id: UUID) -> HttpResponse:
    """The status of a file upload, or its end."""
    found = find_draft_file(actor=actor, public_id=public_id)
    if request.method == "DELETE":
        remove_file(actor=actor, file=found)
        return _nothing()
    return _answer(file_of(found))


@enforces(Action.DRAFT_UPLOAD)
@answering("POST", "PATCH", "GET", "HEAD", takes_meta=False)
def content(request: HttpRequest, actor: Actor, public_id: UUID) -> HttpResponse:
    """Bytes of a file: all of them by `http-post-bytes`, the next of them by `vnd-indexsite-chunks`."""
    found = find_draft_file(actor=actor, public_id=public_id)
    if found.mechanism == CHUNKS:
        return _part(request, actor, found)
    if request.method != "POST":
        raise MethodUnknown(("POST",))
    max_bytes = expect_bytes(actor=actor, file=found, mechanism=WHOLE)
    with received_bytes(request, max_bytes=max_bytes) as body:
        if not body.is_whole:
            raise cut_off()
        receive_whole(actor=actor, file=found, received=body.received)
    return _nothing()


def _part(request: HttpRequest, actor: Actor, found: DraftFile) -> HttpResponse:
    """Where to go on, or the bytes from there. Of a request whose line is cut, what came is kept."""
    if request.method in {"POST", "PATCH"}:
        max_bytes = expect_bytes(actor=actor, file=found, mechanism=CHUNKS)
        offset = _offset(request)
        with received_bytes(request, max_bytes=max_bytes) as body:
            if body.received.hashes.size == 0:
                raise cut_off()
            receive_part(actor=actor, file=found, offset=offset, received=body.received)
            if not body.is_whole:
                raise cut_off()
    return _nothing(_progress(found))


def _offset(request: HttpRequest) -> int:
    offset = request.headers.get("Upload-Offset", "").strip()
    if not (offset.isascii() and offset.isdecimal() and len(offset) < 19):
        raise InvalidInput(
            "Say in the header Upload-Offset how many bytes of the file come before these.", code="offset-missing"
        )
    return int(offset)


def _progress(found: DraftFile) -> dict[str, str]:
    """In the words of the IETF's draft on resumable uploads."""
    offset = found.claimed_size if found.state == DraftFileState.COMPLETED else offset_of(found)
    is_complete = offset == found.claimed_size
    return {
        "Upload-Offset": str(offset),
        "Upload-Complete": "?1" if is_complete else "?0",
        "Upload-Length": str(found.claimed_size),
    }


@enforces(Action.DRAFT_UPLOAD)
@answering("POST", takes_meta=False)
def attestations(request: HttpRequest, actor: Actor, public_id: UUID) -> HttpResponse:
    """Attestations (PEP 740) of a file; they come before it is completed."""
    found = find_draft_file(actor=actor, public_id=public_id)
    body = small_body(request, max_bytes=MAX_ATTESTATION_BYTES)
    attach(actor=actor, file=found, attestations=upload2.read_attestations(body))
    return _nothing()


@enforces(Action.DRAFT_UPLOAD)
@answering("POST")
def complete(request: HttpRequest, actor: Actor, public_id: UUID) -> HttpResponse:
    """Have the bytes judged."""
    upload2.read_meta(_body(request))
    found = complete_file(actor=actor, file=find_draft_file(actor=actor, public_id=public_id), at=clock.now())
    if found.state == DraftFileState.ERROR:
        raise FileRefused(found.notice)
    return _answer(file_of(found), status=201, headers={"Location": file_address(found)})


# -- answers ------------------------------------------------------------------------------------------------------


def _body(request: HttpRequest) -> bytes:
    return small_body(request, max_bytes=upload2.MAX_BODY_BYTES)


def _answer(body: dict[str, Any], *, status: int = 200, headers: dict[str, str] | None = None) -> HttpResponse:
    response = JsonResponse(body, status=status, headers=headers, content_type=upload2.MEDIA_TYPE)
    # It may name a preview, which whoever has its address may read.
    response["Cache-Control"] = "private, no-store"
    return response


def _nothing(headers: dict[str, str] | None = None) -> HttpResponse:
    response = HttpResponse(status=204, headers={"Cache-Control": "private, no-store"} | (headers or {}))
    del response["Content-Type"]
    return response


def refusal(request: HttpRequest, error: DomainError) -> HttpResponse:
    """A problem (RFC 9457) with the members that PEP 694 adds."""
    status = _status(error)
    errors = [{"source": source, "message": message} for source, message in _faults(error)]
    ours = {upload2.OURS: {"code": error.code}}
    response = problem(
        error,
        title=HTTPStatus(status).phrase,
        status=status,
        meta={"api-version": upload2.API_VERSION} | ours,
        errors=errors,
    )
    response.status_code = status
    response["Cache-Control"] = "private, no-store"
    if status == 401:
        response["WWW-Authenticate"] = f'Basic realm="{settings.SITE_NAME}", charset="UTF-8"'
    if isinstance(error, MethodUnknown):
        response["Allow"] = ", ".join(error.allowed)
    if isinstance(error, DraftExists):
        response["Location"] = session_address(error.draft)
    if isinstance(error, OffsetWrong):
        response["Upload-Offset"] = str(error.offset)
    if isinstance(error, Busy):
        response["Retry-After"] = str(RETRY_BUSY)
    return ReadingOn(request, response)


def _status(error: DomainError) -> int:
    for kind, status in _STATUS.items():
        if isinstance(error, kind):
            return status
    if isinstance(error, NotAuthenticated):
        return 401
    if isinstance(error, PermissionRefused) and error.code.startswith(_OF_CREDENTIALS):
        return 401
    if error.code == "name-prohibited":
        # Nobody learns whether the name is reserved, deleted or prohibited: this name is not for them (PEP 694).
        return 403
    return 409 if error.code == "file-exists" and isinstance(error, Conflict) else status_of(error)


def _faults(error: DomainError) -> list[tuple[str, str]]:
    """What is wrong with what: of the body's keys, or of the session's files."""
    if isinstance(error, upload2.BodyRefused):
        return list(error.faults)
    if isinstance(error, FilesNotReady):
        return [(name, f"This file is {state}.") for name, state in error.states.items()]
    if isinstance(error, FilenameConflict):
        return [(name, "This name is used or reserved already.") for name in error.filenames]
    return [(_SOURCES.get(error.code, "request"), error.sentence)]
