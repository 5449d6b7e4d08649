"""What restrictions mean; whatever is not understood is refused."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokens.macaroons import caveats
from tokens.macaroons.caveats import Expiry, ProjectIds, ProjectNames, RequestUser
from tokens.macaroons.wire import MacaroonError

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
ALICE = caveats.public_id(1)


@dataclass
class Project:
    normalized_name: str
    pk: int | None = None


def seconds(**delta: int) -> int:
    return int((NOON + timedelta(**delta)).timestamp())


@pytest.mark.parametrize(
    ("caveat", "encoded"),
    [
        (Expiry(expires_at=20, not_before=10), b"[0,20,10]"),
        (ProjectNames(("a", "b")), b'[1,["a","b"]]'),
        (ProjectIds((caveats.public_id(255),)), b'[2,["00000000-0000-0000-0000-0000000000ff"]]'),
        (RequestUser(ALICE), b'[3,"00000000-0000-0000-0000-000000000001"]'),
    ],
)
def test_each_caveat_has_one_encoding(caveat: caveats.AnyCaveat, encoded: bytes) -> None:
    assert caveats.dump(caveat.encode()) == encoded
    assert caveats.load(encoded) == caveat


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"0",
        b"[0]",
        b"[0,1]",
        b"[0,1,2,3]",
        b"[0,1,null]",
        b"[0,1.5,1]",
        b"[0,true,1]",
        b"[true,1,2]",
        b'["0",1,2]',
        b"[0,NaN,1]",
        b"[0," + b"9" * 5000 + b",1]",
        b'[1,"sampleproject"]',
        b"[1,[1]]",
        b"[1]",
        b"[2,{}]",
        b"[3,1]",
        b'[3,"a","b"]',
        b"\xff",
        b"[" * 100_000,
        b'{"version":1,"permissions":"user"}',
    ],
)
def test_a_malformed_caveat_is_refused(text: bytes) -> None:
    with pytest.raises(MacaroonError) as refused:
        caveats.load(text)
    assert refused.value.code == "caveat"
    assert refused.value.reason == "has a restriction that cannot be read"


@pytest.mark.parametrize("tag", [*caveats.RESERVED_TAGS, 5, 99, -1, 10**30])
def test_an_unknown_or_reserved_tag_is_refused(tag: int) -> None:
    with pytest.raises(MacaroonError) as refused:
        caveats.load(json.dumps([tag, "anything"]).encode())
    assert refused.value.reason == "has a restriction that this site does not know"


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists))
def test_no_json_raises_anything_but_our_error(value: object) -> None:
    try:
        understood = caveats.load(json.dumps(value).encode())
    except MacaroonError:
        return
    assert understood.encode() == value


@given(st.binary(max_size=80))
def test_no_bytes_raise_anything_but_our_error(data: bytes) -> None:
    with pytest.raises(MacaroonError):
        caveats.load(b"x" + data)


@pytest.mark.parametrize(
    ("expiry", "says"),
    [
        (Expiry(expires_at=seconds(seconds=1), not_before=seconds()), None),
        (Expiry(expires_at=seconds(), not_before=seconds(hours=-1)), "expired on 2026-11-21 12:00 UTC"),
        (
            Expiry(expires_at=seconds(hours=2), not_before=seconds(hours=1)),
            "before 2026-11-21 13:00 UTC",
        ),
        (Expiry(expires_at=-(10**30), not_before=0), "expired on 1970-01-01"),
        (Expiry(expires_at=10**30, not_before=10**29), "not valid before 9999-12-31"),
    ],
)
def test_expiry_holds_from_its_first_second_until_before_its_last(expiry: Expiry, says: str | None) -> None:
    if says is None:
        caveats.check_bearer([expiry], at=NOON, user_id=ALICE)
        return
    with pytest.raises(MacaroonError, match=says):
        caveats.check_bearer([expiry], at=NOON, user_id=ALICE)


def test_a_token_of_another_person_is_refused() -> None:
    caveats.check_bearer([RequestUser(ALICE)], at=NOON, user_id=ALICE)
    with pytest.raises(MacaroonError, match="another account"):
        caveats.check_bearer([RequestUser(ALICE)], at=NOON, user_id=caveats.public_id(2))


def test_project_names_and_ids_restrict_together() -> None:
    both = [ProjectNames(("Sample.Project",)), ProjectIds((caveats.public_id(7),))]
    caveats.check_project(both, Project("sample-project", 7))
    for other in (Project("other", 7), Project("sample-project", 8), Project("sample-project")):
        with pytest.raises(MacaroonError, match=f"is not valid for project '{other.normalized_name}'"):
            caveats.check_project(both, other)


def test_a_name_can_be_allowed_before_the_project_exists() -> None:
    caveats.check_project([ProjectNames(("new",))], Project("new"))


def test_a_project_restriction_fails_where_no_project_is_given() -> None:
    for caveat in (ProjectNames(("a",)), ProjectIds((caveats.public_id(7),))):
        with pytest.raises(MacaroonError, match="limited to a project"):
            caveats.check_project([caveat], None)
    caveats.check_project([RequestUser(ALICE), Expiry(1, 0)], None)


def test_an_empty_list_of_projects_allows_none() -> None:
    with pytest.raises(MacaroonError):
        caveats.check_project([ProjectNames(())], Project("a", 1))


@given(st.lists(st.sets(st.sampled_from("abcd")), min_size=1, max_size=4))
def test_more_restrictions_never_allow_more(sets: list[set[str]]) -> None:
    chain = [ProjectNames(tuple(sorted(names))) for names in sets]
    allowed = set()
    for name in "abcd":
        try:
            caveats.check_project(chain, Project(name))
        except MacaroonError:
            continue
        allowed.add(name)
    assert allowed == set.intersection(*sets)
    assert caveats.project_names(chain) == allowed


def test_the_summary_of_restrictions_takes_the_narrowest() -> None:
    chain = [Expiry(200, 0), Expiry(100, 0), Expiry(10**30, 0)]
    assert caveats.expires_at(chain) == datetime.fromtimestamp(100, UTC)
    assert caveats.expires_at([]) is None
    assert caveats.project_names([]) is None
