"""Core metadata as readers see it: tools say the same thing in many ways."""

from __future__ import annotations

import time
from typing import Any

import pytest

from releases.presentation import Link, Person, facts, wheel_tags


@pytest.mark.parametrize(
    ("metadata", "people"),
    [
        ({}, []),
        ({"author": "Ada"}, [Person("Ada", "")]),
        ({"author_email": "ada@example.org"}, [Person("", "ada@example.org")]),
        ({"author": "Ada", "author_email": "ada@example.org"}, [Person("Ada", "ada@example.org")]),
        ({"author": "Ada", "author_email": "Ada <ada@example.org>"}, [Person("Ada", "ada@example.org")]),
        (
            {"author": "Ada", "author_email": '"B, Bert" <b@example.org>, c@example.org'},
            [Person("Ada", ""), Person("B, Bert", "b@example.org"), Person("", "c@example.org")],
        ),
        ({"author_email": "not an address <"}, []),
    ],
)
def test_authors_and_their_addresses_are_put_together(metadata: dict[str, Any], people: list[Person]) -> None:
    assert facts(metadata).authors == people


@pytest.mark.parametrize(
    ("metadata", "license"),
    [
        ({}, ""),
        ({"license_expression": "MIT", "license": "other"}, "MIT"),
        ({"license": "BSD"}, "BSD"),
        ({"license": "Copyright\n" + "words " * 99}, "Copyright"),
        ({"license": "x" * 300}, "x" * 100),
        ({"license": "long\ntext", "classifier": ["License :: OSI Approved :: MIT License"]}, "MIT License"),
        ({"classifier": ["License :: OSI Approved :: MIT License", "License :: Other"]}, "MIT License, Other"),
    ],
)
def test_the_licence_is_named_in_one_line(metadata: dict[str, Any], license: str) -> None:
    assert facts(metadata).license == license


def test_links_are_web_addresses_named_once() -> None:
    found = facts(
        {
            "project_url": ["Home, https://a.example", "Bad, javascript:x", "nothing", ", https://b.example"],
            "home_page": "https://a.example",
            "download_url": "https://c.example/x.zip",
        }
    )
    assert found.links == [Link("Home", "https://a.example"), Link("Download", "https://c.example/x.zip")]


def test_dependencies_stand_under_the_extra_that_asks_for_them() -> None:
    found = facts(
        {
            "requires_dist": [
                "always>=1 ; python_version < '3'",
                'one; extra == "a"',
                "two[x]>=1 ; sys_platform == 'win32' and extra == 'a'",
                "three ; extra == 'b' and os_name == 'nt'",
                "four ; (os_name == 'nt' or os_name == 'x') and extra == 'b'",
                "both ; extra == 'a' or extra == 'c'",
                "either ; os_name == 'nt' or extra == 'c'",
            ],
            "provides_extra": ["a", "b", "empty"],
        }
    )
    assert found.dependencies == ["always>=1 ; python_version < '3'"]
    assert found.extras == {
        "a": ["one", "two[x]>=1 ; sys_platform == 'win32'", "both ; extra == 'a' or extra == 'c'"],
        "b": ["three ; os_name == 'nt'", "four ; (os_name == 'nt' or os_name == 'x')"],
        "empty": [],
        "c": ["both ; extra == 'a' or extra == 'c'", "either ; os_name == 'nt' or extra == 'c'"],
    }


def test_what_is_malformed_is_left_out() -> None:
    assert facts(
        {"classifier": "no list", "keywords": [1, "two"], "author": ["x"], "requires_dist": None}
    ) == facts({"keywords": ["two"]})


def test_classifiers_are_grouped() -> None:
    found = facts({"classifier": ["Topic :: A :: B", "Topic :: C", "Alone"]})
    assert found.classifiers == {"Topic": ["A :: B", "C"], "Alone": ["Alone"]}


def test_tags_are_the_last_three_parts() -> None:
    assert wheel_tags("a-1-2build-cp3-abi3-win32.whl") == ["cp3", "abi3", "win32"]


def test_spaces_in_a_dependency_cost_nothing() -> None:
    line = 'foo; python_version > "3"' + " " * 200_000 + 'or extra == "x"'
    began = time.thread_time()
    assert list(facts({"requires_dist": [line]}).extras) == ["x"]
    assert time.thread_time() - began < 5


@pytest.mark.parametrize("text", ["(" * 4_000 + "a@example.org", "a@example.org, " * 5_000])
def test_addresses_that_nobody_would_write_break_no_page(text: str) -> None:
    assert facts({"author": "Ann", "author_email": text}).authors == [Person("Ann", "")]
