"""Help, the list of problems, security policy."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.template.loader import render_to_string
from django.test import Client, RequestFactory

from indexsite.styleguide import styleguide

APPS = ("indexsite", "accounts", "mfa", "tokens", "releases", "recovery")
CODE = re.compile(
    r"""(?: \bcode \s* = \s* | (?: Denied | _refused | Rejected ) \( \s* ) "([a-z]+(?:-[a-z]+)+)" """, re.X
)
# Codes of the classes themselves: every refusal raised in earnest has one of its own.
GENERAL = {"invalid-input", "not-found", "permission-refused", "too-large"}


def codes_in_source() -> set[str]:
    sources = [path for app in APPS for path in Path(settings.BASE_DIR, app).rglob("*.py")]
    found = {code for path in sources for code in CODE.findall(path.read_text())}
    problems = Path(settings.BASE_DIR, "releases/upload/problems.py")
    if problems.exists():
        found |= set(re.findall(r'^    [A-Z_]+ = "([a-z-]+)"', problems.read_text(), re.M))
    return found - GENERAL


def test_every_refusal_code_has_its_paragraph() -> None:
    page = Client().get("/help/problems/").content.decode()
    explained = set(re.findall(r'<dt id="([a-z0-9-]+)"', page))
    assert len(codes_in_source()) > 10
    assert codes_in_source() - explained == set()


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/help/", "/help/problems/", "/security/"])
def test_visitors_read_help_under_a_policy_without_exceptions(path: str) -> None:
    response = Client().get(path)
    assert response.status_code == 200
    policy = response["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    page = response.content.decode()
    assert not re.search(r"\sstyle=|\son[a-z]+=|<style|javascript:", page)


def test_security_txt_names_a_contact_and_a_date_within_a_year() -> None:
    response = Client().get("/.well-known/security.txt")
    assert response["Content-Type"] == "text/plain; charset=utf-8"
    text = response.content.decode()
    assert "Contact: mailto:security@testserver\n" in text
    assert re.search(r"^Expires: \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$", text, re.M)


def test_every_local_link_of_the_help_pages_leads_to_an_anchor_that_exists() -> None:
    pages = {path: Client().get(path).content.decode() for path in ("/help/", "/help/problems/", "/security/")}
    for path, page in pages.items():
        for target, anchor in re.findall(r'href="(/(?:help|security)/[^"#]*|)#([a-z0-9-]+)"', page):
            assert f'id="{anchor}"' in pages[target or path], (path, target, anchor)


@pytest.mark.django_db
def test_the_style_guide_shows_every_component(rf: RequestFactory) -> None:
    request = rf.get("/styleguide/")
    request.user = AnonymousUser()
    page = styleguide(request).content.decode()
    components = {path.name for path in Path(settings.BASE_DIR, "templates/components").glob("*.html")}
    used_by_base = {"account_menu.html", "messages.html"}
    source = Path(settings.BASE_DIR, "templates/styleguide.html").read_text()
    assert {name for name in components - used_by_base if f"components/{name}" not in source} == set()
    assert 'aria-invalid="true"' in page
    assert 'id="sg-install"' in page


def test_the_style_guide_is_not_part_of_a_real_site() -> None:
    assert Client().get("/styleguide/").status_code == 404


@pytest.mark.django_db
def test_staff_sign_out_of_the_console_through_the_one_sign_out(rf: RequestFactory) -> None:
    page = render_to_string("admin/base_site.html", {"has_permission": True}, request=rf.get("/admin/"))
    assert 'method="post" action="/account/logout/"' in page
