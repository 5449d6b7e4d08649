"""A step-up asks for the strongest factor the account has; a code tricked out of somebody opens nothing then."""

from __future__ import annotations

from copy import replace
from datetime import timedelta

import pytest
import time_machine
from django.test import Client

from accounts.models import SecurityReport, StaffKind, User
from indexsite import clock, policies, presence
from indexsite.errors import PermissionRefused
from indexsite.policies import STEP_UP_WINDOW, Action
from indexsite.presence import FRESH_WINDOW, repairs_by_code
from mfa.actions import codes
from mfa.models import AuthenticatorApp, SecurityKey
from recovery.actions import reports
from tests.mfa.test_keys import prove, register
from tests.support import cast, people
from tests.support.authenticators import SoftKey
from tokens.models import Token

pytestmark = pytest.mark.django_db

PAGE = "/account/second-factor/"
LATER = STEP_UP_WINDOW + timedelta(minutes=1)


def by_app(user: User) -> Client:
    """A browser of whoever has the password and one code of the app: the owner without the key, or a thief."""
    client = people.known_browser(user)
    client.post("/account/login/", {"username": user.username, "password": cast.PASSWORD})
    people.forget_last_code(user)
    assert client.post(PAGE, {"code": cast.totp_code(user)}).status_code == 302
    assert people.signed_in_as(client) == user.username
    return client


def _make_token(client: Client):
    return client.post("/account/tokens/create/", {"description": "thief", "scope": "account", "use": "upload"})


# -- the attack -------------------------------------------------------------------------------------------


def _as_it_was(window: timedelta, actor: presence.Actor) -> presence.Denied | None:
    """The rule that took any factor."""
    at = actor.factor_at
    fresh = at is not None and clock.now() - at <= window
    return None if fresh else presence.Denied("step-up-needed", "Confirm that it is you, then try again.")


def test_a_code_tricked_out_of_a_key_owner_made_tokens_and_keys(alice: User, monkeypatch) -> None:
    cast.add_key(alice)
    thief = by_app(alice)
    keep_codes(alice)
    with monkeypatch.context() as patch:
        patch.setattr(presence, "_proof_within", _as_it_was)
        assert register(thief, SoftKey(), "thief").status_code == 302  # the attack works
        cast.lose_factors(alice, name="thief")
    thief = by_app(alice)
    for page in (
        "security/keys/add/",
        "security/totp/",
        "security/codes/",
        "tokens/create/",
        "email/",
        "password/",
    ):
        assert thief.get(f"/account/{page}")["Location"].startswith(PAGE), page
    assert _make_token(thief)["Location"].startswith(PAGE)
    refused = thief.post("/account/security/keys/add/options/", {"kind": "key"})
    assert refused.status_code in {302, 403}
    assert not Token.objects.exists()
    assert list(SecurityKey.objects.filter(user=alice).values_list("name", flat=True)) == ["blue"]


def keep_codes(user: User) -> list[str]:
    at = clock.now()
    plain = codes.generate_codes(actor=cast.actor(user), at=at)
    codes.prove_codes(actor=cast.actor(user), code=plain[0], at=at)
    return plain


# -- what a step-up takes ---------------------------------------------------------------------------------


def test_who_has_a_key_steps_up_with_it(alice: User) -> None:
    key = cast.add_key(alice)
    client = by_app(alice)
    page = client.get(f"{PAGE}?next=/account/email/")
    assert "Use your key" in page.text
    assert "six digits" not in page.text
    people.forget_last_code(alice)
    refused = client.post(PAGE, {"code": cast.totp_code(alice), "next": "/account/email/"})
    assert refused.status_code == 400
    assert "You have a security key" in refused.text
    assert client.get("/account/email/").status_code == 302
    # The code was not even looked at: it is good for its next sign-in.
    assert AuthenticatorApp.objects.get(user=alice).last_t == -1
    assert prove(client, key, next="/account/email/")["Location"] == "/account/email/"
    assert client.get("/account/email/").status_code == 200


def test_who_has_an_app_alone_steps_up_with_it(alice: User) -> None:
    client = people.browser(alice)
    with time_machine.travel(LATER, tick=True):
        assert "six digits" in client.get(PAGE).text
        people.forget_last_code(alice)
        assert client.post(PAGE, {"code": cast.totp_code(alice)}).status_code == 302
        assert client.get("/account/email/").status_code == 200


def test_a_key_that_is_set_aside_neither_steps_up_nor_is_asked_for(alice: User) -> None:
    cast.add_key(alice)
    with_key = people.browser(alice)
    assert with_key.get("/account/email/").status_code == 200
    SecurityKey.objects.filter(user=alice).update(set_aside_at=clock.now())
    assert with_key.get("/account/email/").status_code == 302
    assert by_app(alice).get("/account/email/").status_code == 200


def test_adding_a_key_makes_codes_of_other_sessions_too_weak(alice: User) -> None:
    client = by_app(alice)
    assert client.get("/account/email/").status_code == 200
    cast.add_key(alice)
    assert client.get("/account/email/").status_code == 302


# -- recovery codes repair, and nothing else --------------------------------------------------------------


def test_a_recovery_code_leads_to_repairing_and_opens_nothing_else(alice: User) -> None:
    cast.add_key(alice)
    plain = keep_codes(alice)
    client = by_app(alice)
    assert "Is the key lost?" in client.get(f"{PAGE}?next=/account/email/").text
    answer = client.post(PAGE, {"code": plain[1], "next": "/account/email/"})
    assert answer["Location"] == "/account/security/?next=%2Faccount%2Femail%2F"
    assert "opens nothing but your factors, for 10 minutes" in client.get(answer["Location"]).text
    for page in ("email/", "password/", "tokens/create/"):
        assert client.get(f"/account/{page}")["Location"].startswith(PAGE), page
    for page in ("security/keys/add/", "security/totp/", "security/codes/"):
        assert client.get(f"/account/{page}").status_code == 200, page


def test_who_lost_the_key_replaces_it_with_one_code(alice: User) -> None:
    cast.add_key(alice, "lost")
    plain = keep_codes(alice)
    client = by_app(alice)
    client.post(PAGE, {"code": plain[1]})
    new = SoftKey()
    assert register(client, new, "new").status_code == 302
    lost = SecurityKey.objects.get(user=alice, name="lost")
    gone = client.post(f"/account/security/keys/{lost.pk}/", {"act": "remove", "typed": "lost"})
    assert gone.status_code == 302
    assert list(SecurityKey.objects.filter(user=alice).values_list("name", flat=True)) == ["new"]
    assert client.get("/account/email/").status_code == 200
    assert codes_left(alice) == 7


def test_who_lost_the_key_and_has_none_other_goes_on_with_an_app(carol: User) -> None:
    """The new app is weaker than the lost key, which the same code still removes."""
    cast.add_key(carol, "lost")
    plain = keep_codes(carol)
    client = people.known_browser(carol)
    client.post("/account/login/", {"username": "carol", "password": cast.PASSWORD})
    client.post(PAGE, {"code": plain[1]})
    client.get("/account/security/totp/")
    secret = client.session["mfa_new_app"]["secret"]
    from django_otp.oath import TOTP

    assert (
        client.post("/account/security/totp/", {"code": f"{TOTP(bytes.fromhex(secret)).token():06d}"}).status_code
        == 302
    )
    lost = SecurityKey.objects.get(user=carol)
    assert client.post(f"/account/security/keys/{lost.pk}/", {"act": "remove", "typed": "lost"}).status_code == 302
    assert client.get("/account/email/").status_code == 200


def codes_left(user: User) -> int:
    from mfa import queries

    return queries.codes_of(user).left


def test_the_time_for_repairs_runs_out(alice: User) -> None:
    cast.add_key(alice)
    plain = keep_codes(alice)
    client = by_app(alice)
    client.post(PAGE, {"code": plain[1]})
    with time_machine.travel(FRESH_WINDOW + timedelta(minutes=1), tick=True):
        assert client.get("/account/security/keys/add/")["Location"].startswith(PAGE)
        assert not repairs_by_code(client.get("/account/").wsgi_request.actor)


# -- the staff --------------------------------------------------------------------------------------------


def test_staff_with_an_app_alone_get_one_sentence_and_the_way_to_a_key(db) -> None:
    mona = cast.staff("mona", StaffKind.MODERATOR, key=False)
    client = by_app(mona)
    for page in ("/admin/", "/admin/moderation/", "/admin/staff/"):
        answer = client.get(page)
        assert answer["Location"].startswith("/account/security/keys/add/?next="), page
    keep_codes(mona)
    shown = client.get(answer["Location"], follow=True)
    assert "Staff work with a security key or passkey; add one to your account first." in shown.text
    assert register(client, SoftKey()).status_code == 302
    assert client.get("/admin/moderation/").status_code == 200


def test_the_console_asks_staff_for_the_key_whatever_else_they_proved(mona: User) -> None:
    by_code = by_app(mona)
    assert by_code.get("/admin/moderation/")["Location"].startswith(PAGE)
    assert by_code.post("/admin/moderation/account/alice/", {"reason": "x"})["Location"].startswith(PAGE)
    assert people.browser(mona).get("/admin/moderation/").status_code == 200


@pytest.mark.parametrize(
    "action",
    [action for action in Action if action.split(":")[0] in {"staff", "console", "name"}]
    + [Action.ACCOUNT_FREEZE, Action.PROJECT_QUARANTINE],
)
def test_every_staff_act_insists_on_a_key(action: Action, sven: User) -> None:
    app = AuthenticatorApp.objects.get(user=sven)
    by_code = replace(cast.actor(sven), factor=app.persistent_id)
    row = policies.RULES[action]
    assert policies.key_held in row
    proof = policies.proof_for(action)
    assert proof(by_code, None) is not None
    assert proof in row


def test_staff_keep_their_only_key(mona: User) -> None:
    client = people.browser(mona)
    only = SecurityKey.objects.get(user=mona)
    refused = client.post(f"/account/security/keys/{only.pk}/", {"act": "remove", "typed": only.name})
    assert refused.status_code == 403
    assert "You work for this site and need a security key" in refused.text
    cast.add_key(mona, "red")
    assert (
        client.post(f"/account/security/keys/{only.pk}/", {"act": "remove", "typed": only.name}).status_code == 302
    )
    assert list(SecurityKey.objects.filter(user=mona).values_list("name", flat=True)) == ["red"]


# -- the freeze -------------------------------------------------------------------------------------------


def freeze(user: User) -> None:
    event = user.audit_events.order_by("pk").last()
    SecurityReport.objects.create(user=user, event_id=event.pk, reported_at=clock.now(), source="link", what="x")
    user.edits_frozen_until = clock.now() + timedelta(hours=72)
    user.save(update_fields=["edits_frozen_until"])


def test_a_key_that_a_thief_added_does_not_shut_out_the_owners_app(alice: User) -> None:
    AuthenticatorApp.objects.filter(user=alice).update(created_at=clock.now() - timedelta(days=9))
    client = by_app(alice)  # leaves an event, which is reported
    freeze(alice)
    cast.add_key(alice, "of the thief")
    people.forget_last_code(alice)
    with time_machine.travel(LATER, tick=True):
        late = client.post("/account/freeze/")
        assert late["Location"] == f"{PAGE}?any=1&next=%2Faccount%2Ffreeze%2F"
        assert "six digits" in client.get(late["Location"]).text
        assert client.post(late["Location"], {"code": cast.totp_code(alice)})["Location"] == "/account/freeze/"
        assert client.post("/account/freeze/")["Location"] == "/account/security/"
    alice.refresh_from_db()
    assert alice.edits_frozen_until is None


def test_a_code_does_not_lift_a_freeze_where_there_was_a_key_all_along(alice: User) -> None:
    AuthenticatorApp.objects.filter(user=alice).update(created_at=clock.now() - timedelta(days=9))
    cast.add_key(alice)
    SecurityKey.objects.filter(user=alice).update(created_at=clock.now() - timedelta(days=9))
    thief = by_app(alice)
    freeze(alice)
    refused = thief.post("/account/freeze/")
    assert refused.status_code == 403
    assert "only a key lifts the freeze" in refused.text
    with pytest.raises(PermissionRefused):
        reports.lift(
            actor=replace(cast.actor(alice), factor=AuthenticatorApp.objects.get(user=alice).persistent_id),
            at=clock.now(),
        )
    assert people.browser(alice).post("/account/freeze/")["Location"] == "/account/security/"
