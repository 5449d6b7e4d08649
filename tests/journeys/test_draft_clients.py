"""A token for drafts only in a pipeline: unmodified clients stage at every address, installers try the draft."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support import clients
from tests.support.clients import Desk
from tests.support.distributions import make_sdist, make_wheel
from tests.support.site import Site

TOKEN_OF = (
    "from releases.models import Draft; import json; "
    "print(json.dumps(Draft.objects.get(normalized_name='critlib', version={version!r}).token))"
)


@pytest.mark.parametrize(("address", "version"), [("/draft/legacy/", "9.0"), ("/legacy/", "9.1")])
def test_what_a_token_for_drafts_uploads_is_staged_and_installs_from_the_overlay_alone(
    site: Site, demo: dict[str, Any], tmp_path: Path, address: str, version: str
) -> None:
    desk = Desk(tmp_path)
    (tmp_path / "dist").mkdir()
    for file in (make_wheel("critlib", version), make_sdist("critlib", version)):
        file.write(tmp_path / "dist")
    upload = [clients.program("twine"), "upload", "--non-interactive", "--repository-url", f"{site.url}{address}"]
    by_token = {"TWINE_USERNAME": "__token__", "TWINE_PASSWORD": demo["tokens"]["stage_only"]}

    desk.must(*upload, "dist/*", env=by_token)
    desk.must(*upload, "dist/*", env=by_token)  # repeated, as by a job that was started again
    uv_too = [clients.uv(), "publish", "--publish-url", f"{site.url}{address}", "dist/*"]
    desk.must(*uv_too, env={"UV_PUBLISH_TOKEN": demo["tokens"]["stage_only"]})

    overlay = f"{site.url}/stage/{site.script(TOKEN_OF.format(version=version))}/overlay/"
    wanted = f"critlib=={version}"
    assert desk.run(*_pip(desk, "public", f"{site.url}/simple/"), wanted).status != 0
    desk.must(*_pip(desk, "trial", overlay), wanted, "sampleproject")
    fetch = [clients.program("pip"), "download", "--no-cache-dir", "--no-deps", "--dest", tmp_path / "fetched"]
    desk.must(*fetch, "--index-url", overlay, wanted)


def _pip(desk: Desk, name: str, index: str) -> list[str | Path]:
    python = desk.environment(name)
    return [clients.uv(), "pip", "install", "--no-cache", "--python", python, "--default-index", index]
