"""The wire format: interoperable, strict, and nothing but our own error comes out of it."""

from __future__ import annotations

import base64

import pymacaroons
import pypitoken
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokens.macaroons import wire
from tokens.macaroons.wire import Macaroon, MacaroonError

KEY = bytes(range(32))
IDENTIFIER = b"0b6ba5e4-7f4e-4f0e-a0c2-cf6aa06f0b0e"
CAVEATS = (b'[3,"00000000-0000-0000-0000-000000000001"]', b'[1,["sampleproject"]]')
LOCATION = "index.example.org"


def a_token(*caveats: bytes) -> str:
    made = wire.create(location=LOCATION, identifier=IDENTIFIER, key=KEY)
    return wire.serialize(wire.restrict(made, *caveats), prefix="idx-")


def verifies(token: str) -> Macaroon | None:
    try:
        macaroon = wire.parse(token, prefix="idx-")
        wire.verify_signature(macaroon, KEY)
    except MacaroonError:
        return None
    return macaroon


def rebuild(data: bytes) -> str:
    return "idx-" + base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def raw_bytes(token: str) -> bytes:
    body = token.removeprefix("idx-")
    return base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))


@pytest.mark.parametrize("caveats", [(), CAVEATS[:1], CAVEATS, (b"x" * 300,)])
def test_our_bytes_are_those_of_pymacaroons(caveats: tuple[bytes, ...]) -> None:
    theirs = pymacaroons.Macaroon(location=LOCATION, identifier=IDENTIFIER, key=KEY, version=2)
    for caveat in caveats:
        theirs.add_first_party_caveat(caveat.decode())
    assert a_token(*caveats) == "idx-" + theirs.serialize()


def test_pypitoken_restricts_our_token_offline_and_we_verify_it() -> None:
    loaded = pypitoken.Token.load(a_token(*CAVEATS))
    restricted = loaded.restrict(not_before=1, not_after=2, project_names=["sampleproject"]).dump()
    macaroon = verifies(restricted)
    assert macaroon is not None
    assert macaroon.caveats == (*CAVEATS, b"[0, 2, 1]", b'[1, ["sampleproject"]]')


def test_pypitoken_checks_a_token_that_we_restricted() -> None:
    token = pypitoken.Token.load(a_token(*CAVEATS))
    token.check(KEY, project_name="sampleproject", user_id="00000000-0000-0000-0000-000000000001")
    assert [type(r).__name__ for r in token.restrictions] == ["UserIDRestriction", "ProjectNamesRestriction"]


def test_a_removed_caveat_is_found_out() -> None:
    macaroon = wire.parse(a_token(*CAVEATS), prefix="idx-")
    for kept in ((), CAVEATS[:1], CAVEATS[1:], CAVEATS[::-1]):
        forged = Macaroon(macaroon.location, macaroon.identifier, kept, macaroon.signature)
        with pytest.raises(MacaroonError) as refused:
            wire.verify_signature(forged, KEY)
        assert refused.value.code == "bad-signature"


def test_another_root_key_does_not_verify() -> None:
    macaroon = wire.parse(a_token(), prefix="idx-")
    with pytest.raises(MacaroonError):
        wire.verify_signature(macaroon, bytes(32))


def test_the_location_is_a_hint_without_authority() -> None:
    macaroon = wire.parse(a_token(), prefix="idx-")
    moved = Macaroon("elsewhere.example", macaroon.identifier, macaroon.caveats, macaroon.signature)
    wire.verify_signature(moved, KEY)


@pytest.mark.parametrize(
    ("token", "says"),
    [
        ("", "does not begin with idx-"),
        ("idx-", "altered or cut off"),
        ("pypi-" + a_token()[4:], "does not begin with idx-"),
        ("idx-" + "A" * wire.MAX_TOKEN_LENGTH, "longer than 4096"),
        (a_token(*[b"[]"] * (wire.MAX_CAVEATS + 1)), "more than 32 restrictions"),
        (a_token() + "=", "altered or cut off"),
        (a_token() + "\u00e9", "altered or cut off"),
        (rebuild(b"\x01" + raw_bytes(a_token())[1:]), "not a version 2 macaroon"),
        (rebuild(raw_bytes(a_token()) + b"\x00"), "altered or cut off"),
        (rebuild(raw_bytes(a_token())[:-1]), "altered or cut off"),
        # A length written in more bytes than it needs, and one without an end.
        (rebuild(b"\x02\x01\x91\x00" + raw_bytes(a_token())[3:]), "altered or cut off"),
        (rebuild(b"\x02\x01\x91\x80\x80\x80\x00"), "altered or cut off"),
        # A location that is not UTF-8; an identifier before the location; a caveat with a third party's key.
        (rebuild(b"\x02\x01\x01\xff" + raw_bytes(a_token())[3 + len(LOCATION) :]), "altered or cut off"),
        (rebuild(b"\x02\x02\x01a\x01\x01b\x00\x00\x06\x20" + bytes(32)), "altered or cut off"),
        (
            rebuild(b"\x02\x01\x01a\x02\x01b\x00\x02\x01c\x04\x01d\x00\x00\x06\x20" + bytes(32)),
            "altered or cut off",
        ),
    ],
)
def test_a_malformed_token_is_refused_with_a_reason(token: str, says: str) -> None:
    with pytest.raises(MacaroonError) as refused:
        wire.parse(token, prefix="idx-")
    assert refused.value.code == "malformed"
    assert says in refused.value.reason


def test_the_last_character_has_one_spelling() -> None:
    token = a_token(b"x")  # its length leaves unused bits in the last base64 character
    assert len(raw_bytes(token)) % 3
    twins = {token[:-1] + last for last in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"}
    same_bytes = [twin for twin in twins if raw_bytes(twin) == raw_bytes(token)]
    assert len(same_bytes) > 1
    assert [twin for twin in same_bytes if verifies(twin)] == [token]


@given(st.text(max_size=200))
def test_no_text_raises_anything_but_our_error(text: str) -> None:
    assert verifies(text) is None
    assert verifies("idx-" + text) is None


@given(st.binary(max_size=300))
def test_no_bytes_raise_anything_but_our_error(data: bytes) -> None:
    assert verifies(rebuild(data)) is None
    assert verifies(rebuild(b"\x02" + data)) is None


@settings(max_examples=1000, deadline=None)
@given(st.data())
def test_no_mutation_verifies_except_one_of_the_location(data: st.DataObject) -> None:
    token = a_token(*CAVEATS)
    original = wire.parse(token, prefix="idx-")
    raw = bytearray(raw_bytes(token))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(raw) - 1))
        match data.draw(st.sampled_from(["replace", "remove", "insert", "cut"])):
            case "replace":
                raw[at] = data.draw(st.integers(0, 255))
            case "remove" if len(raw) > 1:
                del raw[at]
            case "insert":
                raw.insert(at, data.draw(st.integers(0, 255)))
            case _:
                del raw[max(1, at) :]
    macaroon = verifies(rebuild(bytes(raw)))
    if macaroon is not None:
        assert (macaroon.identifier, macaroon.caveats, macaroon.signature) == (
            original.identifier,
            original.caveats,
            original.signature,
        )


@given(st.lists(st.binary(min_size=1, max_size=60), max_size=wire.MAX_CAVEATS))
def test_what_is_serialized_is_parsed_back(caveats: list[bytes]) -> None:
    macaroon = verifies(a_token(*caveats))
    assert macaroon is not None
    assert macaroon.caveats == tuple(caveats)
