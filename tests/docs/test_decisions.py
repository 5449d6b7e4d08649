"""Decisions are found by their number: each has one of its own, in its name and in its heading."""

from __future__ import annotations

from collections import Counter

from indexsite import env

DECISIONS = sorted((env.BASE_DIR / "docs" / "decisions").glob("0*.md"))


def test_every_decision_has_a_number_of_its_own() -> None:
    assert len(DECISIONS) > 50
    numbers = Counter(path.name[:4] for path in DECISIONS)
    assert [number for number, count in numbers.items() if count > 1] == []
    for path in DECISIONS:
        assert path.read_text().startswith(f"# {int(path.name[:4])}. "), path.name
