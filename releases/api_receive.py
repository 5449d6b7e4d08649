"""Takes an upload's body off the wire: bytes to a temporary blob while they are hashed, fields bounded.

Memory stays flat whatever the size of the file. Says nothing about who may upload or what the file holds.
"""

from __future__ import annotations

import hashlib
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.core.files.uploadhandler import FileUploadHandler, SkipFile
from django.http import HttpRequest, UnreadablePostError
from django.http.multipartparser import MultiPartParser, MultiPartParserError

from indexsite import storage
from indexsite.errors import InvalidInput, TooLarge
from releases.actions.publish import IncomingFile
from releases.upload import Hashes

CONTENT_FIELD = "content"
# Clients repeat the whole metadata in the form, description included; the parser reads it from the file.
FORM_ALLOWANCE = 4 * 1024 * 1024

# How much of a body that nobody wants is still read, so that a client that only listens after it has sent
# everything (most do) gets to hear why. Above it, the connection is cut.
DRAIN_BYTES = 256 * 1024 * 1024
DRAIN_SECONDS = 30.0
_READ_SIZE = 64 * 1024


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
        if receiver.is_cut_off:
            raise InvalidInput("The upload was cut off before its end; send it again.", code="cut-off")
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


class Receiver(FileUploadHandler):
    """Upload handler for exactly one file, in the field `content`; files in other fields are skipped unread."""

    chunk_size = 256 * 1024

    def __init__(self, max_bytes: int) -> None:
        super().__init__()
        self.path: Path = storage.incoming() / f"{uuid.uuid4().hex}.upload"
        self.filename = ""
        self.is_cut_off = False
        self._max_bytes = max_bytes
        self._size = 0
        self._sink: BinaryIO | None = None
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._sha256 = hashlib.sha256()
        self._blake2 = hashlib.blake2b(digest_size=32)

    def new_file(self, field_name: str, file_name: str, *args: object, **kwargs: object) -> None:
        if field_name != CONTENT_FIELD:
            raise SkipFile
        if self.filename:
            raise InvalidInput("The upload has more than one file; send one file per request.", code="many-files")
        self.filename = file_name
        self._sink = self.path.open("xb")

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        self._size += len(raw_data)
        if self._size > self._max_bytes:
            raise too_large(self._max_bytes)
        if self._sink is None:
            raise RuntimeError("A chunk arrived outside of a file.")
        self._sink.write(raw_data)
        for digest in (self._md5, self._sha256, self._blake2):
            digest.update(raw_data)

    def file_complete(self, file_size: int) -> None:
        self._close()

    def upload_interrupted(self) -> None:
        self.is_cut_off = True

    def hashes(self) -> Hashes:
        return Hashes(
            md5=self._md5.hexdigest(),
            sha256=self._sha256.hexdigest(),
            blake2_256=self._blake2.hexdigest(),
            size=self._size,
        )

    def discard(self) -> None:
        """Remove the temporary blob, unless storage has taken it."""
        self._close()
        self.path.unlink(missing_ok=True)

    def _close(self) -> None:
        if self._sink is not None:
            self._sink.close()
            self._sink = None


def too_large(max_bytes: int) -> TooLarge:
    """The refusal for a file above the limit."""
    return TooLarge(
        f"The file is larger than {max_bytes // 1_000_000} MB, the limit for one file here; "
        "ask the operators if you need more.",
        code="file-too-large",
    )


def _parse(request: HttpRequest, receiver: Receiver) -> dict[str, list[str]]:
    try:
        fields, _files = MultiPartParser(request.META, request, [receiver], "utf-8").parse()
    except (TooManyFieldsSent, TooManyFilesSent) as error:
        raise InvalidInput("The upload form has too many fields.", code="too-many-fields") from error
    except RequestDataTooBig as error:
        raise TooLarge(
            "The form fields beside the file are too large; shorten the description.", code="form-too-large"
        ) from error
    except MultiPartParserError as error:
        raise InvalidInput(
            "The upload is not a multipart form; use a client such as twine or uv.", code="not-multipart"
        ) from error
    except UnreadablePostError as error:
        raise InvalidInput("The upload was cut off before its end; send it again.", code="cut-off") from error
    return {name: [str(value) for value in fields.getlist(name)] for name in fields}
