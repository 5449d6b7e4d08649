"""Every client that publishes, unmodified: it builds a project of its kind, uploads it, and may repeat itself."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support import clients
from tests.support.clients import Desk
from tests.support.site import Site

PROJECT = """\
[build-system]
requires = [{requires}]
build-backend = "{backend}"

[project]
name = "{name}"
version = "1.0"
description = "A small project."
readme = "README.md"
requires-python = ">=3.9"
authors = [{{name = "Alice", email = "alice@example.org"}}]
license = "MIT"
"""


@dataclass(frozen=True)
class Publisher:
    """One client: the build backend of its projects, how it builds offline, how it publishes."""

    client: str
    requires: str
    backend: str
    build: Callable[[], list[str]]
    publish: Callable[[Site], list[str]]
    environment: Callable[[Site, str], dict[str, str]]


PUBLISHERS = (
    Publisher(
        "twine",
        '"setuptools>=77"',
        "setuptools.build_meta",
        lambda: [clients.program("twine", "python"), "-m", "build", "--no-isolation"],
        lambda site: [
            clients.program("twine"), "upload", "--non-interactive", "--repository-url", site.upload_url, "dist/*",
        ],
        lambda _site, token: {"TWINE_USERNAME": "__token__", "TWINE_PASSWORD": token},
    ),
    Publisher(
        "uv",
        '"uv_build>=0.13,<0.14"',
        "uv_build",
        lambda: [clients.uv(), "build"],
        lambda site: [clients.uv(), "publish", "--publish-url", site.upload_url, "--check-url", site.index_url],
        lambda _site, token: {"UV_PUBLISH_TOKEN": token},
    ),
    Publisher(
        "flit",
        '"flit_core>=3.12"',
        "flit_core.buildapi",
        lambda: [clients.program("flit"), "build", "--no-use-vcs"],
        lambda _site: [clients.program("flit"), "publish", "--no-use-vcs"],
        lambda site, token: {
            "FLIT_INDEX_URL": site.upload_url, "FLIT_USERNAME": "__token__", "FLIT_PASSWORD": token,
        },
    ),
    Publisher(
        "hatch",
        '"hatchling>=1.27"',
        "hatchling.build",
        lambda: [clients.program("hatch", "python"), "-m", "hatchling", "build"],
        lambda site: [clients.program("hatch"), "publish", "-n", "-r", site.upload_url],
        lambda _site, token: {"HATCH_INDEX_USER": "__token__", "HATCH_INDEX_AUTH": token},
    ),
    Publisher(
        "poetry",
        '"poetry-core>=2.0"',
        "poetry.core.masonry.api",
        lambda: [clients.program("poetry"), "build"],
        lambda _site: [clients.program("poetry"), "publish", "-n", "-r", "idx"],
        lambda site, token: {"POETRY_REPOSITORIES_IDX_URL": site.upload_url, "POETRY_PYPI_TOKEN_IDX": token},
    ),
    Publisher(
        "pdm",
        '"pdm-backend>=2.4"',
        "pdm.backend",
        lambda: [clients.program("pdm", "python"), "-m", "build", "--no-isolation"],
        lambda _site: [clients.program("pdm"), "publish", "--no-build"],
        lambda site, token: {
            "PDM_PUBLISH_REPO": site.upload_url,
            "PDM_PUBLISH_USERNAME": "__token__",
            "PDM_PUBLISH_PASSWORD": token,
        },
    ),
)  # fmt: skip


@pytest.mark.parametrize("publisher", PUBLISHERS, ids=lambda publisher: publisher.client)
def test_an_unmodified_client_publishes_and_may_repeat_itself(
    publisher: Publisher, site: Site, token: str, desk: Desk
) -> None:
    name = f"made-with-{publisher.client}"
    folder = write_project(desk.directory, name, publisher)
    desk.must(*publisher.build(), cwd=folder)
    built = {path.name: path.read_bytes() for path in dist_files(folder)}
    assert len(built) == 2

    env = publisher.environment(site, token)
    desk.must(*publisher.publish(site), cwd=folder, env=env)

    files = site.files_of(name)
    assert sorted(files) == sorted(built)
    for filename, content in built.items():
        assert files[filename]["hashes"]["sha256"] == hashlib.sha256(content).hexdigest()
        assert site.get(files[filename]["url"]) == content
        assert b"Name: " + name.encode() in site.get(files[filename]["url"] + ".metadata")

    again = desk.run(*publisher.publish(site), cwd=folder, env=env)
    assert again.status == 0, again.output
    assert site.files_of(name) == files


def write_project(directory: Path, name: str, publisher: Publisher) -> Path:
    folder = directory / name
    module = name.replace("-", "_")
    package = folder / "src" / module
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(f'"""Published by {publisher.client}."""\n\n__version__ = "1.0"\n')
    (folder / "README.md").write_text(f"# {name}\n\nPublished by {publisher.client}.\n")
    text = PROJECT.format(name=name, requires=publisher.requires, backend=publisher.backend)
    (folder / "pyproject.toml").write_text(text)
    return folder


def dist_files(folder: Path) -> list[Path]:
    """What was built, after tidying up what would stop pdm: `uv build` leaves a .gitignore."""
    (folder / "dist" / ".gitignore").unlink(missing_ok=True)
    return sorted((folder / "dist").iterdir())
