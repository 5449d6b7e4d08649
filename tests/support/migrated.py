"""Databases to which all migrations have been applied: made once by `manage.py migrate`, then copied.

Migrating takes longer than most folders of tests, and every test process and every site wants such a database.
What is made is kept below `var/` until a migration, a dependency or the settings change.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg

ROOT = Path(__file__).resolve().parents[2]
KEPT = ROOT / "var" / "tests"


def digest() -> str:
    """Of everything a migrated database depends on."""
    found = hashlib.sha256()
    for path in [*sorted(ROOT.glob("*/migrations/*.py")), ROOT / "uv.lock", ROOT / "indexsite" / "settings.py"]:
        found.update(f"{path.relative_to(ROOT)}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()[:16]


def sqlite_copy(path: Path) -> str:
    """Put a migrated database at `path`; returns its `DATABASE_URL`."""
    shutil.copyfile(_sqlite(), path)
    return f"sqlite:///{path}"


def _sqlite() -> Path:
    kept = KEPT / f"{digest()}.sqlite3"
    with one_at_a_time("sqlite"):
        if not kept.exists():
            forget("*.sqlite3*")
            made = KEPT / "new.sqlite3"
            migrate(f"sqlite:///{made}")
            made.rename(kept)
    return kept


def postgresql_copy(server: str, name: str) -> str:
    """Create the migrated database `name` on the server that the `DATABASE_URL` names; returns its own."""
    template = postgresql_template(server)
    with _connected(server) as connection:
        _execute(connection, f'DROP DATABASE IF EXISTS "{name}"')
        _execute(connection, f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    return at(server, name)


def postgresql_template(server: str) -> str:
    """The name of the migrated database on this server that all others are copies of."""
    template = f"migrated_{digest()}"
    with one_at_a_time("postgresql"), _connected(server) as connection:
        if not _exists(connection, template):
            making = f"new_{secrets.token_hex(6)}"
            _execute(connection, f'CREATE DATABASE "{making}"')
            migrate(at(server, making))
            _execute(connection, f'ALTER DATABASE "{making}" RENAME TO "{template}"')
    return template


def postgresql_drop(server: str, name: str) -> None:
    with _connected(server) as connection:
        _execute(connection, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def migrate(url: str) -> None:
    """Apply all migrations, in a process of its own, as operators do."""
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    environment |= {"DATABASE_URL": url, "SECRET_KEY": "only migrations see this key, and they seal nothing yet"}
    command = [sys.executable, "manage.py", "migrate", "--verbosity", "0", "--skip-checks"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@contextmanager
def one_at_a_time(what: str) -> Iterator[None]:
    """Whoever comes second waits, and then finds it made: processes of this run, and other runs."""
    KEPT.mkdir(parents=True, exist_ok=True)
    with (KEPT / f"{what}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def forget(pattern: str) -> None:
    """Remove what was kept for other migrations."""
    for path in KEPT.glob(pattern):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def at(server: str, name: str) -> str:
    return urlunsplit(urlsplit(server)._replace(path=f"/{name}"))


def _connected(server: str) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(server.replace("postgres://", "postgresql://", 1), autocommit=True)


def _exists(connection: psycopg.Connection[tuple[object, ...]], name: str) -> bool:
    return connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone() is not None


def _execute(connection: psycopg.Connection[tuple[object, ...]], statement: str) -> None:
    connection.execute(statement)
