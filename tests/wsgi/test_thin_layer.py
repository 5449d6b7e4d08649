"""The layer in front of Django: the same answers, without Django, whatever else is down."""

import dataclasses
import io
import ipaddress
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from django.db import OperationalError, close_old_connections, connection
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext

from indexsite import mail, wsgi
from releases import serving
from releases.models import File
from tests.support import published

type Got = tuple[str, dict[str, str], bytes]


def ask(application: Any, path: str, *, method: str = "GET", **headers: str) -> Got:
    """What a WSGI server would send; header names as in HTTP."""
    path, _, query = path.partition("?")
    environ = (
        RequestFactory(headers={"host": "testserver", **headers}).generic(method, path, QUERY_STRING=query).environ
    )
    said: list[Any] = []
    body: Iterable[bytes] = application(environ, lambda status, headers, *_: said.extend([status, headers]))
    content = b"".join(body)
    if hasattr(body, "close"):
        body.close()
    status, pairs = said
    assert len({name.lower() for name, _ in pairs}) == len(pairs)
    return status, dict(pairs), content


@pytest.fixture
def wheel(db: None) -> File:
    return published.publish(published.project("sample-project"), content=bytes(range(256)) * 40)


@pytest.fixture
def django() -> Iterator[WSGIHandler]:
    # As Django's own test client does: they would close the connection that holds the test's transaction.
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield WSGIHandler()
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def thin() -> Any:
    def refuse(environ: Any, start_response: Any) -> None:
        raise AssertionError("Django was asked")

    return wsgi.thin(refuse)  # type: ignore[arg-type]


JSON = "application/vnd.pypi.simple.v1+json"
PAGE_REQUESTS: list[dict[str, str]] = [
    {},
    {"accept": JSON},
    {"accept": "application/vnd.pypi.simple.v1+html"},
    {"accept": "text/html", "accept-encoding": "gzip, deflate, br"},
    {"accept": JSON, "accept-encoding": "gzip"},
    {"if-none-match": "*"},
    {"if-none-match": "*", "accept-encoding": "gzip"},
    {"if-none-match": '"other"'},
    {"cookie": "sessionid=nonsense"},
    {"host": "localhost:8123"},
]
FILE_REQUESTS: list[dict[str, str]] = [
    {},
    {"range": "bytes=5-9"},
    {"range": "bytes=-100"},
    {"range": "bytes=99999999-"},
    {"range": "bytes=99999999-", "accept": JSON},
    {"range": "bytes=0-9", "if-range": '"other"'},
    {"if-none-match": "*"},
]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("headers", PAGE_REQUESTS, ids=str)
@pytest.mark.parametrize("path", ["/simple/", "/simple/sample-project/", "/simple/missing/"])
def test_pages_are_the_same_as_from_django(
    wheel: File, django: Any, thin: Any, path: str, headers: dict[str, str], method: str
) -> None:
    assert ask(thin, path, method=method, **headers) == ask(django, path, method=method, **headers)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("headers", FILE_REQUESTS, ids=str)
@pytest.mark.parametrize("suffix", ["", ".metadata", ".missing"])
def test_files_are_the_same_as_from_django(
    wheel: File, django: Any, thin: Any, suffix: str, headers: dict[str, str], method: str
) -> None:
    path = f"/files/{wheel.path}{suffix}"
    assert ask(thin, path, method=method, **headers) == ask(django, path, method=method, **headers)


def test_an_empty_index_is_the_same_as_from_django(db: None, django: Any, thin: Any) -> None:
    assert ask(thin, "/simple/") == ask(django, "/simple/")


@pytest.mark.parametrize("headers", [{}, {"x-forwarded-proto": "https"}, {"x-forwarded-proto": "http"}], ids=str)
def test_transport_security_is_announced_where_django_does(
    wheel: File, django: Any, thin: Any, headers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "SECURE_HSTS_SECONDS", 1000)
    monkeypatch.setattr(settings, "SECURE_PROXY_SSL_HEADER", ("HTTP_X_FORWARDED_PROTO", "https"))
    trust(monkeypatch, "127.0.0.0/8")
    assert ask(thin, "/simple/", **headers) == ask(WSGIHandler(), "/simple/", **headers)
    secure = headers.get("x-forwarded-proto") == "https"
    assert ("Strict-Transport-Security" in ask(thin, "/simple/", **headers)[1]) is secure


def trust(monkeypatch: pytest.MonkeyPatch, *ranges: str) -> None:
    networks = tuple(ipaddress.ip_network(text) for text in ranges)
    monkeypatch.setattr(settings, "ENV", dataclasses.replace(settings.ENV, trusted_proxies=networks))


@pytest.mark.parametrize("proxies", [(), ("10.0.0.0/8",), ("127.0.0.1/32",)], ids=str)
@pytest.mark.parametrize("path", ["/", "/simple/"])
def test_only_a_proxy_of_ours_says_that_the_connection_is_secure(
    wheel: File, django: Any, monkeypatch: pytest.MonkeyPatch, path: str, proxies: tuple[str, ...]
) -> None:
    monkeypatch.setattr(settings, "SECURE_HSTS_SECONDS", 1000)
    monkeypatch.setattr(settings, "SECURE_PROXY_SSL_HEADER", ("HTTP_X_FORWARDED_PROTO", "https"))
    trust(monkeypatch, *proxies)
    handler = type(django)()  # the middleware reads its settings when it is made
    claim = {"x-forwarded-proto": "https"}
    # Django alone believes whoever sends it.
    assert "Strict-Transport-Security" in ask(handler, path, **claim)[1]
    believed = "Strict-Transport-Security" in ask(wsgi.thin(handler), path, **claim)[1]
    assert believed is ("127.0.0.1/32" in proxies)


@pytest.mark.parametrize(
    ("path", "method", "headers"),
    [
        ("/", "GET", {}),
        ("/simple", "GET", {}),
        ("/simple/Sample.Project/", "GET", {}),
        ("/simple/sample-project", "GET", {}),
        ("/simple/sample-project/?format=text/html", "GET", {}),
        ("/simple/sample-project/", "POST", {}),
        ("/simple/sample-project/", "GET", {"host": "elsewhere.example"}),
        ("/simple/", "GET", {"host": ""}),
        ("/files/ab/cd/short/x.whl", "GET", {}),
        ("/files/00/11/" + "2" * 60 + "/a b.whl", "GET", {}),
        ("/files/00/11/" + "2" * 60 + "/a.whl", "GET", {"host": "elsewhere.example"}),
    ],
)
def test_anything_unusual_is_left_to_django(path: str, method: str, headers: dict[str, str]) -> None:
    def django(environ: Any, start_response: Any) -> list[bytes]:
        start_response("299 Django", [])
        return [b""]

    status, _, _ = ask(wsgi.thin(django), path, method=method, **headers)  # type: ignore[arg-type]
    assert status == "299 Django"


def test_a_page_costs_one_query_and_a_file_another(wheel: File, thin: Any) -> None:
    ask(thin, "/simple/sample-project/")
    for path in ("/simple/sample-project/", f"/files/{wheel.path}"):
        with CaptureQueriesContext(connection) as captured:
            ask(thin, path)
        assert len(captured) == 1


def test_reads_survive_without_cache_queue_and_mail(
    wheel: File, thin: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.core import cache
    from django.tasks import task_backends

    def down(*args: object, **kwargs: object) -> None:
        raise ConnectionError("down")

    for port, names in (
        (type(cache.caches["default"]), ("get", "set", "add", "incr", "get_many")),
        (mail, ("queue",)),
        (type(task_backends["default"]), ("enqueue",)),
    ):
        for name in names:
            monkeypatch.setattr(port, name, down)
    for path in ("/simple/", "/simple/sample-project/", f"/files/{wheel.path}", f"/files/{wheel.path}.metadata"):
        assert ask(thin, path)[0] == "200 OK"


@pytest.mark.django_db(transaction=True)
class TestWithoutADatabase:
    @pytest.fixture
    def refusals(self, wheel: File, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
        """How often the database refuses before it answers again; the rest is counted down."""
        left = [1_000_000]
        real = connection.cursor

        def cursor(*args: object, **kwargs: object) -> Any:
            if left[0] == 0:
                return real(*args, **kwargs)
            left[0] -= 1
            raise OperationalError("server closed the connection unexpectedly")

        # Undone before the tables are emptied.
        with monkeypatch.context() as patch:
            patch.setattr(connection, "cursor", cursor)
            patch.setattr(connection, "close", lambda: None)
            yield left

    @pytest.mark.parametrize("path", ["/simple/", "/simple/sample-project/", f"/files/00/11/{'2' * 60}/a.whl"])
    def test_an_installer_hears_so_and_when_to_come_back(self, thin: Any, refusals: list[int], path: str) -> None:
        before = refusals[0]
        status, headers, body = ask(thin, path)
        assert status == "503 Service Unavailable"
        assert headers["Retry-After"] == "60"
        assert headers["Cache-Control"] == "no-cache"
        assert b"cannot reach its database" in body
        assert before - refusals[0] == 2, "tried again, as the connection may just have been idle for too long"
        assert ask(thin, path, accept=JSON)[1]["Content-Type"] == "application/problem+json"

    @pytest.mark.parametrize("path", ["/simple/", "/simple/sample-project/"])
    def test_a_lost_connection_is_opened_anew(self, thin: Any, refusals: list[int], path: str) -> None:
        refusals[0] = 1
        assert ask(thin, path)[0] == "200 OK"


def test_inside_a_transaction_a_failure_is_not_tried_again(wheel: File, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object) -> None:
        raise OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(serving, "_simple_page", fail)
    with pytest.raises(OperationalError):
        serving.simple_page("", serving.Ask("GET"))


def test_a_server_that_can_send_files_by_itself_is_given_the_file(wheel: File, thin: Any) -> None:
    given: list[Any] = []

    def wrapper(body: Any, size: int) -> list[bytes]:
        given.append((body.fileno(), size))
        return [body.read()]

    environ = (
        RequestFactory(headers={"host": "testserver", "range": "bytes=10-19"}).get(f"/files/{wheel.path}").environ
    )
    environ["wsgi.file_wrapper"] = wrapper
    body = thin(environ, lambda *_: None)
    assert body == [bytes(range(10, 20))]
    assert given[0][1] == 65536


def test_bodies_end_where_the_range_does() -> None:
    blob = serving.BlobSlice(io.BytesIO(b"0123456789"), start=2, length=5)
    assert [blob.read(3), blob.read(3), blob.read(3)] == [b"234", b"56", b""]
    blob.close()
