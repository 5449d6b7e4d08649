"""Small, real distributions for tests: everything right by default, everything can be overridden."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import re
import stat
import tarfile
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MODULE = b'"""A sample."""\n\nANSWER = 42\n'
STAMP = (2026, 1, 2, 3, 4, 6)  # zip times are even seconds


@dataclass(frozen=True)
class Distribution:
    """One sdist or wheel in memory, and the form a client would send with it."""

    filename: str
    content: bytes
    name: str
    version: str
    filetype: str
    pyversion: str
    metadata: bytes

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    @property
    def md5(self) -> str:
        return hashlib.md5(self.content, usedforsecurity=False).hexdigest()

    @property
    def blake2_256(self) -> str:
        return hashlib.blake2b(self.content, digest_size=32).hexdigest()

    def write(self, directory: Path) -> Path:
        """The file on disk, under its own name."""
        path = directory / self.filename
        path.write_bytes(self.content)
        return path

    def fields(self, **overrides: str | list[str] | None) -> dict[str, list[str]]:
        """The upload form without the file; a None override removes the field."""
        fields: dict[str, str | list[str] | None] = {
            ":action": "file_upload",
            "protocol_version": "1",
            "metadata_version": "2.4",
            "name": self.name,
            "version": self.version,
            "filetype": self.filetype,
            "pyversion": self.pyversion,
            "sha256_digest": self.sha256,
            "blake2_256_digest": self.blake2_256,
            "md5_digest": self.md5,
            **overrides,
        }
        return {
            key: [value] if isinstance(value, str) else value for key, value in fields.items() if value is not None
        }


def core_metadata(
    *,
    name: str = "sampleproject",
    version: str = "1.0",
    metadata_version: str = "2.4",
    summary: str | None = "A sample project",
    headers: Iterable[tuple[str, str]] = (),
    description: str = "# Sample\n\nHello.\n",
    content_type: str | None = "text/markdown",
) -> bytes:
    """A METADATA or PKG-INFO file; `headers` are added as they are, in order."""
    lines = [("Metadata-Version", metadata_version), ("Name", name), ("Version", version)]
    if summary is not None:
        lines.append(("Summary", summary))
    if content_type is not None:
        lines.append(("Description-Content-Type", content_type))
    lines.extend(headers)
    return ("".join(f"{key}: {value}\n" for key, value in lines) + "\n" + description).encode()


def escaped(name: str) -> str:
    """The project name as file names spell it (PEP 625, PEP 427)."""
    return re.sub(r"[-_.]+", "_", name).lower()


def record_line(name: str, content: bytes, algorithm: str = "sha256") -> str:
    """One row of RECORD."""
    digest = base64.urlsafe_b64encode(hashlib.new(algorithm, content).digest()).rstrip(b"=").decode()
    return f"{name},{algorithm}={digest},{len(content)}\n"


def wheel_members(
    *,
    name: str = "sampleproject",
    version: str = "1.0",
    tag: str = "py3-none-any",
    metadata: bytes | None = None,
    files: Mapping[str, bytes] | None = None,
    record: bytes | None = None,
    leave_out: Iterable[str] = (),
    dist_info: str | None = None,
) -> dict[str, bytes]:
    """The members of a wheel in order. `leave_out` names dist-info files to drop (after RECORD was made)."""
    info = dist_info or f"{escaped(name)}-{version}.dist-info"
    members = dict({f"{escaped(name)}/__init__.py": MODULE} if files is None else files)
    members[f"{info}/METADATA"] = metadata if metadata is not None else core_metadata(name=name, version=version)
    wheel = ["Wheel-Version: 1.0", "Generator: tests", "Root-Is-Purelib: true", f"Tag: {tag}", ""]
    members[f"{info}/WHEEL"] = "\n".join(wheel).encode()
    rows = "".join(record_line(path, content) for path, content in members.items() if not path.endswith("/"))
    members[f"{info}/RECORD"] = record if record is not None else f"{rows}{info}/RECORD,,\n".encode()
    for part in leave_out:
        del members[f"{info}/{part}"]
    return members


def zip_bytes(
    members: Mapping[str, bytes] | Iterable[tuple[str, bytes]],
    *,
    compression: int = zipfile.ZIP_DEFLATED,
    modes: Mapping[str, int] | None = None,
) -> bytes:
    """A zip of these members; a repeated name in a list of pairs is written twice."""
    pairs = members.items() if isinstance(members, Mapping) else members
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for path, content in pairs:
            entry = zipfile.ZipInfo(path, STAMP)
            entry.compress_type = compression
            entry.external_attr = (modes or {}).get(path, stat.S_IFREG | 0o644) << 16
            archive.writestr(entry, content)
    return buffer.getvalue()


def make_wheel(
    name: str = "sampleproject",
    version: str = "1.0",
    *,
    tag: str = "py3-none-any",
    filename: str | None = None,
    content: bytes | None = None,
    **overrides: Any,
) -> Distribution:
    """A wheel. `overrides` go to `wheel_members`; `content` replaces the archive itself."""
    members = wheel_members(name=name, version=version, tag=tag, **overrides)
    metadata = next((data for path, data in members.items() if path.endswith(".dist-info/METADATA")), b"")
    return Distribution(
        filename=filename if filename is not None else f"{escaped(name)}-{version}-{tag}.whl",
        content=zip_bytes(members) if content is None else content,
        name=name,
        version=version,
        filetype="bdist_wheel",
        pyversion=tag.split("-")[0],
        metadata=metadata,
    )


def tar_entry(path: str, *, size: int = 0, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    """A header for one tar member."""
    entry = tarfile.TarInfo(path)
    entry.size = size
    entry.type = kind
    entry.linkname = link
    entry.mode = 0o755 if kind == tarfile.DIRTYPE else 0o644
    entry.mtime = 1_767_323_046
    return entry


def tar_bytes(entries: Iterable[tuple[tarfile.TarInfo, bytes]], *, format: int = tarfile.PAX_FORMAT) -> bytes:
    """An uncompressed tar of these entries, as they are."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=format) as archive:
        for entry, content in entries:
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def sdist_members(
    *,
    name: str = "sampleproject",
    version: str = "1.0",
    metadata: bytes | None = None,
    files: Mapping[str, bytes] | None = None,
    top: str | None = None,
    leave_out: Iterable[str] = (),
) -> dict[str, bytes]:
    """The members of an sdist in order, below their one directory."""
    top = top if top is not None else f"{escaped(name)}-{version}"
    body = {
        "pyproject.toml": f'[project]\nname = "{name}"\nversion = "{version}"\n'.encode(),
        f"{escaped(name)}/__init__.py": MODULE,
        "PKG-INFO": metadata if metadata is not None else core_metadata(name=name, version=version),
        **(files or {}),
    }
    return {f"{top}/{path}": data for path, data in body.items() if path not in leave_out}


def make_sdist(
    name: str = "sampleproject",
    version: str = "1.0",
    *,
    filename: str | None = None,
    content: bytes | None = None,
    extra: Iterable[tuple[tarfile.TarInfo, bytes]] = (),
    format: int = tarfile.PAX_FORMAT,
    **overrides: Any,
) -> Distribution:
    """An sdist. `overrides` go to `sdist_members`; `extra` entries follow as they are."""
    members = sdist_members(name=name, version=version, **overrides)
    metadata = next((data for path, data in members.items() if path.endswith("/PKG-INFO")), b"")
    if content is None:
        entries = [(tar_entry(path, size=len(data)), data) for path, data in members.items()]
        content = gzip.compress(tar_bytes([*entries, *extra], format=format), mtime=0)
    return Distribution(
        filename=filename if filename is not None else f"{escaped(name)}-{version}.tar.gz",
        content=content,
        name=name,
        version=version,
        filetype="sdist",
        pyversion="source",
        metadata=metadata,
    )
