"""The simple repository API as data: project pages and the root page to HTML and JSON bytes, and negotiation.

Knows neither Django nor a database. HTML keeps the frozen shape of PEP 833 (PEP 503, 592, 629, 658, 714 and 792);
JSON is PEP 691 with 700, 714 and 792, api-version 1.4, and the `_last-serial` that mirrors look for.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from html import escape
from typing import Any
from urllib.parse import quote

from packaging.version import InvalidVersion, Version

API_VERSION = "1.4"


class Representation(Enum):
    """What a page can be served as. The value is the content type."""

    TEXT_HTML = "text/html; charset=utf-8"
    HTML = "application/vnd.pypi.simple.v1+html"
    JSON = "application/vnd.pypi.simple.v1+json"

    @property
    def is_json(self) -> bool:
        return self is Representation.JSON


# -- pages --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One file. `url` may be relative to the site's root; `size` is in bytes; `yanked` is None or the reason."""

    filename: str
    url: str
    sha256: str
    size: int
    uploaded_at: datetime
    version: str
    requires_python: str = ""
    metadata_sha256: str = ""
    yanked: str | None = None


@dataclass(frozen=True, slots=True)
class ProjectPage:
    """All that the page of one project says; `name` is normalised, `status` a marker of PEP 792."""

    name: str
    files: Sequence[FileEntry]
    serial: int
    status: str = "active"
    status_reason: str = ""

    def render_html(self) -> bytes:
        title = f"Links for {escape(self.name)}"
        head = f'<meta name="pypi:project-status" content="{escape(self.status)}">\n'
        if self.status_reason:
            head += f'<meta name="pypi:project-status-reason" content="{escape(self.status_reason)}">\n'
        lines = [_anchor(file) for file in _in_order(self.files)]
        return _document(title, head, "".join(lines), self.serial)

    def render_json(self) -> bytes:
        files = _in_order(self.files)
        status = {"status": self.status}
        if self.status_reason:
            status["reason"] = self.status_reason
        return _dump(
            {
                "meta": {"api-version": API_VERSION, "_last-serial": self.serial},
                "name": self.name,
                "project-status": status,
                # A dict keeps the order and drops the repetitions.
                "versions": list(dict.fromkeys(file.version for file in files)),
                "files": [_file_object(file) for file in files],
            }
        )


@dataclass(frozen=True, slots=True)
class RootPage:
    """All projects: (name, normalised name, serial) of each, in the order they are to appear, below `root`."""

    projects: Sequence[tuple[str, str, int]]
    serial: int
    root: str = "/simple/"

    def render_html(self) -> bytes:
        lines = [
            f'<a href="{self.root}{normalized}/">{escape(name)}</a><br />\n'
            for name, normalized, _ in self.projects
        ]
        return _document("Simple index", "", "".join(lines), self.serial)

    def render_json(self) -> bytes:
        return _dump(
            {
                "meta": {"api-version": API_VERSION, "_last-serial": self.serial},
                "projects": [{"name": name, "_last-serial": serial} for name, _, serial in self.projects],
            }
        )


def _document(title: str, head: str, body: str, serial: int) -> bytes:
    return (
        "<!DOCTYPE html>\n<html>\n<head>\n"
        f'<meta name="pypi:repository-version" content="{API_VERSION}">\n{head}'
        f"<title>{title}</title>\n</head>\n<body>\n<h1>{title}</h1>\n{body}</body>\n</html>\n"
        f"<!--SERIAL {serial}-->"
    ).encode()


def _anchor(file: FileEntry) -> str:
    extra = ""
    if file.requires_python:
        extra += f' data-requires-python="{escape(file.requires_python)}"'
    if file.metadata_sha256:
        # Both names: PEP 714 corrected the attribute, older installers know only the first.
        extra += (
            f' data-dist-info-metadata="sha256={file.metadata_sha256}"'
            f' data-core-metadata="sha256={file.metadata_sha256}"'
        )
    if file.yanked is not None:
        extra += f' data-yanked="{escape(file.yanked)}"'
    return f'<a href="{_quoted(file.url)}#sha256={file.sha256}"{extra}>{escape(file.filename)}</a><br />\n'


def _file_object(file: FileEntry) -> dict[str, Any]:
    metadata = {"sha256": file.metadata_sha256} if file.metadata_sha256 else False
    return {
        "filename": file.filename,
        "url": _quoted(file.url),
        "hashes": {"sha256": file.sha256},
        "size": file.size,
        # A fourth of the time of strftime, once for each file of the page.
        "upload-time": file.uploaded_at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "requires-python": file.requires_python or None,
        # A reason if there is one; `true` where the owner gave none.
        "yanked": False if file.yanked is None else file.yanked or True,
        "core-metadata": metadata,
        "data-dist-info-metadata": metadata,
    }


def _dump(value: dict[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def _quoted(url: str) -> str:
    return url if url.isascii() and url.translate(_PLAIN) == "" else quote(url)


# What needs no quoting in a URL's path: most file names have nothing else, and `quote` is slow.
_PLAIN = str.maketrans("", "", "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/")


def _in_order(files: Sequence[FileEntry]) -> list[FileEntry]:
    """By version, then by name."""
    return sorted(files, key=lambda file: (_version_key(file.version), file.filename))


@functools.lru_cache(maxsize=65_536)
def _version_key(version: str) -> tuple[bool, Version | str]:
    try:
        return (True, Version(version))
    except InvalidVersion:
        return (False, version)


# -- negotiation --------------------------------------------------------------------------------------------

_OFFERS: dict[str, Representation] = {
    "text/html": Representation.TEXT_HTML,
    "application/vnd.pypi.simple.v1+html": Representation.HTML,
    "application/vnd.pypi.simple.latest+html": Representation.HTML,
    "application/vnd.pypi.simple.v1+json": Representation.JSON,
    "application/vnd.pypi.simple.latest+json": Representation.JSON,
}
_WILDCARDS = {
    "*/*": (Representation.TEXT_HTML, Representation.HTML, Representation.JSON),
    "text/*": (Representation.TEXT_HTML,),
    "application/*": (Representation.HTML, Representation.JSON),
}


@functools.lru_cache(maxsize=256)
def negotiate(accept: str, wanted: str = "") -> Representation:
    """The representation for an `Accept` header and a `?format=` parameter (PEP 691), which wins if it is known.

    The highest quality wins; among equals an exact type before a wildcard, then the order of the header, then
    ours. Whoever accepts nothing that we have gets HTML, as at pypi.org: an error page would be HTML, too.
    """
    if wanted in _OFFERS:
        return _OFFERS[wanted]
    exact: dict[Representation, tuple[float, int]] = {}
    loose: dict[Representation, tuple[float, int]] = {}
    for position, part in enumerate(accept.split(",")):
        kind, quality = _media_range(part)
        if kind in _OFFERS:
            exact.setdefault(_OFFERS[kind], (quality, -position))
        for offer in _WILDCARDS.get(kind, ()):
            loose.setdefault(offer, (quality, -position))
    best, chosen = (0.0, False, 0), Representation.TEXT_HTML
    for offer in Representation:
        # A range that names the type decides about it, also when a wildcard would be kinder (RFC 9110, 12.5.1).
        quality, position = exact.get(offer) or loose.get(offer) or (0.0, 0)
        rank = (quality, offer in exact, position)
        if quality > 0 and rank > best:
            best, chosen = rank, offer
    return chosen


def _media_range(part: str) -> tuple[str, float]:
    """Media type in lower case and quality; a quality that is no number counts as 0."""
    kind, *parameters = part.split(";")
    quality = 1.0
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "q":
            try:
                quality = min(float(value), 1.0)
            except ValueError:
                quality = 0.0
    return kind.strip().lower(), quality if quality > 0 else 0.0
