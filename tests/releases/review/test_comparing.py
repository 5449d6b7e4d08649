"""Two releases in memory, and what a reviewer is told of the difference."""

from __future__ import annotations

import io
import random
from collections.abc import Sequence
from contextlib import closing
from typing import Any

import pytest

from releases.review import (
    CHECKS,
    FileReport,
    Question,
    Report,
    Source,
    Uploader,
    Verdict,
    baseline,
    counterpart,
    review,
)
from releases.review.dependencies import kind_of
from tests.support.distributions import Distribution, core_metadata, make_sdist, make_wheel

OLD, NEW = "1.0", "1.1"
ELF = b"\x7fELF" + bytes(60)


def source(distribution: Distribution) -> Source:
    return Source(
        distribution.filename,
        distribution.filetype,
        len(distribution.content),
        lambda: closing(io.BytesIO(distribution.content)),
    )


def reviewed(new: Sequence[Distribution], old: Sequence[Distribution] = (), **options: Any) -> Report:
    question = Question(
        files=[source(one) for one in new],
        before=[source(one) for one in old],
        previous=OLD if old else "",
        **options,
    )
    return review(question)


def found(report: Report, code: str) -> tuple[str, str]:
    """Verdict and sentence of one check."""
    finding = next(one for one in report.findings if one.code == code)
    return finding.verdict, finding.sentence


def the_file(report: Report) -> FileReport:
    (file,) = report.files
    return file


def wheel(version: str = NEW, *, headers: Sequence[tuple[str, str]] = (), **options: Any) -> Distribution:
    return make_wheel(version=version, metadata=core_metadata(version=version, headers=headers), **options)


def sdist(version: str = NEW, **options: Any) -> Distribution:
    return make_sdist(version=version, **options)


def test_every_check_passes_or_notes_when_only_the_version_changed() -> None:
    new = [
        wheel(files={"sampleproject/__init__.py": b"A = 1\n"}),
        sdist(files={"sampleproject/__init__.py": b"A = 1\n"}),
    ]
    old = [wheel(OLD), sdist(OLD)]

    report = reviewed(new, old, uploaders=[Uploader("alice", is_new=False)])

    assert [finding.code for finding in report.findings] == [check.code for check in CHECKS]
    assert {finding.code: finding.verdict for finding in report.findings if finding.verdict != Verdict.PASS} == {}
    assert all(finding.sentence.endswith(".") for finding in report.findings)


def test_members_and_their_sizes() -> None:
    old = wheel(OLD, files={"pkg/a.py": b"a\n", "pkg/b.py": b"b\n", "pkg/same.py": b"s\n"})
    new = wheel(files={"pkg/a.py": b"aa\n", "pkg/c.py": b"ccc\n", "pkg/same.py": b"s\n"})

    file = the_file(reviewed([new], [old]))

    assert file.against == old.filename
    assert [(one.path, one.before, one.after) for one in file.added] == [("pkg/c.py", -1, 4)]
    assert [(one.path, one.before, one.after) for one in file.removed] == [("pkg/b.py", 2, -1)]
    assert ("pkg/a.py", 2, 3) in [(one.path, one.before, one.after) for one in file.changed]
    # Directories with the version in their name are the same directory.
    assert "*.dist-info/METADATA" in [one.path for one in file.changed]
    assert file.counts == {"members": 5, "added": 1, "removed": 1, "changed": 2}


def test_texts_are_shown_line_by_line_and_new_ones_too() -> None:
    old = sdist(OLD, files={"pkg/a.py": b"one\ntwo\nthree\n"})
    new = sdist(files={"pkg/a.py": b"one\n2\nthree\n", "pkg/new.py": b"import os\n"})

    diffs = {diff.path: diff.lines for diff in the_file(reviewed([new], [old])).diffs}

    assert diffs["pkg/a.py"] == [("@", ""), (" ", "one"), ("-", "two"), ("+", "2"), (" ", "three")]
    assert diffs["pkg/new.py"] == [("@", ""), ("+", "import os")]
    assert ("+", "Version: 1.1") in diffs["PKG-INFO"]


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        ("requests>=2.0", "requests>=1.0", "loosened"),
        ("requests==2.0", "requests==2.*", "loosened"),
        ("requests>=2,<3", "requests>=2", "loosened"),
        ("requests~=2.4", "requests", "loosened"),
        ("requests!=2.1", "requests", "loosened"),
        ("requests", "requests<3", "tightened"),
        ("requests>=1,<2", "requests>=2,<3", "changed"),
        ("requests>=2", "requests[socks]>=2", "changed"),
        ("requests>=2", "requests @ https://example.org/r.whl", "changed"),
    ],
)
def test_how_a_requirement_changed(before: str, after: str, kind: str) -> None:
    assert kind_of(before, after) == kind


def test_dependencies_added_loosened_and_removed() -> None:
    old = wheel(
        OLD, headers=[("Requires-Dist", "requests>=2"), ("Requires-Dist", "idna"), ("Requires-Dist", "six")]
    )
    new = wheel(
        headers=[("Requires-Dist", "requests>=1"), ("Requires-Dist", "reqeusts"), ("Requires-Dist", "Six")]
    )

    report = reviewed([new], [old])

    kinds = {(one.kind, one.name) for one in the_file(report).dependencies}
    assert kinds == {("loosened", "requests"), ("added", "reqeusts"), ("removed", "idna")}
    assert found(report, "dependencies") == (
        Verdict.WARNING,
        "Dependencies are new, or changed in both directions: reqeusts.",
    )


def test_python_versions_entry_points_and_builds() -> None:
    backend = b'[build-system]\nrequires = ["evil"]\nbuild-backend = "evil"\nbackend-path = ["."]\n'
    old_points, new_points = b"[console_scripts]\nrun = pkg:main\n", b"[console_scripts]\nrun = pkg.evil:main\n"
    old = [
        wheel(
            OLD,
            headers=[("Requires-Python", ">=3.9")],
            files={f"sampleproject-{OLD}.dist-info/entry_points.txt": old_points},
        ),
        sdist(OLD),
    ]
    new = [
        wheel(
            headers=[("Requires-Python", ">=3.11")],
            files={f"sampleproject-{NEW}.dist-info/entry_points.txt": new_points},
        ),
        sdist(files={"pyproject.toml": backend}),
    ]

    report = reviewed(new, old)

    assert found(report, "requires-python") == (
        Verdict.WARNING,
        "Some versions of Python are no longer served: from >=3.9 to >=3.11.",
    )
    assert found(report, "entry-points") == (
        Verdict.WARNING,
        "Entry points are new or lead elsewhere: console_scripts: run.",
    )
    assert found(report, "build") == (
        Verdict.WARNING,
        "It is built in another way: backend, backend path, requires.",
    )


def test_metadata_fields_that_differ_are_named() -> None:
    old = wheel(OLD, headers=[("Author", "Alice"), ("License-Expression", "MIT")])
    new = wheel(headers=[("Author", "Mallory"), ("License-Expression", "MIT")])

    report = reviewed([new], [old])

    assert [(one.name, one.before, one.after) for one in the_file(report).values] == [
        ("author", "Alice", "Mallory")
    ]
    assert found(report, "metadata")[0] == Verdict.NOTICE


@pytest.mark.parametrize("magic", [ELF, b"MZ" + bytes(60), b"\xcf\xfa\xed\xfe" + bytes(60)])
def test_compiled_code_is_told_by_its_first_bytes_whatever_its_name(magic: bytes) -> None:
    named = "sampleproject/data.json"
    pure = reviewed([wheel(files={named: magic})], [wheel(OLD)])
    for_one = reviewed(
        [wheel(tag="cp313-cp313-manylinux_2_17_x86_64", files={named: magic})],
        [wheel(OLD, tag="cp313-cp313-manylinux_2_17_x86_64")],
    )

    assert found(pure, "native-code") == (
        Verdict.FAIL,
        "Compiled code in a file that says it has none: sampleproject/data.json.",
    )
    assert found(for_one, "native-code")[0] == Verdict.NOTICE
    assert found(reviewed([wheel(files={named: b"MZ is how it begins"})]), "native-code")[0] == Verdict.PASS


def test_what_python_runs_at_its_start() -> None:
    report = reviewed([wheel(files={"evil.pth": b"import os\n"})], [wheel(OLD)])

    assert found(report, "start-hooks") == (Verdict.WARNING, "Python would run these at every start: evil.pth.")
    kept = reviewed([wheel(files={"old.pth": b"x\n"})], [wheel(OLD, files={"old.pth": b"x\n"})])
    assert found(kept, "start-hooks")[0] == Verdict.PASS


def test_a_size_that_jumps_and_somebody_new() -> None:
    blob = random.Random(1).randbytes(3_000_000)
    report = reviewed([wheel(files={"a.bin": blob})], [wheel(OLD)], uploaders=[Uploader("mallory", is_new=True)])

    assert found(report, "size")[0] == Verdict.WARNING
    assert found(report, "uploader") == (Verdict.WARNING, "Never published here before: mallory.")


def test_modules_of_the_wheel_that_are_not_in_the_source() -> None:
    source_of = sdist(files={"src/pkg/a.py": b"a\n", "src/pkg/b.py": b"b\n", "sampleproject/__init__.py": b""})
    same = {"pkg/a.py": b"a\n", "pkg/b.py": b"b\n"}

    assert found(reviewed([wheel(files=same), source_of]), "consistency")[0] == Verdict.PASS
    generated = reviewed([wheel(files=same | {"pkg/_version.py": b"v\n"}), source_of])
    assert found(generated, "consistency") == (
        Verdict.NOTICE,
        "Not in the source distribution, since building makes them: pkg/_version.py.",
    )
    absent = reviewed([wheel(files=same | {"pkg/evil.py": b"e\n"}), source_of])
    assert found(absent, "consistency") == (
        Verdict.WARNING,
        "Modules of a wheel are not in the source distribution: pkg/evil.py.",
    )
    other = reviewed([wheel(files=same | {"pkg/b.py": b"evil\n"}), source_of])
    assert found(other, "consistency") == (
        Verdict.FAIL,
        "Modules differ between wheel and source distribution: pkg/b.py.",
    )
    assert other.mismatches[0].differing == ["pkg/b.py"]
    assert found(reviewed([wheel(files=same)]), "consistency")[0] == Verdict.NOTICE
    late = reviewed([wheel(files=same)], published_sdist=source(source_of))
    assert found(late, "consistency")[0] == Verdict.PASS


def test_files_that_are_missing() -> None:
    report = reviewed([wheel()], [wheel(OLD), sdist(OLD)])

    assert found(report, "kinds") == (Verdict.WARNING, "1.0 had a source distribution, and this has none.")


def test_a_first_release_says_so() -> None:
    report = reviewed([wheel(), sdist(files={"sampleproject/__init__.py": b'"""A sample."""\n\nANSWER = 42\n'})])

    assert report.previous == ""
    assert found(report, "contents") == (Verdict.NOTICE, "There is nothing published to compare the files with.")


@pytest.mark.parametrize(
    ("version", "published", "expected"),
    [
        ("2.0", ["1.0", "1.9", "0.5"], "1.9"),
        ("1.9.1", ["2.0", "1.9", "1.8"], "1.9"),
        ("2.0", ["1.0", "2.0rc1"], "1.0"),
        ("2.0rc2", ["1.0", "2.0rc1"], "2.0rc1"),
        ("2.0", ["2.0rc1"], "2.0rc1"),
        ("1.0", ["1.0.0", "2.0"], "2.0"),
        ("1.0", ["1.0"], ""),
        ("1.0", [], ""),
    ],
)
def test_which_release_is_the_one_before(version: str, published: list[str], expected: str) -> None:
    assert baseline(version, published) == expected


def test_which_file_is_the_counterpart() -> None:
    others = [
        ("p-1.0.tar.gz", "sdist"),
        ("p-1.0-cp312-cp312-win_amd64.whl", "bdist_wheel"),
        ("p-1.0-cp313-cp313-manylinux_2_17_x86_64.whl", "bdist_wheel"),
    ]

    assert counterpart("p-1.1.tar.gz", "sdist", others) == "p-1.0.tar.gz"
    assert counterpart("p-1.1-cp313-cp313-win_amd64.whl", "bdist_wheel", others) == others[1][0]
    assert counterpart("p-1.1-cp313-cp313-manylinux_2_17_x86_64.whl", "bdist_wheel", others) == others[2][0]
    assert counterpart("p-1.1-py3-none-any.whl", "bdist_wheel", others) == ""
    assert counterpart("p-1.1-py3-none-any.whl", "bdist_wheel", others[:2]) == others[1][0]
