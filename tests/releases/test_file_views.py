"""Downloads: exact bytes, ranges, caching, and nothing a stranger's file could do to our origin."""

import os

import pytest
import requests
from django.test import Client

from indexsite import storage
from releases.models import File, Project
from tests.support import published

pytestmark = pytest.mark.django_db

CONTENT = os.urandom(1000)


@pytest.fixture
def sample() -> Project:
    return published.project("sampleproject")


@pytest.fixture
def wheel(sample: Project) -> File:
    return published.publish(sample, "1.0", content=CONTENT, metadata=b"Metadata-Version: 2.4\nName: s\n")


def url_of(file: File) -> str:
    return f"/files/{file.path}"


def body_of(response: object) -> bytes:
    return b"".join(response.streaming_content)  # type: ignore[attr-defined]


def test_a_download_is_the_exact_bytes_as_an_attachment_for_ever(client: Client, wheel: File) -> None:
    got = client.get(url_of(wheel))
    assert body_of(got) == CONTENT
    assert got["Content-Type"] == "application/octet-stream"
    assert got["Content-Length"] == "1000"
    assert got["Content-Disposition"] == f'attachment; filename="{wheel.filename}"'
    assert got["ETag"] == f'"{wheel.sha256}"'
    assert got["Cache-Control"] == "public, max-age=31536000, s-maxage=600, immutable"
    assert got["Accept-Ranges"] == "bytes"
    assert "Content-Encoding" not in got


def test_a_file_can_do_nothing_to_our_origin(client: Client, wheel: File) -> None:
    got = client.get(url_of(wheel))
    assert got["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert got["X-Content-Type-Options"] == "nosniff"
    assert got["Content-Disposition"].startswith("attachment")


def test_metadata_are_a_sibling_with_their_own_digest(client: Client, wheel: File) -> None:
    got = client.get(url_of(wheel) + ".metadata")
    assert body_of(got) == b"Metadata-Version: 2.4\nName: s\n"
    assert got["Content-Type"] == "text/plain; charset=utf-8"
    assert got["ETag"] == f'"{wheel.metadata_sha256}"'
    assert int(got["Content-Length"]) == 30
    assert client.head(url_of(wheel) + ".metadata")["Content-Length"] == "30"


def test_a_file_without_metadata_has_no_sibling(client: Client, sample: Project) -> None:
    file = published.publish(sample, "2.0", metadata=None)
    assert client.get(url_of(file) + ".metadata").status_code == 404


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=10-19", 10, 19),
        ("bytes=990-", 990, 999),
        ("bytes=990-5000", 990, 999),
        ("bytes=-10", 990, 999),
        ("bytes=-5000", 0, 999),
        ("Bytes= 1-2", 1, 2),
    ],
)
def test_one_range_is_served_alone(client: Client, wheel: File, asked: str, first: int, last: int) -> None:
    got = client.get(url_of(wheel), headers={"range": asked})
    assert got.status_code == 206
    assert got["Content-Range"] == f"bytes {first}-{last}/1000"
    assert int(got["Content-Length"]) == last - first + 1
    assert body_of(got) == CONTENT[first : last + 1]


@pytest.mark.parametrize("asked", ["bytes=1000-", "bytes=2000-3000", "bytes=-0"])
def test_a_range_of_nothing_is_refused_with_the_size(client: Client, wheel: File, asked: str) -> None:
    got = client.get(url_of(wheel), headers={"range": asked})
    assert (got.status_code, got["Content-Range"]) == (416, "bytes */1000")


@pytest.mark.parametrize("asked", ["bytes=1-2,5-6", "bytes=9-3", "bytes=-", "lines=1-2", "bytes=a-b", "nonsense"])
def test_a_range_we_do_not_understand_gets_the_whole_file(client: Client, wheel: File, asked: str) -> None:
    got = client.get(url_of(wheel), headers={"range": asked})
    assert got.status_code == 200
    assert body_of(got) == CONTENT


def test_a_range_of_another_file_gets_the_whole_file(client: Client, wheel: File) -> None:
    matching = {"range": "bytes=0-9", "if-range": f'"{wheel.sha256}"'}
    assert client.get(url_of(wheel), headers=matching).status_code == 206
    for other in ('"other"', f'W/"{wheel.sha256}"', "Wed, 04 Mar 2026 05:06:07 GMT"):
        got = client.get(url_of(wheel), headers={"range": "bytes=0-9", "if-range": other})
        assert got.status_code == 200
        assert body_of(got) == CONTENT


def test_head_says_the_size_and_opens_nothing(
    client: Client, wheel: File, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(sha256: str) -> None:
        raise AssertionError("opened")

    monkeypatch.setattr(storage, "open_blob", refuse)
    got = client.head(url_of(wheel), headers={"range": "bytes=0-9"})
    assert (got.status_code, got["Content-Length"], got["Accept-Ranges"], got.content) == (
        200,
        "1000",
        "bytes",
        b"",
    )


def test_who_has_the_file_is_not_sent_it_again(client: Client, wheel: File) -> None:
    got = client.get(url_of(wheel), headers={"if-none-match": f'"{wheel.sha256}"'})
    assert got.status_code == 304
    assert "Content-Length" not in got


def test_only_what_a_row_names_is_served(client: Client, wheel: File, sample: Project) -> None:
    orphan = published.store(b"orphan")
    other = published.publish(sample, "3.0", content=b"other")
    for path in (
        f"/files/{orphan[:2]}/{orphan[2:4]}/{orphan[4:]}/{wheel.filename}",
        url_of(wheel).replace(wheel.filename, other.filename),
        url_of(wheel).replace(wheel.filename, "a%00b.whl"),
        url_of(wheel) + ".asc",
        "/files/" + wheel.filename,
    ):
        assert client.get(path).status_code == 404
    wheel.delete()
    assert client.get(url_of(wheel)).status_code == 404


def test_only_reading_is_possible(client: Client, wheel: File) -> None:
    assert client.post(url_of(wheel)).status_code == 405


@pytest.mark.usefixtures("s3_bucket")
class TestBehindS3:
    def test_a_download_is_redirected_to_a_signed_link_that_outlives_the_redirect(
        self, client: Client, wheel: File
    ) -> None:
        got = client.get(url_of(wheel))
        assert got.status_code == 302
        assert got["Cache-Control"] == "public, max-age=600"
        assert storage.LINK_SECONDS > 600
        fetched = requests.get(got["Location"], headers={"Range": "bytes=0-9"}, timeout=5)
        assert (fetched.status_code, fetched.content) == (206, CONTENT[:10])

    def test_head_is_answered_here_because_a_link_is_signed_for_get(self, client: Client, wheel: File) -> None:
        got = client.head(url_of(wheel))
        assert (got.status_code, got["Content-Length"]) == (200, "1000")

    def test_metadata_come_without_a_detour(self, client: Client, wheel: File) -> None:
        assert body_of(client.get(url_of(wheel) + ".metadata")).startswith(b"Metadata-Version")
