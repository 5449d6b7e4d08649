"""Core metadata, Metadata-Version 1.0 to 2.5 and later 2.x: METADATA or PKG-INFO, read, validated, as JSON.

`packaging` knows the fields; what an index must ask beyond that (public dependencies, known classifiers, links
that are links) is added here. Each field is judged by its own rules, not by the Metadata-Version that brought it:
build tools have long been ahead of the version they declare.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, cast
from urllib.parse import urlsplit

from packaging.licenses import InvalidLicenseExpression
from packaging.metadata import InvalidMetadata, Metadata, RawMetadata, parse_email
from packaging.requirements import Requirement
from packaging.version import Version

from releases.upload.filenames import read_version
from releases.upload.problems import Problem, Rejected, quoted

MAX_NAME_LENGTH = 200
MAX_SUMMARY_LENGTH = 512
MAX_LABEL_LENGTH = 32
MAX_REQUIRES_PYTHON_LENGTH = 200
MAX_CONTENT_TYPE_LENGTH = 120
MAX_HEADERS = 512 * 1024
MAX_HEADER_LINES = 10_000
MAX_HEADER_NAMES = 200  # core metadata knows some 35; readers look for each name in the whole list

# 2.0 was never agreed on, but wheels of a whole decade declare it; it has no field of its own.
_KNOWN_VERSION = re.compile(r"1\.[012]|2\.\d{1,3}", re.ASCII)
# As e-mail parsers see them: a lone carriage return ends a line, too, and two spellings are two names.
_HEADER_NAME = re.compile(r"(?:^|[\r\n])([^\s:]*+):")
_URL_MAX_LENGTH = 2_000
# PEP 566 spells keys as the headers are, in lower case with underscores; `packaging` has plurals.
_JSON_KEYS = {
    "classifiers": "classifier",
    "platforms": "platform",
    "supported_platforms": "supported_platform",
    "license_files": "license_file",
    "import_names": "import_name",
    "import_namespaces": "import_namespace",
}
# Whatever the libraries under us raise for input they did not foresee.
_UNREADABLE = (
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    AssertionError,
    RecursionError,
    SyntaxError,
    MemoryError,
)


# `packaging`'s keys; every value is a string, a list of strings or (project_urls) a dict.
type _Raw = dict[str, Any]


@dataclass(frozen=True)
class FoundMetadata:
    """Validated core metadata.

    Attributes:
        version: parsed from `version_text`, which is as the file spells it.
        metadata_version: such as (2, 4).
        fields: JSON values by PEP 566 key, without `description`.
        license_files: paths that must be in the archive; empty before Metadata 2.4, which defined where.
        content: the exact bytes that were read.
    """

    name: str
    version_text: str
    version: Version
    metadata_version: tuple[int, int]
    fields: dict[str, Any]
    description: str
    license_files: list[str]
    content: bytes

    def text(self, key: str) -> str:
        """A single-valued field, or ""."""
        value = self.fields.get(key, "")
        return value if isinstance(value, str) else ""


def parse_metadata(content: bytes) -> FoundMetadata:
    """Read and judge METADATA or PKG-INFO.

    Raises:
        Rejected: unreadable, or a field breaks a rule; the sentence names the field.
    """
    raw = _read(content)
    version = _check_required(raw)
    _check_fields(raw)
    _check_dependencies(raw.get("requires_dist", []))
    _check_classifiers(raw.get("classifiers", []))
    _check_links(raw)
    description = raw.pop("description", "")
    major, minor = (int(part) for part in raw["metadata_version"].split("."))
    fields: dict[str, Any] = {_JSON_KEYS.get(key, key): value for key, value in raw.items()}
    if "project_urls" in fields:
        fields["project_url"] = [f"{label}, {url}" for label, url in fields.pop("project_urls").items()]
    return FoundMetadata(
        name=raw["name"],
        version_text=raw["version"],
        version=version,
        metadata_version=(major, minor),
        fields=fields,
        description=description,
        license_files=raw.get("license_files", []) if (major, minor) >= (2, 4) else [],
        content=content,
    )


def _read(content: bytes) -> _Raw:
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        raise _invalid("it is not UTF-8") from None
    if "\0" in text:
        raise _invalid("it has a NUL character in it")
    head = re.split(r"\r?\n\r?\n", text, maxsplit=1)[0]
    if len(head) > MAX_HEADERS and len(head.encode()) > MAX_HEADERS and not _has_description_header(head):
        raise _invalid(f"its fields are longer than {MAX_HEADERS} bytes")
    # E-mail parsers would take the description apart by these; core metadata has no such fields.
    if re.search(r"^(content-[a-z-]+|mime-version)\s*:", head, re.IGNORECASE | re.MULTILINE):
        raise _invalid("it has e-mail headers in it")
    names = _HEADER_NAME.findall(head)
    if len(names) > MAX_HEADER_LINES or len(set(names)) > MAX_HEADER_NAMES:
        raise _invalid(f"it has more than {MAX_HEADER_LINES} fields, or {MAX_HEADER_NAMES} different ones")
    try:
        raw, leftover = parse_email(text)
    except _UNREADABLE:
        raise _invalid("it cannot be read") from None
    # Fields nobody knows yet are ignored; known ones that could not be read are not.
    for field in leftover:
        if field in _KNOWN_HEADERS:
            raise _invalid(f"the field {quoted(_title(field))} is given twice or cannot be read")
    return _without_unknown(raw)


def _has_description_header(head: str) -> bool:
    return bool(re.search(r"^description\s*:", head, re.IGNORECASE | re.MULTILINE))


def _without_unknown(raw: RawMetadata) -> _Raw:
    """Old tools write UNKNOWN, or nothing, where they have nothing to say."""
    kept: _Raw = {}
    for key, value in raw.items():
        if isinstance(value, str):
            text = value if key == "description" else value.strip()
            if text and text != "UNKNOWN":
                kept[key] = text
        elif isinstance(value, list):
            items = [item.strip() for item in value]
            if items := [item for item in items if item and item != "UNKNOWN"]:
                kept[key] = items
        elif value:
            kept[key] = value
    return kept


def _check_required(raw: _Raw) -> Version:
    declared = raw.get("metadata_version", "")
    if not _KNOWN_VERSION.fullmatch(declared):
        raise _invalid(f"Metadata-Version {quoted(declared)} is not accepted; versions 1.0 to 1.2 and 2.x are")
    name = raw.get("name", "")
    if not name or len(name) > MAX_NAME_LENGTH:
        raise _invalid(f"the field 'Name' is missing or longer than {MAX_NAME_LENGTH} characters")
    text = raw.get("version", "")
    version = read_version(text)
    if version is None:
        raise Rejected(
            Problem.VERSION,
            f"The metadata's version {quoted(text)} is not valid (PEP 440); use one such as '1.2.3'.",
        )
    return version


def _check_fields(raw: _Raw) -> None:
    for key, limit in (
        ("summary", MAX_SUMMARY_LENGTH),
        ("requires_python", MAX_REQUIRES_PYTHON_LENGTH),
        ("description_content_type", MAX_CONTENT_TYPE_LENGTH),
    ):
        if len(str(raw.get(key, ""))) > limit:
            raise _invalid(f"the field {quoted(_title(key))} is longer than {limit} characters")
    if "license" in raw and "license_expression" in raw:
        raise _invalid("it has both 'License' and 'License-Expression'; keep the expression alone")
    validator = Metadata.from_raw(cast("RawMetadata", raw), validate=False)
    for key in raw:
        if key == "metadata_version":
            continue
        try:
            if key == "description_content_type":
                _check_content_type(raw[key])
            else:
                getattr(validator, key)
        except InvalidMetadata as error:
            raise _invalid(f"the field {quoted(_title(error.field))} is invalid: {_plain(str(error))}") from None
        except (*_UNREADABLE, InvalidLicenseExpression):
            raise _invalid(f"the field {quoted(_title(key))} cannot be read") from None


# There are few of them, and `packaging` takes as long for one as for all other fields together.
@lru_cache(maxsize=64)
def _check_content_type(value: str) -> None:
    _ = Metadata.from_raw({"description_content_type": value}, validate=False).description_content_type


def _check_dependencies(dependencies: Iterable[str]) -> None:
    for text in dependencies:
        requirement = Requirement(text)  # read before, with all fields
        if requirement.url is not None:
            raise Rejected(
                Problem.DIRECT_DEPENDENCY,
                f"The dependency {quoted(text)} is a direct URL; depend on a version that an index has.",
            )


def _check_classifiers(classifiers: Iterable[str]) -> None:
    known = _classifiers()
    for classifier in classifiers:
        # "Private ::" keeps a project off public indexes; this one may well be where it belongs.
        if classifier in known or classifier.startswith("Private :: "):
            continue
        close = difflib.get_close_matches(classifier[:200], known, n=1, cutoff=0.8)
        hint = f"did you mean {quoted(close[0], limit=120)}?" if close else "remove it or correct it."
        raise Rejected(Problem.CLASSIFIER, f"{quoted(classifier, limit=120)} is not a known classifier; {hint}")


@cache
def _classifiers() -> frozenset[str]:
    # Deprecated ones stay known: a release may be older than its index.
    from trove_classifiers import classifiers, deprecated_classifiers  # 100 KB that only uploads need

    return frozenset(classifiers) | frozenset(deprecated_classifiers)


def _check_links(raw: _Raw) -> None:
    for key in ("home_page", "download_url"):
        url = str(raw.get(key, ""))
        if url and not is_web_url(url):
            raise _invalid(f"the field {quoted(_title(key))} is no http or https address: {quoted(url)}")
    for label, url in raw.get("project_urls", {}).items():
        if not label or len(label) > MAX_LABEL_LENGTH:
            raise _invalid(f"a Project-URL needs a label of 1 to {MAX_LABEL_LENGTH} characters: {quoted(label)}")
        if not is_web_url(url):
            raise _invalid(f"the Project-URL {quoted(label)} is no http or https address: {quoted(url)}")


def is_web_url(url: str) -> bool:
    """Whether `url` is an absolute http or https address that is safe to link to."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    return (
        parts.scheme in {"http", "https"}
        and bool(parts.hostname)
        and len(url) <= _URL_MAX_LENGTH
        and url.isprintable()
        and not any(char.isspace() for char in url)
    )


_KNOWN_HEADERS = {
    key.replace("_", "-")
    for key in (
        *(_JSON_KEYS.get(name, name) for name in RawMetadata.__annotations__),
        "project_url",
    )
}


def _title(field: str) -> str:
    """A field as its header is written: `requires_dist` -> `Requires-Dist`."""
    header = _JSON_KEYS.get(field, "project_url" if field == "project_urls" else field)
    return "-".join(part.capitalize() for part in header.replace("_", "-").split("-")).replace("-Url", "-URL")


def _plain(text: str) -> str:
    return quoted(text, limit=160)[1:-1]


def _invalid(why: str) -> Rejected:
    return Rejected(Problem.METADATA, f"The metadata in the file is invalid: {why}. Correct it and build again.")
