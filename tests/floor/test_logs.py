"""What stands in the log: no address that opens something."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from django.conf import settings
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from accounts import not_me
from accounts.models import User
from indexsite import clock
from indexsite.logs import WithoutTokens
from tests.support import people

TOKEN = "IjE-secret_0:1xV0DT.x=="


def with_a_token(resolver: URLResolver) -> Iterator[str]:
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLResolver):
            yield from with_a_token(pattern)
        elif isinstance(pattern, URLPattern) and "token" in pattern.pattern.converters and pattern.name:
            yield pattern.name


def logged(message: str, *args: object) -> str:
    record = logging.LogRecord("django.request", logging.WARNING, __file__, 1, message, args, None)
    assert WithoutTokens().filter(record)
    return record.getMessage()


def test_every_address_with_a_token_is_masked() -> None:
    names = set(with_a_token(get_resolver()))
    assert {"account_not_me", "account_reset_link", "recovery_owner_link", "recovery_enrol"} <= names
    for name in names:
        values = {"token": TOKEN, **({"uid": "Mg"} if name == "account_reset_link" else {})}
        line = logged("%s: %s", "Bad Request", reverse(name, kwargs=values))
        assert "secret" not in line, line
        assert "(token)" in line


def test_other_addresses_stay_as_they_are() -> None:
    for path in ("/account/password/reset/new/", "/recovery/status/1/", "/stage/", "/account/history/"):
        assert logged("%s: %s", "Not Found", path) == f"Not Found: {path}"


@pytest.mark.django_db
def test_a_refused_link_is_logged_without_its_token(carol: User, caplog: pytest.LogCaptureFixture) -> None:
    link = not_me.path(carol, 0, at=clock.now())
    token = link.removeprefix("/account/not-me/").rstrip("/")
    caplog.handler.addFilter(WithoutTokens())
    people.browser().post(link)
    assert people.browser().post(link).status_code == 409
    assert any("/account/not-me/(token)" in record.getMessage() for record in caplog.records)
    assert token not in caplog.text
    assert settings.LOGGING["handlers"]["stderr"]["filters"] == ["no-tokens"]
