"""The real clients: each installed once, in an environment of its own, run far from the developer's settings."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PINS = ROOT / "tests" / "journeys" / "clients.toml"
ENVIRONMENTS = ROOT / "var" / "tools" / "journeys"
TIMEOUT_SECONDS = 300

# What a client could otherwise take from the machine it runs on.
_FOREIGN = (
    "PIP_",
    "UV_",
    "TWINE_",
    "HATCH_",
    "FLIT_",
    "POETRY_",
    "PDM_",
    "PYTHON",
    "VIRTUAL_ENV",
    "XDG_",
    "CONDA",
)


@dataclass(frozen=True)
class Result:
    """How a client ended, and all that a person would have read."""

    status: int
    output: str


def uv() -> str:
    """The uv that installed us."""
    found = shutil.which("uv") or str(ROOT / "var" / "tools" / "uv" / "bin" / "uv")
    if not os.access(found, os.X_OK):
        raise SystemExit("The journeys need uv on the PATH; run them with make journeys.")
    return found


def program(client: str, name: str | None = None) -> str:
    """Path of a client's program (or of another one in its environment), installed on first use."""
    if client == "uv":
        return uv()
    requirements = tomllib.loads(PINS.read_text())["clients"][client]
    key = hashlib.sha256("\n".join([sys.version, *requirements]).encode()).hexdigest()[:12]
    environment = ENVIRONMENTS / f"{client}-{key}"
    with _one_at_a_time():
        if not (environment / "complete").exists():
            _install(environment, requirements)
    return str(environment / "bin" / (name or client))


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Parallel test processes must not install into the same directory."""
    ENVIRONMENTS.mkdir(parents=True, exist_ok=True)
    with (ENVIRONMENTS / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _install(environment: Path, requirements: list[str]) -> None:
    for command in (
        [uv(), "venv", "-q", "--clear", "--python", sys.executable, environment],
        [uv(), "pip", "install", "-q", "--python", environment / "bin" / "python", *requirements],
    ):
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(f"{requirements[0]} could not be installed for the journeys: {done.stderr.strip()}")
    (environment / "complete").touch()


class Desk:
    """A working directory with a home of its own, from which clients are run."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.home = directory / "home"
        self.home.mkdir(parents=True)

    def run(self, *command: str | Path, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> Result:
        """Run a client to its end; standard output and error are read together, as in a terminal."""
        done = subprocess.run(
            [str(part) for part in command],
            cwd=cwd or self.directory,
            env={**self._environment(), **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=TIMEOUT_SECONDS,
        )
        return Result(done.returncode, done.stdout)

    def must(self, *command: str | Path, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> str:
        """Run a client that has to succeed; returns its output."""
        result = self.run(*command, cwd=cwd, env=env)
        assert result.status == 0, f"{command}: {result.output}"
        return result.output

    def environment(self, name: str) -> Path:
        """A fresh, empty virtual environment; returns its Python."""
        path = self.directory / name
        self.must(uv(), "venv", "-q", "--no-config", "--python", sys.executable, path)
        return path / "bin" / "python"

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
        return {
            **kept,
            # Our own Python first: a version manager's shims answer according to the directory.
            "PATH": f"{sys.base_prefix}/bin{os.pathsep}{os.environ['PATH']}",
            "HOME": str(self.home),
            "COLUMNS": "1000",  # sentences stay on one line
            "NO_COLOR": "1",
            "TERM": "dumb",
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "UV_NO_CONFIG": "1",
            "UV_PYTHON_DOWNLOADS": "never",
            "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
            "POETRY_KEYRING_ENABLED": "false",
            "PDM_CHECK_UPDATE": "0",
            "HATCH_SELF_MANAGED": "0",
        }


def fetch(*requirement: str, directory: Path) -> None:
    """Download one file with pip and the machine's own settings: the one step that leaves this machine.

    Raises:
        SystemExit: one sentence, where it cannot be had.
    """
    command = [program("pip"), "download", "-q", "--no-deps", "-d", str(directory), *requirement]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    if done.returncode != 0:
        raise SystemExit(f"{requirement[-1]} could not be downloaded for the journeys: {done.stderr.strip()}")
