"""Each requirement of ASVS that applies is on a test that was run and passed, and the page says so."""

import json
from collections import Counter

from scripts import asvs as page
from tests.support import asvs

RECORD = json.loads(page.RECORD.read_text())
MARKED = asvs.marked_tests()


def test_no_requirement_of_the_two_chapters_is_forgotten() -> None:
    ids = [requirement.id for requirement in asvs.REQUIREMENTS]
    expected = [f"{section}.{n}" for section, (_, count) in asvs.SECTIONS.items() for n in range(1, count + 1)]
    assert ids == expected


def test_each_that_applies_is_on_a_test_and_no_other() -> None:
    here = {each.id for each in asvs.REQUIREMENTS if not (each.not_here or each.unmet)}
    assert {id_ for ids in MARKED.values() for id_ in ids} == here


def test_what_does_not_apply_or_is_not_met_says_why() -> None:
    every = asvs.REQUIREMENTS
    assert all(bool(each.not_here) + bool(each.lacks) + bool(each.unmet) <= 1 for each in every)
    kinds = Counter("met" if not (each.not_here or each.lacks or each.unmet) else "not met" for each in every)
    assert kinds["met"] > 4 * kinds["not met"]


def test_the_tests_were_run_and_passed() -> None:
    assert dict.fromkeys(sorted(MARKED), "passed") == RECORD["tests"], "run `make asvs`"


def test_the_page_is_what_they_render_to() -> None:
    assert page.PAGE.read_text() == asvs.render(RECORD), "run `make reference`"
