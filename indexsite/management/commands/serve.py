"""`manage.py serve`: the production web server."""

from __future__ import annotations

import gc
import os
import socket
import struct
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.checks import Tags
from django.core.management.base import BaseCommand, CommandError
from django.db import connection, connections
from django.db.utils import OperationalError
from django.utils.module_loading import import_string
from gunicorn.app.base import BaseApplication

from indexsite.schema import pending_migrations

THREADS = 8
# A client that stops in the middle of a request gives its thread back after so long: gunicorn's threads would
# wait for ever, and as many silent connections as there are threads would be the end of all reading.
STALL_SECONDS = 30


class Command(BaseCommand):
    """Serves the site over WSGI with gunicorn, whose responses keep the HTTP reason phrase."""

    help = "Serve the site (production web server). Static files need no collecting."
    # No request is answered while a view declares no policy; what else is checked concerns developers.
    requires_system_checks = (Tags.security,)

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--bind", default="127.0.0.1:8000", help="host:port or unix:/path (default: %(default)s)"
        )
        parser.add_argument(
            "--workers", type=int, default=min(os.cpu_count() or 1, 4), help="processes (default: %(default)s)"
        )
        parser.add_argument("--threads", type=int, default=THREADS, help="threads of each (default: %(default)s)")

    def handle(self, *args: Any, **options: Any) -> None:
        refuse_unmigrated()
        Server(bind=options["bind"], workers=options["workers"], threads=options["threads"]).run()


class Server(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn, configured here and nowhere else: no configuration file, no command line of its own."""

    def __init__(self, *, bind: str, workers: int, threads: int) -> None:
        self.options: dict[str, Any] = {
            "bind": bind,
            "workers": workers,
            "threads": threads,
            "worker_class": "gthread",
            # Loaded once, then forked: workers share the memory of the code and start together.
            "preload_app": True,
            "pre_fork": _prepare_to_fork,
            "post_worker_init": _begin,
            "worker_exit": _end,
            # Whom to believe about the connection in front is said once, by `TRUSTED_PROXIES`.
            "secure_scheme_headers": {},
            "forwarder_headers": "",
            "keepalive": 15,
            "graceful_timeout": 20,
            # A preview over several drafts names each by its token.
            "limit_request_line": 8190,
            # No control socket in the home directory.
            "control_socket_disable": True,
            "loglevel": "warning",
        }
        super().__init__()

    def load_config(self) -> None:
        for name, value in self.options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        return import_string(settings.WSGI_APPLICATION)


def _prepare_to_fork(_server: Any, _worker: Any) -> None:
    # A connection that two processes share breaks in both (SQLite: silently, with a corrupt database).
    connections.close_all()
    # What is loaded stays: no worker's collector need walk it again, nor copy its pages by walking it.
    gc.freeze()


def _begin(worker: Any) -> None:
    _limit_stalls(worker)
    import_string("releases.downloads.start")()


def _end(_server: Any, _worker: Any) -> None:
    import_string("releases.downloads.stop")()


def _limit_stalls(worker: Any) -> None:
    # By the kernel: accepted connections inherit it, and it survives gunicorn's switching of blocking modes.
    for listener in worker.sockets:
        limit = struct.pack("ll", STALL_SECONDS, 0)
        listener.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
        listener.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)


def refuse_unmigrated() -> None:
    """Stop with one sentence unless the database is there and has every migration.

    Raises:
        CommandError: what to run first.
    """
    try:
        pending = pending_migrations()
    except OperationalError as error:
        reason = str(error).strip().splitlines()[0]
        raise CommandError(f"The database cannot be reached ({reason}); check DATABASE_URL.") from error
    finally:
        connection.close()
    if pending:
        raise CommandError(f"The database lacks {pending} migration(s); run manage.py migrate first.")
