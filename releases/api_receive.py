"""Takes an upload's body off the wire: bytes to a temporary blob while they are hashed, fields bounded.

Memory stays flat whatever the size of the file. Says nothing about who may upload or what the file holds.
"""

from __future__ import annotations

import hashlib
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from django.http import HttpRequest, HttpResponse, UnreadablePostError
from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header

from indexsite import storage
from indexsite.errors import InvalidInput, TooLarge
from releases.actions.drafts.receiving import Received
from releases.actions.publish import IncomingFile
from releases.upload import Hashes

CONTENT_FIELD = "content"
# Clients repeat the whole metadata in the form, description included; the parser reads it from the file.
FORM_ALLOWANCE = 4 * 1024 * 1024
FIELDS_BYTES = 2_621_440
MAX_FIELDS = 1000

# How much of a body that nobody wants is still read, so that a client that only listens after it has sent
# everything (most do) gets to hear why. Above it, the connection is cut.
DRAIN_BYTES = 256 * 1024 * 1024
DRAIN_SECONDS = 30.0
_READ_SIZE = 64 * 1024
_CHUNK = 256 * 1024


class LengthMissing(InvalidInput):
    """The size of the body is not known before it is read."""

    code = "length-required"


class ReadingOn(HttpResponse):
    """An answer that, once sent, keeps reading what the client is still sending.

    Closing a socket with unread bytes in it makes the kernel reset the connection, and the sentence is lost.
    """

    def __init__(self, request: HttpRequest, answer: HttpResponse) -> None:
        super().__init__(
            answer.content, status=answer.status_code, reason=answer.reason_phrase, headers=dict(answer.items())
        )
        self._request = request

    def close(self) -> None:
        super().close()
        drain(self._request)


@dataclass(frozen=True)
class RawBody:
    """A body that is the bytes of a file and nothing else; `is_whole` says whether all announced bytes came."""

    received: Received
    is_whole: bool


def announced_length(request: HttpRequest) -> int:
    """How many bytes the body has, from the headers.

    Raises:
        LengthMissing: they do not say.
    """
    length = request.META.get("CONTENT_LENGTH", "")
    if not length.isdecimal() or request.META.get("HTTP_TRANSFER_ENCODING"):
        raise LengthMissing("Uploads need a Content-Length header; chunked bodies are not accepted.")
    return int(length)


@contextmanager
def received_bytes(request: HttpRequest, *, max_bytes: int) -> Iterator[RawBody]:
    """The request's body, stored in `storage.incoming()` and gone again when the block ends, unless consumed.

    Raises:
        LengthMissing: see there.
        TooLarge: it has more than `max_bytes`.
    """
    length = announced_length(request)
    if length > max_bytes:
        raise TooLarge(f"The body has {length} bytes; at most {max_bytes} are wanted.", code="body-too-large")
    receiver = Receiver(max_bytes)
    try:
        receiver.begin("body")
        with suppress(UnreadablePostError):  # the line is cut: what came before may still be of use
            while chunk := request.read(_CHUNK):
                receiver.write(chunk)
        receiver.end()
        hashes = receiver.hashes()
        yield RawBody(Received(receiver.path, hashes), hashes.size == length)
    finally:
        receiver.discard()


def small_body(request: HttpRequest, *, max_bytes: int) -> bytes:
    """The request's body, in memory.

    Raises:
        InvalidInput: it was cut off.
        LengthMissing: see there.
        TooLarge: it has more than `max_bytes`.
    """
    length = announced_length(request)
    if length > max_bytes:
        raise TooLarge(f"The body has {length} bytes; at most {max_bytes} are wanted.", code="body-too-large")
    try:
        body = request.read(length)
    except UnreadablePostError:
        raise cut_off() from None
    if len(body) != length:
        raise cut_off()
    return body


@contextmanager
def received(request: HttpRequest, *, max_bytes: int) -> Iterator[IncomingFile]:
    """The request's one file, stored in `storage.incoming()` and gone again when the block ends, unless consumed.

    Raises:
        InvalidInput: the body is no multipart form, is cut off, or has no file or more than one.
        TooLarge: the file has more than `max_bytes`, or the other fields do not fit into memory.
    """
    receiver = Receiver(max_bytes)
    try:
        form = _parse(request, receiver)
        if not receiver.filename:
            raise InvalidInput(
                f"The upload has no file; send one as the form field '{CONTENT_FIELD}'.", code="no-file"
            )
        yield IncomingFile(receiver.path, receiver.filename, form, receiver.hashes())
    finally:
        receiver.discard()


def drain(request: HttpRequest) -> None:
    """Read and forget what the client is still sending, within bounds."""
    deadline = time.monotonic() + DRAIN_SECONDS
    left = DRAIN_BYTES
    with suppress(OSError, ValueError):  # the client has gone, or the stream is closed: nothing is left to say
        while left > 0 and time.monotonic() < deadline:
            chunk = request.read(_READ_SIZE)
            if not chunk:
                return
            left -= len(chunk)


class Receiver:
    """Takes exactly one file and computes its hashes on the way."""

    def __init__(self, max_bytes: int) -> None:
        self.path: Path = storage.incoming() / f"{uuid.uuid4().hex}.upload"
        self.filename = ""
        self._max_bytes = max_bytes
        self._size = 0
        self._sink: BinaryIO | None = None
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._sha256 = hashlib.sha256()
        self._blake2 = hashlib.blake2b(digest_size=32)

    def begin(self, filename: str) -> None:
        if self.filename:
            raise InvalidInput("The upload has more than one file; send one file per request.", code="many-files")
        # Some clients send the path it had on their disk.
        self.filename = filename.replace("\\", "/").rpartition("/")[2]
        self._sink = self.path.open("xb")

    def write(self, data: bytes) -> None:
        self._size += len(data)
        if self._size > self._max_bytes:
            raise too_large(self._max_bytes)
        if self._sink is None:
            raise RuntimeError("Bytes arrived outside of a file.")
        self._sink.write(data)
        for digest in (self._md5, self._sha256, self._blake2):
            digest.update(data)

    def end(self) -> None:
        if self._sink is not None:
            self._sink.close()
            self._sink = None

    def hashes(self) -> Hashes:
        return Hashes(
            md5=self._md5.hexdigest(),
            sha256=self._sha256.hexdigest(),
            blake2_256=self._blake2.hexdigest(),
            size=self._size,
        )

    def discard(self) -> None:
        """Remove the temporary blob, unless storage has taken it."""
        self.end()
        if self.filename:
            self.path.unlink(missing_ok=True)


def too_large(max_bytes: int) -> TooLarge:
    """The refusal for a file above the limit."""
    return TooLarge(
        f"The file is larger than {max_bytes // 1_000_000} MB, the limit for one file here; "
        "ask the operators if you need more.",
        code="file-too-large",
    )


def _parse(request: HttpRequest, receiver: Receiver) -> dict[str, list[str]]:
    """The text fields, in order of arrival; the file goes to `receiver`."""
    form = _Form(receiver)
    try:
        parser = _parser_for(request)
        while chunk := request.read(_CHUNK):
            for event in parser.parse(chunk):
                form.take(event)
    except MultipartError as error:
        raise _not_multipart() from error
    except UnreadablePostError as error:
        raise cut_off() from error
    try:
        parser.close()
    except MultipartError as error:
        raise cut_off() from error
    return form.fields


def _parser_for(request: HttpRequest) -> PushMultipartParser:
    kind, options = parse_options_header(request.META.get("CONTENT_TYPE", ""))
    if kind != "multipart/form-data" or "boundary" not in options:
        raise _not_multipart()
    return PushMultipartParser(options["boundary"], content_length=int(request.META["CONTENT_LENGTH"]))


class _Form:
    """What the parser's events amount to."""

    def __init__(self, receiver: Receiver) -> None:
        self.fields: dict[str, list[str]] = {}
        self._receiver = receiver
        self._part: MultipartSegment | None = None
        self._parts = 0
        self._text = bytearray()
        self._room = FIELDS_BYTES

    def take(self, event: MultipartSegment | bytes | None) -> None:
        """A part begins, goes on, or (None) ends."""
        if event is None:
            self._end()
        elif isinstance(event, MultipartSegment):
            self._begin(event)
        elif self._is_wanted_file:
            self._receiver.write(event)
        elif not self._is_file:
            self._room -= len(event)
            if self._room < 0:
                raise TooLarge(
                    "The form fields beside the file are too large; shorten the description.",
                    code="form-too-large",
                )
            self._text += event

    @property
    def _is_file(self) -> bool:
        return self._part is not None and self._part.filename is not None

    @property
    def _is_wanted_file(self) -> bool:
        """Files in other fields, such as signatures, are skipped."""
        return self._part is not None and bool(self._part.filename) and self._part.name == CONTENT_FIELD

    def _begin(self, part: MultipartSegment) -> None:
        self._parts += 1
        if self._parts > MAX_FIELDS:
            raise InvalidInput("The upload form has too many fields.", code="too-many-fields")
        # RFC 7578, 4.7: nobody sends encoded parts any more.
        if part.header("Content-Transfer-Encoding", "binary").strip().lower() not in {"7bit", "8bit", "binary"}:
            raise _not_multipart()
        self._part = part
        if self._is_wanted_file:
            self._receiver.begin(part.filename or "")

    def _end(self) -> None:
        if self._is_wanted_file:
            self._receiver.end()
        elif self._part is not None and not self._is_file:
            self.fields.setdefault(self._part.name or "", []).append(self._text.decode("utf-8", "replace"))
        self._text.clear()


def _not_multipart() -> InvalidInput:
    return InvalidInput(
        "The upload is not a multipart form; use a client such as twine or uv.", code="not-multipart"
    )


def cut_off() -> InvalidInput:
    """The refusal for a body that ends before its announced end."""
    return InvalidInput("The upload was cut off before its end; send it again.", code="cut-off")
