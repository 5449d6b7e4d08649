"""What would cost the server hours or gigabytes is refused, or read, in a moment.

Every input here is small on the wire. Before the rule that each one meets, a small part of it took seconds and
the whole minutes to days, mostly without letting go of the interpreter, or filled the memory.
"""

from __future__ import annotations

import gzip
import itertools
import tarfile
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from releases.upload import tars
from tests.releases.upload.conftest import Parse, Refuse
from tests.support.distributions import (
    core_metadata,
    make_sdist,
    make_wheel,
    sdist_members,
    tar_bytes,
    tar_entry,
    wheel_members,
    zip_bytes,
)

TOP = "sampleproject-1.0"
INFO = f"{TOP}.dist-info"
SECONDS = 20  # generous: a slow machine, and tests beside this one


@pytest.fixture(autouse=True)
def in_a_moment() -> Iterator[None]:
    began = time.thread_time()
    yield
    assert time.thread_time() - began < SECONDS


@contextmanager
def memory_below(megabytes: int) -> Iterator[None]:
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < megabytes << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "line",
    [
        b"run = sample" + b" " * 900_000 + b"!",
        b"run" + b" " * 900_000 + b"sample",
        b"run = a:b" + b" " * 990 + b"!",
    ],
    ids=["spaces before no object", "spaces without a sign", "spaces within the limit"],
)
def test_entry_points_full_of_spaces(refuse: Refuse, line: bytes) -> None:
    content = b"[console_scripts]\n" + line + b"\n"
    error = refuse(make_wheel(files={f"{INFO}/entry_points.txt": content}, dist_info=INFO))
    assert error.code == "invalid-layout"


def test_plain_entry_points_pass(parse: Parse) -> None:
    content = b"[console_scripts]\nrun = sample.cli:main [ fast ]\nother = sample : main\n"
    parse(make_wheel(files={f"{INFO}/entry_points.txt": content}, dist_info=INFO))


@pytest.mark.parametrize("end", ["\n", "\r"])
def test_metadata_of_very_many_fields(refuse: Refuse, end: str) -> None:
    # 25,000 names, the same but for their case
    spellings = ("".join(letters) for letters in itertools.product("aA", repeat=16))
    fields = end.join(f"{name}:" for name in itertools.islice(spellings, 25_000))
    metadata = core_metadata(description="").rstrip(b"\n") + f"\n{fields}\n".encode()
    assert "different ones" in refuse(make_wheel(metadata=metadata)).sentence


def deep(number: int) -> str:
    return f"{TOP}/{number:04d}" + "/a" * 2_000


def test_members_below_thousands_of_directories(refuse: Refuse) -> None:
    extra = [(tar_entry(deep(number)), b"") for number in range(300)]
    with memory_below(64):
        assert refuse(make_sdist(extra=extra)).code == "unsafe-archive"


def test_a_wheel_below_thousands_of_directories(refuse: Refuse) -> None:
    members = wheel_members(files={deep(number): b"" for number in range(300)})
    content = zip_bytes(members)
    with memory_below(64):
        assert refuse(make_wheel(content=content)).code == "unsafe-archive"


def test_links_of_very_many_steps(refuse: Refuse) -> None:
    links = [
        (tar_entry(f"{TOP}/{number}", kind=tarfile.SYMTYPE, link="a/" * 500_000), b"") for number in range(10)
    ]
    assert "leads to" in refuse(make_sdist(extra=links)).sentence


def test_names_that_fill_the_memory(refuse: Refuse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tars, "MAX_NAMES", 100_000)
    links = [(tar_entry(f"{TOP}/{number}", kind=tarfile.SYMTYPE, link="a" * 4_000), b"") for number in range(30)]
    assert refuse(make_sdist(extra=links)).code == "archive-too-big"


def test_metadata_in_a_hundred_top_directories(refuse: Refuse) -> None:
    zeros = bytes(4 << 20)
    entries = [(tar_entry(path, size=len(data)), data) for path, data in sdist_members().items()]
    entries += [(tar_entry(f"{number}/PKG-INFO", size=len(zeros)), zeros) for number in range(15)]
    content = gzip.compress(tar_bytes(entries), 1, mtime=0)
    with memory_below(24):
        assert "exactly one top directory" in refuse(make_sdist(content=content)).sentence


def test_a_record_of_millions_of_rows(refuse: Refuse) -> None:
    record = "".join(f"{number:x},,\n" for number in range(1_000_000)).encode()
    wheel = make_wheel(record=record)
    with memory_below(100):
        assert "more files than the wheel has" in refuse(wheel).sentence
