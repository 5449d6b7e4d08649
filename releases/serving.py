"""What is answered under `/simple/` and `/files/`: rows and blobs to status, headers and body.

The views and the WSGI layer in front of Django share it, so that both say the same to the byte. It needs the
database and the store, nothing else: no cache, no queue, no session.
"""

from __future__ import annotations

import json
import logging
import re
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from typing import BinaryIO

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection
from django.utils.http import content_disposition_header

from indexsite import storage
from releases import downloads
from releases.models import File, ProjectStatus, SimplePage
from releases.simple import Representation, RootPage, negotiate

log = logging.getLogger(__name__)

# Complete, so that no middleware adds to them and the thin layer says the same as Django.
_SAFE = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": settings.SECURE_REFERRER_POLICY,
    "Cross-Origin-Opener-Policy": settings.SECURE_CROSS_ORIGIN_OPENER_POLICY,
    "Access-Control-Allow-Origin": "*",
}
SAFE_PAGE = _SAFE | {
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Access-Control-Expose-Headers": "X-PyPI-Last-Serial",
    "Vary": "Accept, Accept-Encoding",
}
# Bytes that strangers chose: never a page of our origin.
SAFE_FILE = _SAFE | {"Content-Security-Policy": "sandbox; default-src 'none'"}

_PAGE_CACHING = "public, max-age=600"
# Whoever has a file may keep it: its bytes never change. A cache that hands it to others asks again after ten
# minutes, since it may have been deleted or quarantined (docs/decisions/0025).
_FILE_CACHING = "public, max-age=31536000, s-maxage=600, immutable"
# Well below `storage.LINK_SECONDS`: a cached redirect must not outlive the link it points to.
_REDIRECT_CACHING = "public, max-age=600"

# What WSGI servers that cannot hand a file to the kernel read at a time.
CHUNK = 64 << 10

_FACTS_SQL = f"SELECT serial, html_etag, json_etag FROM {SimplePage._meta.db_table} WHERE name = %s"  # noqa: S608, SLF001


_NORMALIZED = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Ask:
    """The parts of a request that matter here. Missing headers are ""; `wanted` is the `?format=` parameter."""

    method: str
    accept: str = ""
    accept_encoding: str = ""
    if_none_match: str = ""
    range: str = ""
    if_range: str = ""
    wanted: str = ""
    user_agent: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, headers and what to send; the body is empty wherever the method or status allows none."""

    status: int
    headers: dict[str, str]
    body: bytes | BlobSlice = b""


class BlobSlice:
    """`length` bytes of a blob from `start` on, as a file that WSGI servers can send by themselves."""

    def __init__(self, blob: BinaryIO, *, start: int, length: int) -> None:
        self._blob = blob
        self._left = length
        blob.seek(start)

    def read(self, size: int = -1) -> bytes:
        chunk = self._blob.read(self._left if size < 0 else min(size, self._left))
        self._left -= len(chunk)
        return chunk

    def fileno(self) -> int:
        return self._blob.fileno()

    def close(self) -> None:
        self._blob.close()


# -- pages --------------------------------------------------------------------------------------------------


def simple_page(name: str, ask: Ask) -> Answer:
    """The simple page of the project with the normalised name `name`, or the root page for ""."""
    return _with_database(lambda: _simple_page(name, ask), ask)


def _simple_page(name: str, ask: Ask) -> Answer:
    kind = negotiate(ask.accept, ask.wanted)
    if name and not _NORMALIZED.fullmatch(name):
        return refusal(ask, 404, "That is not the name of a project.")
    with connection.cursor() as cursor:
        cursor.execute(_FACTS_SQL, [name])
        facts = cursor.fetchone()
    if facts is None:
        if name == "":
            return _empty_root(kind, ask)
        sentence = f"There is no project named '{name}' here; check its spelling, or search at /search/."
        return refusal(ask, 404, sentence)
    serial, html_etag, json_etag = facts
    etag = json_etag if kind.is_json else html_etag
    headers = SAFE_PAGE | {
        "Cache-Control": _PAGE_CACHING,
        "Surrogate-Key": f"project/{name}" if name else "simple-root",
        "X-PyPI-Last-Serial": str(serial),
    }
    is_gzip = _takes_gzip(ask.accept_encoding)
    headers["ETag"] = f'"{etag}-gzip"' if is_gzip else f'"{etag}"'
    if _names(ask.if_none_match, etag):
        return Answer(304, headers)
    body = _body(name, kind, etag, is_gzip=is_gzip)
    if body is None:
        return _simple_page(name, ask)  # republished between the two queries
    headers["Content-Type"] = kind.value
    headers["Content-Length"] = str(len(body))
    if is_gzip:
        headers["Content-Encoding"] = "gzip"
    return Answer(200, headers, body if ask.method == "GET" else b"")


def _empty_root(kind: Representation, ask: Ask) -> Answer:
    """A site on which nothing has been published yet is an index all the same."""
    page = RootPage([], serial=0)
    body = page.render_json() if kind.is_json else page.render_html()
    headers = SAFE_PAGE | {
        "Cache-Control": "no-cache",
        "X-PyPI-Last-Serial": "0",
        "Content-Type": kind.value,
        "Content-Length": str(len(body)),
    }
    return Answer(200, headers, body if ask.method == "GET" else b"")


def _body(name: str, kind: Representation, etag: str, *, is_gzip: bool) -> bytes | None:
    """The stored bytes whose validator is `etag`; None if they have just been replaced."""
    column = ("json" if kind.is_json else "html") + ("_gzip" if is_gzip else "")
    body = _bodies.get((name, column, etag))
    if body is None:
        etag_column = "json_etag" if kind.is_json else "html_etag"
        row = SimplePage.objects.filter(name=name, **{etag_column: etag}).values_list(column, flat=True).first()
        if row is None:
            return None
        body = bytes(row)
        _bodies.put((name, column, etag), body)
    return body


class _BodyCache:
    """Bodies this process served lately, bounded in bytes. Keyed by validator, so an entry cannot be stale."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._entries: OrderedDict[tuple[str, str, str], bytes] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: tuple[str, str, str]) -> bytes | None:
        with self._lock:
            body = self._entries.get(key)
            if body is not None:
                self._entries.move_to_end(key)
            return body

    def put(self, key: tuple[str, str, str], body: bytes) -> None:
        with self._lock:
            if key in self._entries or len(body) > self._max_bytes:
                return
            self._entries[key] = body
            self._bytes += len(body)
            while self._bytes > self._max_bytes:
                _, oldest = self._entries.popitem(last=False)
                self._bytes -= len(oldest)


_bodies = _BodyCache(max_bytes=64 << 20)


# -- files --------------------------------------------------------------------------------------------------


def file(sha256: str, filename: str, ask: Ask) -> Answer:
    """The published file `filename` with this digest, or its core metadata for `<filename>.metadata`."""
    return _with_database(lambda: _file(sha256, filename, ask), ask)


def _file(sha256: str, filename: str, ask: Ask) -> Answer:
    if not filename.isprintable():
        return refusal(ask, 404, "That is not the name of a file.")
    is_metadata = filename.endswith(".metadata")
    row = (
        File.objects.filter(filename=filename.removesuffix(".metadata"), sha256=sha256)
        .exclude(release__project__status=ProjectStatus.QUARANTINED)
        .order_by()
        .values_list("size", "metadata_sha256", "release__project__normalized_name")
        .first()
    )
    if row is None or (is_metadata and not row[1]):
        return refusal(ask, 404, f"There is no file '{filename}' here; it may have been deleted by its owners.")
    size, metadata_sha256, project = row
    digest = metadata_sha256 if is_metadata else sha256
    headers = SAFE_FILE | {
        "Accept-Ranges": "bytes",
        "Cache-Control": _FILE_CACHING,
        "ETag": f'"{digest}"',
        "Surrogate-Key": f"project/{project}",
    }
    if _names(ask.if_none_match, digest):
        return Answer(304, headers)
    headers["Content-Type"] = "text/plain; charset=utf-8" if is_metadata else "application/octet-stream"
    headers["Content-Disposition"] = content_disposition_header(as_attachment=True, filename=filename) or ""
    if is_metadata:
        # Metadata are small and come by the thousand: a redirect each would cost more than it spares.
        return bytes_of(digest, headers, ask, size=None)
    if ask.method == "GET" and (link := storage.url(digest, filename=filename)) is not None:
        downloads.note(project, ask.user_agent)
        return Answer(302, _SAFE | {"Location": link, "Cache-Control": _REDIRECT_CACHING, "Content-Length": "0"})
    answer = bytes_of(digest, headers, ask, size=size)
    if ask.method == "GET" and _has_first_byte(answer):
        downloads.note(project, ask.user_agent)
    return answer


def _has_first_byte(answer: Answer) -> bool:
    """Whether a download begins here; what goes on from a later byte has been counted before."""
    partial = answer.headers.get("Content-Range", "bytes 0-")
    return answer.status in {200, 206} and partial.startswith("bytes 0-")


def bytes_of(digest: str, headers: dict[str, str], ask: Ask, *, size: int | None) -> Answer:
    """The blob, or the range of it that was asked for; `size` is its length where that is known."""
    if ask.method == "HEAD" and size is not None:
        return Answer(200, headers | {"Content-Length": str(size)})
    blob = storage.open_blob(digest)
    if size is None:
        size = blob.seek(0, 2)
    wanted = _wanted_range(ask, digest, size) if ask.method == "GET" else None
    if wanted == ():
        blob.close()
        refused = refusal(ask, 416, f"The file has {size} bytes; none of the asked ones.")
        return Answer(416, refused.headers | {"Content-Range": f"bytes */{size}"}, refused.body)
    start, end = wanted or (0, size)
    status = 206 if wanted else 200
    headers["Content-Length"] = str(end - start)
    if wanted:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    if ask.method == "HEAD":
        blob.close()
        return Answer(status, headers)
    return Answer(status, headers, BlobSlice(blob, start=start, length=end - start))


_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.IGNORECASE | re.ASCII)


def _wanted_range(ask: Ask, digest: str, size: int) -> tuple[int, int] | tuple[()] | None:
    """The half-open range to send; None for the whole file; () if no byte of it exists.

    Several ranges in one request are answered with the whole file, as RFC 9110 section 14.2 permits.
    """
    found = _RANGE.fullmatch(ask.range.replace(" ", ""))
    if found is None or (ask.if_range and ask.if_range.strip() != f'"{digest}"'):
        return None
    first, last = found.groups()
    if not first and not last:
        return None
    if not first:
        start, end = max(0, size - int(last)), size
    else:
        start = int(first)
        end = min(int(last) + 1, size) if last else size
        if last and int(last) < start:
            return None
    return (start, end) if start < end else ()


# -- both ---------------------------------------------------------------------------------------------------


def _with_database(answer: Callable[[], Answer], ask: Ask) -> Answer:
    """Once more after a lost connection (idle too long, server restarted); then an honest 503."""
    try:
        return answer()
    except (DatabaseError, InterfaceError):
        if connection.in_atomic_block:
            raise
        connection.close()
    try:
        return answer()
    except (DatabaseError, InterfaceError):
        log.exception("The database does not answer.")
        connection.close()
        refused = refusal(ask, 503, "The index cannot reach its database; try again in a minute.")
        return Answer(503, refused.headers | {"Retry-After": "60"}, refused.body)


def refusal(ask: Ask, status: int, sentence: str) -> Answer:
    """A sentence in the format that was asked for."""
    if negotiate(ask.accept, ask.wanted).is_json:
        code = {404: "not-found", 416: "range-not-satisfiable", 503: "unavailable"}[status]
        content_type = "application/problem+json"
        text = json.dumps({"title": sentence, "status": status, "code": code, "detail": sentence})
    else:
        content_type = "text/html; charset=utf-8"
        text = f'<!DOCTYPE html>\n<html lang="en">\n<title>{status}</title>\n<p>{escape(sentence)}</p>\n</html>\n'
    body = text.encode()
    headers = SAFE_PAGE | {
        # What is missing now may be published in a second.
        "Cache-Control": "no-cache",
        "Content-Type": content_type,
        "Content-Length": str(len(body)),
    }
    return Answer(status, headers, body if ask.method == "GET" else b"")


def _takes_gzip(accept_encoding: str) -> bool:
    """Whether gzip is named with a quality above zero, or everything is welcome."""
    for part in accept_encoding.lower().split(","):
        coding, _, parameter = part.partition(";")
        if coding.strip() in {"gzip", "x-gzip", "*"}:
            return not re.fullmatch(r"\s*q\s*=\s*0(\.0*)?\s*", parameter)
    return False


def _names(if_none_match: str, etag: str) -> bool:
    """Whether the header names the validator, in whichever coding, weak or strong (RFC 9110, 13.1.2)."""
    if not if_none_match:
        return False
    for part in if_none_match.split(","):
        tag = part.strip().removeprefix("W/").strip('"')
        if tag == "*" or tag.removesuffix("-gzip") == etag:
            return True
    return False
