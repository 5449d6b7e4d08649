"""Errors come in the form their reader understands; hosts and addresses are believed only as they may be."""

import dataclasses
import ipaddress
import json

import pytest
from django.conf import settings
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory, override_settings
from django.urls import path, re_path

from indexsite import errors
from indexsite.http import client_address, is_staff_network, public, reason_line

ERRORS: dict[str, Exception] = {
    "invalid": errors.InvalidInput("The version is none; see PEP 440.", help_path="/help/"),
    "anonymous": errors.NotAuthenticated("Sign in first."),
    "refused": errors.PermissionRefused("User 'alice' may not upload."),
    "missing": errors.NotFound("There is no project 'x'."),
    "conflict": errors.Conflict("The name is reserved for now."),
    "large": errors.TooLarge("The file has more than 1 GiB."),
    "limit": errors.LimitReached("Too many tries; try again in 5 minutes.", retry_after=300),
    "odd": errors.DomainError("It cannot be done."),
    "forbidden": PermissionDenied(),
    "suspicious": SuspiciousOperation(),
    "broken": ZeroDivisionError(),
}


@public("a test")
def raising(request: HttpRequest, which: str) -> HttpResponse:
    raise ERRORS[which]


@public("a test")
def fine(request: HttpRequest) -> HttpResponse:
    return HttpResponse("fine")


# This module is its own URLconf.
urlpatterns = [
    re_path("^(page/fine|files/x|api/fine/|simple/|legacy|legacy/|healthz)$", lambda request, _: fine(request)),
    path("api/<which>", raising),
    path("simple/<which>", raising),
    path("page/<which>", raising),
]
handler400 = "indexsite.http.bad_request"
handler403 = "indexsite.http.permission_denied"
handler404 = "indexsite.http.page_not_found"
handler500 = "indexsite.http.server_error"

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
PIP = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01"


@pytest.fixture
def client() -> Client:
    return Client(raise_request_exception=False)


@pytest.mark.parametrize(
    ("which", "status"),
    [
        ("invalid", 400),
        ("anonymous", 401),
        ("refused", 403),
        ("missing", 404),
        ("conflict", 409),
        ("large", 413),
        ("limit", 429),
        ("odd", 400),
    ],
)
def test_a_refusal_is_a_problem_for_programs_with_its_sentence_in_the_reason_too(
    client: Client, which: str, status: int
) -> None:
    response = client.get(f"/api/{which}", headers={"Accept": BROWSER})

    error = ERRORS[which]
    assert isinstance(error, errors.DomainError)
    assert response.status_code == status
    assert response["Content-Type"] == "application/problem+json"
    assert response.reason_phrase == error.sentence
    body = json.loads(response.content)
    assert body["detail"] == error.sentence
    assert body["status"] == status
    assert body["code"] == error.code
    assert body["type"] == f"http://testserver/help/problems/#{error.code}"


def test_a_refusal_tells_when_to_come_back_how_to_sign_in_and_where_help_is(client: Client) -> None:
    assert client.get("/api/limit")["Retry-After"] == "300"
    assert client.get("/page/limit")["Retry-After"] == "300"
    assert client.get("/api/anonymous")["WWW-Authenticate"] == 'Basic realm="indexsite", charset="UTF-8"'
    assert json.loads(client.get("/api/invalid").content)["help"] == "http://testserver/help/"


@pytest.mark.parametrize(("which", "status"), [("refused", 403), ("missing", 404), ("limit", 429)])
def test_a_refusal_is_a_page_for_people(client: Client, which: str, status: int) -> None:
    response = client.get(f"/page/{which}", headers={"Accept": BROWSER})

    error = ERRORS[which]
    assert isinstance(error, errors.DomainError)
    assert response.status_code == status
    assert response["Content-Type"].startswith("text/html")
    assert error.sentence.replace("'", "&#x27;") in response.content.decode()


@pytest.mark.parametrize(
    ("address", "accept", "is_problem"),
    [
        ("/api/missing", BROWSER, True),
        ("/simple/missing", PIP, True),
        ("/simple/missing", "*/*", True),
        ("/simple/missing", BROWSER, False),
        ("/page/missing", "*/*", False),
        ("/page/missing", BROWSER, False),
        ("/page/missing", "application/json", True),
        ("/no/such/page", BROWSER, False),
        ("/api/no/such/thing", BROWSER, True),
        ("/page/suspicious", BROWSER, False),
        ("/api/suspicious", BROWSER, True),
        ("/page/forbidden", BROWSER, False),
        ("/api/forbidden", BROWSER, True),
        ("/page/broken", BROWSER, False),
        ("/api/broken", BROWSER, True),
    ],
)
def test_the_form_of_an_error_is_negotiated(client: Client, address: str, accept: str, is_problem: bool) -> None:
    response = client.get(address, headers={"Accept": accept})

    expected = "application/problem+json" if is_problem else "text/html; charset=utf-8"
    assert response["Content-Type"] == expected
    assert response.status_code == {"suspicious": 400, "forbidden": 403, "broken": 500}.get(
        address.rpartition("/")[2], 404
    )


def test_a_form_without_its_token_gets_our_page_and_a_program_a_problem() -> None:
    client = Client(enforce_csrf_checks=True)

    page = client.post("/page/fine", {"a": "b"}, headers={"Accept": BROWSER})
    problem = client.post("/api/fine/", {"a": "b"})

    assert page.status_code == problem.status_code == 403
    assert "no longer valid" in page.content.decode()
    assert json.loads(problem.content)["code"] == "permission-refused"


def test_a_reason_line_is_one_line_of_ascii() -> None:
    assert reason_line("Größe\r\nX-Evil: 1\n falsch") == "Gr??e X-Evil: 1 falsch"


# -- hosts ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("site_url", ["https://index.example.org", "https://index.example.org:443"])
@pytest.mark.parametrize("host", ["index.example.org", "INDEX.example.org", "index.example.org:443"])
def test_a_page_at_its_own_host_is_answered(client: Client, site_url: str, host: str) -> None:
    with override_settings(SITE_URL=site_url, ALLOWED_HOSTS=["index.example.org"]):
        assert client.get("/page/fine", headers={"Host": host}).status_code == 200


def test_a_page_under_another_host_redirects_and_programs_are_answered(client: Client) -> None:
    with override_settings(SITE_URL="http://index.example.org:8000", ALLOWED_HOSTS=["127.0.0.1"]):
        headers = {"Host": "127.0.0.1:8000"}
        moved = client.get("/page/fine?a=1&b=%2F", headers=headers)
        posted = client.post("/page/fine", {"password": "x"}, headers=headers)
        answered = [
            client.get(address, headers=headers).status_code
            for address in ("/files/x", "/api/fine/", "/simple/", "/legacy", "/legacy/", "/healthz")
        ]

    assert (moved.status_code, moved["Location"]) == (302, "http://index.example.org:8000/page/fine?a=1&b=%2F")
    assert (posted.status_code, posted["Location"]) == (303, "http://index.example.org:8000/page/fine")
    assert answered == [200] * 6


@pytest.mark.parametrize("address", ["/page/fine", "/api/fine/", "/files/x"])
def test_a_host_that_is_not_allowed_is_refused_everywhere(client: Client, address: str) -> None:
    assert client.get(address, headers={"Host": "evil.example"}).status_code == 400


def test_a_redirect_cannot_be_bent_to_another_site(client: Client) -> None:
    with override_settings(SITE_URL="http://index.example.org", ALLOWED_HOSTS=["testserver"]):
        response = client.get("//evil.example/page/")

    assert response["Location"].startswith("http://index.example.org/")


# -- addresses --------------------------------------------------------------------------------------------


def networks(*ranges: str) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    return tuple(ipaddress.ip_network(text) for text in ranges)


@pytest.mark.parametrize(
    ("remote", "forwarded", "expected"),
    [
        ("203.0.113.9", "", "203.0.113.9"),
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),  # a stranger's header is not believed
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "1.2.3.4, 198.51.100.1", "198.51.100.1"),  # 1.2.3.4 is what the client claims
        ("10.0.0.1", "198.51.100.1, 10.0.0.2", "198.51.100.1"),  # two proxies of ours
        ("10.0.0.1", "10.0.0.3,10.0.0.2", "10.0.0.3"),
        ("10.0.0.1", "198.51.100.1, rubbish", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1:4711", "198.51.100.1"),
        ("10.0.0.1", "[2001:db8::1]:4711", "2001:db8::1"),
        ("10.0.0.1", "2001:DB8:0::1", "2001:db8::1"),
        ("::ffff:10.0.0.1", "::ffff:198.51.100.1", "198.51.100.1"),
        ("", "198.51.100.1", "198.51.100.1"),  # a proxy on a unix socket
        ("", "", ""),
    ],
)
def test_forwarded_addresses_are_believed_as_far_as_our_proxies_wrote_them(
    monkeypatch: pytest.MonkeyPatch, remote: str, forwarded: str, expected: str
) -> None:
    own = dataclasses.replace(settings.ENV, trusted_proxies=networks("10.0.0.0/8"))
    monkeypatch.setattr(settings, "ENV", own)
    request = RequestFactory().get("/", REMOTE_ADDR=remote, headers={"X-Forwarded-For": forwarded})

    assert client_address(request) == expected


def test_without_trusted_proxies_no_header_is_believed() -> None:
    request = RequestFactory().get("/", REMOTE_ADDR="127.0.0.1", headers={"X-Forwarded-For": "198.51.100.1"})

    assert client_address(request) == "127.0.0.1"


@pytest.mark.parametrize(
    ("ranges", "remote", "inside"),
    [
        ([], "203.0.113.9", True),
        (["203.0.113.0/24"], "203.0.113.9", True),
        (["203.0.113.0/24"], "198.51.100.1", False),
        (["203.0.113.0/24"], "", False),
        (["2001:db8::/32"], "203.0.113.9", False),
    ],
)
def test_staff_networks_limit_the_console(
    monkeypatch: pytest.MonkeyPatch, ranges: list[str], remote: str, inside: bool
) -> None:
    monkeypatch.setattr(settings, "ENV", dataclasses.replace(settings.ENV, staff_networks=networks(*ranges)))

    assert is_staff_network(RequestFactory().get("/", REMOTE_ADDR=remote)) is inside
