"""Publishing a draft of 100 wheels, and what readers of its project feel meanwhile: one run, in alternation.

A process publishes, another one reads the simple page and the project page in turn, both on PostgreSQL. Reads
that overlap a publish are set beside those just before and after it. A page must name none of the files or all.

    TEST_DATABASE=postgresql python -m bench.draft_publish --record
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import os
import platform
import statistics
import sys
import time
import uuid
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.recovery_pages import database

RESULTS = Path(__file__).resolve().parent / "results" / "draft-publish.json"
WHEELS, ROUNDS = 100, 60
MOST_MS = 300.0
QUIET = 0.25  # seconds of reading before and after each publish
PAGES = ("/simple/{}/", "/project/{}/")
JSON_TYPE = "application/vnd.pypi.simple.v1+json"


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--wheels", type=int, default=WHEELS)
    arguments.add_argument("--rounds", type=int, default=ROUNDS)
    arguments.add_argument("--record", action="store_true", help=f"write {RESULTS.name}")
    chosen = arguments.parse_args()
    with database():
        found = measure(chosen.wheels, chosen.rounds)
    print(json.dumps(found, indent=2))
    if chosen.record:
        machine = {"cpus": os.cpu_count(), "system": platform.platform(), "python": platform.python_version()}
        at = datetime.now(UTC).isoformat(timespec="seconds")
        RESULTS.write_text(json.dumps({"at": at, "machine": machine, **found}, indent=2) + "\n")
    return int(found["publish, ms"]["median"] > MOST_MS or bool(found["pages with some files only"]))


def measure(wheels: int, rounds: int) -> dict[str, Any]:
    from django.db import connection

    load = os.getloadavg()[0]
    # The first is published for what is imported and composed on the way.
    actor, drafts = fill(wheels, rounds + 1)
    connection.close()
    which, stop = multiprocessing.Value("i", -1), multiprocessing.Event()
    mine, theirs = multiprocessing.Pipe()
    reader = multiprocessing.get_context("fork").Process(target=read, args=(which, stop, theirs, wheels))
    reader.start()
    spans = []
    for number, draft in enumerate(drafts):
        which.value = number
        time.sleep(QUIET)
        spans.append(publish(actor, draft))
        time.sleep(QUIET)
    stop.set()
    seen, partial = mine.recv()
    reader.join()
    took = sorted((end - begin) * 1000 for begin, end, _ in spans[1:])
    return {
        "wheels": wheels, "rounds": rounds, "load of the machine before": round(load, 1),
        "statements": spans[-1][2],
        "publish, ms": {
            "least": round(took[0], 1), "median": round(statistics.median(took), 1), "most": round(took[-1], 1),
        },
        "pages with some files only": partial,
        "reads": [compare(page, seen, spans) for page in PAGES],
    }  # fmt: skip


def fill(wheels: int, count: int) -> tuple[Any, list[Any]]:
    """So many projects with one release each and a draft of the next; by whom.

    One wheel of each is uploaded and checked, the others are rows like its own: publishing opens no file.
    """
    from releases.models import DraftFile
    from tests.support import cast, drafts
    from tests.support.distributions import make_wheel
    from tests.support.uploads import token_for, upload

    alice, made = cast.person("alice"), []
    actor = drafts.by_token(alice)
    for number in range(count):
        name = f"manylib-{number}"
        token = token_for(alice, cast.ProjectFactory(name=name, owner=alice))
        assert upload(make_wheel(name, "0.1"), token).status_code == 200
        draft = drafts.gathered(actor, make_wheel(name, tag="py3-none-linux_0"), name=name)
        first = draft.files.get()
        DraftFile.objects.bulk_create(_other(first, tag) for tag in range(1, wheels))
        made.append(draft)
    return actor, made


def _other(first: Any, tag: int) -> Any:
    """A wheel for another platform, with bytes of its own."""
    filename = first.filename.replace("linux_0", f"linux_{tag}")
    digest = hashlib.sha256(filename.encode()).hexdigest()
    changed = {"pk": None, "public_id": uuid.uuid4(), "filename": filename, "sha256": digest, "blake2_256": digest}
    values = {field.attname: getattr(first, field.attname) for field in first._meta.concrete_fields}
    return type(first)(**{key: value for key, value in values.items() if key != "id"} | changed)


def publish(actor: Any, draft: Any) -> tuple[float, float, int]:
    """When it began and ended, in seconds, and how many statements it took."""
    from indexsite import clock
    from releases.actions.drafts.publishing import finish_draft
    from releases.models import DraftState

    statements = 0

    def count(execute: Any, *rest: Any) -> Any:
        nonlocal statements
        statements += 1
        return execute(*rest)

    from django.db import connection

    with connection.execute_wrapper(count):
        begin = time.monotonic()
        published = finish_draft(actor=actor, draft=draft, at=clock.now())
        end = time.monotonic()
    assert published.state == DraftState.PUBLISHED
    return begin, end, statements


def read(which: Any, stop: Any, answer: Any, wheels: int) -> None:
    """Until it is told to stop, the pages of the project that is on; sends what each took, and half pages."""
    from django.test import Client

    client, seen, partial = Client(), [], 0
    while not stop.is_set():
        for page in PAGES:
            number = which.value
            if number < 0:
                time.sleep(0.01)
                continue
            begin = time.monotonic()
            got = client.get(page.format(f"manylib-{number}"), headers={"accept": f"{JSON_TYPE}, text/html"})
            seen.append((page, number, begin, time.monotonic()))
            assert got.status_code == 200
            if page == PAGES[0]:
                partial += len(json.loads(got.content)["files"]) not in (1, wheels + 1)
            time.sleep(0.001)
    answer.send((seen, partial))


def compare(page: str, seen: list[Any], spans: list[Any]) -> dict[str, Any]:
    """What reads of one page took while its project was being published, and while it was not."""
    taken: dict[bool, list[float]] = defaultdict(list)
    for read_page, number, begin, end in seen:
        if read_page == page and number > 0:
            since, until, _ = spans[number]
            taken[begin < until and end > since].append((end - begin) * 1000)
    without, meanwhile = (sorted(taken[is_on]) for is_on in (False, True))
    found: dict[str, Any] = {"page": page.format("<name>"), "reads": [len(without), len(meanwhile)]}
    for label, share in (("p50", 0.5), ("p99", 0.99)):
        pair = [times[min(int(len(times) * share), len(times) - 1)] for times in (without, meanwhile)]
        found[f"{label} without and meanwhile, ms"] = [round(value, 2) for value in pair]
        found[f"{label}, ratio"] = round(pair[1] / pair[0], 2)
    return found | {"longest meanwhile, ms": round(meanwhile[-1], 2)}


if __name__ == "__main__":
    sys.exit(main())
