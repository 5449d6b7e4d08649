"""A private Redis for one test run: on a unix socket in the run's directory, started when first asked for."""

import atexit
import os
import shutil
import subprocess
import time
from functools import cache
from pathlib import Path

from tests.support import run, system


@cache
def url() -> str:
    """The `REDIS_URL` of a server that lives as long as this process.

    Raises:
        SystemExit: one sentence, where no Redis can be had.
    """
    socket = run.directory(os.environ) / f"redis-{os.getpid()}.sock"
    command = [_binary(), "--port", "0", "--unixsocket", str(socket), "--save", "", "--appendonly", "no"]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=socket.parent)
    atexit.register(_stop, server, os.getpid())
    for _ in range(600):
        if socket.exists():
            return f"unix://{socket}"
        time.sleep(0.05)
    raise SystemExit("A Redis for the tests did not start.")


def _binary() -> str:
    found = shutil.which("redis-server") or shutil.which("valkey-server")
    if found is None and system.may_install():
        system.install("redis-server")
        found = shutil.which("redis-server")
    if found is None:
        raise SystemExit("No Redis was found: install one (Debian: apt install redis-server), then try again.")
    return str(Path(found))


def _stop(server: "subprocess.Popen[bytes]", owner: int) -> None:
    if os.getpid() == owner:  # forked children inherit the exit hook, not the server
        server.terminate()
        server.wait(5)
