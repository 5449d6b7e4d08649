"""Why an upload is refused: stable codes, and the one exception that the parser lets out."""

from __future__ import annotations

from enum import StrEnum

from indexsite.errors import InvalidInput


class Problem(StrEnum):
    """Codes are part of the API; each has a paragraph on `/help/problems/`."""

    FORM = "invalid-form"
    FORM_CONTRADICTS_FILE = "form-contradicts-file"
    DIGEST_MISMATCH = "digest-mismatch"
    FILE_NAME = "invalid-file-name"
    FILE_NAME_NOT_NORMAL = "file-name-not-normalized"
    FILE_TYPE = "unknown-file-type"
    VERSION = "invalid-version"
    WHEEL_TAG = "invalid-wheel-tag"
    ARCHIVE = "invalid-archive"
    ARCHIVE_UNSAFE = "unsafe-archive"
    ARCHIVE_TOO_BIG = "archive-too-big"
    LAYOUT = "invalid-layout"
    RECORD = "record-mismatch"
    METADATA = "invalid-metadata"
    METADATA_CONTRADICTS_NAME = "metadata-contradicts-file-name"
    DIRECT_DEPENDENCY = "direct-dependency"
    CLASSIFIER = "unknown-classifier"
    LICENSE_FILE = "license-file-missing"


class Rejected(InvalidInput):
    """The file or its form cannot be accepted as it is; sending it again unchanged will not help."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence, code=str(code), help_path=f"/help/problems/#{code}")


def quoted(value: str | bytes, *, limit: int = 80) -> str:
    """`value` in quotes, fit for a one-line ASCII sentence whatever an attacker put into it."""
    text = value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else value
    shown = text[: limit + 1].encode("ascii", "backslashreplace").decode()
    shown = "".join(char if char.isprintable() else "?" for char in shown)
    return f"'{shown}'" if len(shown) <= limit else f"'{shown[:limit]}...'"
