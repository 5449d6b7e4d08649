"""What must be inside a wheel or sdist, once the archive itself is sound."""

from __future__ import annotations

import io
import os
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from releases.upload import Hashes, Problem, parse_upload
from tests.releases.upload.conftest import Parse, Refuse
from tests.support.distributions import (
    core_metadata,
    make_sdist,
    make_wheel,
    record_line,
    wheel_members,
    zip_bytes,
)

INFO = "sampleproject-1.0.dist-info"


def record_of(members: dict[str, bytes]) -> str:
    return members[f"{INFO}/RECORD"].decode()


@pytest.mark.parametrize("part", ["METADATA", "WHEEL", "RECORD"])
def test_a_wheel_needs_its_three_files(refuse: Refuse, part: str) -> None:
    error = refuse(make_wheel(leave_out=[part]))
    assert (error.code, f"no {part}" in error.sentence) == (Problem.LAYOUT, True)


def test_a_directory_is_no_metadata(refuse: Refuse) -> None:
    members = wheel_members()
    del members[f"{INFO}/WHEEL"]
    assert "no WHEEL" in refuse(make_wheel(content=zip_bytes({**members, f"{INFO}/WHEEL/": b""}))).sentence


@pytest.mark.parametrize(
    ("dist_info", "code"),
    [
        ("other-1.0.dist-info", Problem.METADATA_CONTRADICTS_NAME),
        ("sampleproject-2.0.dist-info", Problem.METADATA_CONTRADICTS_NAME),
        ("sampleproject.dist-info", Problem.METADATA_CONTRADICTS_NAME),
        ("sampleproject-1.0.info", Problem.LAYOUT),
    ],
)
def test_the_dist_info_directory_must_be_the_files_own(refuse: Refuse, dist_info: str, code: str) -> None:
    assert refuse(make_wheel(dist_info=dist_info)).code == code


def test_a_legacy_spelling_of_the_inner_directory_passes(parse: Parse) -> None:
    assert parse(make_wheel("Sample.Project", dist_info="Sample.Project-1.0.0.dist-info"))
    assert parse(make_sdist("Sample.Project", top="Sample.Project-1.0.0"))


def test_a_wheel_has_one_dist_info_but_may_carry_others_deeper(refuse: Refuse, parse: Parse) -> None:
    assert "has 2" in refuse(make_wheel(files={"other-1.0.dist-info/METADATA": b""})).sentence
    assert parse(make_wheel(files={"vendor/other-1.0.dist-info/METADATA": b""}))


def test_the_wheel_version_is_one(refuse: Refuse) -> None:
    members = wheel_members()
    changed = members[f"{INFO}/WHEEL"].replace(b"1.0", b"2.0", 1)
    error = refuse(make_wheel(content=zip_bytes({**members, f"{INFO}/WHEEL": changed})))
    assert "versions 1.x" in error.sentence


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda rows: rows.replace("__init__", "__main__"), "lists 'sampleproject/__main__.py', which is not in"),
        (lambda rows: "\n".join(rows.split("\n")[1:]), "does not list 'sampleproject/__init__.py'"),
        (lambda rows: rows + rows, "lists 'sampleproject/__init__.py' twice"),
        (lambda rows: rows.replace("sha256=", "md5="), "sha256 or better"),
        (lambda rows: rows.replace("sha256=", "shake_128="), "sha256 or better"),
        (lambda rows: rows.replace("sha256=", "sha256=A"), "hash of 'sampleproject/__init__.py' differs"),
        (lambda rows: rows.replace(",32\n", ",31\n"), "size of 'sampleproject/__init__.py' differs"),
        (lambda rows: rows.replace(f"{INFO}/RECORD,,\n", ""), "does not list itself"),
        (lambda rows: rows + "one,two\n", "not a table"),
        (lambda rows: rows + '"open', "not a table"),
    ],
)
def test_record_must_be_true(refuse: Refuse, change: Callable[[str], str], words: str) -> None:
    rows = record_of(wheel_members(files={"sampleproject/__init__.py": b"x" * 32}))
    error = refuse(make_wheel(files={"sampleproject/__init__.py": b"x" * 32}, record=change(rows).encode()))
    assert words in error.sentence
    assert error.code == Problem.RECORD


def test_record_is_utf8(refuse: Refuse) -> None:
    assert refuse(make_wheel(record=b"\xff,,\n")).code == Problem.RECORD


def test_a_changed_file_in_a_finished_wheel_is_found(refuse: Refuse) -> None:
    members = wheel_members()
    members["sampleproject/__init__.py"] = b"import os\n"
    with zipfile.ZipFile(io.BytesIO(zip_bytes(members))) as archive:
        assert archive.testzip() is None  # the zip itself has nothing to complain about
    assert refuse(make_wheel(content=zip_bytes(members))).code == Problem.RECORD


def test_signatures_of_record_need_no_hash(parse: Parse) -> None:
    members = wheel_members()
    record = members[f"{INFO}/RECORD"] + f"{INFO}/RECORD.jws,,\n".encode()
    members |= {f"{INFO}/RECORD": record, f"{INFO}/RECORD.jws": b"{}"}
    assert parse(make_wheel(content=zip_bytes(members)))


def test_damage_in_an_unhashed_file_is_found_too(refuse: Refuse) -> None:
    members = wheel_members() | {f"{INFO}/RECORD.p7s": b"signature" * 20}
    content = zip_bytes(members, compression=zipfile.ZIP_STORED).replace(b"signature" * 20, b"SIGNATURE" * 20)
    assert refuse(make_wheel(content=content)).code == Problem.ARCHIVE


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("[console_scripts]\nsample = sampleproject:main\n", True),
        ("[gui_scripts]\nsample-gui.x = sampleproject.gui:Main.run [extra]\n", True),
        ("[sample.plugins]\nany/thing = whatever\n", True),
        ("[console_scripts]\nsample: sampleproject = x\n", False),
        ("[console_scripts]\n../../bin/sh = sampleproject:main\n", False),
        ("[console_scripts]\na\\b = sampleproject:main\n", False),
        ("[console_scripts]\nsample = sampleproject:main; import os\n", False),
        ("[console_scripts]\nsample =\n", False),
        ("[console_scripts]\nsample\n", False),
        ("no section\n", False),
        ("\xff", False),
    ],
)
def test_entry_points_are_plain_names(parse: Parse, refuse: Refuse, text: str, good: bool) -> None:
    wheel = make_wheel(files={f"{INFO}/entry_points.txt": text.encode("latin-1")})
    if good:
        assert parse(wheel)
    else:
        assert refuse(wheel).code == Problem.LAYOUT


def test_licence_files_must_be_there_since_metadata_2_4(parse: Parse, refuse: Refuse) -> None:
    new = core_metadata(headers=[("License-File", "legal/MIT.txt")])
    old = core_metadata(metadata_version="2.1", headers=[("License-File", "legal/MIT.txt")])
    assert refuse(make_wheel(metadata=new)).code == Problem.LICENSE_FILE
    assert refuse(make_sdist(metadata=new)).code == Problem.LICENSE_FILE
    assert parse(make_wheel(metadata=new, files={f"{INFO}/licenses/legal/MIT.txt": b"MIT"}))
    assert parse(make_sdist(metadata=new, files={"legal/MIT.txt": b"MIT"}))
    assert parse(make_wheel(metadata=old))


def test_an_sdist_needs_its_metadata(refuse: Refuse) -> None:
    error = refuse(make_sdist(leave_out=["PKG-INFO"]))
    assert (error.code, "'sampleproject-1.0/PKG-INFO'" in error.sentence) == (Problem.LAYOUT, True)


@pytest.mark.parametrize("top", ["other-1.0", "sampleproject-2.0", "sampleproject"])
def test_an_sdist_unpacks_to_its_own_name(refuse: Refuse, top: str) -> None:
    assert refuse(make_sdist(top=top)).code == Problem.METADATA_CONTRADICTS_NAME


def test_the_metadata_of_an_old_sdist_is_not_for_installers(parse: Parse) -> None:
    old = core_metadata(metadata_version="2.1")
    assert parse(make_sdist(metadata=old)).metadata_bytes is None
    assert parse(make_wheel(metadata=old)).metadata_bytes == old


@pytest.mark.parametrize("make", [make_wheel, make_sdist])
@pytest.mark.parametrize("inside", [{"name": "other"}, {"version": "1.1"}])
def test_a_renamed_file_is_found_out(refuse: Refuse, make: type, inside: dict[str, str]) -> None:
    assert refuse(make(metadata=core_metadata(**inside))).code == Problem.METADATA_CONTRADICTS_NAME


def test_memory_stays_flat_whatever_the_size(tmp_path: Path) -> None:
    """A wheel of 96 MiB is read within 4 MiB of memory (the same for 1 GB: nothing here grows with the size)."""
    noise = os.urandom(1 << 20)
    path = tmp_path / "sampleproject-1.0-py3-none-any.whl"
    big = noise * 32
    files = {f"sampleproject/{number}.bin": big for number in range(3)}
    rows = "".join(record_line(name, big) for name in files)
    small = wheel_members(files={})
    rows += record_of(small)
    del big
    with zipfile.ZipFile(path, "w") as archive:
        for name in [*files]:
            archive.writestr(name, files.pop(name))
        for name, data in small.items():
            archive.writestr(name, rows.encode() if name.endswith("RECORD") else data)
    form = {"name": ["sampleproject"], "version": ["1.0"], "filetype": ["bdist_wheel"], "pyversion": ["py3"]}
    tracemalloc.start()
    try:
        parse_upload(path, filename=path.name, form=form, hashes=Hashes("", "", "", path.stat().st_size))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert path.stat().st_size > 96 * 1024 * 1024
    assert peak < 4 * 1024 * 1024
