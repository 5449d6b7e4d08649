"""How much work and how much text one comparison may be."""

from __future__ import annotations

from dataclasses import dataclass, field

from releases.upload.parsed import MIB, UploadLimits


@dataclass(frozen=True)
class ReviewLimits:
    """What lies beyond is named on the page as not compared.

    Attributes:
        seconds: for the whole draft. One worker also sends the letters: they wait no longer than this.
        unpacked: bytes of content read from all archives together.
        archive: what a single archive may ask for; anything published passed these limits once.
        listed, listed_total: names and values in one list, and in all lists of the draft.
        diffed: files whose texts are compared.
        text_bytes, text_lines: of each side of a text; difflib's time grows with the square of the lines.
        shown_lines, shown_total: lines of difference, for one text and for the draft.
        line_length: characters; longer lines are cut.
    """

    seconds: float = 60.0
    unpacked: int = 2 * 1024 * MIB
    archive: UploadLimits = field(default_factory=UploadLimits)
    listed: int = 300
    listed_total: int = 3_000
    diffed: int = 100
    text_bytes: int = 256 * 1024
    text_lines: int = 3_000
    shown_lines: int = 300
    shown_total: int = 2_000
    line_length: int = 300
