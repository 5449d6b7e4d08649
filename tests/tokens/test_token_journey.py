"""The token pages and the API's pages in a real browser: no violation, no script needed, accessible."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from playwright.sync_api import Page
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from tests.support import axe, cast, people
from tests.support.tokens import basic, request_with, token_of
from tokens.authentication import authenticate
from tokens.models import Token

pytestmark = [pytest.mark.journey, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def site(live_server: LiveServer, settings: Any) -> str:
    """The origin of a running site; the browser is not led away to the configured one."""
    settings.SITE_URL = live_server.url
    return live_server.url


def take_session(page: Page, client: Client, url: str) -> None:
    """Let the browser be the one that signed in."""
    cookies = [{"name": name, "value": morsel.value, "url": url} for name, morsel in client.cookies.items()]
    page.context.add_cookies(cookies)  # type: ignore[arg-type]


def accessible(page: Page) -> None:
    assert axe.violations(page) == []


def test_a_person_makes_a_token_copies_it_and_revokes_it(page: Page, site: str, alice: User) -> None:
    cast.ProjectFactory(name="sampleproject", owner=alice)
    token_of(alice, description="laptop")
    signed_in = people.browser(alice, HTTP_HOST=site.removeprefix("http://"))
    take_session(page, signed_in, site)
    page.goto(f"{site}/account/tokens/")
    accessible(page)
    page.get_by_role("link", name="Create a token").click()
    accessible(page)

    page.get_by_label("Description").fill("release workflow")
    page.get_by_role("button", name="Create token").click()
    assert page.get_by_text("Choose a project, or the whole account.").is_visible()
    assert page.get_by_label("Description").input_value() == "release workflow"
    accessible(page)
    page.get_by_label("Upload files").check()
    page.get_by_label("Only sampleproject").check()
    page.get_by_label("30 days").check()
    page.get_by_role("button", name="Create token").click()

    secret = page.locator("#token").inner_text()
    assert authenticate(request_with(basic(secret))).user == alice
    accessible(page)
    page.locator("summary", has_text="twine").click()
    assert page.locator("#twine").is_visible()
    assert secret in page.locator("#twine").inner_text()

    page.get_by_role("link", name="I have stored it").click()
    assert secret not in page.content()
    page.get_by_role("link", name="Revoke release workflow").click()
    accessible(page)
    page.get_by_role("button", name="Revoke it").click()
    assert page.get_by_text("release workflow was revoked.").is_visible()
    assert Token.objects.get(description="release workflow").revoked_at is not None


def test_the_api_pages_are_readable_by_everyone(page: Page, site: str) -> None:
    page.goto(f"{site}/api/v1/docs/")
    accessible(page)
    refused = page.locator(
        "section:has(#inspectToken) details, #inspectToken ~ * details", has_text="403 Forbidden"
    ).first
    refused.locator("summary").click()
    assert refused.get_by_text("What is wrong and what to do, for people.").is_visible()
