"""Descriptions become HTML that can do nothing but be read."""

from __future__ import annotations

import re
import time
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from releases.description import MAX_MARKDOWN, MAX_RST, render

MARKDOWN, RST, PLAIN = "text/markdown", "text/x-rst", "text/plain"
ELEMENTS_THAT_ACT = {
    "script", "style", "iframe", "object", "embed", "form", "button", "link", "meta", "base", "svg", "math",
    "video", "audio", "textarea", "select", "template", "frame", "applet", "marquee", "noscript", "source",
    "frameset",
}  # fmt: skip


class Inventory(HTMLParser):
    """Every element and attribute of a piece of HTML."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))


def assert_harmless(rendered: str) -> None:
    for tag, attributes in Inventory(rendered).elements:
        assert tag not in ELEMENTS_THAT_ACT
        for name, value in attributes.items():
            assert not name.startswith("on")
            assert name not in {"style", "action", "formaction", "srcset", "ping", "target", "http-equiv"}
            if name == "href":
                assert re.match(r"https?://|mailto:|#user-content-", value or "", re.IGNORECASE)
            if name == "src":
                assert (value or "").lower().startswith("https://")
            if name == "id":
                assert (value or "").startswith("user-content-")
        if tag == "a":
            assert attributes.get("rel") == "nofollow noopener"
        assert "lang" not in attributes
        if tag == "input":
            assert (attributes["type"], "disabled" in attributes) == ("checkbox", True)


HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<img src='javascript:alert(1)'>",
    "<img src='data:image/svg+xml,<svg onload=alert(1)>'>",
    "<img src='https://example.org/a.png' srcset='http://evil.example/b.png' style='position:fixed'>",
    "<svg onload=alert(1)>",
    "<svg><a xlink:href='javascript:alert(1)'><text>x</text></a></svg>",
    "<math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    "<a href='javascript:alert(1)'>x</a>",
    "<a href=' &#x6a;avascript:alert(1)'>x</a>",
    "<a href='java\tscript:alert(1)'>x</a>",
    "<a href='vbscript:x'>x</a>",
    "<a href='data:text/html,<script>alert(1)</script>'>x</a>",
    "<a href='//evil.example'>x</a>",
    "<a href='/account/logout/' target=_top ping=/x>x</a>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<object data='javascript:alert(1)'></object><embed src='javascript:alert(1)'>",
    "<form action='/account/password/'><button formaction='javascript:alert(1)'>x</button></form>",
    "<input type=text autofocus onfocus=alert(1)>",
    "<base href='https://evil.example/'>",
    "<meta http-equiv=refresh content='0;url=https://evil.example'>",
    "<link rel=stylesheet href='https://evil.example/x.css'><style>*{display:none}</style>",
    "<details ontoggle=alert(1) open><summary>x</summary></details>",
    "<div id=main class='site-header toast skip btn notice notice--bad'>Sign in again</div>",
    "<p style='position:fixed;inset:0'>x</p>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'></noscript>",
    "<table background='javascript:alert(1)'><tr><td>x</td></tr></table>",
    "<!--<img src='--><img src=x onerror=alert(1)>'>",
    "<![CDATA[<script>alert(1)</script>]]>",
    "[x](javascript:alert(1)) [y](JaVaScRiPt:alert(1)) <javascript:alert(1)>",
    "![x](javascript:alert(1)) ![y](http://evil.example/pixel.png)",
    "[x]: javascript:alert(1)\n\n[x]",
    "```html\"onmouseover=\"alert(1)\n<script>\n```",
    "# <img src=x onerror=alert(1)>",
    "[a](#main) <a href='#'>top</a>",
    '<pre lang="x&quot; onclick=&quot;alert(1)"><code>a</code></pre>',
    ".. raw:: html\n\n   <script>alert(1)</script>\n",
    ".. include:: /etc/passwd\n",
    ".. csv-table::\n   :file: /etc/passwd\n",
    ".. csv-table::\n   :url: http://127.0.0.1:1/\n",
    "`x <javascript:alert(1)>`_",
    ".. image:: javascript:alert(1)\n   :target: javascript:alert(2)\n",
    ".. figure:: https://example.org/a.png\n   :figclass: toast site-header\n   :name: main\n\n   x\n",
    ".. container:: toast\n\n   x\n",
    ".. math:: <script>alert(1)</script>\n",
    ".. code:: html\n   :class: toast\n\n   <script>alert(1)</script>\n",
    ".. role:: raw-html(raw)\n   :format: html\n\n:raw-html:`<script>alert(1)</script>`\n",
]  # fmt: skip


@pytest.mark.parametrize(
    "content_type", [MARKDOWN, f"{MARKDOWN}; variant=CommonMark", RST, PLAIN, "", "text/html"]
)
@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_harmless(text: str, content_type: str) -> None:
    rendered = render(text, content_type)
    assert_harmless(rendered)
    assert "root:" not in rendered
    for name in ("toast", "site-header", "skip", "btn", "notice"):
        assert not re.search(rf'class="[^"]*\b{name}\b', rendered)


def test_the_first_pass_alone_would_let_pages_be_imitated() -> None:
    """Why there is a second pass: ids and classes of ours go through the first."""
    from readme_renderer import markdown

    rendered = markdown.render("<div id='main' class='toast'>Sign in again</div>\n\n<a href='/account/'>x</a>")
    assert 'id="main"' in (rendered or "")
    assert 'class="toast"' in (rendered or "")
    assert 'href="/account/"' in (rendered or "")


def test_markdown_reads_well() -> None:
    text = (
        "# Title\n\n[link](https://example.org/a) and [part](#title)\n\n![logo](https://example.org/l.png)\n\n"
        "| a | b |\n|---|---|\n| 1 | 2 |\n\n- [x] done\n\n```python\nimport os\n```\n\n> [!WARNING]\n> Mind.\n"
    )
    rendered = render(text, "text/markdown; charset=UTF-8; variant=GFM")
    assert '<h1 id="user-content-title">Title</h1>' in rendered
    assert '<a href="https://example.org/a" rel="nofollow noopener">link</a>' in rendered
    assert 'href="#user-content-title"' in rendered
    assert 'src="https://example.org/l.png"' in rendered
    assert 'loading="lazy"' in rendered
    assert "<td>1</td>" in rendered
    assert '<span class="kn">import</span>' in rendered
    assert 'class="admonition warning"' in rendered
    assert_harmless(rendered)


def test_links_that_would_lead_into_this_site_become_text() -> None:
    rendered = render(
        "See [the *docs*](docs/index.md 'here'), [more](/x) and <a id='here'>an anchor</a>.", MARKDOWN
    )
    assert "See the <em>docs</em>, more and" in rendered
    assert '<a id="user-content-here"' in rendered


def test_restructuredtext_reads_well() -> None:
    text = "Title\n=====\n\n`link <https://example.org/a>`_\n\n.. code:: python\n\n   import os\n\n* one\n* two\n"
    for content_type in (RST, "", "text/x-rst; charset=UTF-8"):
        rendered = render(text, content_type)
        assert "<h1>Title</h1>" in rendered
        assert '<a href="https://example.org/a" rel="nofollow noopener">link</a>' in rendered
        assert '<span class="kn">import</span>' in rendered
        assert "<li>" in rendered


@pytest.mark.parametrize(
    ("text", "content_type"),
    [
        ("<b>plain</b>", PLAIN),
        ("<b>unknown</b>", "application/x-unknown"),
        ("Broken\n===\n\n.. nonsense:: <b>", RST),
        ("<b>malformed</b>", "text/plain; x*"),
        ("<b>" + "x" * MAX_MARKDOWN, MARKDOWN),
        ("<b>" + "x" * MAX_RST, RST),
        ("<b>\n\n" + ">" * 5_000, MARKDOWN),
        ("<b>" + "<!--" * 5_000, MARKDOWN),
    ],
)
def test_what_cannot_be_rendered_is_shown_as_it_is(text: str, content_type: str) -> None:
    rendered = render(text, content_type)
    assert rendered.startswith("<pre>")
    assert "<b>" not in rendered
    assert_harmless(rendered)


@pytest.mark.parametrize("text", ["", "  \n", "UNKNOWN", "\0"])
def test_nothing_stays_nothing(text: str) -> None:
    assert render(text, MARKDOWN) == ""


@pytest.mark.parametrize(
    "text",
    [
        ">" * 100_000,
        "- " * 50_000,
        "[" * 100_000,
        "![[" * 40_000,
        "**a_b" * 50_000,
        "<div>" * 40_000,
        "<b>" * 100_000,
        '<pre lang="a"><code>' * 20_000,
        "<!--" * 100_000,
        "<![CDATA[" * 50_000,
        "<?" * 100_000,
        "`" * 100_000,
        "|" * 50_000 + "\n" + "|-" * 50_000,
        "[a]: x\n" + "[a]" * 50_000,
        "".join("  " * depth + "- a\n" for depth in range(400)),
    ],
)
def test_no_text_takes_long(text: str) -> None:
    started = time.process_time()
    for content_type in (MARKDOWN, RST):
        render(text, content_type)
    assert time.process_time() - started < 5


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=300), st.sampled_from([MARKDOWN, RST, PLAIN, ""]) | st.text(max_size=30))
def test_any_text_is_harmless(text: str, content_type: str) -> None:
    assert_harmless(render(text, content_type))


@pytest.mark.parametrize("line", ["*" * 150, "_" * 199, "~" * 120, "*_" * 90])
def test_a_line_of_stars_is_no_riddle(line: str) -> None:
    began = time.thread_time()
    rendered = render(f"Title\n\n{line} \n\n" + "word " * 200, MARKDOWN)
    assert time.thread_time() - began < 5
    assert "word word" in rendered


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("|a" * 8_000 + "\n" + "|-" * 8_000 + "\n" + "x\n" * 8_000, MARKDOWN),
        ("> " + "|a" * 8_000 + "\r> " + "|-" * 8_000 + "\r" + "> x\r" * 8_000, MARKDOWN),
        (
            "".join(f".. |a{n}| replace:: |a{n + 1}| |a{n + 1}|\n" for n in range(30))
            + ".. |a30| replace:: x\n\n|a0|",
            RST,
        ),
        (
            "".join(f".. |a{n}| replace::\n   |a{n + 1}| |a{n + 1}|\n" for n in range(30))
            + ".. |a30| replace:: x\n\n|a0|",
            RST,
        ),
        (".. |b| replace::\n" + "   some words\n" * 3_000 + "\n" + "|b| " * 9_000, RST),
        (".. contents::\n\n" * 200 + "".join(f"t{n}\n======\n\n" for n in range(3_000)), RST),
    ],
    ids=["wide table", "wide table in a quote", "nested insertions", "nested below", "much inserted", "contents"],
)
def test_what_would_grow_without_end_is_shown_as_it_is(text: str, kind: str) -> None:
    began = time.thread_time()
    assert render(text, kind).startswith("<pre>")
    assert time.thread_time() - began < 5


def test_notes_keep_the_classes_that_our_style_sheet_knows() -> None:
    markdown = render("> [!NOTE]\n> Mind the gap.\n\n> [!CAUTION]\n> Do not run.", MARKDOWN)
    rst = render(".. note::\n\n   Mind the gap.\n\n.. caution:: Do not run.", RST)
    for page in (markdown, rst):
        assert re.findall(r'<aside class="([a-z ]+)">', page) == ["admonition note", "admonition caution"]
        assert '<p class="admonition-title">Note</p>' in page
    assert ".admonition:is(.caution" in Path("static/css/pages.css").read_text()


def test_tables_and_insertions_of_real_texts_are_rendered() -> None:
    assert "<table>" in render("|a|b|\n|-|-|\n" + "|1|2|\n" * 300, MARKDOWN)
    assert "hello world" in render(".. |x| replace:: hello\n\n.. contents::\n\nT\n==\n\n|x| world\n", RST)
