"""One way to hand a distribution to the parser."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from releases.upload import Hashes, ParsedUpload, Rejected, UploadLimits, parse_upload
from tests.support.distributions import Distribution

type Parse = Callable[..., ParsedUpload]
type Refuse = Callable[..., Rejected]


@pytest.fixture
def parse(tmp_path: Path) -> Parse:
    """Parse as after an upload; `fields` are overrides of the form."""

    def run(
        distribution: Distribution, *, limits: UploadLimits | None = None, **fields: str | None
    ) -> ParsedUpload:
        path = tmp_path / "incoming"
        path.write_bytes(distribution.content)
        hashes = Hashes(distribution.md5, distribution.sha256, distribution.blake2_256, len(distribution.content))
        form = distribution.fields(**fields)
        return parse_upload(path, filename=distribution.filename, form=form, hashes=hashes, limits=limits)

    return run


@pytest.fixture
def refuse(parse: Parse) -> Refuse:
    """Parse what must be refused; the sentence must fit an HTTP reason phrase."""

    def run(distribution: Distribution, **kwargs: object) -> Rejected:
        with pytest.raises(Rejected) as caught:
            parse(distribution, **kwargs)
        error = caught.value
        assert error.sentence.isascii()
        assert error.sentence.isprintable()
        assert len(error.sentence) < 700
        assert error.help_path == f"/help/problems/#{error.code}"
        return error

    return run
