"""Reference pages say what the code says."""

import ast
import dataclasses
import inspect
import re
from pathlib import Path

import pytest

from indexsite import env
from scripts import doors, permissions
from tests.support import doors as table_of_doors
from tests.support import run

ENVIRONMENT_PAGE = Path("docs/operations/environment.md")


def environment_table() -> dict[str, str]:
    """Variable -> what its cell of defaults says."""
    page = (env.BASE_DIR / ENVIRONMENT_PAGE).read_text()
    return dict(re.findall(r"^\| `([A-Z_0-9]+)` \| (.*?) \|", page, re.MULTILINE))


def constant_defaults() -> dict[str, str]:
    """Variable -> default, for those that `env.load` reads with a default that is not computed."""
    calls = (node for node in ast.walk(ast.parse(inspect.getsource(env.load))) if isinstance(node, ast.Call))
    return {
        call.args[0].value: call.args[1].value
        for call in calls
        if getattr(call.func, "id", "") == "get"
        and isinstance(call.args[0], ast.Constant)
        and isinstance(call.args[1], ast.Constant)
    }


def test_the_environment_page_has_every_variable_once() -> None:
    fields = [field.name.upper() for field in dataclasses.fields(env.Env)]
    assert sorted(environment_table()) == sorted(fields)


def test_the_environment_page_tells_the_defaults_that_hold() -> None:
    told = environment_table()
    for name, default in constant_defaults().items():
        expected = f"`{default}`" if default else "none"
        assert told[name].startswith(expected), name


def test_tests_take_no_variable_of_the_site_from_the_developer() -> None:
    assert {"DATABASE_URL", *run.SITE_VARIABLES} == set(environment_table())


def test_the_permissions_page_is_what_the_policy_table_renders_to() -> None:
    assert permissions.PAGE.read_text() == permissions.render(), "run `make reference`"


@pytest.mark.asvs("6.1.3")
def test_the_page_of_doors_is_what_their_table_renders_to() -> None:
    assert doors.PAGE.read_text() == table_of_doors.render(), "run `make reference`"
