"""The load: wrk for reading, a keep-alive client of our own for uploads."""

import http.client
import re
import statistics
import subprocess
import threading
import time
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from bench.servers import Server, program
from tests.support.distributions import Distribution

_UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3, "m": 60e3}


@dataclass(frozen=True)
class Reading:
    """What wrk saw: answers and bytes per second, 99th percentile in milliseconds, failed answers."""

    per_second: float
    bytes_per_second: float
    p99_ms: float
    failed: int


def read(server: Server, path: str, *, seconds: float, connections: int, accept: str = "") -> Reading:
    command = [program("wrk"), "-t1", f"-c{connections}", f"-d{seconds:.0f}s", "--timeout", "30s", "--latency"]
    if accept:
        # Pages, as pip and uv ask for them; files are asked for as they are.
        command += ["-H", f"Accept: {accept}", "-H", "Accept-Encoding: gzip, deflate"]
    out = subprocess.run([*command, server.origin + path], capture_output=True, text=True, check=True).stdout
    wrong = re.search(r"Non-2xx or 3xx responses: (\d+)", out)
    errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", out)
    p99 = re.search(r"99%\s+([\d.]+)(us|ms|s|m)", out)
    return Reading(
        per_second=_number(r"Requests/sec:\s+([\d.]+)", out),
        bytes_per_second=_bytes(out),
        p99_ms=float(p99[1]) * _UNITS[p99[2]] if p99 else 0.0,
        failed=int(wrong[1] if wrong else 0) + sum(int(count) for count in (errors.groups() if errors else ())),
    )


def _number(pattern: str, text: str) -> float:
    found = re.search(pattern, text)
    return float(found[1]) if found else 0.0


def _bytes(text: str) -> float:
    found = re.search(r"Transfer/sec:\s+([\d.]+)([KMG]?)B", text)
    return float(found[1]) * {"": 1, "K": 2**10, "M": 2**20, "G": 2**30}[found[2]] if found else 0.0


def upload(server: Server, wheels: Sequence[Distribution], *, parallel: int) -> float:
    """Upload all, each exactly once; files per second. One keep-alive connection for each parallel client.

    Raises:
        RuntimeError: the server refused one.
    """
    waiting = list(enumerate(wheels))[::-1]
    lock = threading.Lock()

    def client() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
        while True:
            with lock:
                if not waiting:
                    return
                number, wheel = waiting.pop()
            body, content_type = form_of(wheel)
            headers = {"Content-Type": content_type, "User-Agent": "bench"}
            if (authorization := server.authorization(wheel.name, number)) != "":
                name = "Authorization" if authorization.startswith("Basic") else "X-Devpi-Auth"
                headers[name] = authorization
            connection.request("POST", server.upload_path or "/", body, headers)
            response = connection.getresponse()
            said = response.read()
            if response.status != 200:
                raise RuntimeError(f"{server.name} refused {wheel.filename}: {response.status} {said[:300]!r}")

    begin = time.perf_counter()
    with ThreadPoolExecutor(parallel) as pool:
        for done in [pool.submit(client) for _ in range(parallel)]:
            done.result()
    return len(wheels) / (time.perf_counter() - begin)


def form_of(wheel: Distribution) -> tuple[bytes, str]:
    """The multipart body that twine would send, and its content type."""
    boundary = uuid.UUID(int=len(wheel.content)).hex
    parts = []
    for name, values in wheel.fields().items():
        for value in values:
            parts.append(
                f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
            )
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="content"; filename="{wheel.filename}"\r\n'
    parts += [head.encode(), b"Content-Type: application/octet-stream\r\n\r\n", wheel.content, b"\r\n"]
    return b"".join([*parts, f"--{boundary}--\r\n".encode()]), f"multipart/form-data; boundary={boundary}"


def median(values: Sequence[float]) -> float:
    return statistics.median(values)
