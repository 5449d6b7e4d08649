"""What restrictions mean; whatever is not understood is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexsite.actors import DRAFTS_AND_READING, PARTS, Permission
from tokens.macaroons import caveats
from tokens.macaroons.caveats import (
    DraftsOnly,
    Expiry,
    OneDraft,
    Permissions,
    ProjectIds,
    ProjectNames,
    RequestUser,
    Versions,
)
from tokens.macaroons.wire import MacaroonError

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
ALICE = caveats.public_id(1)
DRAFT = "6f1c1b0e-0000-4000-8000-000000000001"
UPLOADS = {Permission.UPLOAD, *PARTS[Permission.UPLOAD]}


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
        (Permissions(("draft:upload",)), b'[100,["draft:upload"]]'),
        (DraftsOnly(), b"[101]"),
        (OneDraft(DRAFT), b'[102,"6f1c1b0e-0000-4000-8000-000000000001"]'),
        (Versions(">=2,<3"), b'[103,">=2,<3"]'),
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
        b"[101,[]]",
        b"[101,null]",
        b"[102]",
        b"[102,1]",
        b'[102,["6f1c1b0e-0000-4000-8000-000000000001"]]',
        b"[103]",
        b"[103,2]",
        b'[103,[">=2"]]',
        b'[103,"2"]',
        b'[103,"newer than 2"]',
        b'[103,">=2;<3"]',
        b'[103,""]',
        b'[103," "]',
        b'[103,","]',
        b'[103,">=2,\\n<3"]',
        b'[103,"===\\u00fc"]',
        b'[103,"!=1' + b",!=1" * 60 + b'"]',
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


# -- drafts and versions ---------------------------------------------------------------------------------------


def is_refused(check: Callable[..., None], chain: list[caveats.AnyCaveat], asked: str | None) -> bool:
    """Whether it refuses, and in one line of ASCII that may go into a reason phrase."""
    try:
        check(chain, asked)
    except MacaroonError as error:
        refused = error
    else:
        return False
    assert refused.code == "caveat"
    assert refused.reason.isascii()
    assert refused.reason.isprintable()
    return True


def test_uploading_includes_all_that_is_done_with_drafts_and_nothing_else() -> None:
    assert caveats.permitted({Permission.UPLOAD}, []) == UPLOADS
    assert set(UPLOADS) == {
        "upload", "release:publish", "draft:create", "draft:upload", "draft:replace", "draft:submit", "draft:read",
        "draft:preview", "draft:cancel",
    }  # fmt: skip
    for other in set(Permission) - {Permission.UPLOAD}:
        assert caveats.permitted({other}, []) == {other}


@pytest.mark.parametrize(
    ("chain", "left"),
    [
        ([Permissions(("draft:upload",))], {"draft:upload"}),
        ([Permissions(("upload",))], UPLOADS),
        ([Permissions(("draft:upload",)), Permissions(("upload",))], {"draft:upload"}),
        ([Permissions(("upload",)), Permissions(("draft:upload",))], {"draft:upload"}),
        ([Permissions(("release:publish",)), DraftsOnly()], set()),
        ([DraftsOnly(), Permissions(("upload",))], {name for name in UPLOADS if name.startswith("draft:")}),
        ([Permissions(("Upload", "draft:*", "draft"))], set()),
        ([Permissions(())], set()),
    ],
)
def test_a_narrowed_upload_token_keeps_what_was_named(chain: list[caveats.AnyCaveat], left: set[str]) -> None:
    assert caveats.permitted({Permission.UPLOAD}, chain) == left


def test_drafts_only_leaves_drafts_and_reading() -> None:
    assert caveats.permitted(Permission, [DraftsOnly()]) == {
        "draft:create", "draft:upload", "draft:replace", "draft:submit", "draft:read", "draft:preview",
        "draft:cancel", "account:read", "history:read", "members:read",
    }  # fmt: skip
    assert caveats.permitted({Permission.READ_HISTORY}, [DraftsOnly()]) == {"history:read"}


def test_only_reading_and_drafts_are_left_to_drafts_whatever_is_added_later() -> None:
    assert all(name.startswith("draft:") or name.endswith(":read") for name in DRAFTS_AND_READING)


@given(
    st.sets(st.sampled_from(list(Permission))),
    st.lists(
        st.just(DraftsOnly())
        | st.lists(st.sampled_from(list(Permission)) | st.text(max_size=20)).map(lambda n: Permissions(tuple(n)))
    ),
)
def test_no_restriction_on_uses_gives_any(granted: set[Permission], chain: list[caveats.AnyCaveat]) -> None:
    before = caveats.permitted(granted, [])
    for count in range(len(chain) + 1):
        left = caveats.permitted(granted, chain[:count])
        assert left <= before
        assert all(isinstance(name, Permission) for name in left)
        before = left


def test_one_draft_is_one_draft() -> None:
    caveats.check_draft([OneDraft(DRAFT)], DRAFT)
    caveats.check_draft([RequestUser(ALICE), DraftsOnly()], None)
    other = DRAFT.replace("6f", "70")
    for draft in (None, "", other, DRAFT.upper(), f"{{{DRAFT}}}", DRAFT.replace("-", "")):
        assert is_refused(caveats.check_draft, [OneDraft(DRAFT)], draft)
    assert is_refused(caveats.check_draft, [OneDraft(DRAFT), OneDraft(other)], DRAFT)
    assert is_refused(caveats.check_draft, [OneDraft("")], None)


@pytest.mark.parametrize(
    ("specifier", "good", "bad"),
    [
        (">=2,<3", ["2", "2.0", "2.9.1", "2.1a1", "2.5.dev3", "2.0.post1"], ["1.9", "3", "3.0rc1", "2.0a1"]),
        ("~=1.4", ["1.4", "1.9rc1"], ["2.0", "1.3"]),
        ("==1.5.*", ["1.5", "1.5.9b2"], ["1.6", "1!1.5"]),
        ("===1.5", ["1.5"], ["1.5.0"]),
        (">=1,!=1.3,<2,>=1.2", ["1.2", "1.4"], ["1.3", "1.1", "2"]),
        ("<1,>2", [], ["0.9", "1", "2", "3"]),
    ],
)
def test_versions_are_compared_as_installers_do_with_prereleases(
    specifier: str, good: list[str], bad: list[str]
) -> None:
    for version in good:
        caveats.check_version([Versions(specifier)], version)
    for version in (*bad, None, "", "newest", ">=2"):
        assert is_refused(caveats.check_version, [Versions(specifier)], version)


def test_a_set_of_versions_that_cannot_be_read_allows_none() -> None:
    assert is_refused(caveats.check_version, [Versions("newer")], "2.0")


@given(st.text(alphabet="0123456789.*<>=!~, abrcdevpost+-\n\u00fc", max_size=40), st.sampled_from(["1", "2.0a1"]))
def test_no_set_of_versions_raises_anything_but_our_error(specifier: str, version: str) -> None:
    def read_and_check(chain: list[caveats.AnyCaveat], asked: str | None) -> None:
        caveats.check_version([caveats.decode([103, specifier]), *chain], asked)

    is_refused(read_and_check, [], version)
    assert is_refused(read_and_check, [], None)


@given(st.lists(st.sampled_from([">=1", "<2", "!=1.5", "==1.*", "~=1.2"]), min_size=1, max_size=4))
def test_more_sets_of_versions_never_allow_more(specifiers: list[str]) -> None:
    apart = [Versions(specifier) for specifier in specifiers]
    for version in ("0.9", "1", "1.2", "1.5", "1.9rc1", "2", "2.1"):
        allowed = [not is_refused(caveats.check_version, [one], version) for one in apart]
        assert is_refused(caveats.check_version, apart, version) is not all(allowed)
