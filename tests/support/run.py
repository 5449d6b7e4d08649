"""The environment of one test run: its directory, its database, and nothing of the developer's own.

The controlling process prepares it before settings load; parallel workers and the servers that tests start
inherit it through the process environment.
"""

import atexit
import os
import shutil
import tempfile
from collections.abc import MutableMapping
from pathlib import Path

from tests.support import postgres

type Environ = MutableMapping[str, str]

DIRECTORY = "TEST_RUN_DIRECTORY"
DATABASE = "TEST_DATABASE"

# Every variable the site knows; a value set on the developer's machine must not decide a test.
SITE_VARIABLES = (
    "SECRET_KEY",
    "SECRET_KEY_FALLBACKS",
    "DEBUG",
    "DEMO",
    "SITE_URL",
    "RP_ID",
    "RP_RELATED_ORIGINS",
    "ALLOWED_HOSTS",
    "REDIS_URL",
    "STORAGE_URL",
    "EMAIL_URL",
    "TOKEN_PREFIX",
    "UPLOAD_2",
    "BREACHED_PASSWORDS",
    "TRUSTED_PROXIES",
    "STAFF_NETWORKS",
    "EVIDENCE_GIT_HOSTS",
    "GEOIP_DB",
    "RDAP_URL",
    "AUDIT_HEADS_TO",
)


def prepare(environ: Environ) -> None:
    """Make `environ` the run's own; starts a PostgreSQL where one is wanted and none is named."""
    kind = database_kind(environ)
    base = directory(environ)
    for name in SITE_VARIABLES:
        environ.pop(name, None)
        environ.pop(f"{name}_FILE", None)
    environ.update(
        {
            DATABASE: kind,
            "SECRET_KEY": "a key for tests only, long enough to be taken for a real one",
            "SITE_URL": "http://testserver",
            "STORAGE_URL": f"file://{base}/files",
            "EMAIL_URL": f"file://{base}/mail",
        }
    )
    if kind == "sqlite":
        environ["DATABASE_URL"] = f"sqlite:///{base}/site.sqlite3"
    elif not environ.get("DATABASE_URL", "").startswith("postgres"):
        environ["DATABASE_URL"] = postgres.start(base / "postgresql")


def database_kind(environ: Environ) -> str:
    """ "sqlite" or "postgresql": as `TEST_DATABASE` says, else as `DATABASE_URL` does, else SQLite."""
    named = "postgresql" if environ.get("DATABASE_URL", "").startswith("postgres") else "sqlite"
    kind = environ.get(DATABASE, named)
    if kind not in {"sqlite", "postgresql"}:
        raise SystemExit(f"{DATABASE} is {kind!r}; it must be sqlite or postgresql.")
    return kind


def directory(environ: Environ) -> Path:
    """The run's temporary directory, made by the first process that asks and removed when that one ends."""
    if DIRECTORY not in environ:
        path = Path(tempfile.mkdtemp(prefix="indexsite-tests-"))
        path.chmod(0o755)  # the PostgreSQL below it may have to run as another user
        environ[DIRECTORY] = str(path)
        atexit.register(_remove, path, os.getpid())
    return Path(environ[DIRECTORY])


def _remove(path: Path, owner: int) -> None:
    if os.getpid() == owner:  # forked children inherit the exit hook, not the directory
        shutil.rmtree(path, ignore_errors=True)
