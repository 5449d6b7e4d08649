"""Help, the list of problems, security policy."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.test import Client, RequestFactory
from rest_framework import exceptions

from indexsite.styleguide import styleguide
from releases.upload.problems import Problem

APPS = ("indexsite", "accounts", "mfa", "tokens", "releases", "recovery")
# Functions whose first argument is the code of a refusal.
REFUSING = {"Denied", "_refused"}


def codes_in(tree: ast.AST) -> Iterator[str]:
    """Codes as they are written down: `code = "..."` in a class, `code="..."` in a call, `Denied("...", ...)`."""
    for node in ast.walk(tree):
        candidates: list[ast.expr | None] = []
        if isinstance(node, ast.ClassDef):
            assigned = [part for part in node.body if isinstance(part, ast.Assign)]
            candidates += [part.value for part in assigned if ast.unparse(part.targets[0]) == "code"]
        elif isinstance(node, ast.Call):
            candidates += [keyword.value for keyword in node.keywords if keyword.arg == "code"]
            candidates += node.args[:1] if getattr(node.func, "id", "") in REFUSING and len(node.args) > 1 else []
        for found in candidates:
            if isinstance(found, ast.Constant) and isinstance(found.value, str):
                yield found.value


def codes_in_source() -> set[str]:
    """Every code that this site or the framework of its API may answer with."""
    sources = [path for app in APPS for path in Path(settings.BASE_DIR, app).rglob("*.py")]
    found = {code for path in sources for code in codes_in(ast.parse(path.read_text())) if code}
    kinds = [kind for kind in vars(exceptions).values() if hasattr(kind, "default_code")]
    return found | {problem.value for problem in Problem} | {kind.default_code.replace("_", "-") for kind in kinds}


def test_every_refusal_code_has_its_paragraph() -> None:
    page = Client().get("/help/problems/").content.decode()
    explained = re.findall(r'<dt id="([a-z0-9-]+)"', page)
    assert len(codes_in_source()) > 80
    assert codes_in_source() - set(explained) == set()
    assert len(explained) == len(set(explained))


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
