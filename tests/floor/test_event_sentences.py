"""Every event of the audit vocabulary, as a person reads it."""

import dataclasses
import re
import types
import typing
from datetime import UTC, datetime
from typing import Any

import pytest

from accounts.models import User
from indexsite import audit
from indexsite.audit import VOCABULARY, Event
from indexsite.models import AuditEvent

SAMPLES: dict[type, Any] = {
    str: "a sample",
    int: 3,
    bool: True,
    float: 1.5,
    datetime: datetime(2027, 1, 2, tzinfo=UTC),
}


def sample(kind: type[Event]) -> Event:
    """An event of the kind with a value in every field, the optional ones too."""
    hints = typing.get_type_hints(kind, localns={"User": User})
    values: dict[str, Any] = {"about": User(username="carol"), "project": "sampleproject"}
    for field in dataclasses.fields(kind):
        if field.name not in values:
            values[field.name] = value_of(hints[field.name])
    return kind(**values)


def value_of(hint: Any) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in {typing.Union, types.UnionType}:
        return value_of(next(argument for argument in arguments if argument is not type(None)))
    if origin in {list, tuple}:
        return [value_of(arguments[0])]
    return SAMPLES[hint]


def row_of(event: Event) -> AuditEvent:
    return AuditEvent(
        name=event.name, actor_label="alice", about_label="carol", project=event.project, data=event.data()
    )


@pytest.mark.parametrize("kind", VOCABULARY.values(), ids=VOCABULARY)
def test_every_event_reads_as_a_sentence(kind: type[Event]) -> None:
    read = audit.sentence(row_of(sample(kind)))

    assert not re.search(r"[?{}]|\(s\)|\bNone\b|  ", read), read
    assert re.match(r"\w", read)
    assert read.endswith((".", ".)"))


@pytest.mark.parametrize("name", VOCABULARY)
def test_every_name_says_thing_and_act(name: str) -> None:
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*\.[a-z]+(-[a-z]+)*", name)
