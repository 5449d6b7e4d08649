"""A worker that carries out what is due and kills itself on the way, once at each point it is told.

Each time a process of its own is forked from this one, which has loaded the site and closed its connection. At ""
none is killed. Prints, as JSON, how each of them ended and what points it has passed.

    python -m tests.support.crashing_execution <name of the database> <directory> <point>...
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import django


def main() -> None:
    name, directory, *points = sys.argv[1:]
    django.setup()
    from django.db import connection, transaction
    from django.db.backends.base.base import BaseDatabaseWrapper

    from indexsite import audit, clock
    from recovery import bearers, notices
    from recovery.actions import executing, story
    from recovery.models import COOLING_STATES, RecoveryCase
    from tests.support import crashing

    connection.settings_dict["NAME"] = name
    at, log = Path(directory) / "crash-at", Path(directory) / "crash-points"
    os.environ |= {"CRASH_AT": str(at), "CRASH_LOG": str(log)}
    # Once for nothing: what is imported and composed on the way need not be so in every process.
    with transaction.atomic():
        for case in RecoveryCase.objects.filter(state__in=COOLING_STATES):
            executing.execute(case.pk, clock.now())
        transaction.set_rollback(True)
    connection.close()
    crashing.armed_by(executing, "execute")
    for owner, attribute in (
        (story, "lock"), (executing, "_hand_over"), (story, "move"), (executing, "remove_factor"),
        (executing, "drop_sessions"), (executing.new_places, "stop"), (executing, "_drop_tokens"),
        (bearers, "mint"), (story, "tell"), (audit, "record"), (notices, "tell_owner"),
        (notices, "enrolment_link"), (executing, "_end_others"), (BaseDatabaseWrapper, "commit"),
    ):  # fmt: skip
        crashing.around(owner, attribute, attribute.strip("_"))
    runs = []
    for point in points:
        at.write_text(point)
        log.write_text("")
        if (child := os.fork()) == 0:
            executing.execute_due(at=clock.now())
            os._exit(0)
        end = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        runs.append({"end": end, "passed": log.read_text().split()})
    print(json.dumps(runs))


if __name__ == "__main__":
    main()
