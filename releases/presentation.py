"""Core metadata as a reader wants it: people, links, licence, dependencies. Knows no Django."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from email.utils import getaddresses
from typing import Any

from releases.upload.core_metadata import is_web_url

_EXTRA = re.compile(r"""\bextra\s*==\s*["']([^"']+)["']""")
_LONG_LICENSE = 100
_LONG_ADDRESSES = 5_000


@dataclass(frozen=True)
class Link:
    """A labelled address, http or https."""

    label: str
    url: str


@dataclass(frozen=True)
class Person:
    """Whoever the metadata names; either part may be ""."""

    name: str
    email: str


@dataclass(frozen=True)
class Facts:
    """What stands beside a description. `classifiers` and `extras` are in the order of the metadata."""

    links: list[Link] = field(default_factory=list)
    authors: list[Person] = field(default_factory=list)
    maintainers: list[Person] = field(default_factory=list)
    license: str = ""
    keywords: list[str] = field(default_factory=list)
    dependencies: list[str] = field(default_factory=list)
    extras: dict[str, list[str]] = field(default_factory=dict)
    classifiers: dict[str, list[str]] = field(default_factory=dict)


def facts(metadata: Mapping[str, Any]) -> Facts:
    """Read the JSON core metadata of a release; whatever is malformed is left out."""
    dependencies, extras = _dependencies(_list(metadata, "requires_dist"), _list(metadata, "provides_extra"))
    classifiers = _list(metadata, "classifier")
    return Facts(
        links=_links(metadata),
        authors=_people(metadata, "author"),
        maintainers=_people(metadata, "maintainer"),
        license=_license(metadata, classifiers),
        keywords=_list(metadata, "keywords"),
        dependencies=dependencies,
        extras=extras,
        classifiers=_grouped(classifiers),
    )


def wheel_tags(filename: str) -> list[str]:
    """Python, ABI and platform tag of a wheel's name."""
    return filename.removesuffix(".whl").split("-")[-3:]


def _links(metadata: Mapping[str, Any]) -> list[Link]:
    found: dict[str, str] = {}
    for line in _list(metadata, "project_url"):
        label, _, url = line.partition(",")
        found[label.strip()] = url.strip()
    for label, key in (("Homepage", "home_page"), ("Download", "download_url")):
        url = _text(metadata, key)
        if url and url not in found.values():
            found.setdefault(label, url)
    return [Link(label, url) for label, url in found.items() if label and is_web_url(url)]


def _people(metadata: Mapping[str, Any], role: str) -> list[Person]:
    """Names and addresses come in two fields, in which tools put the same person in different ways."""
    people = [Person(name, email) for name, email in _addresses(_text(metadata, f"{role}_email")) if email]
    name = _text(metadata, role)
    if name and name not in {person.name for person in people}:
        if len(people) == 1 and not people[0].name:
            return [Person(name, people[0].email)]
        people.insert(0, Person(name, ""))
    return people


def _addresses(text: str) -> list[tuple[str, str]]:
    """As in a letter's header; none where that is no header anybody would write (comments nest without end)."""
    try:
        return getaddresses([text]) if len(text) <= _LONG_ADDRESSES else []
    except (RecursionError, ValueError):
        return []


def _license(metadata: Mapping[str, Any], classifiers: Iterable[str]) -> str:
    if expression := _text(metadata, "license_expression"):
        return expression
    named = [line.rpartition(" :: ")[2] for line in classifiers if line.startswith("License :: ")]
    text = _text(metadata, "license")
    # Some put the whole licence here.
    if text and len(text) <= _LONG_LICENSE and "\n" not in text:
        return text
    return ", ".join(named) or (text.strip().splitlines()[0][:_LONG_LICENSE] if text.strip() else "")


def _dependencies(lines: Iterable[str], provided: Iterable[str]) -> tuple[list[str], dict[str, list[str]]]:
    always: list[str] = []
    extras: dict[str, list[str]] = {name: [] for name in provided}
    for line in lines:
        names = _EXTRA.findall(line)
        if not names:
            always.append(line)
        for name in names:
            extras.setdefault(name, []).append(_without_extra(line) if len(names) == 1 else line)
    return always, extras


def _without_extra(line: str) -> str:
    """The dependency without the condition under whose heading it stands."""
    # A run of spaces would cost its square below, at every look at the page.
    requirement, _, marker = " ".join(line.split()).partition(";")
    rest = re.sub(r"\s+and\s*$|^\s*and\s+", "", _EXTRA.sub("", marker).strip()).strip()
    if re.search(r"^or\b|\bor$", rest):
        return line  # the extra is only one of several ways to need it
    return f"{requirement.strip()} ; {rest}" if rest.strip("() ") else requirement.strip()


def _grouped(classifiers: Iterable[str]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for line in classifiers:
        group, _, rest = line.partition(" :: ")
        groups.setdefault(group, []).append(rest or group)
    return groups


def _text(metadata: Mapping[str, Any], key: str) -> str:
    value = metadata.get(key)
    return value if isinstance(value, str) else ""


def _list(metadata: Mapping[str, Any], key: str) -> list[str]:
    value = metadata.get(key)
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
