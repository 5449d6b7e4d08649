"""Publishing a draft in processes that kill themselves on the way, once at each point they are told.

As the worker, what is due is published; each time in a process forked from this one, which has loaded the site and
closed its connection. At "" none is killed. Prints, as JSON, how each of them ended and what points it has passed.
As the web server, it is the production server; what it publishes is what clients ask for over HTTP.

    python -m tests.support.crashing_publish worker <name of the database> <directory> <point>...
    python -m tests.support.crashing_publish serve <arguments of manage.py serve>...
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import django


def put_points() -> None:
    """Around every group of statements of a publish, and around the commit."""
    from django.db.backends.base.base import BaseDatabaseWrapper

    from indexsite import audit, task_backend
    from releases.actions import pages, releasing, webhooks
    from releases.models import Draft
    from tests.support import crashing

    for owner, attribute in (
        (releasing, "_INSERT_RELEASE"), (releasing, "_INSERT_USED"), (releasing, "_INSERT_FILE"),
        (releasing, "_SET_SERIAL"), (pages, "_store"), (pages, "refresh_root"), (Draft, "move"), (Draft, "save"),
        (audit, "record"), (webhooks, "announce"), (releasing, "tell"), (task_backend, "_push"),
        (BaseDatabaseWrapper, "commit"),
    ):  # fmt: skip
        crashing.around(owner, attribute, attribute.strip("_").lower())


def work(name: str, directory: Path, points: list[str]) -> None:
    django.setup()
    from django.db import connection, transaction

    from indexsite import clock
    from releases.actions.drafts import pressing
    from tests.support import crashing

    connection.settings_dict["NAME"] = name
    at, log = directory / "crash-at", directory / "crash-points"
    os.environ |= {"CRASH_AT": str(at), "CRASH_LOG": str(log)}
    # Once for nothing: what is imported and composed on the way need not be so in every process.
    with transaction.atomic():
        pressing.publish_due(at=clock.now())
        transaction.set_rollback(True)
    connection.close()
    crashing.armed_by(pressing, "_publish_due")
    put_points()
    runs = []
    for point in points:
        at.write_text(point)
        log.write_text("")
        if (child := os.fork()) == 0:
            pressing.publish_due(at=clock.now())
            os._exit(0)
        end = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        runs.append({"end": end, "passed": log.read_text().split()})
    print(json.dumps(runs))


def serve(arguments: list[str]) -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "indexsite.settings"
    django.setup()
    from django.core.management import execute_from_command_line

    from releases import api_upload2
    from tests.support import crashing

    crashing.armed_by(api_upload2, "finish_draft")
    put_points()
    execute_from_command_line(["manage.py", "serve", *arguments])


def main() -> None:
    role, *arguments = sys.argv[1:]
    if role == "serve":
        serve(arguments)
    else:
        name, directory, *points = arguments
        work(name, Path(directory), points)


if __name__ == "__main__":
    main()
