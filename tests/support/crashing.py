"""The production server with a bomb in it: the worker kills itself where the file `$CRASH_AT` says, `<point>#<n>`.

Points are the steps of the storage port, every chunk received, and the two sides of every commit, counted from
the moment an upload is let in. Those that are passed are written to the file `$CRASH_LOG`. The site's own code
knows nothing of this: everything is wrapped from here.
"""

import os
import signal
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "indexsite.settings"

_passed: Counter[str] = Counter()
_fatal = ""
_armed = False


def arm() -> None:
    """An upload begins."""
    global _armed, _fatal
    _armed = True
    _fatal = Path(os.environ["CRASH_AT"]).read_text()
    _passed.clear()
    Path(os.environ["CRASH_LOG"]).write_text("")


def reach(name: str) -> None:
    """Pass the point `name`, or die there."""
    if not _armed:
        return
    _passed[name] += 1
    point = f"{name}#{_passed[name]}"
    with Path(os.environ["CRASH_LOG"]).open("a") as log:
        log.write(f"{point}\n")
    if point == _fatal:
        os.kill(os.getpid(), signal.SIGKILL)


def around(owner: Any, attribute: str, name: str) -> None:
    """Put a point before and one after the function."""
    original = getattr(owner, attribute)

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        reach(f"{name}.before")
        result = original(*args, **kwargs)
        reach(f"{name}.after")
        return result

    setattr(owner, attribute, wrapped)


def armed_by(owner: Any, attribute: str) -> None:
    """Points count from a call of this function."""
    original: Callable[..., Any] = getattr(owner, attribute)

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        arm()
        return original(*args, **kwargs)

    setattr(owner, attribute, wrapped)


def main() -> None:
    django.setup()
    from django.core.management import execute_from_command_line
    from django.db.backends.base.base import BaseDatabaseWrapper

    from indexsite import storage
    from releases import api_legacy
    from releases.api_receive import Receiver

    armed_by(api_legacy, "_admit")
    around(Receiver, "write", "receive")
    around(storage, "put_all", "storage.put")
    storage.reached = reach
    around(BaseDatabaseWrapper, "commit", "commit")
    execute_from_command_line(["manage.py", "serve", *sys.argv[1:]])


if __name__ == "__main__":
    main()
