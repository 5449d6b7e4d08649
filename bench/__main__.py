"""`make bench`: fills all servers with the same corpus, measures them in alternation, writes `bench/results/`.

The load generator shares the machine with the servers: read the ratios, not the figures.
"""

import argparse
import itertools
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from bench import report
from bench.corpus import Corpus, small_project
from bench.load import read, upload
from bench.servers import JSON_TYPE, UPLOAD_PROJECTS, Devpi, Nginx, Ours, Pypiserver, Server, program
from tests.support.distributions import Distribution

FIRST_PORT = 8110
type Samples = dict[str, dict[str, list[float]]]  # metric -> server -> one value for each round


def main() -> None:
    options = _options()
    for name in ("wrk", "nginx", "uv"):
        program(name)
    corpus = Corpus(projects=options.projects, large=options.large)
    directory = Path(options.directory)
    servers = _servers(directory)
    samples: Samples = {}
    cold: dict[str, list[float]] = {}
    try:
        memory_idle, loading = _fill(servers, corpus, cold)
        uploads = _upload_wheels()
        for number in range(options.rounds):
            print(f"Round {number + 1} of {options.rounds}", flush=True)
            _read_round(servers, samples, options.seconds)
            _upload_round(servers, samples, uploads, options.uploads)
        memory_after = {server.name: server.memory() for server in servers}
        _restart(servers, cold)
    finally:
        for server in servers:
            server.stop()
    report.write(
        options.name,
        corpus=corpus,
        options=vars(options),
        versions={server.name: server.version() for server in servers},
        samples=samples,
        extra={"loading": loading, "memory idle": memory_idle, "memory after": memory_after, "cold start": cold},
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--name", default="side-by-side", help="of the file below bench/results/")
    parser.add_argument("--projects", type=int, default=200)
    parser.add_argument("--large", type=int, default=2000, help="files of the one large project")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4, help="of each reading")
    parser.add_argument("--uploads", type=int, default=150, help="files for each measured batch")
    parser.add_argument("--directory", default="var/bench", help="where servers are installed and keep their data")
    return parser.parse_args()


def _servers(directory: Path) -> list[Server]:
    """Each with an empty directory below `directory`; only installed environments are kept from run to run."""
    directory = directory.absolute()
    directory.mkdir(parents=True, exist_ok=True)
    places = []
    for name in ("ours", "devpi", "pypiserver", "nginx"):
        place = directory / name
        for old in place.glob("*"):
            if old.name != "venv":
                shutil.rmtree(old) if old.is_dir() else old.unlink()
        place.mkdir(exist_ok=True)
        places.append(place)
    ours = Ours(places[0], FIRST_PORT)
    devpi, pypiserver = Devpi(places[1], FIRST_PORT + 1), Pypiserver(places[2], FIRST_PORT + 2)
    return [ours, devpi, pypiserver, Nginx(places[3], FIRST_PORT + 3, ours)]


def _fill(
    servers: list[Server], corpus: Corpus, cold: dict[str, list[float]]
) -> tuple[dict[str, float], dict[str, float]]:
    """Start every server and upload the corpus to it; MiB before, and files per second while loading."""
    memory, loading = {}, {}
    wheels = list(corpus.wheels())
    for server in servers:
        server.prepare(corpus)
        cold.setdefault(server.name, []).append(server.start())
        time.sleep(1)
        memory[server.name] = server.memory()
        if isinstance(server, Pypiserver):
            # It rescans its directory on every upload, so the files are put there: loading it took hours.
            for wheel in wheels:
                wheel.write(server.packages)
        elif server.upload_path is not None:
            begin = time.perf_counter()
            upload(server, wheels, parallel=2)
            loading[server.name] = len(wheels) / (time.perf_counter() - begin)
            print(f"{server.name}: {len(wheels)} files at {loading[server.name]:.0f}/s", flush=True)
    return memory, loading


def _read_round(servers: list[Server], samples: Samples, seconds: float) -> None:
    for metric, path_of, accept, connections in READINGS:
        for server in servers:
            if accept == JSON_TYPE and not server.json_pages:
                continue
            got = read(server, path_of(server), seconds=seconds, connections=connections, accept=accept)
            if got.failed:
                print(f"{server.name}, {metric}: {got.failed} answers failed", flush=True)
            values = samples.setdefault(metric, {}).setdefault(server.name, [])
            values.append(got.bytes_per_second / 1e6 if metric.endswith("MB/s") else got.per_second)
            samples.setdefault(f"{metric}: p99, ms", {}).setdefault(server.name, []).append(got.p99_ms)


def _page(project: str) -> Callable[[Server], str]:
    return lambda server: server.page_path(project)


READINGS: list[tuple[str, Callable[[Server], str], str, int]] = [
    ("page of 25 files, HTML, requests/s", _page("bench-000"), "text/html", 16),
    ("page of 25 files, JSON, requests/s", _page("bench-000"), JSON_TYPE, 16),
    ("page of the large project, HTML, requests/s", _page("large"), "text/html", 16),
    ("page of the large project, JSON, requests/s", _page("large"), JSON_TYPE, 16),
    ("root page, HTML, requests/s", _page(""), "text/html", 16),
    ("root page, JSON, requests/s", _page(""), JSON_TYPE, 16),
    ("download of 10 MB, MB/s", lambda server: server.file_path("heavy"), "", 4),
]


def _upload_round(servers: list[Server], samples: Samples, wheels: Iterator[Distribution], count: int) -> None:
    for parallel in (1, 8):
        batch = list(itertools.islice(wheels, count))
        for server in servers:
            if server.upload_path is None:
                continue
            # One that takes a second for each gets fewer, or the run would never end.
            some = batch[: max(8, count // 15)] if isinstance(server, Pypiserver) else batch
            rate = upload(server, some, parallel=parallel)
            samples.setdefault(f"uploads, {parallel} at a time, files/s", {}).setdefault(server.name, []).append(
                rate
            )


def _upload_wheels() -> Iterator[Distribution]:
    """Small wheels for small projects, eight projects in turn, so that parallel clients seldom meet in one."""
    for group in itertools.batched(UPLOAD_PROJECTS, 8, strict=True):
        yield from itertools.chain.from_iterable(zip(*(small_project(name) for name in group), strict=True))


def _restart(servers: list[Server], cold: dict[str, list[float]]) -> None:
    for server in servers:
        for _ in range(2):
            server.stop()
            cold[server.name].append(server.start())


if __name__ == "__main__":
    main()
