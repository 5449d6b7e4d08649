"""The worker as operators run it: a process of its own that forks, is killed, and goes on."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.site import Site

pytestmark = pytest.mark.crash
UNLOCK = "from django_q.models import OrmQ; print(OrmQ.objects.update(lock='2020-01-01T00:00:00Z'))"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A database and a worker that is up; no web server."""
    site = Site(tmp_path_factory.mktemp("site"))
    site._start("worker")
    send(site, "warm-up@example.org")
    wait_for(lambda: len(site.letters_to("warm-up@example.org")) == 1, seconds=60)
    yield site
    (worker,) = site._processes
    worker.terminate()
    assert worker.wait(60) == 0


def send(site: Site, address: str) -> None:
    site.script(f"""
from indexsite import mail
mail.queue("audit-head", to=[{address!r}], context={{}})
print(1)
""")


def wait_for(condition: Callable[[], bool], *, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def test_a_letter_is_delivered_within_five_seconds_of_the_commit(site: Site) -> None:
    waits = []
    for address in ("alice@example.org", "bob@example.org", "carol@example.org"):
        send(site, address)
        committed = time.monotonic()
        wait_for(lambda address=address: len(site.letters_to(address)) == 1, seconds=60)
        waits.append(time.monotonic() - committed)
        if waits[-1] <= 5:
            break
    # The best of three: a machine busy with other things may take its time once.
    assert min(waits) <= 5


def test_periodic_jobs_run_by_themselves(site: Site) -> None:
    done = "SELECT 1 FROM indexsite_taskattempt WHERE path = 'indexsite.tasks.seal_audit' AND done_at IS NOT NULL"
    wait_for(lambda: site.query(done) != [], seconds=60)


def test_a_task_that_kills_its_worker_is_started_three_times_and_others_go_on(site: Site, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    notes.touch()
    site.script(f"""
from tests.support import jobs
jobs.note_and_die.enqueue(path={str(notes)!r})
print(1)
""")
    for starts in (1, 2, 3):
        wait_for(lambda starts=starts: len(notes.read_text().splitlines()) == starts, seconds=60)
        site.script(UNLOCK)  # as if the time until the next try had passed

    site.script(f"""
from tests.support import jobs
jobs.note.enqueue(path={str(notes)!r}, text="another task")
print(1)
""")
    wait_for(lambda: "another task" in notes.read_text(), seconds=60)
    site.script(UNLOCK)
    wait_for(lambda: "Gave up on task tests.support.jobs.note_and_die" in site.log(), seconds=60)
    assert notes.read_text().splitlines() == ["tried"] * 3 + ["another task"]
