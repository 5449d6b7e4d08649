"""The wire format of PEP 694 (Upload 2.0): what clients may send, and the bodies they get back.

Pure: from bytes to a dataclass or one refusal, and from plain facts to dictionaries. What is ours, and not the
PEP's, is below `meta._indexsite`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from indexsite.errors import InvalidInput

MEDIA_TYPE = "application/vnd.pypi.upload.v2+json"
API_VERSION = "2.0"
OURS = "_indexsite"

MAX_BODY_BYTES = 64 * 1024
# Fifty years: whatever is asked for is cut to what a draft may live anyway, and this much fits every date.
MAX_EXTENSION = 50 * 366 * 86_400

type Body = dict[str, Any]


class BodyRefused(InvalidInput):
    """The body cannot be used. `faults` has what is wrong with it, as (name of the key, sentence)."""

    code = "invalid-body"

    def __init__(self, faults: Sequence[tuple[str, str]], *, code: str = "") -> None:
        super().__init__(" ".join(f"{source}: {sentence}" for source, sentence in faults), code=code)
        self.faults = tuple(faults)


class MediaTypeUnsupported(InvalidInput):
    """The body is of another type than this interface reads."""

    code = "unsupported-media-type"


class NotAcceptable(InvalidInput):
    """The client takes none of the types that this interface writes."""

    code = "not-acceptable"


# -- negotiation ------------------------------------------------------------------------------------------------


def check_media_type(content_type: str) -> None:
    """The body is of the one type that there is; parameters do not matter.

    Raises:
        MediaTypeUnsupported: it is not.
    """
    if _bare(content_type) != MEDIA_TYPE:
        raise MediaTypeUnsupported(f"Send the body as Content-Type: {MEDIA_TYPE}.")


def check_accept(accept: str) -> None:
    """The client takes our type, or says nothing about types.

    Raises:
        NotAcceptable: it takes others only.
    """
    qualities: dict[str, bool] = {}
    for part in accept.split(","):
        kind, *parameters = part.split(";")
        if kind.strip():
            qualities[_bare(kind)] = not any(_is_zero(parameter) for parameter in parameters)
    # The closest range decides (RFC 9110, 12.5.1).
    for offer in (MEDIA_TYPE, "application/*", "*/*"):
        if offer in qualities:
            if qualities[offer]:
                return
            break
    if qualities:
        raise NotAcceptable(f"Answers here are of the type {MEDIA_TYPE}; accept that.")


def _bare(media_type: str) -> str:
    return media_type.partition(";")[0].strip().lower()


def _is_zero(parameter: str) -> bool:
    name, _, value = parameter.partition("=")
    if name.strip().lower() != "q":
        return False
    try:
        return float(value) == 0
    except ValueError:
        return True


# -- what clients send ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class NewSession:
    """A publishing session that is to be created."""

    name: str
    version: str


@dataclass(frozen=True)
class NewFileUpload:
    """A file that is to be uploaded; `size` in bytes, `hashes` as {algorithm: hex digest}."""

    filename: str
    size: int
    hashes: dict[str, str]
    mechanism: str


@dataclass(frozen=True)
class Extension:
    """How many seconds longer a session is to live."""

    seconds: int


def read_new_session(body: bytes) -> NewSession:
    """Raises: BodyRefused: it is none."""
    reader = _Reader(body)
    asked = NewSession(name=reader.text("name"), version=reader.text("version"))
    reader.finish()
    return asked


def read_new_file(body: bytes) -> NewFileUpload:
    """Raises: BodyRefused: it is none."""
    reader = _Reader(body)
    asked = NewFileUpload(
        filename=reader.text("filename"),
        size=reader.number("size"),
        hashes=reader.hashes("hashes"),
        mechanism=reader.text("mechanism"),
    )
    reader.finish()
    return asked


def read_extension(body: bytes) -> Extension:
    """Raises: BodyRefused: it is none."""
    reader = _Reader(body)
    asked = Extension(seconds=min(reader.number("extend-for"), MAX_EXTENSION))
    reader.finish()
    return asked


def read_meta(body: bytes) -> None:
    """A body that says nothing but which version it is of.

    Raises:
        BodyRefused: it does not.
    """
    _Reader(body).finish()


def read_attestations(body: bytes) -> list[dict[str, Any]]:
    """A JSON array of attestation objects (PEP 740); what is in them is judged elsewhere.

    Raises:
        BodyRefused: it is none.
    """
    value = _json(body)
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise BodyRefused([("attestations", "Send a JSON array of attestation objects (PEP 740).")])
    return value


class _Reader:
    """Takes a body apart, gathering what is wrong with it, so that a client hears all of it at once."""

    def __init__(self, body: bytes) -> None:
        value = _json(body)
        if not isinstance(value, dict):
            raise BodyRefused([("body", "Send a JSON object.")])
        self._value: Body = value
        self._faults: list[tuple[str, str]] = []
        meta = value.get("meta")
        version = meta.get("api-version") if isinstance(meta, dict) else None
        # Minor versions add and take nothing away (PEP 694): only the major one has to be that of the media type.
        if not isinstance(version, str) or version.partition(".")[0] != "2":
            raise BodyRefused(
                [("meta.api-version", 'Say "2.0", as the media type does.')], code="wrong-api-version"
            )

    def text(self, key: str) -> str:
        # Nothing that is named here has characters that do not print, and no database takes all of them.
        def is_text(value: object) -> bool:
            return isinstance(value, str) and value != "" and value.isprintable()

        return self._take(key, is_text, "Give a text.", "")

    def number(self, key: str) -> int:
        def is_number(value: object) -> bool:
            return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63

        return self._take(key, is_number, "Give a whole number, not below 0.", 0)

    def hashes(self, key: str) -> dict[str, str]:
        def are_hashes(value: object) -> bool:
            return isinstance(value, dict) and all(isinstance(digest, str) for digest in value.values())

        return self._take(key, are_hashes, "Give an object of algorithms and hexadecimal digests.", {})

    def finish(self) -> None:
        """Raises: BodyRefused: something was wrong."""
        if self._faults:
            raise BodyRefused(self._faults)

    def _take[Value](self, key: str, fits: Callable[[object], bool], wanted: str, instead: Value) -> Value:
        value = self._value.get(key)
        if fits(value):
            return value  # type: ignore[return-value]
        self._faults.append((key, wanted))
        return instead


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise BodyRefused([("body", "This is no JSON that can be read.")]) from None


# -- what clients get -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SessionFile:
    """A file as its session lists it. `link` is absolute; `about` is ours."""

    status: str
    link: str
    notices: Sequence[str] = ()
    about: Body = field(default_factory=dict)


@dataclass(frozen=True)
class SessionFacts:
    """A session as its body says it.

    Attributes:
        links: those that lead somewhere now.
        token: of the preview; "" leaves it out.
        about: ours.
    """

    links: Mapping[str, str]
    mechanisms: Sequence[str]
    token: str
    expires_at: datetime
    status: str
    files: Mapping[str, SessionFile]
    notices: Sequence[str]
    about: Body


@dataclass(frozen=True)
class FileFacts:
    """A file upload as its body says it; `mechanism` has its identifier and what else the client needs."""

    links: Mapping[str, str]
    status: str
    expires_at: datetime
    mechanism: Mapping[str, Any]
    notices: Sequence[str]
    about: Body


def session_body(facts: SessionFacts) -> Body:
    """The publishing session."""
    ours = facts.about | {"files": {name: file.about for name, file in facts.files.items()}}
    body: Body = {
        "meta": meta(ours),
        "links": dict(facts.links),
        "mechanisms": list(facts.mechanisms),
        "expires-at": timestamp(facts.expires_at),
        "status": facts.status,
        "files": {
            name: _with_notices({"status": file.status, "link": file.link}, file.notices)
            for name, file in facts.files.items()
        },
    }
    if facts.token:
        body["session-token"] = facts.token
    return _with_notices(body, facts.notices)


def file_body(facts: FileFacts) -> Body:
    """The file upload session."""
    body: Body = {
        "meta": meta(facts.about),
        "links": dict(facts.links),
        "status": facts.status,
        "expires-at": timestamp(facts.expires_at),
        "mechanism": dict(facts.mechanism),
    }
    return _with_notices(body, facts.notices)


def meta(ours: Body | None = None) -> Body:
    """The `meta` of every body."""
    return {"api-version": API_VERSION} | ({OURS: ours} if ours else {})


def timestamp(moment: datetime) -> str:
    """RFC 3339 in UTC, whole seconds."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _with_notices(body: Body, notices: Sequence[str]) -> Body:
    return body | ({"notices": list(notices)} if notices else {})
