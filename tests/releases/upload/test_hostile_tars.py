"""Sdists that mean different things to different readers, or harm to any."""

from __future__ import annotations

import gzip
import io
import tarfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from releases.upload import Problem, UploadLimits
from tests.releases.upload.conftest import Parse, Refuse
from tests.support.distributions import make_sdist, make_wheel, sdist_members, tar_bytes, tar_entry

TOP = "sampleproject-1.0"


def entries() -> list[tuple[tarfile.TarInfo, bytes]]:
    return [(tar_entry(path, size=len(data)), data) for path, data in sdist_members().items()]


def tar(*extra: tuple[tarfile.TarInfo, bytes], first: bool = False) -> bytes:
    return tar_bytes([*extra, *entries()] if first else [*entries(), *extra])


def packed(*extra: tuple[tarfile.TarInfo, bytes], first: bool = False) -> bytes:
    return gzip.compress(tar(*extra, first=first), mtime=0)


def file(path: str, data: bytes = b"x", **pax: str) -> tuple[tarfile.TarInfo, bytes]:
    entry = tar_entry(path, size=len(data))
    entry.pax_headers = pax
    return entry, data


def link(path: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tuple[tarfile.TarInfo, bytes]:
    return tar_entry(path, kind=kind, link=target), b""


def special(kind: bytes) -> tuple[tarfile.TarInfo, bytes]:
    return tar_entry(f"{TOP}/special", kind=kind), b""


def raw(path: bytes = b"", *, size: bytes = b"", kind: bytes = b"0", magic: bytes = b"ustar\x0000",
        prefix: bytes = b"", checksum: bytes = b"") -> bytes:  # fmt: skip
    """One header block, written by hand."""
    block = bytearray(512)
    block[: len(path)] = path
    block[124 : 124 + len(size)] = size
    block[156:157] = kind
    block[257 : 257 + len(magic)] = magic
    block[345 : 345 + len(prefix)] = prefix
    total = sum(block) + 8 * 32
    block[148:156] = checksum or f"{total:06o}\0 ".encode()
    return bytes(block)


def pax(*records: tuple[str, str], kind: bytes = b"x") -> bytes:
    """An extended header by hand: keys may repeat."""
    body = b""
    for key, value in records:
        tail = f" {key}={value}\n".encode()
        size = len(tail) + 2
        body += (str(size) if len(str(size)) == 2 else str(size + 1)).encode() + tail
    return raw(b"pax", size=f"{len(body):011o}".encode(), kind=kind) + body + bytes(-len(body) % 512)


def hand_made(*blocks: bytes) -> bytes:
    """A good sdist's tar with these blocks before its first member."""
    return gzip.compress(b"".join(blocks) + tar(), mtime=0)


def zip_polyglot() -> bytes:
    """A gzip whose last, stored bytes hold the end record of a zip."""
    data = tar(file(f"{TOP}/test.zip", b"PK\x05\x06" + bytes(18)))
    return gzip.compress(data, compresslevel=0, mtime=0)


def sparse() -> bytes:
    """The old GNU form of a sparse file."""
    return hand_made(raw(f"{TOP}/sparse".encode(), kind=b"S", magic=b"ustar  \0"))


GOOD = packed()
DIRECTORY = raw(f"{TOP}/d/".encode(), kind=b"5")

CASES: dict[str, tuple[Callable[[], bytes], str, str]] = {
    "empty": (lambda: b"", Problem.ARCHIVE, "ends too early"),
    "a wheel": (lambda: make_wheel().content, Problem.ARCHIVE_UNSAFE, "zip too"),
    "plain tar": (lambda: tar(), Problem.ARCHIVE, "not gzip"),
    "damaged": (lambda: GOOD[:40] + b"\xff" * 20 + GOOD[60:], Problem.ARCHIVE, "not gzip, or is damaged"),
    "checksum of gzip": (lambda: GOOD[:-8] + bytes(4) + GOOD[-4:], Problem.ARCHIVE, "not gzip, or is damaged"),
    "cut": (lambda: GOOD[:-4], Problem.ARCHIVE, "ends too early"),
    "gzip of nothing": (lambda: gzip.compress(b""), Problem.ARCHIVE, "no end mark"),
    "gzip of text": (lambda: gzip.compress(b"x" * 512), Problem.ARCHIVE, "damaged"),
    "no end mark": (lambda: gzip.compress(raw(f"{TOP}/a".encode())), Problem.ARCHIVE, "no end mark"),
    "bytes after": (lambda: GOOD + b"!", Problem.ARCHIVE, "after the end of its gzip"),
    "zeros after": (lambda: GOOD + bytes(512), Problem.ARCHIVE, "after the end of its gzip"),
    "two gzip members": (lambda: GOOD + gzip.compress(tar()), Problem.ARCHIVE, "after the end of its gzip"),
    "second tar behind the end mark": (
        lambda: gzip.compress(tar() + tar(file(f"{TOP}/evil.py"))), Problem.ARCHIVE, "after its end mark"
    ),
    "readable as a zip": (zip_polyglot, Problem.ARCHIVE_UNSAFE, "zip too"),
    "absolute": (lambda: packed(file("/etc/cron.d/evil")), Problem.ARCHIVE_UNSAFE, "'/etc/cron.d/evil'"),
    "parent": (lambda: packed(file("../evil.py")), Problem.ARCHIVE_UNSAFE, "'../evil.py'"),
    "parent inside": (lambda: packed(file(f"{TOP}/../evil.py")), Problem.ARCHIVE_UNSAFE, "plain relative"),
    "dot": (lambda: packed(file(f"./{TOP}/a")), Problem.ARCHIVE_UNSAFE, "plain relative"),
    "backslash": (lambda: packed(file(f"{TOP}/..\\evil")), Problem.ARCHIVE_UNSAFE, "plain relative"),
    "line break": (lambda: packed(file(f"{TOP}/a\nb")), Problem.ARCHIVE_UNSAFE, "plain relative"),
    "name in latin-1": (lambda: hand_made(raw(b"a\xff")), Problem.ARCHIVE_UNSAFE, "not UTF-8"),
    "same name twice": (lambda: packed(file(f"{TOP}/PKG-INFO")), Problem.ARCHIVE_UNSAFE, "more than once"),
    "file and directory": (
        lambda: packed(file(f"{TOP}/a"), file(f"{TOP}/a/b")), Problem.ARCHIVE_UNSAFE, "both as a file or link"
    ),
    "write through a link": (
        lambda: packed(link(f"{TOP}/a", "sampleproject"), file(f"{TOP}/a/b")), Problem.ARCHIVE_UNSAFE, "both as"
    ),
    "link out": (lambda: packed(link(f"{TOP}/a", "../../etc/passwd")), Problem.ARCHIVE_UNSAFE, "stay inside"),
    "link to the parent": (lambda: packed(link(f"{TOP}/a", "..")), Problem.ARCHIVE_UNSAFE, "stay inside"),
    "absolute link": (lambda: packed(link(f"{TOP}/a", "/etc/passwd")), Problem.ARCHIVE_UNSAFE, "stay inside"),
    "link with backslash": (lambda: packed(link(f"{TOP}/a", "b\\c")), Problem.ARCHIVE_UNSAFE, "stay inside"),
    "link to nothing": (lambda: packed(link(f"{TOP}/a", "")), Problem.ARCHIVE_UNSAFE, "stay inside"),
    "link through a link": (
        lambda: packed(link(f"{TOP}/a/b/up", "../.."), link(f"{TOP}/out", "a/b/up/..")),
        Problem.ARCHIVE_UNSAFE, "stay inside",
    ),
    "hard link out": (
        lambda: packed(link(f"{TOP}/a", "/etc/passwd", tarfile.LNKTYPE)),
        Problem.ARCHIVE_UNSAFE, "lead to its files",
    ),
    "hard link to a link": (
        lambda: packed(link(f"{TOP}/a", "PKG-INFO"), link(f"{TOP}/b", f"{TOP}/a", tarfile.LNKTYPE)),
        Problem.ARCHIVE_UNSAFE, "lead to its files",
    ),
    "character device": (lambda: packed(special(tarfile.CHRTYPE)), Problem.ARCHIVE_UNSAFE, "neither a file"),
    "block device": (lambda: packed(special(tarfile.BLKTYPE)), Problem.ARCHIVE_UNSAFE, "neither a file"),
    "fifo": (lambda: packed(special(tarfile.FIFOTYPE)), Problem.ARCHIVE_UNSAFE, "neither a file"),
    "contiguous": (lambda: packed(special(tarfile.CONTTYPE)), Problem.ARCHIVE_UNSAFE, "neither a file"),
    "sparse": (sparse, Problem.ARCHIVE_UNSAFE, "neither a file"),
    "sparse by pax": (
        lambda: packed(file(f"{TOP}/a", **{"GNU.sparse.name": "b"})), Problem.ARCHIVE, "read differently"
    ),
    "other character set": (
        lambda: hand_made(pax(("hdrcharset", "BINARY"))), Problem.ARCHIVE, "read differently"
    ),
    "size by pax": (
        lambda: hand_made(pax(("size", "1024")), raw(f"{TOP}/a".encode())), Problem.ARCHIVE, "size is given twice"
    ),
    "path twice": (
        lambda: hand_made(pax(("path", "a"), ("path", "b"))), Problem.ARCHIVE, "given twice"
    ),
    "two extended headers": (
        lambda: hand_made(pax(("path", "a")), pax(("path", "b"))), Problem.ARCHIVE, "given twice"
    ),
    "global path": (lambda: hand_made(pax(("path", "a"), kind=b"g")), Problem.ARCHIVE, "global header"),
    "pax damaged": (
        lambda: hand_made(raw(b"p", size=b"00000000004", kind=b"x") + b"9 a=" + bytes(508)),
        Problem.ARCHIVE, "extended header is damaged",
    ),
    "pax without numbers": (
        lambda: hand_made(raw(b"p", size=b"00000000004", kind=b"x") + b"abcd" + bytes(508)),
        Problem.ARCHIVE, "extended header is damaged",
    ),
    "huge extended header": (
        lambda: hand_made(raw(b"p", size=b"77777777777", kind=b"L")), Problem.ARCHIVE_TOO_BIG, "extended header"
    ),
    "describes nothing": (
        lambda: gzip.compress(tar().rstrip(b"\0").ljust(-(-len(tar().rstrip(b"\0")) // 512) * 512, b"\0")
                              + pax(("path", "a")) + bytes(1024)),
        Problem.ARCHIVE, "describes nothing",
    ),
    "checksum of header": (lambda: hand_made(raw(b"a", checksum=b"0000000\0")), Problem.ARCHIVE, "damaged"),
    "size is no number": (lambda: hand_made(raw(b"a", size=b"9")), Problem.ARCHIVE, "damaged number"),
    "binary size": (lambda: hand_made(raw(b"a", size=b"\x80" + bytes(11))), Problem.ARCHIVE, "damaged number"),
    "unknown magic": (lambda: hand_made(raw(b"a", magic=b"ustar\0xx")), Problem.ARCHIVE, "header is damaged"),
    "prefix in a GNU header": (
        lambda: hand_made(raw(b"a", magic=b"ustar  \0", prefix=b"evil")), Problem.ARCHIVE, "prefix"
    ),
    "directory with content": (
        lambda: hand_made(raw(b"a/", size=b"00000000001", kind=b"5")), Problem.ARCHIVE, "no file"
    ),
    "file like a directory": (lambda: hand_made(raw(f"{TOP}/a/".encode())), Problem.ARCHIVE, "is none"),
    "content cut": (
        lambda: gzip.compress(raw(f"{TOP}/a".encode(), size=b"00000010000") + b"x" * 100),
        Problem.ARCHIVE, "ends too early",
    ),
    "PKG-INFO cut": (
        lambda: gzip.compress(raw(f"{TOP}/PKG-INFO".encode(), size=b"00000010000") + b"x" * 100),
        Problem.ARCHIVE, "ends too early",
    ),
    "two top directories": (lambda: packed(file("other/a")), Problem.LAYOUT, "exactly one top directory"),
    "a file at the top": (lambda: packed(file("setup.py")), Problem.LAYOUT, "exactly one top directory"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_hostile_sdist_is_refused(refuse: Refuse, case: str) -> None:
    build, code, words = CASES[case]
    error = refuse(make_sdist(content=build()))
    assert words in error.sentence
    assert error.code == code


def test_the_good_sdist_of_these_cases_passes(parse: Parse) -> None:
    assert parse(make_sdist(content=GOOD))


def test_a_trusting_reader_writes_outside(tmp_path: Path) -> None:
    """Why links are followed on paper: the innocent-looking chain really leads out."""
    content = packed(link(f"{TOP}/a/b/up", "../.."), link(f"{TOP}/out", "a/b/up/.."), file(f"{TOP}/out/evil"))
    target = tmp_path / "target"
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        archive.extractall(target, filter="fully_trusted")
    assert (target / "evil").read_bytes() == b"x"


def test_the_standard_reader_takes_pax_sizes_that_other_readers_ignore() -> None:
    """Why a size may not be given twice: what one reader skips as content, another reads as a member."""
    hidden = tar_bytes([file(f"{TOP}/evil.py")])[:1024]
    content = pax(("size", "1024")) + raw(f"{TOP}/data".encode()) + hidden + tar()
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        assert f"{TOP}/evil.py" not in archive.getnames()


@pytest.mark.parametrize("format", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_long_and_foreign_names_pass_in_every_format(parse: Parse, format: int) -> None:
    deep = "/".join(["directory"] * 14) + "/module.py"
    sdist = make_sdist(files={deep: b"x", "\u00fcbung.txt": b"y", "empty": b""}, format=format)
    assert parse(sdist)


def test_links_inside_and_directories_pass(parse: Parse) -> None:
    extra = [
        (tar_entry(f"{TOP}/docs", kind=tarfile.DIRTYPE), b""),
        link(f"{TOP}/docs/readme", "../PKG-INFO"),
        link(f"{TOP}/again", "./docs//readme"),
        link(f"{TOP}/hard", f"{TOP}/PKG-INFO", tarfile.LNKTYPE),
    ]
    assert parse(make_sdist(extra=extra))


def test_times_owners_and_comments_in_extended_headers_are_ignored(parse: Parse) -> None:
    head = pax(("comment", "abcdef"), kind=b"g") + pax(("mtime", "1.5"), ("SCHILY.xattr.user.a", "b"))
    assert parse(make_sdist(content=hand_made(head)))
    old = raw(f"{TOP}/old".encode(), kind=b"\0", magic=bytes(8))
    assert parse(make_sdist(content=hand_made(old)))


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (UploadLimits(max_members=3), "at most 3"),
        (UploadLimits(max_unpacked=10_000), "more than 10000 bytes"),
        (UploadLimits(ratio_floor=20_000, max_ratio=2), "more than 20000 bytes"),
        (UploadLimits(max_metadata=100), "larger than 100 bytes"),
    ],
)
def test_an_sdist_may_not_cause_endless_work(refuse: Refuse, limits: UploadLimits, words: str) -> None:
    error = refuse(make_sdist(files={"zeros.bin": bytes(100_000)}), limits=limits)
    assert error.code == Problem.ARCHIVE_TOO_BIG
    assert words in error.sentence


def test_a_bomb_is_given_up_long_before_its_end(refuse: Refuse) -> None:
    head = raw(f"{TOP}/a".encode(), size=b"77777777777")
    whole = zlib.compressobj(9, zlib.DEFLATED, 31)
    content = whole.compress(head) + b"".join(whole.compress(bytes(1 << 20)) for _ in range(300)) + whole.flush()
    assert len(content) < 1 << 20
    assert refuse(make_sdist(content=content)).code == Problem.ARCHIVE_TOO_BIG
