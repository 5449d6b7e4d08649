"""The pages of a recovery desk with 50,000 stored cases, on PostgreSQL: how long each takes, and how many queries.

Whole requests through all of Django, without the network and without a second process on the same machine.

    TEST_DATABASE=postgresql python -m bench.recovery_pages --record
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).resolve().parent / "results" / "recovery-pages.json"
LIMIT_MS = 300.0
MOST_QUERIES = 12
CASES = 50_000
# Within so many looks each page is asked for; of `case` a different one each time.
ROUNDS = 30
QUEUE = "/admin/recovery/queue/"


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--cases", type=int, default=CASES)
    arguments.add_argument("--rounds", type=int, default=ROUNDS)
    arguments.add_argument("--record", action="store_true", help=f"write {RESULTS.name}")
    chosen = arguments.parse_args()
    with database():
        from bench import recovery_rows

        begin = time.perf_counter()
        recovery_rows.fill(chosen.cases)
        print(f"{chosen.cases} cases in {time.perf_counter() - begin:.0f} s", flush=True)
        found = measure(chosen.rounds)
    for page in found:
        print(f"{page['p50']:7.1f} {page['p95']:7.1f} ms  {page['queries']:3d} queries  {page['page']}")
    if chosen.record:
        machine = {"cpus": os.cpu_count(), "system": platform.platform(), "python": platform.python_version()}
        at = datetime.now(UTC).isoformat(timespec="seconds")
        record = {"at": at, "machine": machine, "load": os.getloadavg()[0], "cases": chosen.cases, "pages": found}
        RESULTS.write_text(json.dumps(record, indent=2) + "\n")
    return int(any(page["p95"] > LIMIT_MS or page["queries"] > page["allowed"] for page in found))


@contextmanager
def database() -> Iterator[None]:
    """An empty one, on the PostgreSQL of a test run."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    os.environ.setdefault("TEST_DATABASE", "postgresql")
    import django

    django.setup()
    from django.db import connection

    if connection.vendor != "postgresql":
        raise SystemExit("These rows are made by PostgreSQL: TEST_DATABASE=postgresql.")
    name = connection.creation.create_test_db(verbosity=0)
    try:
        yield
    finally:
        connection.creation.destroy_test_db(name, verbosity=0)


def measure(rounds: int) -> list[dict[str, Any]]:
    """Every page so often, in turn."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    pages = _pages(rounds)
    found = []
    for words, (client, paths, allowed) in pages.items():
        client.get(paths[0])  # what is imported and compiled at the first look
        with CaptureQueriesContext(connection) as seen:
            answer = client.get(paths[0])
            queries = len(seen)
        if answer.status_code != 200:
            raise RuntimeError(f"{words}: {answer.status_code} {answer.headers.get('Location', '')}")
        taken = sorted(_timed(client, paths[n % len(paths)]) for n in range(rounds))
        found.append({
            "page": words, "p50": round(taken[len(taken) // 2], 1), "p95": round(taken[int(len(taken) * 0.95)], 1),
            "queries": queries, "allowed": allowed,
        })  # fmt: skip
    return found


def _timed(client: Any, path: str) -> float:
    begin = time.perf_counter()
    client.get(path)
    return (time.perf_counter() - begin) * 1000


def _pages(rounds: int) -> dict[str, tuple[Any, list[str], int]]:
    """By words: who looks, at which addresses in turn, and how many queries that may take."""
    from accounts.models import StaffKind
    from bench import recovery_rows
    from indexsite import clock
    from recovery import bearers
    from recovery.actions import counting
    from recovery.claimants import cookie_name
    from recovery.models import CaseState, RecoveryCase
    from recovery.queries_console import TABS
    from tests.support import cast, people

    desk = people.browser(cast.staff("theo", StaffKind.SUPPORT_2, StaffKind.SECURITY))
    pages = {f"queue, {tab.title.lower()}": (desk, [f"{QUEUE}?tab={tab.code}"], MOST_QUERIES) for tab in TABS}
    for words, query in {
        "all, the last page": "tab=all&page=2000", "all, with a flag": "tab=all&flag=changed-recently",
        "all, one mailbox": "tab=all&q=rows7@example.org", "late": "tab=open&late=on",
    }.items():  # fmt: skip
        pages[f"queue, {words}"] = (desk, [f"{QUEUE}?{query}"], MOST_QUERIES)
    for state in (CaseState.QUEUED, CaseState.COOLING, CaseState.CLOSED):
        paths = [f"/admin/recovery/case/{pk}/" for pk in recovery_rows.some(state, rounds)]
        pages[f"case, {state.label.lower()}"] = (desk, paths, MOST_QUERIES)
    claimant, secret = people.browser(), bearers.mint()
    case = RecoveryCase.objects.get(pk=recovery_rows.some(CaseState.EVIDENCE, 1)[0])
    # Whose secret is known: the database lets none be changed afterwards.
    fields = {field.attname: getattr(case, field.attname) for field in RecoveryCase._meta.concrete_fields}
    own = RecoveryCase.objects.create(**{**fields, "id": None, "secret": bearers.digest(secret), "link": secret})
    claimant.cookies[cookie_name(own.pk)] = secret
    pages["claimant, asking"] = (claimant, ["/recovery/"], MOST_QUERIES)
    pages["claimant, where it stands"] = (claimant, [f"/recovery/status/{own.pk}/"], MOST_QUERIES)
    owner = cast.person("olga")
    signed_in = people.browser(owner)
    fields |= {"id": None, "user_id": owner.pk, "secret": bearers.digest(bearers.mint()), "link": bearers.mint()}
    notice = RecoveryCase.objects.create(**fields).notices.create(
        kind="opened", address=owner.email, queued_at=case.submitted_at, sent_at=case.submitted_at
    )
    link = f"/recovery/cancel/{bearers.owner_token(notice.case_id, notice.pk)}/"
    pages["owner, behind the link of a letter"] = (people.browser(), [link], MOST_QUERIES)
    pages["owner, own recoveries"] = (signed_in, ["/account/recovery/"], 2 * MOST_QUERIES)
    pages["everybody, the policy"] = (people.browser(), ["/recovery/policy/"], MOST_QUERIES)
    counting.keep_figures(at=clock.now())
    pages["figures of the desk"] = (desk, ["/admin/recovery/figures/"], MOST_QUERIES)
    return pages


if __name__ == "__main__":
    sys.exit(main())
