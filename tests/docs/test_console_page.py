"""Every address of the console, visited by every role: the page that says who sees what is what they see."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from indexsite import env
from tests.support import console

PAGE: Path = env.BASE_DIR / "docs" / "console.md"


@pytest.mark.django_db
def test_the_page_of_the_console_is_what_each_role_sees() -> None:
    found = console.render()
    if os.environ.get("WRITE_CONSOLE_PAGE"):
        PAGE.write_text(found)
    assert PAGE.read_text() == found, "run `make reference`"


def test_staff_without_a_role_and_superusers_see_none_of_it() -> None:
    rows = [line.split(" | ") for line in PAGE.read_text().splitlines() if line.startswith("| `admin/")]
    names = next(line for line in PAGE.read_text().splitlines() if line.startswith("| Address")).split(" | ")
    for row in rows:
        for who in ("member", "staff, no role", "superuser"):
            assert row[names.index(who)] != "sees", (row[0], who)
