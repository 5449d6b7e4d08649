"""Uploads go through less middleware than pages: the answers are the same, and a cookie is worth nothing."""

from typing import Any

import pytest
from django.conf import settings
from django.contrib.sessions.models import Session
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.test import RequestFactory

from accounts.models import User
from indexsite import wsgi
from releases.models import File
from tests.support import people
from tests.support.distributions import make_wheel
from tests.support.tokens import basic
from tests.support.uploads import token_for

type Got = tuple[str, dict[str, str], bytes]

REFUSALS: list[dict[str, Any]] = [
    {},
    {"Authorization": basic("nonsense")},
    {"Authorization": "Bearer nonsense"},
    {"Host": "elsewhere.example"},
    {"Origin": "https://elsewhere.example"},
]


@pytest.fixture(autouse=True)
def _stay_connected() -> Any:
    # As Django's own test client does: they would close the connection that holds the test's transaction.
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


def post(application: Any, data: dict[str, Any] | None = None, **headers: str) -> Got:
    request = RequestFactory(headers={"Host": "testserver", **headers}).post("/legacy/", data or {"a": "b"})
    said: list[Any] = []
    body = application(request.environ, lambda status, pairs, *_: said.extend([status, dict(pairs)]))
    content = b"".join(body)
    body.close()
    status, sent = said
    sent.pop("Vary", None)  # all middleware together read the cookie, and say so
    return status, sent, content


def a_wheel(version: str) -> dict[str, Any]:
    made = make_wheel("sampleproject", version)
    return {**made.fields(), "content": SimpleUploadedFile(made.filename, made.content)}


def test_the_list_is_a_part_of_the_whole_in_the_same_order() -> None:
    short = settings.UPLOAD_MIDDLEWARE
    assert [name for name in settings.MIDDLEWARE if name in short] == short
    assert len(short) < len(settings.MIDDLEWARE)


@pytest.mark.django_db
@pytest.mark.parametrize("headers", REFUSALS)
def test_refusals_are_the_same_with_all_middleware(headers: dict[str, str]) -> None:
    assert post(wsgi.application, **headers) == post(WSGIHandler(), **headers)


@pytest.mark.django_db
def test_an_upload_is_answered_alike_and_published(alice: User) -> None:
    secret = token_for(alice)
    short = post(wsgi.application, a_wheel("1.0"), Authorization=basic(secret))
    long = post(WSGIHandler(), a_wheel("1.1"), Authorization=basic(secret))
    assert short[0] == long[0] == "200 OK"
    assert short[1].keys() == long[1].keys()
    assert [file.filename for file in File.objects.order_by("pk")] == [
        "sampleproject-1.0-py3-none-any.whl",
        "sampleproject-1.1-py3-none-any.whl",
    ]


@pytest.mark.django_db
def test_the_session_of_a_browser_uploads_nothing_and_is_not_touched(alice: User) -> None:
    browser = people.browser(alice)
    before = list(Session.objects.values())
    cookies = "; ".join(f"{name}={morsel.value}" for name, morsel in browser.cookies.items())
    status, headers, body = post(wsgi.application, a_wheel("1.0"), Cookie=cookies)
    assert status.startswith("403 No credentials were sent")
    assert b'"credentials-missing"' in body
    assert "Set-Cookie" not in headers
    assert not File.objects.exists()
    assert list(Session.objects.values()) == before
