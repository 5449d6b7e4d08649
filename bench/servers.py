"""The servers under test: how each is installed, started, filled, asked and stopped."""

import base64
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from bench.corpus import Corpus

ROOT = Path(__file__).resolve().parent.parent
JSON_TYPE = "application/vnd.pypi.simple.v1+json"


class Server:
    """One server. Paths are relative to its origin; `upload_path` is None where there is nothing to upload to."""

    name = ""
    json_pages = True
    upload_path: str | None = None
    ready_path = "/simple/"

    def __init__(self, directory: Path, port: int) -> None:
        self.directory = directory
        self.port = port
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def prepare(self, corpus: Corpus) -> None:
        """Make an empty, ready-to-start installation."""

    def command(self) -> list[str]:
        raise NotImplementedError

    def environment(self) -> dict[str, str]:
        return {}

    def version(self) -> str:
        raise NotImplementedError

    def page_path(self, project: str) -> str:
        return f"/simple/{project}/" if project else "/simple/"

    def file_path(self, project: str) -> str:
        """Where the page says that the project's first file is."""
        body = fetch(self.origin + self.page_path(project)).decode()
        link = body.partition('<a href="')[2].partition('"')[0].partition("#")[0]
        return urllib.request.urljoin(self.page_path(project), link)  # type: ignore[attr-defined]

    def authorization(self, project: str, number: int) -> str:
        """The header for upload number `number`, into `project`."""
        return ""

    def start(self) -> float:
        """Start and wait for the first page; seconds that took."""
        begin = time.perf_counter()
        log = (self.directory / "server.log").open("ab")
        self.process = subprocess.Popen(
            self.command(),
            cwd=ROOT,
            env={**clean_environment(), **self.environment()},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        wait_for(self.origin + self.ready_path, self.process, timeout=60)
        return time.perf_counter() - begin

    def stop(self) -> None:
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
            self.process = None

    def memory(self) -> float:
        """Proportional set size of all its processes, in MiB: pages that forks share count once."""
        assert self.process is not None
        return sum(_pss(pid) for pid in _family(self.process.pid)) / 1024


class Ours(Server):
    """This tree, by `manage.py serve`, on SQLite, filled through its own upload address."""

    name = "indexsite"
    upload_path = "/legacy/"

    def prepare(self, corpus: Corpus) -> None:
        run([sys.executable, "manage.py", "migrate", "--verbosity", "0"], self.environment())
        names = json.dumps([*corpus.names, *UPLOAD_PROJECTS])
        out = run([sys.executable, "-m", "bench.seed", names], self.environment())
        self.tokens: dict[str, list[str]] = json.loads(out.splitlines()[-1])

    def command(self) -> list[str]:
        return [sys.executable, "manage.py", "serve", "--bind", f"127.0.0.1:{self.port}"]

    def environment(self) -> dict[str, str]:
        key = self.directory / "secret_key"
        if not key.exists():
            key.write_text(secrets.token_urlsafe(50))
        return {
            "SECRET_KEY_FILE": str(key),
            "SITE_URL": f"http://localhost:{self.port}",
            "DATABASE_URL": f"sqlite:///{self.directory}/db.sqlite3",
            "STORAGE_URL": f"file://{self.directory}/files",
            "EMAIL_URL": f"file://{self.directory}/mail",
        }

    def version(self) -> str:
        return run(["git", "rev-parse", "--short", "HEAD"]).strip()

    def authorization(self, project: str, number: int) -> str:
        tokens = self.tokens[project]
        return basic("__token__", tokens[number % len(tokens)])


class Devpi(Server):
    """devpi-server with token authentication, as its own client uses it."""

    name = "devpi-server"
    upload_path = "/root/bench/"
    ready_path = "/+api"

    def prepare(self, corpus: Corpus) -> None:
        self.python = install(self.directory, "devpi-server")
        run(
            [
                str(self.python.with_name("devpi-init")),
                "--serverdir",
                str(self.directory / "data"),
                "--no-root-pypi",
            ]
        )

    def command(self) -> list[str]:
        program = str(self.python.with_name("devpi-server"))
        return [
            program,
            "--serverdir",
            str(self.directory / "data"),
            "--port",
            str(self.port),
            "--host",
            "127.0.0.1",
        ]

    def version(self) -> str:
        return installed_version(self.python, "devpi-server")

    def start(self) -> float:
        took = super().start()
        answer = send("POST", f"{self.origin}/+login", {"user": "root", "password": ""})
        self.token = basic("root", answer["result"]["password"]).removeprefix("Basic ")
        try:
            send("PUT", f"{self.origin}/root/bench", {"bases": [], "type": "stage"}, {"X-Devpi-Auth": self.token})
        except urllib.error.HTTPError as error:
            if error.code != 409:  # made by an earlier start
                raise
        return took

    def page_path(self, project: str) -> str:
        return f"/root/bench/+simple/{project}/" if project else "/root/bench/+simple/"

    def authorization(self, project: str, number: int) -> str:
        return self.token


class Pypiserver(Server):
    """pypiserver at its best: gunicorn, with the cached directory."""

    name = "pypiserver"
    upload_path = "/"
    json_pages = False

    def prepare(self, corpus: Corpus) -> None:
        self.python = install(self.directory, "pypiserver[passlib,cache]", "gunicorn")
        self.packages = self.directory / "packages"
        self.packages.mkdir(exist_ok=True)

    def command(self) -> list[str]:
        application = f"pypiserver:app(roots=[{str(self.packages)!r}], password_file='.', authenticate=[])"
        return [
            str(self.python.with_name("gunicorn")),
            *("--workers", "2", "--worker-class", "gthread", "--threads", "8", "--bind", f"127.0.0.1:{self.port}"),
            application,
        ]

    def version(self) -> str:
        return installed_version(self.python, "pypiserver")


class Nginx(Server):
    """The ceiling: our rendered bytes and stored files as plain files behind nginx."""

    name = "nginx, same bytes"

    def __init__(self, directory: Path, port: int, ours: Ours) -> None:
        super().__init__(directory, port)
        self.ours = ours

    def prepare(self, corpus: Corpus) -> None:
        for name in ("", *corpus.names):
            for kind, accept in (("html", "text/html"), ("json", JSON_TYPE)):
                target = self.directory / "www" / "simple" / name / f"index.{kind}"
                target.parent.mkdir(parents=True, exist_ok=True)
                page = self.ours.origin + self.ours.page_path(name)
                target.write_bytes(fetch(page, {"Accept": accept}))
                packed = fetch(page, {"Accept": accept, "Accept-Encoding": "gzip"})
                target.with_name(f"{target.name}.gz").write_bytes(packed)
        path = self.ours.file_path("heavy")
        target = self.directory / "www" / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(fetch(self.ours.origin + path))
        (self.directory / "nginx.conf").write_text(NGINX_CONF.format(directory=self.directory, port=self.port))

    def command(self) -> list[str]:
        return [
            program("nginx"),
            "-c",
            str(self.directory / "nginx.conf"),
            "-e",
            str(self.directory / "error.log"),
        ]

    def version(self) -> str:
        done = subprocess.run([program("nginx"), "-v"], capture_output=True, text=True, check=True)
        return done.stderr.strip().rpartition("/")[2]


NGINX_CONF = """
daemon off;
user root;
worker_processes 2;
pid {directory}/nginx.pid;
events {{ worker_connections 512; }}
http {{
    access_log off;
    sendfile on;
    gzip_static on;
    tcp_nopush on;
    keepalive_requests 1000000;
    open_file_cache max=1000 inactive=60s;
    types {{ text/html html; application/vnd.pypi.simple.v1+json json; }}
    client_body_temp_path {directory}/t1; proxy_temp_path {directory}/t2; fastcgi_temp_path {directory}/t3;
    uwsgi_temp_path {directory}/t4; scgi_temp_path {directory}/t5;
    map $http_accept $page {{ default index.html; application/vnd.pypi.simple.v1+json index.json; }}
    server {{
        listen 127.0.0.1:{port};
        root {directory}/www;
        location ~ ^/simple/(.*/)?$ {{ try_files $uri$page =404; }}
    }}
}}
"""

# Into these go the uploads that are measured.
UPLOAD_PROJECTS = [f"upload-{n:03}" for n in range(120)]


# -- installing and asking ----------------------------------------------------------------------------------


def install(directory: Path, *requirements: str) -> Path:
    """An environment of its own with the newest releases; its Python."""
    environment, complete = directory / "venv", directory / "venv" / "complete"
    if not complete.exists():
        uv = program("uv")
        # With the whole environment: proxies, certificates and caches are set there.
        run([uv, "venv", "-q", "--clear", "--python", "3.13", str(environment)], os.environ)
        run([uv, "pip", "install", "-q", "--python", str(environment / "bin/python"), *requirements], os.environ)
        complete.touch()
    return environment / "bin" / "python"


def installed_version(python: Path, package: str) -> str:
    code = f"from importlib.metadata import version; print(version({package!r}))"
    return run([str(python), "-c", code]).strip()


def program(name: str) -> str:
    """The path of a program.

    Raises:
        SystemExit: one sentence that says what to install.
    """
    found = shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin:/usr/local/bin")
    if found is None:
        sys.exit(f"The benchmarks need {name}; on Debian: apt-get install wrk nginx-light (uv: pip install uv).")
    return found


def run(command: list[str], environment: Mapping[str, str] | None = None) -> str:
    done = subprocess.run(
        command, cwd=ROOT, env={**clean_environment(), **(environment or {})}, capture_output=True, text=True
    )
    if done.returncode:
        sys.exit(f"{' '.join(command[:4])} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def clean_environment() -> dict[str, str]:
    """Nothing of the developer's settings reaches a server."""
    return {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "UV_CACHE_DIR") if name in os.environ}


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def fetch(url: str, headers: dict[str, str] | None = None) -> bytes:
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers or {}), timeout=60) as response:
        body: bytes = response.read()
        return body


def send(method: str, url: str, value: object, headers: dict[str, str] | None = None) -> dict[str, dict[str, str]]:
    request = urllib.request.Request(
        url,
        json.dumps(value).encode(),
        {"Content-Type": "application/json", "Accept": "application/json", **(headers or {})},
        method=method,
    )
    with urllib.request.urlopen(request, timeout=60) as response:
        result: dict[str, dict[str, str]] = json.load(response)
        return result


def wait_for(url: str, process: subprocess.Popen[bytes], *, timeout: float) -> None:
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        if process.poll() is not None:
            break
        try:
            fetch(url)
        except urllib.error.HTTPError as error:
            if error.code < 500:
                return
        except OSError:
            time.sleep(0.01)
        else:
            return
    sys.exit(f"{' '.join(str(part) for part in process.args[:3])} did not answer at {url}.")  # type: ignore[index,union-attr]


def _family(pid: int) -> list[int]:
    """The process and its descendants."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(member for child in children for member in _family(int(child)))]


def _pss(pid: int) -> int:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    return 0
