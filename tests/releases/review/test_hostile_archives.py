"""Archives made to stop, fill or mislead whoever looks into them."""

from __future__ import annotations

import io
import json
import time
from contextlib import closing
from dataclasses import replace

from releases.review import Budget, Question, Report, ReviewLimits, Source, Verdict, review
from releases.upload import UploadLimits
from tests.releases.review.test_comparing import NEW, OLD, found, sdist, source, the_file, wheel

SMALL = ReviewLimits()


def between(new: Source, old: Source, limits: ReviewLimits = SMALL) -> Report:
    return review(Question(files=[new], before=[old], previous=OLD), limits)


def test_a_bomb_is_named_and_not_unpacked() -> None:
    bomb = wheel(files={"pkg/zeros.bin": bytes(40 * 1024 * 1024)})
    began = time.monotonic()

    report = between(source(bomb), source(wheel(OLD)), replace(SMALL, unpacked=8 * 1024 * 1024))

    assert "too much content" in the_file(report).problem
    assert found(report, "readable") == (Verdict.FAIL, f"Not looked at, or not wholly: {bomb.filename}.")
    assert time.monotonic() - began < 5


def test_a_bomb_in_a_tar_is_no_better() -> None:
    bomb = sdist(files={"zeros.bin": bytes(40 * 1024 * 1024)})

    report = between(source(bomb), source(sdist(OLD)), replace(SMALL, unpacked=8 * 1024 * 1024))

    assert "too much content" in the_file(report).problem


def test_what_takes_too_long_ends() -> None:
    clock = iter(range(0, 10_000, 20))
    budget = Budget(SMALL, now=lambda: float(next(clock)))

    report = review(Question(files=[source(wheel()), source(sdist())], before=[], previous=""), budget=budget)

    assert [file.problem for file in report.files if file.problem]
    assert "time was over" in report.files[-1].problem


def test_bytes_that_are_no_archive_are_named() -> None:
    for new, content in ((wheel(), b"PK no zip"), (sdist(), b"\x1f\x8b no gzip")):
        broken = replace(source(new), size=len(content), open=lambda content=content: closing(io.BytesIO(content)))
        report = between(broken, source(wheel(OLD)))
        assert "not a sound" in the_file(report).problem
        assert found(report, "readable")[0] == Verdict.FAIL


def test_lines_that_difflib_is_slow_with_stay_within_the_time() -> None:
    """Every line matches many others, in an order that splits badly."""
    lines = SMALL.text_lines - 1
    old = "".join(f"{number % 150}\n" for number in range(lines)).encode()
    new = "".join(f"{(number * 7 + number // 150) % 150}\n" for number in range(lines)).encode()
    many = range(5)
    began = time.monotonic()

    report = between(
        source(sdist(files={f"a{one}.txt": new for one in many})),
        source(sdist(OLD, files={f"a{one}.txt": old for one in many})),
        replace(SMALL, seconds=3.0),
    )

    assert time.monotonic() - began < 20
    assert the_file(report).diffs or the_file(report).undiffed


def test_text_is_bounded_in_files_lines_and_length() -> None:
    long = b"x" * 5_000 + b"\n"
    many = {f"pkg/m{number}.py": long * 50 for number in range(30)}
    limits = replace(SMALL, diffed=20, shown_lines=10, shown_total=60, listed=25, listed_total=90)

    file = the_file(between(source(sdist(files=many)), source(sdist(OLD)), limits))

    assert sum(len(diff.lines) for diff in file.diffs) <= 60
    assert max(len(diff.lines) for diff in file.diffs) <= 10
    assert max(len(text) for diff in file.diffs for _, text in diff.lines) <= limits.line_length + 1
    assert any(diff.cut for diff in file.diffs)
    assert len(file.added) == 25
    assert file.counts["added"] == 30
    assert file.undiffed


def test_a_text_of_returns_or_of_one_line_does_no_harm() -> None:
    texts = {"returns.txt": b"\r" * 200_000, "huge.txt": b"y" * 300_000}

    file = the_file(between(source(sdist(files=texts)), source(sdist(OLD))))

    assert dict(file.undiffed) == {
        "returns.txt": "It has more than 3000 lines.",
        "huge.txt": "It is larger than 256 KB.",
    }


def test_what_hides_or_turns_text_around_is_shown_as_what_it_is() -> None:
    tricky = "if user != 'admin\u202e \u2066# check\u2069 \u2066': \u0000\u200b\x1b[2J\n".encode()

    body = between(
        source(sdist(files={"a.py": tricky.replace(b"\0", b""), "b.py": b"x" * 9000 + tricky})), source(sdist(OLD))
    ).as_json()

    text = json.dumps(body, ensure_ascii=False)
    assert not any(sign in text for sign in ("\u202e", "\u2066", "\u2069", "\u200b", "\x1b", "\\u0000", "\\u001b"))
    assert "⟨U+202E⟩" in text
    assert "⟨U+001B⟩" in text


def test_an_archive_with_many_names_is_compared_in_time() -> None:
    many = {f"p/{number}/__init__.py": b"" for number in range(4_000)}
    began = time.monotonic()

    report = review(Question(files=[source(wheel(files=many)), source(sdist(files=many))], previous=""))

    assert found(report, "consistency")[0] == Verdict.PASS
    assert time.monotonic() - began < 20


def test_an_archive_of_an_earlier_time_that_would_be_refused_now() -> None:
    report = between(source(wheel()), source(wheel(OLD)), replace(SMALL, archive=UploadLimits(max_members=1)))

    assert "too many members" in the_file(report).problem


def test_pyproject_that_nests_without_end_is_no_trouble() -> None:
    deep = b"a = " + b"[" * 50_000 + b"]" * 50_000

    report = between(source(sdist(files={"pyproject.toml": deep})), source(sdist(OLD)))

    assert the_file(report).problem == ""
    assert NEW in the_file(report).filename
