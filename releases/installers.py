"""Who downloads, by the User-Agent header: one table. For counting only; anybody can send any header."""

from __future__ import annotations

import functools
import json
import re
from dataclasses import dataclass
from enum import StrEnum

MAX_READ = 512  # characters of a header that are looked at


class DownloadKind(StrEnum):
    """What a download says about use: only the first two are people or their machines installing something."""

    INSTALLER = "installer"
    BROWSER = "browser"
    OTHER = "other"
    MIRROR = "mirror"
    SCANNER = "scanner"


@dataclass(frozen=True)
class Installer:
    """A family of programs; `name` is stored and shown."""

    name: str
    kind: DownloadKind


_PRODUCTS: dict[DownloadKind, dict[str, tuple[str, ...]]] = {
    DownloadKind.INSTALLER: {
        "pip": ("pip",),
        "uv": ("uv",),
        "poetry": ("poetry",),
        "pdm": ("pdm", "unearth"),
        "hatch": ("hatch",),
        "pipenv": ("pipenv",),
        "pixi": ("pixi", "rattler"),
        "conda": ("conda", "mamba", "micromamba"),
        "rye": ("rye",),
        "pex": ("pex",),
        "micropip": ("micropip", "pyodide"),
        "bazel": ("bazel",),
        "nix": ("nix",),
        "homebrew": ("homebrew",),
        "setuptools": ("setuptools", "distribute", "distlib"),
        "buildout": ("zc.buildout",),
    },
    DownloadKind.MIRROR: {
        "bandersnatch": ("bandersnatch",),
        "devpi": ("devpi", "devpi-server"),
        "nexus": ("nexus",),
        "artifactory": ("artifactory",),
        "pulp": ("pulpcore", "pulp"),
        "pypimirror": ("z3c.pypimirror", "pep381client"),
        "proxpi": ("proxpi",),
        "morgan": ("morgan",),
        "cloudsmith": ("cloudsmith",),
    },
    DownloadKind.SCANNER: {
        "renovate": ("renovate", "renovatebot"),
        "dependabot": ("dependabot", "dependabot-core"),
        "snyk": ("snyk", "snyk-cli"),
        "trivy": ("trivy",),
        "syft": ("syft", "grype"),
        "safety": ("safety",),
        "pip-audit": ("pip-audit",),
        "socket": ("socket", "socketsecurity"),
        "osv": ("osv-scanner", "package-analysis"),
    },
    DownloadKind.OTHER: {
        "curl": ("curl",),
        "wget": ("wget",),
        "requests": ("python-requests", "python-urllib", "python-urllib3", "aiohttp", "httpx", "python-httpx"),
    },
}
_BY_PRODUCT = {
    product: Installer(name, kind)
    for kind, families in _PRODUCTS.items()
    for name, products in families.items()
    for product in products
}
_BROWSER = Installer("browser", DownloadKind.BROWSER)
_CRAWLER = Installer("crawler", DownloadKind.SCANNER)
OTHER = Installer("other", DownloadKind.OTHER)

# Search engines and the like, most of which also say that they are browsers.
_CRAWLS = re.compile(r"bot\b|crawl|spider|slurp", re.IGNORECASE)
_PRODUCT = re.compile(r"([A-Za-z0-9._-]{1,40})(?:/|\s|$)")


@functools.lru_cache(maxsize=1024)
def installer_of(user_agent: str) -> Installer:
    """The family behind a header; `OTHER` for whatever the table does not know."""
    text = user_agent[:MAX_READ].strip()
    found = _PRODUCT.match(text)
    # Nix fetches with curl and says so behind it.
    first = "nix" if " Nix/" in text else found[1].lower() if found else ""
    known = _BY_PRODUCT.get(first)
    if known is not None and known.kind is DownloadKind.INSTALLER:
        return _BY_PRODUCT.get(_named_in_tail(text), known)
    if known is not None:
        return known
    if _CRAWLS.search(text):
        return _CRAWLER
    return _BROWSER if text.startswith("Mozilla/") else OTHER


def _named_in_tail(text: str) -> str:
    """The installer's own name in the JSON that pip and uv send: a tool that calls pip may put its name there."""
    start = text.find("{")
    if start < 0:
        return ""
    # The tail may be cut off; the name stands near its beginning or its end, in an object of its own.
    found = re.search(r'"installer":\s*(\{[^{}]*\})', text[start:])
    try:
        name = json.loads(found[1]).get("name") if found else ""
    except ValueError:
        return ""
    return name.lower() if isinstance(name, str) else ""
