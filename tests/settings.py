"""Settings of the test run: the site's own, over an environment that belongs to the run alone.

Nothing of the developer's environment reaches the tests except `DATABASE_URL` (a PostgreSQL to use) and
`TEST_DATABASE`, "sqlite" or "postgresql". Files, mail and databases live in one temporary directory.
"""

import os

from tests.support import run

run.prepare(os.environ)

from indexsite.settings import *  # noqa: E402, F403 - only now is the environment the run's own
from indexsite.settings import DATABASES  # noqa: E402

# The real hasher and its real encoding, at a fraction of the cost.
PASSWORD_HASHERS = ["tests.support.hashers.CheapArgon2Hasher"]

if run.database_kind(os.environ) == "sqlite":
    # A file, as in production: a shared in-memory database locks by other rules.
    DATABASES["default"]["TEST"] = {"NAME": str(run.directory(os.environ) / "test.sqlite3")}

# Looked up when asked for: by default each of thousands of test clients scans all static files first.
WHITENOISE_AUTOREFRESH = True
