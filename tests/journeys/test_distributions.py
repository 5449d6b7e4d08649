"""Real distributions of five shapes go up with twine and come down byte-identical."""

from __future__ import annotations

import fcntl
import hashlib
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support import clients
from tests.support.clients import Desk
from tests.support.site import ROOT, Site

# Fetched once, from where pip fetches, and kept; a digest pins each.
KEPT = ROOT / "var" / "tools" / "distributions"

WHEEL = ("--only-binary=:all:",)
LINUX_WHEEL = (
    *WHEEL, "--platform", "manylinux2014_x86_64", "--platform", "manylinux_2_28_x86_64",
    "--python-version", "3.13", "--implementation", "cp",
)  # fmt: skip
SDIST = ("--no-binary=:all:",)


@dataclass(frozen=True)
class Real:
    """One file as its authors published it: what is special about it, and how to fetch exactly it."""

    shape: str
    project: str
    version: str
    filename: str
    sha256: str
    arguments: tuple[str, ...]


REAL = (
    Real(
        "pure wheel",
        "six",
        "1.17.0",
        "six-1.17.0-py2.py3-none-any.whl",
        "4721f391ed90541fddacab5acf947aa0d3dc7d27b2e1e8eda2be8970586c3274",
        WHEEL,
    ),
    Real(
        "manylinux wheel",
        "markupsafe",
        "3.0.3",
        "markupsafe-3.0.3-cp313-cp313-manylinux2014_x86_64.manylinux_2_17_x86_64.manylinux_2_28_x86_64.whl",
        "ccfcd093f13f0f0b7fdd0f198b90053bf7b2f02a3927a30e63f3ccc9df56b676",
        LINUX_WHEEL,
    ),
    Real(
        "sdist with a long README",
        "rich",
        "14.2.0",
        "rich-14.2.0.tar.gz",
        "73ff50c7c0c1c77c8243079283f4edb376f0f6442433aecb8ce7e6d0b92d1fe4",
        SDIST,
    ),
    Real(
        "extras and many requirements",
        "fastapi",
        "0.121.0",
        "fastapi-0.121.0-py3-none-any.whl",
        "8bdf1b15a55f4e4b0d6201033da9109ea15632cb76cf156e7b8b4019f2172106",
        WHEEL,
    ),
    Real(
        "more than 50 MB",
        "llvmlite",
        "0.45.1",
        "llvmlite-0.45.1-cp313-cp313-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
        "57c48bf2e1083eedbc9406fb83c4e6483017879714916fe8be8a72a9672c995a",
        LINUX_WHEEL,
    ),
)


@pytest.mark.parametrize("real", REAL, ids=lambda real: real.shape)
def test_a_real_distribution_comes_down_as_it_went_up(real: Real, site: Site, token: str, desk: Desk) -> None:
    path = fetch(real)
    desk.must(
        clients.program("twine"), "upload", "--non-interactive", "--repository-url", site.upload_url,
        "-u", "__token__", "-p", token, path,
    )  # fmt: skip

    entry = site.files_of(real.project)[real.filename]
    assert entry["hashes"]["sha256"] == real.sha256
    assert entry["size"] == path.stat().st_size
    assert hashlib.sha256(site.get(entry["url"])).hexdigest() == real.sha256

    if real.arguments is not SDIST:  # pip would build an sdist, with a backend from elsewhere
        download = [
            clients.program("pip"), "download", "--no-cache-dir", "--no-deps", "--index-url", site.index_url,
            *real.arguments, f"{real.project}=={real.version}",
        ]  # fmt: skip
        desk.must(*download)
        assert hashlib.sha256((desk.directory / real.filename).read_bytes()).hexdigest() == real.sha256
    assert real.project.encode() in site.get(f"/project/{real.project}/")


def fetch(real: Real) -> Path:
    """The file, from what is kept or else with the developer's own pip settings."""
    KEPT.mkdir(parents=True, exist_ok=True)
    path = KEPT / real.filename
    with (KEPT / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            clients.fetch(*real.arguments, f"{real.project}=={real.version}", directory=KEPT)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == real.sha256
    return path
