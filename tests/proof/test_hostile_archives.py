"""Forty thousand damaged archives: each is accepted or refused with a sentence; nothing else ever comes out."""

from __future__ import annotations

import gzip
import random
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from releases.upload import Hashes, Rejected, parse_upload
from tests.support.distributions import Distribution, make_sdist, make_wheel

ROUNDS = 20_000
SEED = 20_261_121
SLOWEST_SECONDS = 5.0  # for one small file, on a busy machine

pytestmark = pytest.mark.proof

NO_HASHES = Hashes(md5="", sha256="", blake2_256="", size=0)


@pytest.mark.parametrize("original", [make_wheel(), make_sdist()], ids=["wheel", "sdist"])
def test_a_damaged_archive_is_refused_with_a_sentence_or_still_good(
    original: Distribution, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    chance = random.Random(SEED)
    path = tmp_path / original.filename
    outcomes: Counter[str] = Counter()
    slowest = 0.0
    form = {name: values for name, values in original.fields().items() if not name.endswith("_digest")}
    for _ in range(ROUNDS):
        path.write_bytes(damaged_archive(original, chance))
        started = time.monotonic()
        try:
            parse_upload(path, filename=original.filename, form=form, hashes=NO_HASHES)
        except Rejected as refusal:
            outcomes[refusal.code if refusal.sentence.isascii() else "not ASCII"] += 1
        else:
            outcomes["accepted"] += 1
        slowest = max(slowest, time.monotonic() - started)
    assert sum(outcomes.values()) == ROUNDS
    assert len(outcomes) > 3  # the damage reached more than the outermost layer
    assert "not ASCII" not in outcomes
    assert slowest < SLOWEST_SECONDS
    record_property("watches", "releases/upload")
    record_property("rounds", ROUNDS)
    record_property("outcomes", dict(outcomes.most_common()))
    record_property("slowest_seconds", round(slowest, 3))


def damaged_archive(original: Distribution, chance: random.Random) -> bytes:
    """The file with damage; an sdist mostly below its compression, which would notice any."""
    if original.filetype == "sdist" and chance.random() < 0.9:
        return gzip.compress(damaged(gzip.decompress(original.content), chance), compresslevel=1)
    return damaged(original.content, chance)


def damaged(content: bytes, chance: random.Random) -> bytes:
    """One to four changes: a bit turned, bytes overwritten, a stretch cut, doubled or moved."""
    data = bytearray(content)
    for _ in range(chance.randint(1, 4)):
        at, length = chance.randrange(len(data)), chance.randint(1, 40)
        match chance.randrange(5):
            case 0:
                data[at] ^= 1 << chance.randrange(8)
            case 1:
                data[at : at + length] = chance.randbytes(length)
            case 2 if len(data) > 2 * length:
                del data[at : at + length]
            case 3:
                data[at:at] = data[at : at + length]
            case _:
                piece = data[at : at + length]
                del data[at : at + length]
                to = chance.randrange(len(data) + 1)
                data[to:to] = piece
    return bytes(data) or b"\0"
