"""Whatever arrives, only `Rejected` comes out."""

from __future__ import annotations

import gzip
import tempfile
from collections.abc import Callable
from pathlib import Path

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from releases.upload import Hashes, Rejected, parse_upload
from releases.upload.core_metadata import parse_metadata
from releases.upload.filenames import parse_file_name
from tests.support.distributions import Distribution, core_metadata, make_sdist, make_wheel, tar_bytes, tar_entry

WHEEL, SDIST = make_wheel(), make_sdist()
TAR = gzip.decompress(SDIST.content)
FIELDS = st.sampled_from(
    [":action", "protocol_version", "name", "version", "filetype", "pyversion", "md5_digest", "sha256_digest"]
)
ENCODABLE = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
HEADERS = [
    "Summary",
    "Keywords",
    "License",
    "License-Expression",
    "License-File",
    "Classifier",
    "Requires-Dist",
    "Requires-Python",
    "Project-URL",
    "Home-page",
    "Provides-Extra",
    "Description-Content-Type",
    "Dynamic",
    "Import-Name",
    "Author",
]
relaxed = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def refusal(run: Callable[[], object]) -> str:
    """The sentence of the refusal, or ""; any other exception fails the test."""
    try:
        run()
    except Rejected as error:
        return error.sentence
    return ""


def check(distribution: Distribution, content: bytes, form: dict[str, list[str]] | None = None) -> None:
    """Parse these bytes under the distribution's name; a refusal must fit a reason phrase."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "incoming"
        path.write_bytes(content)
        fields = distribution.fields(sha256_digest=None, md5_digest=None, blake2_256_digest=None)
        sentence = refusal(
            lambda: parse_upload(
                path,
                filename=distribution.filename,
                form={**fields, **(form or {})},
                hashes=Hashes("0" * 32, "0" * 64, "0" * 64, len(content)),
            )
        )
    assert sentence.isascii()
    assert sentence.isprintable()


@st.composite
def damaged(draw: st.DrawFn, good: bytes) -> bytes:
    """Good bytes with some overwritten, removed or put in."""
    content = bytearray(good)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(0, len(content) - 1)))
        new = draw(st.binary(max_size=12))
        content[at : at + draw(st.integers(0, 12))] = new
    return bytes(content)


@relaxed
@given(damaged(WHEEL.content))
def test_damaged_wheels(content: bytes) -> None:
    check(WHEEL, content)


@relaxed
@given(damaged(SDIST.content))
def test_damaged_sdists(content: bytes) -> None:
    check(SDIST, content)


@relaxed
@given(damaged(TAR))
def test_damaged_tars_in_sound_gzip(content: bytes) -> None:
    check(SDIST, gzip.compress(content, compresslevel=1))


@relaxed
@given(st.one_of(damaged(core_metadata()), st.binary(max_size=300)))
@example(b"Metadata-Version: 2.1\nName: a\nVersion: 1\nContent-Transfer-Encoding: base64\n\n\xff")
def test_metadata(content: bytes) -> None:
    assert refusal(lambda: parse_metadata(content)).isascii()


@relaxed
@given(
    st.lists(
        st.tuples(
            st.sampled_from(HEADERS),
            st.text(max_size=40),
        ),
        max_size=4,
    )
)
def test_metadata_fields(headers: list[tuple[str, str]]) -> None:
    try:
        content = core_metadata(headers=headers)
    except UnicodeEncodeError:
        return  # lone surrogates cannot be in a file
    check(WHEEL, make_wheel(metadata=content).content)


@relaxed
@given(st.dictionaries(FIELDS, st.lists(st.text(max_size=20), max_size=2)))
def test_forms(form: dict[str, list[str]]) -> None:
    check(WHEEL, WHEEL.content, form)


@relaxed
@given(
    st.one_of(
        st.text(max_size=40),
        st.builds("{}-{}{}".format, st.text("aA1._-", max_size=9), st.text("01.!rcpost+", max_size=9),
                  st.sampled_from([".tar.gz", "-py3-none-any.whl", "-1-cp3-abi3-win32.whl"])),
    )
)  # fmt: skip
def test_file_names(filename: str) -> None:
    sentence = refusal(lambda: parse_file_name(filename))
    assert sentence.isascii()
    assert sentence or filename.startswith(parse_file_name(filename).stem)


@relaxed
@given(ENCODABLE, st.sampled_from([b"0", b"1", b"2", b"5"]), ENCODABLE)
def test_tar_members(path: str, kind: bytes, link: str) -> None:
    members = [(tar_entry("sampleproject-1.0/PKG-INFO", size=len(SDIST.metadata)), SDIST.metadata)]
    members.append((tar_entry(f"sampleproject-1.0/{path}", kind=kind, link=link), b""))
    check(SDIST, gzip.compress(tar_bytes(members)))
