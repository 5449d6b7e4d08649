"""Gzipped tars, read strictly and as a stream: one reading only, whatever tool reads it.

What tar readers disagree about (sizes given twice, sparse files, prefixes in GNU headers, several gzip members) is
refused instead of interpreted, so that no installer can see other files than were checked here.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import BinaryIO

from releases.upload.parsed import UploadLimits
from releases.upload.paths import MAX_DEPTH, MAX_LENGTH, MAX_NAMES, check_no_file_is_a_directory, check_path
from releases.upload.problems import Problem, Rejected, quoted

_BLOCK = 512
_CHUNK = 64 * 1024
_MAX_EXTENDED = 1024 * 1024
_POSIX = b"ustar\x0000"
_GNU = b"ustar  \x00"
_OLD = bytes(8)
_PREFIX = slice(345, 500)
_AMBIGUOUS_KEYS = ("GNU.sparse.", "hdrcharset", "SCHILY.realsize")
_END_OF_ZIP = b"PK\x05\x06"
_END_OF_ZIP_SEARCH = 65_535 + 22


@dataclass
class Contents:
    """What a tar holds: paths without trailing slash. `kept` has the contents that were asked for."""

    files: set[str] = field(default_factory=set)
    directories: set[str] = field(default_factory=set)
    symlinks: dict[str, str] = field(default_factory=dict)
    hardlinks: dict[str, str] = field(default_factory=dict)
    kept: dict[str, bytes] = field(default_factory=dict)
    names: int = 0  # characters of all paths and link targets

    @property
    def paths(self) -> set[str]:
        return self.files | self.directories | self.symlinks.keys() | self.hardlinks.keys()


@dataclass(frozen=True)
class _Header:
    path: str
    size: int
    kind: bytes
    link: str


class _Gunzip:
    """Exact reads from one gzip stream, with a budget for what comes out."""

    def __init__(self, file: BinaryIO, length: int, limits: UploadLimits) -> None:
        self._file = file
        self._decoder = zlib.decompressobj(zlib.MAX_WBITS | 16)
        self._ready = bytearray()
        self._input = b""
        self._produced = 0
        self._budget = min(limits.max_unpacked, max(limits.ratio_floor, limits.max_ratio * length))

    def read(self, size: int) -> bytes:
        """`size` bytes (at most a chunk or so), fewer only at the end of the stream."""
        while len(self._ready) < size and self._fill():
            pass
        piece = bytes(self._ready[:size])
        del self._ready[:size]
        return piece

    def _fill(self) -> bool:
        if self._decoder.eof:
            if self._decoder.unused_data or self._file.read(1):
                raise _broken("it has bytes after the end of its gzip stream")
            return False
        if not self._input:
            self._input = self._file.read(_CHUNK)
            if not self._input:
                raise _broken("it ends too early")
        try:
            piece = self._decoder.decompress(self._input, _CHUNK)
        except zlib.error:
            raise _broken("it is not gzip, or is damaged") from None
        self._input = self._decoder.unconsumed_tail
        self._ready += piece
        self._produced += len(piece)
        if self._produced > self._budget:
            raise Rejected(
                Problem.ARCHIVE_TOO_BIG, f"The archive unpacks to more than {self._budget} bytes; make it smaller."
            )
        return True


def survey(
    file: BinaryIO,
    length: int,
    *,
    limits: UploadLimits,
    keep: Callable[[str], bool],
    see: Callable[[str, bytes], None] | None = None,
) -> Contents:
    """Walk the whole archive once. `keep(path)` says whose content to return (at most `max_metadata` each).

    Args:
        see: is shown every piece of every other file, in order, with the file's path.

    Raises:
        Rejected: malformed, ambiguous, unsafe or too big.
    """
    _refuse_zip(file, length)
    file.seek(0)
    stream = _Gunzip(file, length, limits)
    contents = Contents()
    headers = 0
    extended: dict[str, str] = {}
    while (block := _block(stream)).strip(b"\0"):
        headers += 1
        if headers > limits.max_members:
            raise Rejected(
                Problem.ARCHIVE_TOO_BIG,
                f"The archive has too many members; at most {limits.max_members} are accepted.",
            )
        kind = block[156:157]
        if kind in {b"x", b"g", b"L", b"K"}:
            _read_extended(stream, block, kind, extended)
            continue
        header = _header(block, extended)
        extended = {}
        _add(contents, header, _content(stream, header, keep=keep, limit=limits.max_metadata, see=see))
    if extended:
        raise _broken("its last header describes nothing")
    _check_end(stream)
    _check_tree(contents)
    return contents


def is_tar_header(block: bytes) -> bool:
    """Whether these 512 bytes would pass as the header of a tar member."""
    try:
        return len(block) == _BLOCK and _octal(block[148:156]) == _checksum(block)
    except Rejected:
        return False


def _refuse_zip(file: BinaryIO, length: int) -> None:
    """Some installers take any file for a zip in whose tail they find the end record of one."""
    file.seek(max(0, length - _END_OF_ZIP_SEARCH))
    if _END_OF_ZIP in file.read(_END_OF_ZIP_SEARCH):
        raise Rejected(
            Problem.ARCHIVE_UNSAFE,
            "The archive could be read as a zip too; compress it again with another level, or leave out the zip "
            "that is in it.",
        )


def _block(stream: _Gunzip) -> bytes:
    block = stream.read(_BLOCK)
    if len(block) != _BLOCK:
        raise _broken("it has no end mark")
    return block


def _read_extended(stream: _Gunzip, block: bytes, kind: bytes, extended: dict[str, str]) -> None:
    """Fold an extended header into `extended`, whose keys are "path", "linkpath" and "size"."""
    _check_block(block)
    size = _octal(block[124:136])
    if size > _MAX_EXTENDED:
        raise Rejected(Problem.ARCHIVE_TOO_BIG, "The archive has an extended header of more than 1 MiB.")
    content = _exactly(stream, size)
    if kind in {b"L", b"K"}:
        found = {"path" if kind == b"L" else "linkpath": _text(content.rstrip(b"\0"))}
    else:
        found = _pax(content)
    if kind == b"g":
        if found:
            raise _broken("a global header changes names or sizes")
    elif found.keys() & extended.keys():
        raise _broken("a name or size is given twice")
    else:
        extended.update(found)


def _pax(content: bytes) -> dict[str, str]:
    """The records of a pax header that matter here; times, owners and attributes are ignored."""
    found: dict[str, str] = {}
    at = 0
    while at < len(content):
        space = content.find(b" ", at, at + 8)
        digits = content[at:space] if space > 0 else b""
        size = int(digits) if digits.isdigit() else 0
        record = content[space + 1 : at + size]
        key, equals, _ = record.rstrip(b"\n").partition(b"=")
        if at + size > len(content) or size < 5 or not equals or not record.endswith(b"\n"):
            raise _broken("an extended header is damaged")
        name = key.decode("ascii", "replace")
        if name.startswith(_AMBIGUOUS_KEYS):
            raise _broken(f"it uses {quoted(name)}, which tools read differently")
        if name in {"path", "linkpath", "size"}:
            if name in found:
                raise _broken("a name or size is given twice")
            # A value may end in line breaks of its own; only the record's last one is framing.
            found[name] = _text(record[len(key) + 1 : -1])
        at += size
    return found


def _header(block: bytes, extended: dict[str, str]) -> _Header:
    _check_block(block)
    size = _octal(block[124:136])
    if extended.get("size", str(size)) != str(size):
        raise _broken("a size is given twice, differently")
    path = _text(_until_nul(block[:100]))
    prefix = _until_nul(block[_PREFIX])
    if prefix and "path" not in extended:
        path = f"{_text(prefix)}/{path}"
    path = extended.get("path", path)
    kind = block[156:157]
    if kind == b"\0":
        kind = b"0"
    link = extended.get("linkpath", _text(_until_nul(block[157:257])))
    if kind not in {b"0", b"1", b"2", b"5"}:
        raise Rejected(
            Problem.ARCHIVE_UNSAFE,
            f"{quoted(path)} is neither a file, a directory nor a link; an sdist may have no other members.",
        )
    if kind != b"0" and size:
        raise _broken(f"{quoted(path)} has content though it is no file")
    check_path(path)
    if kind != b"5" and path.endswith("/"):
        raise _broken(f"{quoted(path)} is called like a directory and is none")
    return _Header(path.removesuffix("/"), size, kind, link)


def _check_block(block: bytes) -> None:
    magic = block[257:265]
    if _octal(block[148:156]) != _checksum(block) or magic not in {_POSIX, _GNU, _OLD}:
        raise _broken("a header is damaged")
    # Only POSIX headers have a prefix; some readers use those bytes in other headers too.
    if magic != _POSIX and block[_PREFIX].strip(b"\0"):
        raise _broken("a header has a prefix that tools read differently")


def _checksum(block: bytes) -> int:
    return sum(block[:148]) + sum(block[156:]) + 8 * ord(" ")


def _octal(digits: bytes) -> int:
    text = digits.strip(b" \0")
    if not text:
        return 0
    if not text.isdigit() or b"8" in text or b"9" in text:
        raise _broken("a header has a damaged number")
    return int(text, 8)


def _until_nul(raw: bytes) -> bytes:
    return raw.partition(b"\0")[0]


def _text(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise Rejected(
            Problem.ARCHIVE_UNSAFE, f"The archive has a member name {quoted(raw)} that is not UTF-8."
        ) from None


def _content(
    stream: _Gunzip,
    header: _Header,
    *,
    keep: Callable[[str], bool],
    limit: int,
    see: Callable[[str, bytes], None] | None,
) -> bytes | None:
    if header.kind == b"0" and keep(header.path):
        if header.size > limit:
            raise Rejected(
                Problem.ARCHIVE_TOO_BIG, f"{quoted(header.path)} is larger than {limit} bytes; make it smaller."
            )
        return _exactly(stream, header.size)
    remaining, own = _padded(header.size), header.size
    while remaining:
        piece = stream.read(min(_CHUNK, remaining))
        if not piece:
            raise _broken("it ends too early")
        remaining -= len(piece)
        if see is not None:
            see(header.path, piece[:own])
            own = max(0, own - len(piece))
    return None


def _exactly(stream: _Gunzip, size: int) -> bytes:
    padded = _padded(size)
    content = stream.read(padded)
    if len(content) != padded:
        raise _broken("it ends too early")
    return content[:size]


def _padded(size: int) -> int:
    return -(-size // _BLOCK) * _BLOCK


def _add(contents: Contents, header: _Header, content: bytes | None) -> None:
    path = header.path
    if (
        path in contents.files
        or path in contents.directories
        or path in contents.symlinks
        or (path in contents.hardlinks)
    ):
        raise Rejected(
            Problem.ARCHIVE_UNSAFE, f"The archive has {quoted(path)} more than once; each name may appear once."
        )
    if header.kind == b"5":
        contents.directories.add(path)
    elif header.kind == b"2":
        contents.symlinks[path] = header.link
    elif header.kind == b"1":
        if header.link not in contents.files:
            raise _escapes(path, header.link)
        contents.hardlinks[path] = header.link
    else:
        contents.files.add(path)
    contents.names += len(path) + len(header.link)
    if contents.names > MAX_NAMES:
        raise Rejected(Problem.ARCHIVE_TOO_BIG, "The names of the archive's members are too long altogether.")
    if content is not None:
        contents.kept[path] = content


def _check_end(stream: _Gunzip) -> None:
    while piece := stream.read(_CHUNK):
        if piece.strip(b"\0"):
            raise _broken("it has bytes after its end mark")


def _check_tree(contents: Contents) -> None:
    links = contents.symlinks
    check_no_file_is_a_directory(contents.paths, contents.files | links.keys() | contents.hardlinks.keys())
    for path, target in links.items():
        if not _stays_inside(path, target, links):
            raise _escapes(path, target)


def _stays_inside(path: str, target: str, links: dict[str, str]) -> bool:
    """Whether a symbolic link leads to somewhere below the archive's one directory."""
    steps = target.split("/")
    if (
        not target
        or target.startswith("/")
        or "\\" in target
        or len(target) > MAX_LENGTH
        or len(steps) > MAX_DEPTH
    ):
        return False
    parts = path.split("/")[:-1]
    for step in steps:
        # ".." after another link would leave from where that one leads, not from here.
        if "/".join(parts) in links:
            return False
        if step == "..":
            parts.pop()
        elif step not in {"", "."}:
            parts.append(step)
        if not parts:
            return False
    return True


def _escapes(path: str, target: str) -> Rejected:
    return Rejected(
        Problem.ARCHIVE_UNSAFE,
        f"The link {quoted(path)} leads to {quoted(target)}; links must stay inside the archive's directory and "
        "lead to its files.",
    )


def _broken(why: str) -> Rejected:
    return Rejected(
        Problem.ARCHIVE, f"The archive is not a sound .tar.gz: {why}. Build it again with a current tool."
    )
