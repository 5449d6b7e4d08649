"""Zips, read strictly: one reading only, whatever tool reads it.

Everything from the first byte to the last must be accounted for by entries that agree in the local headers and in
the central directory. Then a reader that streams and one that seeks see the same files; and nothing is larger
than it says. The standard library's reader is lenient and loads the whole directory, so this is our own.
"""

from __future__ import annotations

import os
import stat
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from releases.upload.parsed import UploadLimits
from releases.upload.paths import check_no_file_is_a_directory, check_path
from releases.upload.problems import Problem, Rejected, quoted

_END = struct.Struct("<4s4H2LH")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_END_SIGNATURE = b"PK\x05\x06"
_CENTRAL_SIGNATURE = b"PK\x01\x02"
_LOCAL_SIGNATURE = b"PK\x03\x04"
_DESCRIPTOR_SIGNATURE = b"PK\x07\x08"

_ENCRYPTED = 0x1 | 0x40 | 0x2000
_PATCH = 0x20
_DESCRIPTOR = 0x8
_UTF8 = 0x800
_STORED, _DEFLATED = 0, 8
_NEEDS_ZIP64 = 0xFFFFFFFF
_EXTRA_ZIP64 = 0x0001
_EXTRA_UNICODE_PATH = 0x7075

_MAX_DIRECTORY = 32 * 1024 * 1024
_CHUNK = 64 * 1024


@dataclass(frozen=True)
class Member:
    """One entry of the central directory; `data_offset` is known once its local header was read."""

    name: str
    raw_name: bytes
    flags: int
    method: int
    crc: int
    compressed_size: int
    size: int
    header_offset: int
    data_offset: int = 0

    @property
    def is_directory(self) -> bool:
        return self.name.endswith("/")


def survey(file: BinaryIO, limits: UploadLimits) -> dict[str, Member]:
    """All members by name, once the zip's whole structure has proved sound. Contents are not read yet.

    Raises:
        Rejected: malformed, ambiguous, unsafe or too big.
    """
    length = file.seek(0, os.SEEK_END)
    directory_offset, entries, directory = _read_directory(file, length, limits)
    members = _parse_directory(directory, entries)
    _check_budget(members, length, limits)
    members = _check_local_headers(file, members, directory_offset)
    by_name: dict[str, Member] = {}
    for member in members:
        name = member.name.removesuffix("/")
        if name in by_name:
            raise Rejected(
                Problem.ARCHIVE_UNSAFE,
                f"The archive has {quoted(name)} more than once; each name may appear once.",
            )
        by_name[name] = member
    files = {name for name, member in by_name.items() if not member.is_directory}
    check_no_file_is_a_directory(by_name, files)
    return by_name


def chunks(file: BinaryIO, member: Member) -> Iterator[bytes]:
    """The member's content, in pieces. Never more bytes than the directory says.

    Raises:
        Rejected: the content is damaged, or has another size or checksum than the directory says.
    """
    file.seek(member.data_offset)
    crc = produced = 0
    for piece in _unpacked(file, member):
        produced += len(piece)
        if produced > member.size:
            raise _broken(f"{quoted(member.name)} is larger than it says")
        crc = zlib.crc32(piece, crc)
        yield piece
    if produced != member.size or crc != member.crc:
        raise _broken(f"{quoted(member.name)} does not have the size and checksum it says")


def read(file: BinaryIO, member: Member, *, limit: int) -> bytes:
    """The member's whole content; `limit` in bytes."""
    if member.size > limit:
        raise Rejected(
            Problem.ARCHIVE_TOO_BIG, f"{quoted(member.name)} is larger than {limit} bytes; make it smaller."
        )
    return b"".join(chunks(file, member))


def _unpacked(file: BinaryIO, member: Member) -> Iterator[bytes]:
    decoder = zlib.decompressobj(-zlib.MAX_WBITS) if member.method == _DEFLATED else None
    remaining = member.compressed_size
    while remaining:
        data = file.read(min(_CHUNK, remaining))
        if not data:
            raise _broken("it ends too early")
        remaining -= len(data)
        if decoder is None:
            yield data
            continue
        try:
            while data:
                yield decoder.decompress(data, _CHUNK)
                data = decoder.unconsumed_tail
        except zlib.error:
            raise _broken(f"{quoted(member.name)} cannot be decompressed") from None
        if decoder.eof and (decoder.unused_data or remaining):
            raise _broken(f"{quoted(member.name)} has hidden bytes after its content")
    if decoder is not None:
        yield decoder.flush()
        if not decoder.eof:
            raise _broken(f"{quoted(member.name)} cannot be decompressed")


def _read_directory(file: BinaryIO, length: int, limits: UploadLimits) -> tuple[int, int, bytes]:
    if length < _END.size:
        raise _broken("it is too short to be a zip")
    file.seek(length - _END.size)
    signature, disk, start_disk, here, entries, size, offset, comment = _END.unpack(file.read(_END.size))
    # No comment: then the end record is the last bytes of the file, and there can be only one.
    if signature != _END_SIGNATURE or comment:
        raise _broken("it does not end with the end record of a zip, or has bytes or a comment after it")
    if disk or start_disk or here != entries:
        raise _broken("it is one part of a split zip")
    if offset + size != length - _END.size:
        raise _broken("its directory is not where it says, or it is a zip64")
    if entries > limits.max_members or size > _MAX_DIRECTORY:
        raise Rejected(
            Problem.ARCHIVE_TOO_BIG,
            f"The archive has too many members; at most {limits.max_members} are accepted.",
        )
    file.seek(offset)
    return offset, entries, file.read(size)


def _parse_directory(directory: bytes, entries: int) -> list[Member]:
    members: list[Member] = []
    at = 0
    for _ in range(entries):
        if at + _CENTRAL.size > len(directory):
            raise _broken("its directory is shorter than it says")
        fields = _CENTRAL.unpack_from(directory, at)
        if fields[0] != _CENTRAL_SIGNATURE:
            raise _broken("its directory is damaged")
        name_size, extra_size, comment_size = fields[10:13]
        at += _CENTRAL.size
        end = at + name_size + extra_size + comment_size
        if end > len(directory):
            raise _broken("its directory is shorter than it says")
        raw_name = directory[at : at + name_size]
        _check_extra(directory[at + name_size : at + name_size + extra_size])
        members.append(_member(raw_name, fields))
        at = end
    if at != len(directory):
        raise _broken("its directory is longer than it says")
    return members


def _member(raw_name: bytes, fields: tuple[int, ...]) -> Member:
    flags, method = fields[3], fields[4]
    crc, compressed_size, size = fields[7:10]
    disk, _internal, attributes, offset = fields[13:17]
    name = _decoded(raw_name, flags)
    check_path(name)
    if flags & _ENCRYPTED:
        raise Rejected(
            Problem.ARCHIVE_UNSAFE, f"{quoted(name)} is encrypted; upload an archive without encryption."
        )
    if method not in {_STORED, _DEFLATED} or flags & _PATCH:
        raise _broken(f"{quoted(name)} is compressed in a way that wheels may not use; use deflate")
    if disk or _NEEDS_ZIP64 in {compressed_size, size, offset}:
        raise _broken(f"{quoted(name)} needs a zip64 or a split zip")
    kind = stat.S_IFMT(attributes >> 16)
    if kind not in {0, stat.S_IFREG, stat.S_IFDIR}:
        raise Rejected(
            Problem.ARCHIVE_UNSAFE, f"{quoted(name)} is a link or special file; a wheel may only have plain files."
        )
    if name.endswith("/") and size:
        raise _broken(f"{quoted(name)} is a directory with content")
    return Member(name, raw_name, flags, method, crc, compressed_size, size, offset)


def _decoded(raw_name: bytes, flags: int) -> str:
    # Without the flag the encoding is whatever the reader assumes: only ASCII means the same everywhere.
    try:
        return raw_name.decode("utf-8" if flags & _UTF8 else "ascii")
    except UnicodeDecodeError:
        raise Rejected(
            Problem.ARCHIVE_UNSAFE, f"The archive has a member name {quoted(raw_name)} that is not UTF-8."
        ) from None


def _check_budget(members: list[Member], length: int, limits: UploadLimits) -> None:
    total = sum(member.size for member in members)
    if total > limits.max_unpacked or (total > limits.ratio_floor and total > limits.max_ratio * length):
        raise Rejected(
            Problem.ARCHIVE_TOO_BIG,
            f"The archive would unpack to {total} bytes from {length}; that is more than is accepted.",
        )


def _check_local_headers(file: BinaryIO, members: list[Member], directory_offset: int) -> list[Member]:
    """Entries must lie end to end from byte 0 to the directory, and say there what the directory says."""
    if not members:
        raise _broken("it has no members")
    checked: list[Member] = []
    ordered = sorted(members, key=lambda member: member.header_offset)
    following = [member.header_offset for member in ordered[1:]] + [directory_offset]
    expected = 0
    for member, end in zip(ordered, following, strict=True):
        if member.header_offset != expected:
            raise _broken("it has bytes before or between its members, or members that overlap")
        checked.append(_check_local_header(file, member, end))
        expected = end
    return checked


def _check_local_header(file: BinaryIO, member: Member, end: int) -> Member:
    file.seek(member.header_offset)
    header = file.read(_LOCAL.size)
    if len(header) != _LOCAL.size:
        raise _broken("it ends too early")
    signature, _needed, flags, method, _time, _date, crc, packed, size, name_size, extra_size = _LOCAL.unpack(
        header
    )
    rest = file.read(name_size + extra_size)
    zip64 = _check_extra(rest[name_size:])
    if packed == size == _NEEDS_ZIP64 and len(zip64) >= 16:
        # Writers that stream reserve zip64 sizes before they know that they need none.
        size, packed = struct.unpack_from("<QQ", zip64)
    sizes, expected = (crc, packed, size), (member.crc, member.compressed_size, member.size)
    if (
        signature != _LOCAL_SIGNATURE
        or rest[:name_size] != member.raw_name
        or (flags, method) != (member.flags, member.method)
        or not (sizes == expected or (flags & _DESCRIPTOR and not any(sizes)))
    ):
        raise _broken(f"{quoted(member.name)} is described in two ways (local header and directory differ)")
    data_offset = member.header_offset + _LOCAL.size + name_size + extra_size
    _check_descriptor(file, member, data_offset + member.compressed_size, end)
    return Member(**{**member.__dict__, "data_offset": data_offset})


def _check_descriptor(file: BinaryIO, member: Member, at: int, end: int) -> None:
    if not member.flags & _DESCRIPTOR:
        if at != end:
            raise _broken("it has bytes before or between its members, or members that overlap")
        return
    if member.method == _STORED and member.size:
        raise _broken(f"the end of {quoted(member.name)} cannot be found by a reader that streams")
    if at > end or end - at > 24:
        raise _broken("it has bytes before or between its members, or members that overlap")
    file.seek(at)
    descriptor = file.read(end - at)
    values = (member.crc, member.compressed_size, member.size)
    plain, wide = struct.pack("<LLL", *values), struct.pack("<LQQ", *values)
    if descriptor not in {plain, wide, _DESCRIPTOR_SIGNATURE + plain, _DESCRIPTOR_SIGNATURE + wide}:
        raise _broken(f"{quoted(member.name)} is described in two ways (descriptor and directory differ)")


def _check_extra(extra: bytes) -> bytes:
    """Walk the extra fields; returns the zip64 one's content or b""."""
    zip64 = b""
    at = 0
    while at < len(extra):
        if at + 4 > len(extra):
            raise _broken("an extra field is damaged")
        kind, size = struct.unpack_from("<HH", extra, at)
        content = extra[at + 4 : at + 4 + size]
        if len(content) != size:
            raise _broken("an extra field is damaged")
        if kind == _EXTRA_UNICODE_PATH:
            raise _broken("a member has a second name in an extra field")
        if kind == _EXTRA_ZIP64:
            zip64 = content
        at += 4 + size
    return zip64


def _broken(why: str) -> Rejected:
    return Rejected(Problem.ARCHIVE, f"The archive is not a sound zip: {why}. Build it again with a current tool.")
