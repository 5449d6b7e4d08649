"""Proving presence again: with the factor where there is one, with the password where not, never with nothing."""

from datetime import timedelta

import pytest
import time_machine
from allauth.account.internal.flows.reauthentication import did_recently_reauthenticate
from django.http import HttpResponse

from accounts.models import Organization, User
from indexsite import clock
from indexsite.policies import STEP_UP_WINDOW, recent_step_up
from indexsite.presence import FRESH_WINDOW
from mfa.stepup import step_up_required
from tests.support import cast, people

pytestmark = pytest.mark.django_db

PAGE = "/account/second-factor/"
RESUME = "/account/second-factor/resume/"
LATER = STEP_UP_WINDOW + timedelta(minutes=1)


@step_up_required
def guarded(request):
    return HttpResponse("the act")


def test_a_password_does_not_do_where_there_is_a_factor(alice: User) -> None:
    client = people.browser(alice)
    with time_machine.travel(LATER, tick=True):
        page = client.get(f"{PAGE}?next=/account/email/")
        assert "password" not in page.context["form"].fields
        client.post(PAGE, {"password": cast.PASSWORD, "next": "/account/email/"})
        assert client.get("/account/email/").status_code == 302
        response = client.post(PAGE, {"code": cast.totp_code(alice), "next": "/account/email/"})
        assert response["Location"] == "/account/email/"
        assert client.get("/account/email/").status_code == 200


@pytest.mark.asvs("7.2.4")
def test_a_password_does_where_there_is_no_factor_and_renews_the_session(carol: User) -> None:
    client = people.browser(carol)
    with time_machine.travel(LATER, tick=True):
        assert client.post(PAGE, {"password": "wrong"}).status_code == 400
        key, token = client.session.session_key, client.cookies["csrftoken"].value
        assert client.post(PAGE, {"password": cast.PASSWORD})["Location"] == "/account/"
        assert client.session.session_key != key
        assert client.cookies["csrftoken"].value != token
        assert client.get("/account/email/").status_code == 200
        assert len(client.get("/account/sessions/").context["sessions"]) == 1


def test_a_recovery_code_leads_to_the_factors_and_is_spent(alice: User) -> None:
    from mfa.actions import codes

    client = people.browser(alice)
    with time_machine.travel(LATER, tick=True):
        plain = codes.generate_codes(actor=cast.actor(alice), at=clock.now())
        assert client.post(PAGE, {"code": plain[0]})["Location"] == "/account/security/"
        assert client.get("/account/email/").status_code == 302
        assert client.get("/account/security/totp/").status_code == 200
        assert client.post(PAGE, {"code": plain[0]}).status_code == 400


def test_an_account_with_nothing_to_prove_counts_as_unproved(carol: User, rf) -> None:
    """The library takes such an account as freshly proved."""
    client = people.browser(carol)
    with time_machine.travel(LATER, tick=True):
        User.objects.filter(pk=carol.pk).update(password="!unusable")
        session = client.session
        session["_auth_user_hash"] = User.objects.get(pk=carol.pk).get_session_auth_hash()
        session.save()
        request = client.get("/account/").wsgi_request
        with pytest.MonkeyPatch.context() as patch:
            from allauth.account.internal.flows import reauthentication

            patch.setattr(reauthentication, "get_reauthentication_flows", lambda user: [])
            assert did_recently_reauthenticate(request)  # the hole
        assert not request.user.has_usable_password()
        assert recent_step_up(request.actor, None) is not None
        response = client.get("/account/email/")
        assert response["Location"] == f"{PAGE}?next=%2Faccount%2Femail%2F"
        page = client.get(response["Location"])
        assert page.status_code == 403
        assert "Set a password first" in page.text
        assert client.post(PAGE, {"password": ""}).status_code == 403


@pytest.mark.asvs("7.5.3")
def test_freshness_runs_out_at_the_one_window(alice: User) -> None:
    client = people.browser(alice)
    with time_machine.travel(STEP_UP_WINDOW - timedelta(minutes=1), tick=True):
        assert client.get("/account/email/").status_code == 200
    with time_machine.travel(STEP_UP_WINDOW + timedelta(seconds=5), tick=True):
        assert client.get("/account/email/").status_code == 302


def test_a_proof_of_a_device_that_is_gone_counts_no_more(alice: User) -> None:
    client = people.browser(alice)
    cast.lose_factors(alice)
    cast.add_totp(alice)
    actor = client.get("/account/").wsgi_request.actor
    assert (actor.factor, actor.factor_at) == ("", None)
    assert client.get("/account/email/").status_code == 302


def test_a_session_from_before_the_factor_has_to_prove_it(carol: User) -> None:
    client = people.browser(carol)
    cast.add_totp(carol)
    assert client.get("/account/email/")["Location"] == f"{PAGE}?next=%2Faccount%2Femail%2F"


def test_a_form_sent_too_late_leads_back_to_the_page_it_was_on(alice: User, rf) -> None:
    client = people.browser(alice)
    request = client.get("/account/").wsgi_request
    with time_machine.travel(LATER, tick=True):
        request.method, request.path = "POST", "/manage/project/x/yank/"
        request.__dict__.pop("headers", None)
        request.META["HTTP_REFERER"] = "http://testserver/manage/project/x/releases/?page=2"
        assert guarded(request)["Location"].endswith("?next=%2Fmanage%2Fproject%2Fx%2Freleases%2F%3Fpage%3D2")
        del request.headers
        request.META["HTTP_REFERER"] = "https://evil.example/manage/"
        assert guarded(request)["Location"].endswith("?next=%2Fmanage%2Fproject%2Fx%2Fyank%2F")


def test_a_form_sent_too_late_is_offered_again_and_nothing_is_done_before(alice: User) -> None:
    client = people.browser(alice)
    page = "/manage/organizations/create/"
    with time_machine.travel(LATER, tick=True):
        late = client.post(page, {"name": "acme", "display_name": "Acme <b>"})
        assert late["Location"] == f"{PAGE}?next=%2Faccount%2Fsecond-factor%2Fresume%2F"
        assert not Organization.objects.exists()
        proved = client.post(PAGE, {"code": _app_code(alice), "next": RESUME})
        assert proved["Location"] == RESUME
        assert not Organization.objects.exists()  # a press of the button is still needed
        offered = client.get(RESUME)
        assert "Acme &lt;b&gt;" in offered.text
        assert f'action="{page}"' in offered.text
        sent = dict(offered.context["kept"].fields)
        assert client.post(page, sent).status_code == 302
        assert Organization.objects.get().display_name == "Acme <b>"


@pytest.mark.parametrize(
    ("page", "data"),
    [
        ("/account/password/", {"password": cast.PASSWORD, "password1": people.NEW_PASSWORD}),
        ("/account/close/", {"username": "alice"}),
        ("/account/security/totp/", {"code": "123456"}),
        ("/manage/organizations/create/", {"name": "acme", "display_name": "x" * 70_000}),
    ],
)
def test_what_opens_or_confirms_something_is_not_kept(alice: User, page: str, data: dict[str, str]) -> None:
    client = people.browser(alice)
    with time_machine.travel(LATER, tick=True):
        assert client.post(page, data)["Location"].startswith(PAGE)
        assert "pending_form" not in client.session


def test_a_kept_form_is_for_its_owner_and_an_hour(alice: User, bob: User) -> None:
    client = people.browser(alice)
    with time_machine.travel(LATER, tick=True):
        client.post("/manage/organizations/create/", {"name": "acme", "display_name": ""})
        assert client.get(RESUME).status_code == 200
    with time_machine.travel(LATER + timedelta(hours=1, minutes=1), tick=True):
        assert client.get(RESUME)["Location"] == "/account/"
    kept = client.session["pending_form"]
    other = people.browser(bob)
    session = other.session
    session["pending_form"] = kept
    session.save()
    assert other.get(RESUME)["Location"] == "/account/"


@pytest.mark.asvs("7.5.3")
def test_each_act_asks_for_the_freshness_of_its_row(alice: User) -> None:
    client = people.browser(alice)
    with time_machine.travel(FRESH_WINDOW + timedelta(minutes=1), tick=True):
        assert client.get("/account/email/").status_code == 200
        for page in ("totp/", "codes/", "keys/add/"):
            assert client.get(f"/account/security/{page}")["Location"].startswith(PAGE)


def test_a_visitor_is_sent_to_the_front_door(rf) -> None:
    response = people.browser().get("/account/email/")
    assert response["Location"] == "/account/login/?next=%2Faccount%2Femail%2F"


@pytest.mark.parametrize("wanted", ["https://evil.example/", "//evil.example", "/\\evil.example"])
def test_next_never_leads_to_another_site(carol: User, wanted: str) -> None:
    client = people.browser(carol)
    response = client.post(PAGE, {"password": cast.PASSWORD, "next": wanted})
    assert response["Location"] == "/account/"


def test_guesses_of_the_password_are_limited_and_recorded(carol: User) -> None:
    client = people.browser(carol)
    answers = [client.post(PAGE, {"password": "wrong"}).status_code for _ in range(12)]
    assert answers == [400] * 10 + [429] * 2
    assert people.events(carol).count("account.sign-in-failed") == 10


def test_an_advanced_demo_clock_lets_a_proof_grow_old(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    client = people.browser(alice)
    monkeypatch.setattr(clock, "offset", lambda: timedelta(days=6))
    assert client.get("/account/email/").status_code == 302
    client.post(PAGE, {"code": _app_code(alice)})
    assert client.get("/account/email/").status_code == 200  # stamped with the same clock that judges it


def _app_code(user: User) -> str:
    """The phone's code: phones know nothing of a demo clock."""
    people.forget_last_code(user)
    device = cast.AuthenticatorApp.objects.get(user=user)
    return f"{cast.TOTP(device.bin_key).token():06d}"
