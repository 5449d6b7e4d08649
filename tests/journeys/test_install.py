"""Every client that installs, unmodified, into a fresh environment and from this index alone.

`davelib` needs `sampleproject`, so resolving, metadata siblings and downloading all take part.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.support import clients
from tests.support.clients import Desk
from tests.support.site import Site

GREETING = "Hello from davelib 0.2!"
SHOW = "import davelib, sampleproject; print(davelib.greeting(), sampleproject.__version__)"

PROJECT = """\
[project]
name = "consumer"
version = "1.0"
requires-python = ">=3.13"
dependencies = ["davelib"]
"""

pytestmark = pytest.mark.usefixtures("demo")


def test_pip_installs(site: Site, desk: Desk) -> None:
    python = desk.environment("fresh")
    pip = clients.program("pip")
    desk.must(pip, "--python", python, "install", "--no-cache-dir", "--index-url", site.index_url, "davelib")
    assert greeting(desk, python) == f"{GREETING} 1.1"


def test_pip_downloads_an_sdist_and_checks_its_hash(site: Site, desk: Desk) -> None:
    entry = site.files_of("sampleproject")["sampleproject-1.0.tar.gz"]
    sha256 = entry["hashes"]["sha256"]
    (desk.directory / "requirements.txt").write_text(f"sampleproject==1.0 --hash=sha256:{sha256}\n")
    desk.must(
        clients.program("pip"), "download", "--no-cache-dir", "--no-deps", "--no-build-isolation",
        "--no-binary=:all:", "--require-hashes", "--index-url", site.index_url, "-r", "requirements.txt",
        env={"PYTHONPATH": flit_core()},
    )  # fmt: skip
    assert (desk.directory / "sampleproject-1.0.tar.gz").read_bytes() == site.get(entry["url"])


def test_uv_pip_installs(site: Site, desk: Desk) -> None:
    python = desk.environment("fresh")
    desk.must(clients.uv(), "pip", "install", "--python", python, "--index-url", site.index_url, "davelib")
    assert greeting(desk, python) == f"{GREETING} 1.1"


def test_uv_adds_locks_and_syncs(site: Site, desk: Desk) -> None:
    folder = consumer(desk, dependencies=False)
    desk.must(clients.uv(), "add", "--default-index", site.index_url, "davelib==0.2", cwd=folder)
    assert greeting(desk, folder / ".venv" / "bin" / "python") == f"{GREETING} 1.1"
    shutil.rmtree(folder / ".venv")
    desk.must(clients.uv(), "sync", "--frozen", cwd=folder)
    assert greeting(desk, folder / ".venv" / "bin" / "python") == f"{GREETING} 1.1"


def test_poetry_installs(site: Site, desk: Desk) -> None:
    source = f'[[tool.poetry.source]]\nname = "here"\nurl = "{site.index_url}"\npriority = "primary"\n'
    folder = consumer(desk, extra=f"[tool.poetry]\npackage-mode = false\n\n{source}")
    desk.must(
        clients.program("poetry"), "install", "-n", cwd=folder, env={"POETRY_VIRTUALENVS_IN_PROJECT": "true"}
    )
    assert greeting(desk, folder / ".venv" / "bin" / "python") == f"{GREETING} 1.1"


def test_pdm_installs(site: Site, desk: Desk) -> None:
    source = f'[[tool.pdm.source]]\nname = "pypi"\nurl = "{site.index_url}"\n'
    folder = consumer(desk, extra=f"[tool.pdm]\ndistribution = false\n\n{source}")
    python = desk.environment("consumer/.venv")
    desk.must(clients.program("pdm"), "use", "-f", python, cwd=folder)
    desk.must(clients.program("pdm"), "install", cwd=folder)
    assert greeting(desk, python) == f"{GREETING} 1.1"


def consumer(desk: Desk, *, dependencies: bool = True, extra: str = "") -> Path:
    """A project that uses the index."""
    folder = desk.directory / "consumer"
    folder.mkdir()
    text = PROJECT if dependencies else PROJECT.replace('dependencies = ["davelib"]\n', "")
    (folder / "pyproject.toml").write_text(f"{text}\n{extra}")
    return folder


def greeting(desk: Desk, python: Path) -> str:
    return desk.must(python, "-c", SHOW).strip()


def flit_core() -> str:
    """Where the build backend of the demo's sdists is installed: the download must not fetch it elsewhere."""
    return str(next(Path(clients.program("flit")).parents[1].glob("lib/python*/site-packages")))
