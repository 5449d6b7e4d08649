"""A project's description as HTML that is safe inside our pages. Knows no Django and never raises.

readme-renderer turns Markdown and reStructuredText into clean HTML; a second pass keeps what is left from playing
a part of the page around it: ids get a prefix, classes are only those of markup, links leave the site.
"""

from __future__ import annotations

import functools
import html
import io
import re
from collections.abc import Callable
from email.message import EmailMessage

import nh3
from pygments.token import STANDARD_TYPES
from readme_renderer import clean, markdown, rst

# Beyond this a text is shown as it is: rendering costs far more than reading, and nobody reads that much.
MAX_MARKDOWN = 512 * 1024
# docutils takes the square of a text's length for several of its constructs: 20 s and more at this size.
MAX_RST = 96 * 1024
# Constructs that make much out of little. Cells: a row of a table is filled up to the width of its head.
_MAX_CELLS = 100_000
_MAX_INSERTED = 1_000_000
_MAX_CONTENTS = 2
_SUBSTITUTION = re.compile(r"^[ \t]*\.\.[ \t]+\|[^\n]*(?:\n[ \t]+[^\n]*)*", re.MULTILINE)
# Each one that is left open makes the highlighter or a parser search to the end of the text: time grows with
# the square of their number.
_MAX_OPENERS = 200
_OPENER = re.compile(r"<pre|<!|<\?")
# Every level is a level of somebody's stack.
_MAX_NESTING = 60

ID_PREFIX = "user-content-"
_CLASSES = {name for name in STANDARD_TYPES.values() if name} | {
    "align-center", "align-left", "align-right", "align-top", "align-middle", "align-bottom", "docutils",
    "highlight", "code", "literal", "literal-block", "simple", "field-list", "option-list", "footnote",
    "footnotes",
    "footnote-ref", "footnote-backref", "contains-task-list", "task-list-item", "admonition", "admonition-title",
    "attention", "caution", "danger", "error", "hint", "important", "note", "tip", "warning",
    "markdown-alert", "markdown-alert-title", "markdown-alert-note", "markdown-alert-tip",
    "markdown-alert-important", "markdown-alert-warning", "markdown-alert-caution",
}  # fmt: skip
_LANGUAGE_CLASS = re.compile(r"language-[A-Za-z0-9_+#.-]{1,40}")
_NESTED_LINE = re.compile(rf"^[ \t]*(?:(?:>|[-*+]|\d{{1,9}}[.)])[ \t]*){{{_MAX_NESTING},}}", re.MULTILINE)
# One reading only: if the second sign could be a delimiter too, a line of 40 stars would take for ever.
_EMPHASIS = re.compile(r"(?:[*_~][^\s*_~]?){200,}")
# Attributes come in any order. Links cannot nest, so the end of one is the next end.
_LINK = re.compile(r'<a((?: [a-z-]+="[^"]*")*)>(.*?)</a>', re.DOTALL)
_ATTRIBUTE_NAME = re.compile(r' ([a-z-]+)="[^"]*"')
_SIZE = re.compile(r"\d{1,4}(px|%|em)?")
# `lang` is a language people speak; the renderer writes the one that a block of code is in.
_ATTRIBUTES = {tag: set(names) - {"lang"} for tag, names in clean.ALLOWED_ATTRIBUTES.items()}


@functools.lru_cache(maxsize=16)  # the files of one release come one after the other with the same text
def render(text: str, content_type: str) -> str:
    """The description as sanitised HTML, "" if there is none.

    Args:
        text: as the metadata has it.
        content_type: the field Description-Content-Type; "" means reStructuredText if it is some (PEP 566).

    Returns:
        HTML of allowed elements only. A text that cannot be rendered comes out escaped, as it is.
    """
    text = text.replace("\0", "").strip()
    if not text or text == "UNKNOWN":
        return ""
    kind, variant = _parse_content_type(content_type)
    rendered: str | None = None
    try:
        if kind == "text/markdown":
            rendered = _markdown(text, variant)
        elif kind == "text/x-rst":
            rendered = _rst(text)
        return _settle(rendered) if rendered else _plain(text)
    except Exception:  # noqa: BLE001 - three parsers and whatever people feed them; the text itself is always left
        return _plain(text)


def _parse_content_type(content_type: str) -> tuple[str, str]:
    if not content_type.strip():
        return "text/x-rst", ""
    message = EmailMessage()
    try:
        message["content-type"] = content_type
        variant = str(message["content-type"].params.get("variant", "GFM"))
    except (ValueError, IndexError, AttributeError):
        return "text/plain", ""
    return message.get_content_type(), variant if variant in {"GFM", "CommonMark"} else "GFM"


def _markdown(text: str, variant: str) -> str | None:
    if len(text) > MAX_MARKDOWN or len(_OPENER.findall(text)) > _MAX_OPENERS or _is_deep(text):
        return None
    if _cells(text) > _MAX_CELLS:
        return None
    return markdown.render(text, variant=variant)


def _rst(text: str) -> str | None:
    if len(text) > MAX_RST or _is_deep(text) or _multiplies(text):
        return None
    return rst.render(text, stream=io.StringIO())


def _cells(text: str) -> int:
    """At most so many cells do the tables of a Markdown text have."""
    lines = re.split(r"[\r\n]", text)
    widest = max((line.count("|") for line in lines if not line.strip("|-: \t\v\f>")), default=0)
    return (widest + 1) * len(lines) if widest else 0


def _multiplies(text: str) -> bool:
    """Whether a reStructuredText inserts texts into each other, or too often."""
    if len(re.findall(r"contents\s*::", text, re.IGNORECASE)) > _MAX_CONTENTS:
        return True
    definitions = _SUBSTITUTION.findall(text)
    # Each may name itself; whatever else stands between bars inserts another one.
    if any(definition.count("|") > 2 for definition in definitions):
        return True
    return sum(map(len, definitions)) * text.count("|") > _MAX_INSERTED * 2


def _is_deep(text: str) -> bool:
    """Whether quotes, lists, brackets or raw elements nest deeper than any real text."""
    if _NESTED_LINE.search(text) or "[" * _MAX_NESTING in text or _EMPHASIS.search(text):
        return True
    depth = deepest = 0
    for match in re.finditer(r"<(/?)[a-zA-Z][^<>]*>", text):
        depth = max(0, depth - 1) if match[1] else depth + 1
        deepest = max(deepest, depth)
    # Elements such as <br> never close: many in a row look deep and are not.
    return deepest > 2_000


def _settle(rendered: str) -> str:
    """The second pass, over what readme-renderer already found harmless."""
    cleaned = nh3.clean(
        rendered,
        tags=clean.ALLOWED_TAGS,
        attributes=_ATTRIBUTES,
        attribute_filter=_attribute,
        link_rel="nofollow noopener",
        url_schemes={"http", "https", "mailto"},
        set_tag_attribute_values={
            "input": {"type": "checkbox", "disabled": "", "aria-label": "Task"},
            "img": {"loading": "lazy", "referrerpolicy": "no-referrer"},
        },
    )
    return _LINK.sub(_living_link, cleaned)


def _living_link(match: re.Match[str]) -> str:
    """The link, or only its text where it lost its address; headings' empty links to themselves go too."""
    names = set(_ATTRIBUTE_NAME.findall(match[1]))
    return match[0] if "id" in names or ("href" in names and match[2]) else match[2]


def _attribute(tag: str, name: str, value: str) -> str | None:
    """The attribute's value as it may stand in our page, or None to drop it."""
    rule = _RULES.get(name)
    return rule(value) if rule else value


def _id(value: str) -> str | None:
    return value if value.startswith(ID_PREFIX) else ID_PREFIX + value


def _href(value: str) -> str | None:
    if value.startswith("#"):
        return f"#{_id(value[1:])}"
    # A relative link was made for the repository; here it would lead to some page of ours.
    return value if value.lower().startswith(("https://", "http://", "mailto:")) else None


def _src(value: str) -> str | None:
    return value if value.lower().startswith("https://") else None


def _class(value: str) -> str | None:
    kept = [name for name in value.split() if name in _CLASSES or _LANGUAGE_CLASS.fullmatch(name)]
    return " ".join(kept) or None


def _size(value: str) -> str | None:
    return value if _SIZE.fullmatch(value.strip()) else None


_RULES: dict[str, Callable[[str], str | None]] = {
    "id": _id,
    "href": _href,
    "src": _src,
    "class": _class,
    "width": _size,
    "height": _size,
}


def _plain(text: str) -> str:
    return f"<pre>{html.escape(text)}</pre>"
