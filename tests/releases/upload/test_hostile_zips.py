"""Wheels that mean different things to different readers, or harm to any."""

from __future__ import annotations

import io
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable

import pytest

from releases.upload import Problem, UploadLimits
from tests.releases.upload.conftest import Parse, Refuse
from tests.support.distributions import (
    core_metadata,
    make_wheel,
    record_line,
    tar_bytes,
    tar_entry,
    wheel_members,
    zip_bytes,
)

END = struct.Struct("<4s4H2LH")
GOOD = zip_bytes(wheel_members())
MODULE = b"sampleproject/__init__.py"


def end_of(content: bytes) -> tuple[int, ...]:
    return END.unpack(content[-22:])


def with_end(content: bytes, **changes: int) -> bytes:
    """The zip with fields of its end record replaced."""
    names = ("signature", "disk", "start", "here", "entries", "size", "offset", "comment")
    values = dict(zip(names, end_of(content), strict=True)) | changes
    return content[:-22] + END.pack(*values.values())


def shifted(content: bytes, at: int, inserted: bytes) -> bytes:
    """The zip with bytes put between members and directory; the end record follows, the members do not."""
    return with_end(content[:at] + inserted + content[at:], offset=end_of(content)[6] + len(inserted))


def directory_at(content: bytes) -> int:
    return end_of(content)[6]


def patched(
    content: bytes, offset_in_entry: int, new: bytes, *, local: bool = True, central: bool = True
) -> bytes:
    """The first member's header changed at this offset of the local form (the central one lies 2 further)."""
    changed = bytearray(content)
    if local:
        changed[offset_in_entry : offset_in_entry + len(new)] = new
    if central:
        at = directory_at(content) + offset_in_entry + 2
        changed[at : at + len(new)] = new
    return bytes(changed)


def with_member(
    path: str | bytes, data: bytes = b"x", *, mode: int = stat.S_IFREG | 0o644, **entry: object
) -> bytes:
    """A good wheel with one more member first."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        name = path if isinstance(path, str) else "X" * len(path)
        info = zipfile.ZipInfo(name)
        info.filename = name  # ZipInfo would turn backslashes and cut at NUL
        info.external_attr = mode << 16
        for key, value in entry.items():
            setattr(info, key, value)
        archive.writestr(info, data)
        for member, content in wheel_members(files={"sampleproject/__init__.py": b""}).items():
            archive.writestr(member, content)
    content = buffer.getvalue()
    return content if isinstance(path, str) else content.replace(b"X" * len(path), path)


def twice(first: bytes, second: bytes) -> bytes:
    members = list(wheel_members().items())
    with pytest.warns(UserWarning, match="Duplicate name"):
        return zip_bytes([("sampleproject/twin.py", first), ("sampleproject/twin.py", second), *members])


def prepended() -> bytes:
    """A zip behind a shell script, the way self-extracting archives are made."""
    buffer = io.BytesIO(b"#!/bin/sh\nexec evil\n")
    with zipfile.ZipFile(buffer, "a") as archive:
        for path, data in wheel_members().items():
            archive.writestr(path, data)
    return buffer.getvalue()


def streamed(*, compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip written to a pipe: sizes follow the data in descriptors."""

    class Pipe(io.RawIOBase):
        content = b""

        def writable(self) -> bool:
            return True

        def write(self, data: bytes) -> int:  # type: ignore[override]
            self.content += bytes(data)
            return len(data)

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", compression) as archive:  # type: ignore[call-overload]
        for path, data in wheel_members().items():
            archive.writestr(path, data)
    return pipe.content


def cut_member_short() -> bytes:
    """The first member's deflate stream ends before its bytes do: room to hide another one."""
    raw = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = raw.compress(b"print(1)\n") + raw.flush()
    return one_member_wheel(packed + b"HIDDEN", b"print(1)\n")


def one_member_wheel(packed: bytes, content: bytes, *, size: int | None = None, method: int = 8) -> bytes:
    """A wheel whose module has these compressed bytes, whatever they are."""
    name, size = b"sampleproject/__init__.py", len(content) if size is None else size
    fixed = (20, 0, method, 0, 33, zlib.crc32(content), len(packed), size, len(name))
    local = struct.pack("<4s5H3L2H", b"PK\x03\x04", *fixed, 0) + name + packed
    central = struct.pack("<4s6H3L5H2L", b"PK\x01\x02", 20, *fixed, 0, 0, 0, 0, 0o100644 << 16, 0) + name
    rest = zip_bytes({k: v for k, v in wheel_members(files={name.decode(): content}).items() if "dist-info" in k})
    start = directory_at(rest)
    entries, moved, at = end_of(rest)[4], b"", start
    for _ in range(entries):
        fields = list(struct.unpack_from("<4s6H3L5H2L", rest, at))
        length = 46 + sum(fields[10:13])
        fields[-1] += len(local)
        moved += struct.pack("<4s6H3L5H2L", *fields) + rest[at + 46 : at + length]
        at += length
    directory = central + moved
    body = local + rest[:start]
    return body + directory + END.pack(b"PK\x05\x06", 0, 0, entries + 1, entries + 1, len(directory), len(body), 0)


def tar_polyglot() -> bytes:
    """A zip whose first local header is a valid tar header."""
    name = bytearray(b"0" * 482)
    block = bytearray(zip_bytes({name.decode(): b"", **wheel_members()}))
    checksum_at = 148
    probe = bytes(block[:512])
    total = sum(probe[:148]) + sum(probe[156:]) + 8 * 32
    field = f"{total:06o}".encode() + b"\0 "
    digits = field.replace(b"\0", b" ")  # the name may hold no NUL
    content = bytes(block)
    old = content[checksum_at : checksum_at + 8]
    assert old == b"0" * 8
    new_name = bytes(name[: checksum_at - 30]) + digits + bytes(name[checksum_at - 30 + 8 :])
    return content.replace(bytes(name), new_name)


CASES: dict[str, tuple[Callable[[], bytes], str, str]] = {
    "empty": (lambda: b"", Problem.ARCHIVE, "too short"),
    "text": (lambda: b"just some text, long enough for an end record", Problem.ARCHIVE, "end record"),
    "a tar": (lambda: tar_bytes([(tar_entry("a", size=1), b"x")]), Problem.ARCHIVE, "end record"),
    "no members": (lambda: zip_bytes({}), Problem.ARCHIVE, "no members"),
    "bytes after": (lambda: GOOD + b"!", Problem.ARCHIVE, "bytes or a comment after"),
    "zip after zip": (lambda: GOOD + zip_bytes({"evil.py": b""}), Problem.ARCHIVE, "where it says"),
    "comment": (lambda: with_end(GOOD, comment=4) + b"note", Problem.ARCHIVE, "comment after"),
    "bytes before": (lambda: b"#!/bin/sh\n" + GOOD, Problem.ARCHIVE, "where it says"),
    "bytes before, counted": (
        lambda: with_end(b"#!/bin/sh\n" + GOOD, offset=directory_at(GOOD) + 10),
        Problem.ARCHIVE, "described in two ways",
    ),
    "bytes before, all offsets right": (prepended, Problem.ARCHIVE, "bytes before or between"),
    "bytes before directory": (lambda: shifted(GOOD, directory_at(GOOD), b"?"), Problem.ARCHIVE, "bytes before"),
    "split": (lambda: with_end(GOOD, disk=1), Problem.ARCHIVE, "split zip"),
    "fewer entries": (lambda: with_end(GOOD, here=3, entries=3), Problem.ARCHIVE, "longer than it says"),
    "more entries": (lambda: with_end(GOOD, here=5, entries=5), Problem.ARCHIVE, "shorter than it says"),
    "directory cut": (
        lambda: with_end(GOOD, size=end_of(GOOD)[5] - 1, offset=directory_at(GOOD) + 1), Problem.ARCHIVE, "damaged"
    ),
    "long name in directory": (
        lambda: patched(GOOD, 26, b"\xff\xff", local=False), Problem.ARCHIVE, "shorter than it says"
    ),
    "name differs": (
        lambda: GOOD.replace(MODULE, b"sampleproject/__evil__.py"[: len(MODULE)], 1),
        Problem.ARCHIVE, "described in two ways",
    ),
    "size differs": (lambda: patched(GOOD, 22, b"\1", central=False), Problem.ARCHIVE, "described in two ways"),
    "method differs": (lambda: patched(GOOD, 8, b"\0", central=False), Problem.ARCHIVE, "described in two ways"),
    "checksum wrong": (lambda: patched(GOOD, 14, b"\0\0\0\0"), Problem.ARCHIVE, "size and checksum"),
    "larger than it says": (lambda: patched(GOOD, 22, b"\1\0\0\0"), Problem.ARCHIVE, "larger than it says"),
    "smaller than it says": (lambda: patched(GOOD, 22, b"\xff\0\0\0"), Problem.ARCHIVE, "size and checksum"),
    "data damaged": (lambda: one_member_wheel(b"\xff\xff\xff", b"x"), Problem.ARCHIVE, "cannot be decompressed"),
    "data unfinished": (
        lambda: one_member_wheel(zlib.compress(b"x" * 99, wbits=-15)[:-1], b"x" * 99),
        Problem.ARCHIVE, "cannot be decompressed",
    ),
    "bytes behind data": (cut_member_short, Problem.ARCHIVE, "hidden bytes"),
    "encrypted": (lambda: patched(GOOD, 6, b"\1\0"), Problem.ARCHIVE_UNSAFE, "encrypted"),
    "bzip2": (
        lambda: zip_bytes(wheel_members(), compression=zipfile.ZIP_BZIP2), Problem.ARCHIVE, "use deflate"
    ),
    "lzma": (lambda: zip_bytes(wheel_members(), compression=zipfile.ZIP_LZMA), Problem.ARCHIVE, "use deflate"),
    "needs zip64": (lambda: patched(GOOD, 22, b"\xff" * 4), Problem.ARCHIVE, "zip64"),
    "streamed and stored": (lambda: streamed(compression=0), Problem.ARCHIVE, "reader that streams"),
    "descriptor wrong": (
        lambda: streamed().replace(b"PK\x07\x08", b"PK\x07\x09", 1), Problem.ARCHIVE, "descriptor and directory"
    ),
    "absolute": (lambda: with_member("/etc/cron.d/evil"), Problem.ARCHIVE_UNSAFE, "'/etc/cron.d/evil'"),
    "parent": (lambda: with_member("../evil.py"), Problem.ARCHIVE_UNSAFE, "'../evil.py'"),
    "parent inside": (lambda: with_member("a/../../evil.py"), Problem.ARCHIVE_UNSAFE, "plain relative"),
    "dot": (lambda: with_member("./evil.py"), Problem.ARCHIVE_UNSAFE, "plain relative"),
    "empty step": (lambda: with_member("a//evil.py"), Problem.ARCHIVE_UNSAFE, "plain relative"),
    "drive": (lambda: with_member("C:evil.py"), Problem.ARCHIVE_UNSAFE, "plain relative"),
    "backslash": (lambda: with_member(b"a\\..\\evil.py"), Problem.ARCHIVE_UNSAFE, "plain relative"),
    "NUL in name": (lambda: with_member(b"good.py\x00evil"), Problem.ARCHIVE_UNSAFE, "plain relative"),
    "line break": (lambda: with_member("a\nb.py"), Problem.ARCHIVE_UNSAFE, "plain relative"),
    "name in cp437": (lambda: with_member(b"\x81.py"), Problem.ARCHIVE_UNSAFE, "not UTF-8"),
    "symbolic link": (lambda: with_member("a", b"/etc", mode=stat.S_IFLNK), Problem.ARCHIVE_UNSAFE, "link"),
    "device": (lambda: with_member("a", b"", mode=stat.S_IFCHR | 0o666), Problem.ARCHIVE_UNSAFE, "special file"),
    "directory with content": (
        lambda: with_member("a/", b"x", mode=stat.S_IFDIR | 0o755), Problem.ARCHIVE, "directory with content"
    ),
    "second name": (
        lambda: with_member("a", extra=struct.pack("<HHB", 0x7075, 1, 0)), Problem.ARCHIVE, "second name"
    ),
    "extra damaged": (lambda: with_member("a", extra=b"\1\2\3"), Problem.ARCHIVE, "extra field is damaged"),
    "extra too long": (lambda: with_member("a", extra=b"\1\2\3\4\5"), Problem.ARCHIVE, "extra field is damaged"),
    "same name twice": (lambda: twice(b"good", b"evil"), Problem.ARCHIVE_UNSAFE, "more than once"),
    "file and directory": (lambda: with_member("sampleproject"), Problem.ARCHIVE_UNSAFE, "both as a file"),
    "readable as a tar": (tar_polyglot, Problem.ARCHIVE_UNSAFE, "tar too"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_hostile_wheel_is_refused(refuse: Refuse, case: str) -> None:
    build, code, words = CASES[case]
    error = refuse(make_wheel(content=build()))
    assert words in error.sentence
    assert error.code == code


def test_the_good_wheel_of_these_cases_passes(parse: Parse) -> None:
    assert parse(make_wheel(content=GOOD))


def test_the_standard_reader_falls_for_prepended_and_doubled_content() -> None:
    """Why there is a reader of our own: the lenient one reads all of these without a word."""
    for content in (b"#!/bin/sh\n" + GOOD, GOOD + zip_bytes({"evil.py": b""}), twice(b"good", b"evil")):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            assert archive.testzip() is None
    with tarfile.open(fileobj=io.BytesIO(tar_polyglot())) as archive:
        assert archive.next() is not None


def test_directories_descriptors_and_wide_sizes_are_no_offence(parse: Parse) -> None:
    members = {"sampleproject/": b"", **wheel_members()}
    assert parse(make_wheel(content=zip_bytes(members)))
    assert parse(make_wheel(content=streamed()))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in wheel_members().items():
            with archive.open(path, "w", force_zip64=True) as member:
                member.write(data)
    assert parse(make_wheel(content=buffer.getvalue()))


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (UploadLimits(max_members=3), "at most 3"),
        (UploadLimits(max_unpacked=100), "would unpack to"),
        (UploadLimits(ratio_floor=1000, max_ratio=3), "would unpack to"),
        (UploadLimits(max_metadata=100), "larger than 100 bytes"),
    ],
)
def test_a_wheel_may_not_cause_endless_work(refuse: Refuse, limits: UploadLimits, words: str) -> None:
    error = refuse(make_wheel(files={"sampleproject/zeros.bin": bytes(50_000)}), limits=limits)
    assert error.code == Problem.ARCHIVE_TOO_BIG
    assert words in error.sentence


def test_a_name_with_umlauts_passes(parse: Parse) -> None:
    name = "sampleproject/\u00fcbung.txt"
    assert parse(make_wheel(files={name: b"x"}))


def test_record_rows_may_be_quoted_and_use_stronger_hashes(parse: Parse) -> None:
    name = 'sampleproject/a,"b".txt'
    members = wheel_members(files={name: b"x"})
    info = "sampleproject-1.0.dist-info"
    rows = '"sampleproject/a,""b"".txt",' + record_line(name, b"x", "sha512").rpartition(".txt,")[2]
    rows += record_line(f"{info}/METADATA", core_metadata(), "sha384")
    rows += record_line(f"{info}/WHEEL", members[f"{info}/WHEEL"])
    assert parse(make_wheel(files={name: b"x"}, record=f"{rows}\n{info}/RECORD,,\n".encode()))
