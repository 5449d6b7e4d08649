"""Tasks that exist for tests of the queue: they note that they ran, fail, or kill their worker."""

import os
import signal
from pathlib import Path

from django.tasks import task


@task()
def note(*, path: str, text: str) -> None:
    """Append a line to a file."""
    with Path(path).open("a") as file:
        file.write(text + "\n")


@task()
def note_and_fail(*, path: str) -> None:
    note.call(path=path, text="tried")
    raise OSError("the mail server is away")


@task()
def note_and_die(*, path: str) -> None:
    """Take the worker process along."""
    note.call(path=path, text="tried")
    os.kill(os.getpid(), signal.SIGKILL)


@task()
def note_default() -> None:
    """Takes no arguments, as periodic jobs do."""
    note.call(path=os.environ["TEST_NOTE_PATH"], text="ran")
