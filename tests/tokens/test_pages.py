"""The token pages: nothing preselected, shown once, revoked by their owner alone."""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from urllib.parse import quote
from uuid import uuid4

import pytest
import time_machine
from django.test import Client
from django.utils import timezone
from django_otp.oath import totp

from accounts.models import User
from indexsite.models import AuditEvent
from indexsite.policies import STEP_UP_WINDOW
from releases.models import Project
from tests.support import cast, people
from tests.support.tokens import basic, request_with, token_of
from tokens.authentication import authenticate
from tokens.models import Token

pytestmark = pytest.mark.django_db

LIST, CREATE, REVOKE_ALL = "/account/tokens/", "/account/tokens/create/", "/account/tokens/revoke-all/"
SECRET = re.compile(r"idx-[A-Za-z0-9_-]{40,}")


@pytest.fixture
def sign_in(client: Client) -> Callable[..., None]:
    """Through the front door; with `fresh` off, long enough ago that acts ask for a new proof."""

    def act_as(user: User, *, fresh: bool = True) -> None:
        at = timezone.now() - (timedelta(0) if fresh else STEP_UP_WINDOW + timedelta(minutes=1))
        with time_machine.travel(at):
            people.sign_in(client, user)

    return act_as


@pytest.fixture
def sampleproject(alice: User) -> Project:
    return cast.ProjectFactory(name="Sample.Project", owner=alice)


def fill(**changed: str) -> dict[str, str]:
    return {
        "description": "ci",
        "permissions": "upload",
        "scope": "project:sample-project",
        "expiry": "30",
        **changed,
    }


# -- making one -------------------------------------------------------------------------------------------------


def test_the_form_preselects_nothing_and_offers_the_least_first(
    client: Client, sign_in: Callable[..., None], alice: User, sampleproject: Project
) -> None:
    sign_in(alice)
    page = client.get(CREATE).content.decode()
    assert not re.search(r"<input[^>]*type=\"radio\"[^>]*checked", page)
    assert page.index("Only Sample.Project") < page.index("The whole account")
    assert re.search(r'<details class="disclosure disclosure--danger">', page)


def test_the_answer_shows_the_token_once_and_nowhere_else(
    client: Client, sign_in: Callable[..., None], alice: User, sampleproject: Project
) -> None:
    sign_in(alice)
    response = client.post(CREATE, fill())
    assert response.status_code == 200
    assert "no-store" in response["Cache-Control"]
    assert response["Referrer-Policy"] == "no-referrer"
    page = response.content.decode()
    (secret,) = set(SECRET.findall(page))
    assert authenticate(request_with(basic(secret))).user == alice
    assert secret not in str(dict(client.session.items()))
    assert "Location" not in response

    for path in (LIST, CREATE):
        assert not SECRET.search(client.get(path).content.decode())
    again = client.post(CREATE, fill())  # what a reload sends
    assert again.status_code == 400
    assert not SECRET.search(again.content.decode())
    assert Token.objects.count() == 1


@pytest.mark.parametrize(
    "command",
    [
        "repository = http://testserver/legacy/\nusername = __token__\npassword = idx-",
        "twine upload --non-interactive --repository-url http://testserver/legacy/ dist/*",
        "uv publish --publish-url http://testserver/legacy/ --check-url http://testserver/simple/",
        "FLIT_INDEX_URL=http://testserver/legacy/ FLIT_USERNAME=__token__ FLIT_PASSWORD=idx-",
        "HATCH_INDEX_USER=__token__ HATCH_INDEX_AUTH=idx-",
        "hatch publish -n -r http://testserver/legacy/",
        "POETRY_REPOSITORIES_IDX_URL=http://testserver/legacy/ POETRY_PYPI_TOKEN_IDX=idx-",
        "PDM_PUBLISH_REPO=http://testserver/legacy/ PDM_PUBLISH_USERNAME=__token__ PDM_PUBLISH_PASSWORD=idx-",
        "http://testserver/api/v1/token/",
    ],
)
def test_each_client_gets_what_to_paste(
    client: Client, sign_in: Callable[..., None], alice: User, sampleproject: Project, command: str
) -> None:
    sign_in(alice)
    assert command in client.post(CREATE, fill()).content.decode()


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"description": ""}, "Say where this token will be kept"),
        ({"description": "x" * 101}, "at most 100 characters"),
        ({"description": "taken"}, "You already have a token &quot;taken&quot;"),
        ({"scope": ""}, "Choose a project, or the whole account."),
        (
            {"scope": "project:foreign"},
            "You have no right to upload to that project any more; choose something else.",
        ),
        ({"expiry": ""}, "Choose how long the token works."),
        ({"expiry": "99999"}, "99999 is not one of the available choices"),
        ({"expiry": "custom"}, "Choose the last day on which the token works."),
        ({"expiry": "custom", "expires_on": "soon"}, "Write the date as year-month-day"),
        ({"expiry": "custom", "expires_on": "2020-01-01"}, "Choose today or a later day"),
        ({"expiry": "custom", "expires_on": "9999-12-31"}, "at most 50 years from now"),
    ],
)
def test_bad_input_gets_a_sentence_and_loses_nothing(
    client: Client,
    sign_in: Callable[..., None],
    alice: User,
    bob: User,
    sampleproject: Project,
    changed: dict[str, str],
    sentence: str,
) -> None:
    cast.ProjectFactory(name="foreign", owner=bob)
    token_of(alice, description="taken")
    sign_in(alice)
    sent = fill(**changed)
    response = client.post(CREATE, sent)
    assert response.status_code == 400
    page = response.content.decode()
    assert sentence in page
    if sent["description"]:
        assert f'value="{sent["description"]}"' in page
    if sent["scope"] == "project:sample-project":
        assert re.search(r'value="project:sample-project"[^>]*checked', page)
    if sent["expiry"] in {"30", "custom"}:
        assert re.search(rf'value="{sent["expiry"]}"[^>]*checked', page)
    assert Token.objects.count() == 1


def test_a_whole_account_token_and_every_kind_of_end(
    client: Client, sign_in: Callable[..., None], alice: User
) -> None:
    sign_in(alice)
    today = timezone.now().date()
    for choice in ("7", "90", "365", "never", "custom"):
        sent = fill(description=choice, scope="account", expiry=choice, expires_on=f"{today:%Y-%m-%d}")
        assert client.post(CREATE, sent).status_code == 200
    ends = {token.description: token.expires_at for token in Token.objects.all()}
    assert not Token.objects.exclude(project=None).exists()
    assert ends["never"] is None
    assert ends["custom"] == datetime.combine(today + timedelta(days=1), datetime.min.time(), UTC)
    for days in (7, 90, 365):
        end = ends[str(days)]
        assert end is not None
        assert abs(end - timezone.now() - timedelta(days=days)) < timedelta(minutes=1)


def test_an_open_disclosure_stays_open_when_the_form_comes_back(
    client: Client, sign_in: Callable[..., None], alice: User, sampleproject: Project
) -> None:
    sign_in(alice)
    page = client.post(CREATE, fill(scope="account", expiry="")).content.decode()
    assert '<details class="disclosure disclosure--danger" open>' in page


def test_too_many_new_tokens_are_refused(client: Client, sign_in: Callable[..., None], alice: User) -> None:
    sign_in(alice)
    statuses = [client.post(CREATE, fill(description=str(n), scope="account")).status_code for n in range(51)]
    assert statuses == [200] * 50 + [429]
    again = client.post(CREATE, fill(description="one too many", scope="account"))
    assert "Too many new tokens for this account" in again.text
    assert "one too many" in again.text
    assert int(again["Retry-After"]) > 0
    assert Token.objects.count() == 50


@pytest.mark.parametrize(
    ("path", "posted"),
    [(LIST, 405), (CREATE, 302), (REVOKE_ALL, 302), (f"{LIST}0b6ba5e4-7f4e-4f0e-a0c2-cf6aa06f0b0e/revoke/", 302)],
)
def test_visitors_are_sent_to_sign_in(client: Client, path: str, posted: int) -> None:
    response = client.get(path)
    assert response.status_code == 302
    assert response["Location"] == f"/account/login/?next={quote(path, safe='')}"
    assert client.post(path).status_code == posted


def test_without_a_fresh_proof_nothing_is_made(
    client: Client, sign_in: Callable[..., None], alice: User, sampleproject: Project
) -> None:
    sign_in(alice, fresh=False)
    for response in (client.get(CREATE), client.post(CREATE, fill())):
        assert response.status_code == 302
        assert response["Location"].startswith("/account/second-factor/?next=")
    assert dict(client.get("/account/second-factor/resume/").context["kept"].fields)["description"]
    assert not Token.objects.exists()
    people.forget_last_code(alice)
    back = client.post(f"/account/second-factor/?next={CREATE}", {"code": cast.totp_code(alice), "next": CREATE})
    assert back["Location"] == CREATE
    assert client.post(CREATE, fill()).status_code == 200


def test_whoever_has_no_factor_sets_one_up_and_comes_back_to_the_form(
    client: Client, sign_in: Callable[..., None], carol: User
) -> None:
    sign_in(carol)
    overview = client.get(CREATE, follow=True)
    assert overview.redirect_chain == [(f"/account/security/?next={quote(CREATE, safe='')}", 302)]
    assert "must set up a second factor" in html.unescape(overview.text)
    codes_page = overview.context["todo_url"]
    made = client.post(codes_page, {"act": "generate", "next": CREATE})
    client.post(codes_page, {"act": "prove", "code": made.context["plain"][0], "next": CREATE})
    app = client.get("/account/security/totp/").context["secret"]
    secret = base64.b32decode(app.replace(" ", ""))
    enrolled = client.post("/account/security/totp/", {"code": f"{totp(secret):06d}", "next": CREATE}, follow=True)
    assert f'href="{CREATE}">Go on where you were' in enrolled.text
    assert client.post(CREATE, fill(scope="account")).status_code == 200
    assert Token.objects.get().user == carol


# -- the list -----------------------------------------------------------------------------------------------------


def test_the_list_says_what_each_token_is_good_for_and_who_used_it(
    client: Client, sign_in: Callable[..., None], alice: User, sampleproject: Project
) -> None:
    used = token_of(alice, description="release workflow", project=sampleproject, life=timedelta(days=7))
    authenticate(request_with(basic(used.secret()), REMOTE_ADDR="192.0.2.7"))
    token_of(alice, description="laptop")
    token_of(alice, description="bygone", life=timedelta(seconds=-5))
    sign_in(alice)
    page = client.get(LIST).content.decode()
    live, ended = page.split("No longer working")
    for text in (
        "release workflow",
        "Sample.Project",
        "192.0.2.7",
        "twine 7.0",
        "laptop",
        "Whole account",
        "never",
    ):
        assert text in live
    assert "bygone" in ended
    assert "Expired" in ended
    assert used.secret()[:60] not in page


def test_the_list_is_ones_own_and_costs_the_same_for_many(
    client: Client,
    sign_in: Callable[..., None],
    alice: User,
    bob: User,
    sampleproject: Project,
    django_assert_max_num_queries,
) -> None:
    token_of(bob, description="of bob")
    for n in range(20):
        token_of(alice, description=f"t{n}", project=sampleproject)
    sign_in(alice)
    with django_assert_max_num_queries(4):
        page = client.get(LIST).content.decode()
    assert "of bob" not in page


def test_an_empty_list_leads_to_the_form(client: Client, sign_in: Callable[..., None], alice: User) -> None:
    sign_in(alice)
    assert f'href="{CREATE}"' in client.get(LIST).content.decode()


# -- revoking -----------------------------------------------------------------------------------------------------


def test_revoking_asks_first_and_then_ends_the_token(
    client: Client, sign_in: Callable[..., None], alice: User
) -> None:
    token = token_of(alice)
    sign_in(alice)
    path = f"{LIST}{token.pk}/revoke/"
    assert "Revoke ci?" in client.get(path).content.decode()
    token.refresh_from_db()
    assert token.revoked_at is None
    page = client.post(path, follow=True).content.decode()
    assert "ci was revoked." in page
    token.refresh_from_db()
    assert token.revoked_at is not None
    assert "had been revoked before" in client.post(path, follow=True).content.decode()
    assert "had been revoked before" in client.get(path, follow=True).content.decode()
    assert AuditEvent.objects.filter(name="token.revoked").count() == 1


def test_the_token_of_somebody_else_does_not_exist(
    client: Client, sign_in: Callable[..., None], alice: User, mallory: User
) -> None:
    token = token_of(alice)
    sign_in(mallory)
    answers = set()
    for pk in (token.pk, uuid4()):
        for response in (client.get(f"{LIST}{pk}/revoke/"), client.post(f"{LIST}{pk}/revoke/")):
            assert response.status_code == 404
            answers.add(re.sub(rf"{pk}|nonce=\"[^\"]*\"|value=\"\w{{64}}\"", "", response.content.decode()))
    assert len(answers) == 1
    token.refresh_from_db()
    assert token.revoked_at is None
    assert not AuditEvent.objects.filter(name="token.revoked").exists()


def test_every_form_needs_its_own_secret(client: Client, sign_in: Callable[..., None], alice: User) -> None:
    sign_in(alice)
    token = token_of(alice)
    client.handler.enforce_csrf_checks = True
    for path in (f"{LIST}{token.pk}/revoke/", REVOKE_ALL, CREATE):
        assert client.post(path, fill(scope="account")).status_code == 403
    token.refresh_from_db()
    assert token.revoked_at is None
    assert Token.objects.count() == 1


def test_all_are_revoked_after_one_question(
    client: Client, sign_in: Callable[..., None], alice: User, bob: User
) -> None:
    token_of(alice, description="one")
    token_of(alice, description="two")
    theirs = token_of(bob)
    sign_in(alice)
    page = client.get(REVOKE_ALL).content.decode()
    assert "2 tokens" in page
    assert "2 tokens were revoked." in client.post(REVOKE_ALL, follow=True).content.decode()
    assert list(Token.objects.unrevoked()) == [theirs]
    assert "nothing to revoke" in client.get(REVOKE_ALL).content.decode()
