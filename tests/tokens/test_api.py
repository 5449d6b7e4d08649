"""`/api/v1/`: a token asks about itself; the API describes itself."""

from __future__ import annotations

import json
import warnings
from datetime import timedelta
from typing import Any

import jsonschema
import pypitoken
import pytest
from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.test import Client
from django.utils import timezone
from drf_spectacular.drainage import GENERATOR_STATS
from rest_framework.exceptions import ValidationError

from accounts.models import User
from indexsite import api
from indexsite.api_problems import problem_of
from releases.models import Project
from tests.support import cast, drafts
from tests.support.tokens import basic, token_of
from tokens.macaroons import wire
from tokens.models import Token

pytestmark = pytest.mark.django_db

URL = "/api/v1/token/"


@pytest.fixture
def sampleproject(alice: User) -> Project:
    return cast.ProjectFactory(name="sampleproject", owner=alice)


def ask(client: Client, secret: str, **query: str) -> Any:
    return client.get(URL, query, headers={"Authorization": f"Bearer {secret}"})


def conforms(response: Any, path: str) -> None:
    """The answer is what the OpenAPI document says of it."""
    document = api.document()
    described = document["paths"][path]["get"]["responses"][str(response.status_code)]["content"]
    media_type = response["Content-Type"].split(";")[0]
    schema = described[media_type]["schema"]
    jsonschema.validate(
        response.json(),
        {**schema, "components": document["components"]},
        format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER,
    )


# -- what a token is good for ----------------------------------------------------------------------------------


def test_an_account_token_hears_whose_it_is_and_for_how_long(client: Client, alice: User) -> None:
    token = token_of(alice, life=timedelta(days=7))
    response = ask(client, token.secret())
    assert response.status_code == 200
    assert response["Cache-Control"] == "no-store"
    conforms(response, URL)
    body = response.json()
    assert body.pop("created_at")
    assert body.pop("expires_at").startswith(f"{token.expires_at:%Y-%m-%dT%H:%M:%S}")
    assert body == {
        "valid": True,
        "id": str(token.pk),
        "description": "ci",
        "user": "alice",
        "scope": "account",
        "projects": None,
        # Whoever may publish at once may do it in two steps.
        "permissions": [
            "account:read", "draft:cancel", "draft:create", "draft:preview", "draft:read", "draft:replace",
            "draft:submit", "draft:upload", "release:publish", "upload",
        ],
        "drafts_only": False,
        "versions": None,
        "drafts": None,
    }  # fmt: skip


def test_a_project_token_hears_whether_it_could_upload_now(
    client: Client, alice: User, sampleproject: Project
) -> None:
    secret = token_of(alice, project=sampleproject).secret()
    response = ask(client, secret)
    conforms(response, URL)
    assert response.json()["scope"] == "project"
    assert response.json()["projects"] == [{"name": "sampleproject", "may_upload": True, "problem": None}]
    alice.roles.all().delete()
    Project.objects.update(last_serial=1)
    (verdict,) = ask(client, secret).json()["projects"]
    assert verdict["may_upload"] is False
    assert "has no right to do this on project 'sampleproject'" in verdict["problem"]


def test_an_attenuated_token_sees_the_narrower_truth(client: Client, alice: User, sampleproject: Project) -> None:
    now = int(timezone.now().timestamp())
    narrowed = pypitoken.Token.load(token_of(alice).secret()).restrict(
        not_before=now - 9, not_after=now + 60, project_names=["sampleproject", "new-name"]
    )
    body = ask(client, narrowed.dump()).json()
    assert [verdict["name"] for verdict in body["projects"]] == ["new-name", "sampleproject"]
    assert all(verdict["may_upload"] for verdict in body["projects"])
    assert body["expires_at"] is not None


def test_asking_for_a_project_fails_where_an_upload_would(
    client: Client, alice: User, sampleproject: Project
) -> None:
    cast.ProjectFactory(name="foreign", owner=cast.person("frank"), last_serial=1)
    secret = token_of(alice, project=sampleproject).secret()
    assert ask(client, secret, project="Sample_Project").status_code == 403
    assert ask(client, secret, project="SampleProject").status_code == 200
    response = ask(client, secret, project="foreign")
    assert response.status_code == 403
    conforms(response, URL)
    assert response.json()["code"] == "credential-scope"
    assert "limited to 'sampleproject'" in response.json()["detail"]
    account = token_of(alice, description="all").secret()
    assert ask(client, account, project="foreign").json()["code"] == "no-role"
    assert ask(client, account, project="not-yet-there").status_code == 200


def narrowed(token: Token, *caveats: bytes) -> str:
    macaroon = wire.restrict(wire.parse(token.secret(), prefix="idx-"), *caveats)
    return wire.serialize(macaroon, prefix="idx-")


def test_a_token_for_one_draft_says_so(client: Client, alice: User) -> None:
    ids = ("6f1c1b0e-0000-4000-8000-000000000001", "6f1c1b0e-0000-4000-8000-000000000002")
    one, two = (f'[102,"{id_}"]'.encode() for id_ in ids)
    response = ask(client, narrowed(token_of(alice), b"[101]", one))
    conforms(response, URL)
    body = response.json()
    assert (body["drafts_only"], body["drafts"], body["versions"]) == (True, [ids[0]], None)
    assert not {"upload", "release:publish"} & set(body["permissions"])
    assert ask(client, narrowed(token_of(alice, description="b"), one, two)).json()["drafts"] == []


def test_a_token_for_some_versions_is_asked_about_one(client: Client, alice: User, sampleproject: Project) -> None:
    secret = narrowed(token_of(alice, project=sampleproject), b'[103,">=2"]', b'[103,"<3"]')
    body = ask(client, secret).json()
    assert body["versions"] == [">=2", "<3"]
    assert body["projects"] == [
        {
            "name": "sampleproject",
            "may_upload": False,
            "problem": "This token is limited to versions >=2,<3: ask about one with ?version= as well.",
        }
    ]
    early = ask(client, secret, project="sampleproject", version="2.0rc1.post1")
    conforms(early, URL)
    assert early.status_code == 403
    good = ask(client, secret, project="sampleproject", version="2.1rc1")
    assert good.status_code == 200
    assert good.json()["projects"][0]["may_upload"] is True
    other = ask(client, secret, project="sampleproject", version="3.0")
    assert other.status_code == 403
    assert "is not valid for version 3: it is limited to <3" in other.json()["detail"]
    assert ask(client, secret, project="elsewhere", version="2.1").status_code == 403
    account = narrowed(token_of(alice, description="b"), b'[103,">=2"]')
    assert ask(client, account, project="new-name").status_code == 403
    assert ask(client, account, project="new-name", version="2").status_code == 200


def test_a_token_for_drafts_hears_whether_it_could_fill_one(
    client: Client, alice: User, sampleproject: Project
) -> None:
    secret = narrowed(token_of(alice), b"[101]")
    for name in ("sampleproject", "new-name"):
        assert ask(client, secret, project=name).status_code == 200
        assert ask(client, secret, project=name, version="2.0").status_code == 200
    cast.ProjectFactory(name="foreign", owner=cast.person("frank"), last_serial=1)
    assert ask(client, secret, project="foreign").json()["code"] == "no-role"
    filler = narrowed(token_of(alice, description="b"), b'[100,["draft:upload"]]')
    assert (
        "not made for draft:create" in ask(client, filler, project="sampleproject", version="2.0").json()["detail"]
    )

    draft = drafts.begin(cast.actor(alice), version="2.0")
    assert ask(client, filler, project="sampleproject", version="2").status_code == 200
    assert ask(client, filler, project="sampleproject", version="3").status_code == 403
    one = narrowed(token_of(alice, description="c"), b"[101]", f'[102,"{draft.public_id}"]'.encode())
    assert ask(client, one, project="sampleproject").status_code == 200
    assert ask(client, one, project="sampleproject", version="2.0").status_code == 200
    assert "limited to one draft" in ask(client, one, project="sampleproject", version="3").json()["detail"]
    odd = narrowed(token_of(alice, description="d"), b"[101]", b'[102,"no id"]')
    assert "limited to one draft" in ask(client, odd, project="sampleproject").json()["detail"]


@pytest.mark.parametrize("version", ["newest", ">=2", "1" * 5000])
def test_what_is_no_version_is_a_sentence(client: Client, alice: User, version: str) -> None:
    response = ask(client, token_of(alice).secret(), version=version)
    assert response.status_code == 400
    conforms(response, URL)
    assert response.json()["code"] == "invalid-version"


def test_basic_credentials_and_a_missing_slash_do_as_well(client: Client, alice: User) -> None:
    secret = token_of(alice).secret()
    assert client.get(URL, headers={"Authorization": basic(secret)}).status_code == 200
    assert client.get("/api/v1/token", headers={"Authorization": basic(secret)}).status_code == 200
    assert client.get("/api/v1/token", headers={"Authorization": basic("idx-wrong")}).status_code == 403


def test_the_answer_costs_few_queries(client: Client, alice: User, django_assert_max_num_queries) -> None:
    secret = token_of(alice).secret()
    ask(client, secret)
    with django_assert_max_num_queries(1):
        ask(client, secret)


# -- refusals ------------------------------------------------------------------------------------------------


def test_no_credentials_is_a_401_that_says_what_to_send(client: Client) -> None:
    response = client.get(URL)
    assert response.status_code == 401
    assert response["WWW-Authenticate"] == 'Bearer realm="indexsite"'
    conforms(response, URL)
    assert response.json()["code"] == "credentials-missing"


def test_a_web_session_is_no_credential_here(client: Client, alice: User) -> None:
    client.force_login(alice, backend="allauth.account.auth_backends.AuthenticationBackend")
    assert client.get(URL).status_code == 401


def test_each_refusal_is_a_problem_with_its_sentence(client: Client, alice: User) -> None:
    expired = token_of(alice, description="expired", life=timedelta(seconds=-1)).secret()
    revoked = token_of(alice, description="revoked")
    Token.objects.filter(pk=revoked.pk).update(revoked_at=timezone.now())
    for secret, code in (
        (expired, "token-expired"),
        (revoked.secret(), "token-revoked"),
        ("idx-nonsense", "token-malformed"),
    ):
        response = ask(client, secret)
        assert response.status_code == 403
        conforms(response, URL)
        body = response.json()
        assert body["code"] == code
        assert body["help"] == "http://testserver/help/#tokens"
        assert response.reason_phrase == body["detail"] == body["title"]


def test_failures_are_limited_per_address_and_good_tokens_keep_working(client: Client, alice: User) -> None:
    secret = token_of(alice).secret()
    codes = [ask(client, f"idx-guess{n}").status_code for n in range(102)]
    assert codes == [403] * 100 + [429] * 2
    response = ask(client, "idx-guess")
    conforms(response, URL)
    assert int(response["Retry-After"]) > 0
    assert ask(client, secret).status_code == 200
    elsewhere = client.get(URL, headers={"Authorization": "Bearer idx-x"}, REMOTE_ADDR="192.0.2.9")
    assert elsewhere.status_code == 403


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("post", URL, 405, "method-not-allowed"),
        ("get", "/api/v1/nothing/here", 404, "not-found"),
        ("delete", "/api/v1/nothing/", 404, "not-found"),
        ("post", "/api/v1/", 405, "method-not-allowed"),
    ],
)
def test_errors_of_the_framework_are_problems_too(
    client: Client, alice: User, method: str, path: str, status: int, code: str
) -> None:
    authorization = {"Authorization": f"Bearer {token_of(alice).secret()}"}
    response = getattr(client, method)(path, headers=authorization)
    assert response.status_code == status
    assert response["Content-Type"] == "application/problem+json"
    assert response.json()["code"] == code
    assert response.json()["status"] == status


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (Http404(), 404, "not-found"),
        (PermissionDenied(), 403, "permission-refused"),
        (ValidationError({"name": ["wrong"]}), 400, "invalid"),
    ],
)
def test_errors_that_views_to_come_will_raise_are_problems_too(error: Exception, status: int, code: str) -> None:
    response = problem_of(error, {})
    assert response is not None
    assert (response.status_code, json.loads(response.content)["code"]) == (status, code)


def test_a_bug_is_no_problem_but_a_logged_500() -> None:
    assert problem_of(ZeroDivisionError(), {}) is None


# -- the API describes itself -----------------------------------------------------------------------------------


def test_the_root_says_where_everything_is(client: Client) -> None:
    response = client.get("/api/v1/")
    conforms(response, "/api/v1/")
    assert response.json()["token"] == "http://testserver/api/v1/token/"
    for name in ("schema", "docs"):
        path = response.json()[name].removeprefix("http://testserver")
        assert client.get(path).status_code == 200


def test_the_document_is_openapi_3_1_and_made_without_a_warning(client: Client) -> None:
    api.document.cache_clear()
    GENERATOR_STATS.reset()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        response = client.get("/api/v1/schema/")
    assert not GENERATOR_STATS
    assert response["Content-Type"] == "application/vnd.oai.openapi+json;version=3.1"
    document = response.json()
    assert document["openapi"] == "3.1.0"
    assert {"/api/v1/", "/api/v1/token/", "/api/v1/projects/{name}/downloads/"} <= set(document["paths"])
    operation = document["paths"][URL]["get"]
    assert sorted(operation["responses"]) == ["200", "400", "401", "403", "429"]
    assert operation["security"] == [{"bearerToken": []}, {"basicToken": []}]
    assert set(document["components"]["securitySchemes"]) == {"bearerToken", "basicToken"}


def test_the_pages_show_every_operation_and_field_without_script(client: Client) -> None:
    page = client.get("/api/v1/docs/").content.decode()
    for text in ("inspectToken", "may_upload", "projects[].problem", "application/problem+json", "429 Too Many"):
        assert text in page
    assert page.count("<script") == 1  # the site's own module
