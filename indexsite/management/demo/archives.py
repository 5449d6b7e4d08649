"""Small, real distributions: installable wheels and buildable sdists, the same bytes each time."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

STAMP = (2026, 1, 1, 0, 0, 0)
STAMP_SECONDS = 1_767_225_600  # the same moment, as tar counts


@dataclass(frozen=True)
class Package:
    """One version of one project, before it is packed."""

    name: str
    version: str
    summary: str
    readme: str
    requires_dist: tuple[str, ...] = ()

    @property
    def module(self) -> str:
        """Also the name as file names spell it (PEP 427)."""
        return self.name.replace("-", "_").lower()

    @property
    def stem(self) -> str:
        return f"{self.module}-{self.version}"

    @property
    def wheel_name(self) -> str:
        return f"{self.stem}-py3-none-any.whl"

    def write(self, directory: Path) -> list[Path]:
        """Write sdist and wheel; returns their paths."""
        directory.mkdir(parents=True, exist_ok=True)
        paths = [directory / f"{self.stem}.tar.gz", directory / self.wheel_name]
        for path, content in zip(paths, (self.sdist(), self.wheel()), strict=True):
            path.write_bytes(content)
        return paths

    def wheel(self) -> bytes:
        info = f"{self.stem}.dist-info"
        members = {
            f"{self.module}/__init__.py": self._source(),
            f"{info}/METADATA": self.metadata(),
            f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: indexsite demo\nRoot-Is-Purelib: true\n"
            b"Tag: py3-none-any\n",
        }
        rows = [f"{path},sha256={_record_digest(content)},{len(content)}" for path, content in members.items()]
        members[f"{info}/RECORD"] = "\n".join([*rows, f"{info}/RECORD,,", ""]).encode()
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for path, content in members.items():
                entry = zipfile.ZipInfo(path, STAMP)
                entry.external_attr = 0o100644 << 16
                archive.writestr(entry, content, zipfile.ZIP_DEFLATED)
        return buffer.getvalue()

    def sdist(self) -> bytes:
        members = {
            "PKG-INFO": self.metadata(),
            "README.md": self.readme.encode(),
            "pyproject.toml": self._pyproject(),
            f"{self.module}/__init__.py": self._source(),
        }
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
            for path, content in members.items():
                entry = tarfile.TarInfo(f"{self.stem}/{path}")
                entry.size = len(content)
                entry.mtime = STAMP_SECONDS
                archive.addfile(entry, io.BytesIO(content))
        return gzip.compress(buffer.getvalue(), mtime=0)

    def metadata(self) -> bytes:
        """METADATA and PKG-INFO alike: core metadata 2.4."""
        lines = [
            "Metadata-Version: 2.4",
            f"Name: {self.name}",
            f"Version: {self.version}",
            f"Summary: {self.summary}",
            "Author-email: Alice <alice@example.org>",
            "License-Expression: MIT",
            "Keywords: demo,sample",
            "Classifier: Development Status :: 4 - Beta",
            "Classifier: Programming Language :: Python :: 3",
            "Project-URL: Documentation, https://example.org/docs",
            "Project-URL: Source, https://example.org/source",
            "Requires-Python: >=3.9",
            *(f"Requires-Dist: {requirement}" for requirement in self.requires_dist),
            "Description-Content-Type: text/markdown",
        ]
        return ("\n".join(lines) + f"\n\n{self.readme}").encode()

    def _source(self) -> bytes:
        return (
            f'"""{self.summary}"""\n\n__version__ = "{self.version}"\n\n\n'
            f'def greeting() -> str:\n    return "Hello from {self.name} {self.version}!"\n'
        ).encode()

    def _pyproject(self) -> bytes:
        return (
            '[build-system]\nrequires = ["flit_core>=3.12"]\nbuild-backend = "flit_core.buildapi"\n\n'
            f'[project]\nname = "{self.name}"\nversion = "{self.version}"\ndescription = "{self.summary}"\n'
            'readme = "README.md"\nrequires-python = ">=3.9"\n'
            f"dependencies = [{', '.join(repr(requirement) for requirement in self.requires_dist)}]\n"
        ).encode()


def _record_digest(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
