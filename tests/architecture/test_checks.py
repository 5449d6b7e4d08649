"""The system checks find what they are for, and nothing in the site as it is."""

import ast
from pathlib import Path

import pytest
from django.conf import settings
from django.core import checks as django_checks
from django.http import HttpRequest, HttpResponse
from django.test import override_settings
from django.urls import include, path
from django.views.generic import TemplateView
from rest_framework.views import APIView

from indexsite import checks
from indexsite.env import BASE_DIR
from indexsite.http import enforces, public
from indexsite.policies import RULES, Action


def undeclared(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


@public("a test")
def declared(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


@enforces(Action.TOKEN_INSPECT)
class DeclaredApi(APIView):
    pass


class UndeclaredApi(APIView):
    pass


class urls:
    urlpatterns = [
        path("a/", undeclared),
        path("b/", declared),
        path("c/", include([path("d/", UndeclaredApi.as_view()), path("e/", DeclaredApi.as_view())])),
        path("f/<int:pk>/", TemplateView.as_view(template_name="x")),
    ]


@pytest.mark.django_db
def test_the_site_passes_all_checks() -> None:
    found = django_checks.run_checks(include_deployment_checks=False)

    # Security keys want https or localhost; the host of these tests is neither.
    found = [message for message in found if message.id != "otp_webauthn.E031"]
    assert [message for message in found if message.level >= django_checks.WARNING] == []


def test_a_view_without_a_policy_is_an_error() -> None:
    with override_settings(ROOT_URLCONF=urls):
        found = checks.every_view_declares_its_policy()

    assert {message.id for message in found} == {"indexsite.E001"}
    assert [message.msg.split(" (")[0] for message in found] == [
        "The view at /a/",
        "The view at /c/d/",
        "The view at /f/<int:pk>/",
    ]


def test_every_exemption_has_a_reason() -> None:
    assert all(len(reason.split()) > 5 for reason in checks.EXEMPT.values())


def test_an_action_without_a_rule_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(RULES, Action.FILE_UPLOAD)

    (found,) = checks.every_action_has_a_rule()

    assert found.id == "indexsite.E002"
    assert "file:upload" in found.msg


def test_a_letter_without_a_part_is_an_error(tmp_path: Path) -> None:
    folder = tmp_path / "email" / "half"
    folder.mkdir(parents=True)
    (folder / "subject.txt").touch()
    (folder / "body.html").touch()

    with override_settings(TEMPLATES=[{**settings.TEMPLATES[0], "DIRS": [tmp_path]}]):
        (found,) = checks.every_letter_has_its_parts()

    assert found.msg == "The letter half has no body.txt."


def _letters_named_in_the_source() -> set[str]:
    """The first argument of every `mail.queue("…")` and `queue("…")`."""
    names = set()
    for app in ("indexsite", "accounts", "mfa", "tokens", "releases", "recovery"):
        for file in (BASE_DIR / app).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text())):
                if not (isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant)):
                    continue
                called = ast.unparse(node.func)
                if called in {"mail.queue", "queue"} and isinstance(node.args[0].value, str):
                    names.add(node.args[0].value)
    return names


def test_every_letter_that_is_sent_has_templates_and_every_template_is_sent() -> None:
    folders = {folder.name for folder in (BASE_DIR / "templates" / "email").glob("*/")}

    assert _letters_named_in_the_source() - folders == set()


def test_no_letter_links_without_the_origin() -> None:
    for file in (BASE_DIR / "templates" / "email").rglob("*"):
        if file.is_file():
            assert 'href="/' not in file.read_text(), file
            assert 'href="{% url' not in file.read_text(), file
