"""The pure half of the simple API: bytes of pages, and negotiation."""

import json
import time
from datetime import UTC, datetime, timedelta, timezone
from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from releases.simple import FileEntry, ProjectPage, Representation, RootPage, negotiate

SHA = "0123456789abcdef" * 4
AT = datetime(2026, 3, 4, 5, 6, 7, 8, tzinfo=UTC)

HTML = Representation.HTML
JSON = Representation.JSON
TEXT = Representation.TEXT_HTML


def entry(filename: str = "pkg-1.0-py3-none-any.whl", **fields: object) -> FileEntry:
    values: dict[str, object] = {
        "url": f"/files/01/23/{SHA[4:]}/{filename}",
        "sha256": SHA,
        "size": 1234,
        "uploaded_at": AT,
        "version": "1.0",
        **fields,
    }
    return FileEntry(filename=filename, **values)  # type: ignore[arg-type]


def page(*files: FileEntry, **fields: object) -> ProjectPage:
    return ProjectPage(name="pkg", files=files, **{"serial": 7, **fields})  # type: ignore[arg-type]


class Reader(HTMLParser):
    """What an installer reads off an HTML page."""

    def __init__(self, body: bytes) -> None:
        super().__init__()
        self.anchors: list[tuple[dict[str, str | None], str]] = []
        self.meta: dict[str, str | None] = {}
        self.comments: list[str] = []
        self._attrs: dict[str, str | None] | None = None
        self.feed(body.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "meta":
            self.meta[str(values["name"])] = values["content"]
        if tag == "a":
            self.anchors.append((values, ""))
            self._attrs = values

    def handle_data(self, data: str) -> None:
        if self._attrs is not None:
            self.anchors[-1] = (self._attrs, self.anchors[-1][1] + data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "a":
            self._attrs = None

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)


def test_a_full_entry_says_everything_in_json() -> None:
    file = entry(requires_python=">=3.9,<4", metadata_sha256="ab" * 32, yanked="broken on Windows")
    assert json.loads(page(file).render_json()) == {
        "meta": {"api-version": "1.4", "_last-serial": 7},
        "name": "pkg",
        "project-status": {"status": "active"},
        "versions": ["1.0"],
        "files": [
            {
                "filename": "pkg-1.0-py3-none-any.whl",
                "url": f"/files/01/23/{SHA[4:]}/pkg-1.0-py3-none-any.whl",
                "hashes": {"sha256": SHA},
                "size": 1234,
                "upload-time": "2026-03-04T05:06:07.000008Z",
                "requires-python": ">=3.9,<4",
                "yanked": "broken on Windows",
                "core-metadata": {"sha256": "ab" * 32},
                "data-dist-info-metadata": {"sha256": "ab" * 32},
            }
        ],
    }


def test_a_bare_entry_says_what_is_absent_in_json() -> None:
    (file,) = json.loads(page(entry()).render_json())["files"]
    assert file["requires-python"] is None
    assert file["yanked"] is False
    assert file["core-metadata"] is file["data-dist-info-metadata"] is False


def test_a_yank_without_a_reason_is_true_in_json_and_an_empty_attribute_in_html() -> None:
    yanked = page(entry(yanked=""))
    assert json.loads(yanked.render_json())["files"][0]["yanked"] is True
    assert Reader(yanked.render_html()).anchors[0][0]["data-yanked"] == ""


def test_the_html_page_has_the_frozen_shape_and_nothing_else() -> None:
    file = entry(requires_python=">=3.9,<4", metadata_sha256="ab" * 32, yanked='"broken" & <gone>')
    read = Reader(page(file, entry("pkg-1.0.tar.gz")).render_html())
    assert read.meta == {"pypi:repository-version": "1.4", "pypi:project-status": "active"}
    assert read.comments == ["SERIAL 7"]
    first, second = read.anchors
    assert first == (
        {
            "href": f"/files/01/23/{SHA[4:]}/pkg-1.0-py3-none-any.whl#sha256={SHA}",
            "data-requires-python": ">=3.9,<4",
            "data-dist-info-metadata": "sha256=" + "ab" * 32,
            "data-core-metadata": "sha256=" + "ab" * 32,
            "data-yanked": '"broken" & <gone>',
        },
        "pkg-1.0-py3-none-any.whl",
    )
    assert second[0].keys() == {"href"}


def test_status_and_its_reason_appear_in_both_forms() -> None:
    archived = page(status="archived", status_reason='moved to "new"')
    assert json.loads(archived.render_json())["project-status"] == {
        "status": "archived",
        "reason": 'moved to "new"',
    }
    assert Reader(archived.render_html()).meta["pypi:project-status-reason"] == 'moved to "new"'


def test_files_are_ordered_by_version_and_then_by_name() -> None:
    names = [
        ("pkg-1.10.tar.gz", "1.10"),
        ("pkg-1.9.tar.gz", "1.9"),
        ("pkg-old.tar.gz", "old"),
        ("a-1.9.whl", "1.9"),
    ]
    rendered = json.loads(page(*(entry(name, version=version) for name, version in names)).render_json())
    assert [file["filename"] for file in rendered["files"]] == [
        "pkg-old.tar.gz",
        "a-1.9.whl",
        "pkg-1.9.tar.gz",
        "pkg-1.10.tar.gz",
    ]
    assert rendered["versions"] == ["old", "1.9", "1.10"]


def test_upload_times_are_in_utc_whatever_zone_they_came_in() -> None:
    at = datetime(2026, 3, 4, 7, 6, 7, tzinfo=timezone(timedelta(hours=2)))
    (file,) = json.loads(page(entry(uploaded_at=at)).render_json())["files"]
    assert file["upload-time"] == "2026-03-04T05:06:07.000000Z"


def test_the_root_page_links_normalised_names_and_shows_given_ones() -> None:
    root = RootPage([("Foo.Bar", "foo-bar", 3), ("zoo", "zoo", 9)], serial=9)
    assert Reader(root.render_html()).anchors == [
        ({"href": "/simple/foo-bar/"}, "Foo.Bar"),
        ({"href": "/simple/zoo/"}, "zoo"),
    ]
    assert json.loads(root.render_json()) == {
        "meta": {"api-version": "1.4", "_last-serial": 9},
        "projects": [{"name": "Foo.Bar", "_last-serial": 3}, {"name": "zoo", "_last-serial": 9}],
    }


text = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
filenames = st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF, exclude_characters="/"), min_size=1)
entries = st.builds(
    lambda filename, requires, yanked, version, size: entry(
        filename, requires_python=requires, yanked=yanked, version=version, size=size
    ),
    filenames,
    text,
    st.none() | text,
    text,
    st.integers(0, 2**40),
)


@given(st.lists(entries, max_size=8, unique_by=lambda file: file.filename), text)
def test_whatever_owners_write_the_page_stays_one_page(files: list[FileEntry], reason: str) -> None:
    rendered = page(*files, status_reason=reason)
    said = json.loads(rendered.render_json())
    read = Reader(rendered.render_html())
    assert len(said["files"]) == len(read.anchors) == len(files)
    by_name = sorted(files, key=lambda file: file.filename)
    for file, got in zip(by_name, sorted(said["files"], key=lambda got: got["filename"]), strict=True):
        assert got["filename"] == file.filename
        assert unquote(urlsplit(got["url"]).path) == file.url
        assert got["size"] == file.size
    assert {attrs["href"].partition("#")[0] for attrs, _ in read.anchors} == {  # type: ignore[union-attr]
        got["url"] for got in said["files"]
    }
    assert [shown for _, shown in read.anchors] == [got["filename"] for got in said["files"]]
    allowed = {"href", "data-requires-python", "data-yanked", "data-core-metadata", "data-dist-info-metadata"}
    assert all(attrs.keys() <= allowed for attrs, _ in read.anchors)
    assert read.meta.keys() <= {"pypi:repository-version", "pypi:project-status", "pypi:project-status-reason"}


def test_two_thousand_files_are_rendered_in_a_blink() -> None:
    files = [entry(f"pkg-1.{n}-py3-none-any.whl", version=f"1.{n}", requires_python=">=3.9") for n in range(2000)]
    big = page(*files)
    best = min(_seconds(big.render_html) + _seconds(big.render_json) for _ in range(3))
    assert best < 0.2, "30 ms on an idle machine; ten times as much would be another algorithm"


def _seconds(act: object) -> float:
    begin = time.thread_time()
    act()  # type: ignore[operator]
    return time.thread_time() - begin


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", TEXT),
        ("*/*", TEXT),
        ("text/html", TEXT),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", TEXT),
        ("application/vnd.pypi.simple.v1+json", JSON),
        ("application/vnd.pypi.simple.latest+json", JSON),
        ("application/vnd.pypi.simple.latest+html", HTML),
        ("APPLICATION/VND.PYPI.SIMPLE.V1+JSON", JSON),
        # pip, uv, poetry
        (
            "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01",
            JSON,
        ),
        ("application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01", JSON),
        ("application/vnd.pypi.simple.v1+json, */*;q=0.1", JSON),
        ("application/vnd.pypi.simple.v1+json;q=0.1, text/html;q=0.2", TEXT),
        ("application/vnd.pypi.simple.v1+html, application/vnd.pypi.simple.v1+json", HTML),
        ("application/vnd.pypi.simple.v1+json, */*", JSON),
        ("application/*", HTML),
        ("text/*;q=0.5, application/*;q=0.4", TEXT),
        ("text/html;q=0, */*", HTML),
        ("application/vnd.pypi.simple.v1+json;q=0", TEXT),
        ("application/vnd.pypi.simple.v1+json;q=nonsense, text/html;q=0.1", TEXT),
        ("application/vnd.pypi.simple.v1+json;q=nan", TEXT),
        ("application/vnd.pypi.simple.v2+json", TEXT),
        ("image/png", TEXT),
        (",;,=;q", TEXT),
    ],
)
def test_negotiation(accept: str, expected: Representation) -> None:
    assert negotiate(accept) is expected


def test_the_format_parameter_wins_if_it_is_known() -> None:
    assert negotiate("text/html", "application/vnd.pypi.simple.v1+json") is JSON
    assert negotiate("application/vnd.pypi.simple.v1+json", "json") is JSON
    assert negotiate("", "no/such") is TEXT


@given(st.text(max_size=200), st.text(max_size=50))
def test_no_header_breaks_negotiation(accept: str, wanted: str) -> None:
    assert negotiate(accept, wanted) in Representation


ranges = st.sampled_from(
    ["text/html", HTML.value, JSON.value, "application/vnd.pypi.simple.latest+json", "application/vnd.other+json"]
)
qualities = st.integers(0, 1000).map(lambda thousandths: thousandths / 1000)


@given(st.lists(st.tuples(ranges, qualities), unique_by=lambda pair: pair[0].replace("latest", "v1")))
def test_what_is_chosen_is_never_less_wanted_than_another(accepts: list[tuple[str, float]]) -> None:
    chosen = negotiate(", ".join(f"{kind};q={quality:.3f}" for kind, quality in accepts))
    known = {kind.replace("latest", "v1"): quality for kind, quality in accepts if "other" not in kind}
    if any(known.values()):
        assert known[chosen.value.removesuffix("; charset=utf-8")] == max(known.values())
    else:
        assert chosen is TEXT
