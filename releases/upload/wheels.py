"""What must be inside a wheel: one .dist-info of the right name, WHEEL, METADATA, and a RECORD that is true."""

from __future__ import annotations

import base64
import configparser
import csv
import email
import hashlib
import io
import re
from typing import BinaryIO

from packaging.utils import canonicalize_name

from releases.upload import tars, zips
from releases.upload.core_metadata import FoundMetadata, parse_metadata
from releases.upload.filenames import FileName, read_version
from releases.upload.parsed import MIB, UploadLimits
from releases.upload.problems import Problem, Rejected, quoted

_MAX_SMALL = MIB
_MAX_LINE = 1_000
_MAX_RECORD = 32 * MIB
_ALGORITHMS = {"sha256", "sha384", "sha512"}
_SCRIPT_GROUPS = ("console_scripts", "gui_scripts")
_SCRIPT_NAME = re.compile(r"[\w.-]([\w .-]*[\w.-])?")
# Possessive, and without two neighbours that take the same spaces: else a megabyte of them takes days.
_REFERENCE = re.compile(r"[\w.]++\s*+(:\s*+[\w.]++\s*+)?(\[.*\])?")

type Members = dict[str, zips.Member]


def read_wheel(file: BinaryIO, *, file_name: FileName, limits: UploadLimits) -> FoundMetadata:
    """Survey the whole wheel, every byte of it, and return its metadata.

    Raises:
        Rejected: see the module's first sentence.
    """
    members = zips.survey(file, limits)
    file.seek(0)
    if tars.is_tar_header(file.read(512)):
        raise Rejected(Problem.ARCHIVE_UNSAFE, "The wheel could be read as a tar too; build it again.")
    info = _dist_info(members, file_name)
    _check_wheel_file(zips.read(file, members[f"{info}/WHEEL"], limit=_MAX_SMALL))
    metadata = parse_metadata(zips.read(file, members[f"{info}/METADATA"], limit=limits.max_metadata))
    _check_license_files(metadata, members, info)
    if f"{info}/entry_points.txt" in members:
        _check_entry_points(zips.read(file, members[f"{info}/entry_points.txt"], limit=_MAX_SMALL))
    record = _parse_record(zips.read(file, members[f"{info}/RECORD"], limit=_MAX_RECORD), max_rows=len(members))
    _check_record(file, members, record, info)
    return metadata


def _dist_info(members: Members, file_name: FileName) -> str:
    """The name of the wheel's one .dist-info directory."""
    found = {top for top in (path.partition("/")[0] for path in members) if top.endswith(".dist-info")}
    if len(found) != 1:
        raise Rejected(
            Problem.LAYOUT,
            f"A wheel has exactly one .dist-info directory; this one has {len(found)}. Build it again.",
        )
    info = found.pop()
    name, _, version = info.removesuffix(".dist-info").partition("-")
    if canonicalize_name(name) != file_name.normalized_name or read_version(version) != file_name.version:
        raise Rejected(
            Problem.METADATA_CONTRADICTS_NAME,
            f"The wheel {quoted(file_name.filename)} has {quoted(info)} in it, which belongs to another project "
            "or version; build it again instead of renaming it.",
        )
    for part in ("METADATA", "WHEEL", "RECORD"):
        member = members.get(f"{info}/{part}")
        if member is None or member.is_directory:
            raise Rejected(Problem.LAYOUT, f"The wheel has no {part} in {quoted(info)}; build it again.")
    return info


def _check_wheel_file(content: bytes) -> None:
    version = email.message_from_string(content.decode("utf-8", "replace")).get("Wheel-Version", "")
    if not re.fullmatch(r"1\.\d{1,4}", str(version).strip(), re.ASCII):
        raise Rejected(
            Problem.LAYOUT, f"The wheel says Wheel-Version {quoted(str(version))}; versions 1.x are accepted."
        )


def _check_license_files(metadata: FoundMetadata, members: Members, info: str) -> None:
    for path in metadata.license_files:
        if f"{info}/licenses/{path}" not in members:
            raise Rejected(
                Problem.LICENSE_FILE,
                f"METADATA names the licence file {quoted(path)}, but the wheel does not have it in "
                f"{quoted(info + '/licenses/')}; build it again.",
            )


def _check_entry_points(content: bytes) -> None:
    """Script names become files in a directory on PATH: they may not lead elsewhere."""
    if any(len(line) > _MAX_LINE for line in content.splitlines()):
        # The parser's time grows with the square of a line.
        raise Rejected(Problem.LAYOUT, f"The wheel's entry_points.txt has a line of more than {_MAX_LINE} bytes.")
    parser = configparser.RawConfigParser(delimiters=("=",), strict=False)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    try:
        parser.read_string(content.decode("utf-8"))
        scripts = [pair for group in _SCRIPT_GROUPS if parser.has_section(group) for pair in parser.items(group)]
    except (configparser.Error, UnicodeDecodeError, AttributeError):
        raise Rejected(
            Problem.LAYOUT,
            "The wheel's entry_points.txt cannot be read; correct the entry points and build it again.",
        ) from None
    for name, reference in scripts:
        if not _SCRIPT_NAME.fullmatch(name) or not _REFERENCE.fullmatch(reference or ""):
            raise Rejected(
                Problem.LAYOUT,
                f"The wheel's script {quoted(name)} is no plain name for an object such as 'package.module:main'.",
            )


def _parse_record(content: bytes, *, max_rows: int) -> dict[str, tuple[str, str]]:
    """Path -> (hash, size) as RECORD has them."""
    rows: dict[str, tuple[str, str]] = {}
    try:
        for row in csv.reader(io.StringIO(content.decode("utf-8"), newline=""), strict=True):
            if not row:
                continue
            path, digest, size = row
            if path in rows:
                raise _mismatch(f"it lists {quoted(path)} twice")
            if len(rows) == max_rows:  # millions of short rows would fill the memory
                raise _mismatch("it lists more files than the wheel has")
            rows[path] = (digest, size)
    except (csv.Error, UnicodeDecodeError, ValueError):
        raise _mismatch("it is not a table of path, hash and size") from None
    return rows


def _check_record(file: BinaryIO, members: Members, record: dict[str, tuple[str, str]], info: str) -> None:
    # RECORD cannot contain its own hash, nor that of the signatures made over it.
    unhashed = {f"{info}/RECORD", f"{info}/RECORD.jws", f"{info}/RECORD.p7s"}
    if f"{info}/RECORD" not in record:
        raise _mismatch("it does not list itself")
    files = {path: member for path, member in members.items() if not member.is_directory}
    for path in record:
        if path not in files:
            raise _mismatch(f"it lists {quoted(path)}, which is not in the wheel")
    # In the order of the archive: one pass over the disk.
    for path, member in sorted(files.items(), key=lambda item: item[1].data_offset):
        if path not in unhashed:
            if path not in record:
                raise _mismatch(f"it does not list {quoted(path)}")
            _check_row(file, member, *record[path])
            continue
        for _ in zips.chunks(file, member):
            pass


def _check_row(file: BinaryIO, member: zips.Member, expected: str, size: str) -> None:
    algorithm, _, digest = expected.partition("=")
    if algorithm not in _ALGORITHMS:
        raise _mismatch(f"the hash of {quoted(member.name)} must be sha256 or better")
    hasher = hashlib.new(algorithm)
    for piece in zips.chunks(file, member):
        hasher.update(piece)
    computed = base64.urlsafe_b64encode(hasher.digest()).rstrip(b"=").decode()
    if digest.rstrip("=") != computed:
        raise _mismatch(f"the hash of {quoted(member.name)} differs")
    if size not in {"", str(member.size)}:
        raise _mismatch(f"the size of {quoted(member.name)} differs")


def _mismatch(why: str) -> Rejected:
    return Rejected(
        Problem.RECORD,
        f"The wheel's RECORD is not true: {why}. Build the wheel again; do not change files in a finished one.",
    )
