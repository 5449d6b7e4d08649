"""The list of what runs on both databases leaves out nothing that has a sign of depending on one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.two_databases import BOTH, CODE, ONCE, runs_on_both

ROOT = Path(__file__).resolve().parents[2]
APPS = ("indexsite", "accounts", "mfa", "tokens", "releases", "recovery")

# Real transactions, threads, broken or hand-written SQL, a difference named outright.
IN_TESTS = re.compile(
    r"transaction=True|transactional_db|support\.at_once|support\.crashing|\bimport .*\braces\b|append_only"
    r"|IntegrityError|OperationalError|ProgrammingError|connection\.vendor|\.cursor\(\)"
)
IN_CODE = re.compile(r"connection\.vendor|\.cursor\(\)|skip_locked|RawSQL|\.raw\(")


def test_every_row_names_something() -> None:
    for row in (*BOTH, *CODE, *CODE.values(), *ONCE):
        path, _, test = row.partition("::")
        assert (ROOT / path).exists(), row
        assert not test or f"def {test}(" in (ROOT / path).read_text(), row


def test_no_row_is_within_another() -> None:
    assert [(row, other) for row in BOTH for other in BOTH if row != other and row.startswith(f"{other}/")] == []


def test_tests_with_a_sign_of_depending_on_the_database_run_on_both() -> None:
    signs = {
        name: sorted(set(found))
        for path in sorted((ROOT / "tests").glob("**/test_*.py"))
        if "proof" not in path.parts and path != Path(__file__)
        if (found := IN_TESTS.findall(path.read_text()))
        if not _is_listed(name := str(path.relative_to(ROOT)))
    }
    assert set(signs) == set(ONCE), signs


def _is_listed(module: str) -> bool:
    return runs_on_both(module) or any(row.startswith(f"{module}::") for row in BOTH)


def test_code_that_knows_its_database_has_tests_on_both() -> None:
    knowing = {
        str(path.relative_to(ROOT))
        for app in APPS
        for path in (ROOT / app).rglob("*.py")
        if "migrations" not in path.parts and IN_CODE.search(path.read_text())
    }
    assert knowing == set(CODE)
    assert [tests for tests in CODE.values() if not runs_on_both(tests)] == []


@pytest.mark.parametrize(
    ("nodeid", "is_on_both"),
    [
        ("tests/concurrency/test_people.py::test_a[b]", True),
        ("tests/accounts/test_races.py::test_a", True),
        ("tests/policies/test_object_addresses.py::test_whoever_may_do_it_can", True),
        ("tests/policies/test_object_addresses.py::test_whoever_may_do_it_can[x]", True),
        ("tests/policies/test_object_addresses.py::test_nobody_else_gets_through", False),
        ("tests/accounts/test_races_elsewhere.py::test_a", False),
    ],
)
def test_a_row_stands_for_all_below_it(nodeid: str, is_on_both: bool) -> None:
    assert runs_on_both(nodeid) is is_on_both
