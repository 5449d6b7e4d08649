"""The same act in several threads at the same moment, each with a database connection of its own."""

import threading
from collections.abc import Callable

from django.db import connections


def at_once[T](acts: list[Callable[[], T]]) -> list[T | Exception]:
    """Run the acts side by side; returns what each returned or raised."""
    barrier = threading.Barrier(len(acts))
    results: list[T | Exception] = []

    def run(act: Callable[[], T]) -> None:
        try:
            barrier.wait()
            results.append(act())
        except Exception as error:  # noqa: BLE001 - the test judges it
            results.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results
