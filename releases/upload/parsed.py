"""What goes into the parser beside the file, and what comes out of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

MIB = 1024 * 1024


@dataclass(frozen=True)
class Hashes:
    """Digests in lower-case hex and the size in bytes, all computed by us while the body was stored."""

    md5: str
    sha256: str
    blake2_256: str
    size: int


@dataclass(frozen=True)
class UploadLimits:
    """How much work an archive may cause.

    Attributes:
        max_unpacked: bytes that all members together may have.
        max_ratio: how many times larger than the archive its content may be; asked only above `ratio_floor`.
        ratio_floor: bytes of content that are never a bomb (a test fixture of zeros compresses a thousandfold).
        max_members: entries, directories and extended headers included. A zip without zip64 holds 65,535.
        max_metadata: bytes of METADATA or PKG-INFO, description included.
    """

    max_unpacked: int = 8 * 1024 * MIB
    max_ratio: int = 50
    ratio_floor: int = 64 * MIB
    max_members: int = 60_000
    max_metadata: int = 4 * MIB


@dataclass(frozen=True)
class ParsedUpload:
    """A file that may be published.

    Attributes:
        project_name: as METADATA spells it. `normalized_name`: PEP 503.
        version: as METADATA spells it. `normalized_version`: PEP 440 normal form.
        package_type: "sdist" or "bdist_wheel".
        python_version: "source", or the wheel's Python tag such as "py3".
        metadata: core metadata as JSON values (PEP 566 keys) without `description`.
        metadata_bytes: METADATA or PKG-INFO exactly as in the archive, for the `.metadata` sibling; None for an
            sdist older than Metadata 2.2, whose PKG-INFO installers may not rely on (PEP 643).
    """

    filename: str
    project_name: str
    normalized_name: str
    version: str
    normalized_version: str
    package_type: str
    python_version: str
    requires_python: str
    metadata: dict[str, Any]
    metadata_bytes: bytes | None
    summary: str
    description: str
    description_content_type: str
