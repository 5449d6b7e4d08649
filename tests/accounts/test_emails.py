"""A person's addresses: every change is told to every verified one, and nothing tells whose an address is."""

from datetime import timedelta

import pytest
import time_machine
from allauth.account.models import EmailAddress

from accounts.actions import emails
from accounts.models import User
from indexsite.actors import CredentialKind, SessionCredential
from indexsite.errors import Conflict, NotAuthenticated, PermissionRefused
from tests.support import cast, people

pytestmark = pytest.mark.django_db
TOKEN = SessionCredential(kind=CredentialKind.TOKEN, label="a token")


def act(client, what: str, email: str = "", **more: str):
    return client.post("/account/email/", {"act": what, "email": email, **more})


def rows(user: User) -> dict[str, tuple[bool, bool]]:
    return {r.email: (r.verified, r.primary) for r in EmailAddress.objects.filter(user=user)}


@pytest.mark.asvs("6.3.7")
def test_add_verify_make_primary_remove_and_the_old_address_hears_of_it_all(carol: User) -> None:
    client = people.browser(carol)
    act(client, "add", "New@Example.org")
    assert rows(carol)["new@example.org"] == (False, False)
    act(client, "verify", code=people.mailed_code("new@example.org"))
    assert rows(carol)["new@example.org"] == (True, False)
    act(client, "primary", "new@example.org")
    carol.refresh_from_db()
    assert carol.email == "new@example.org"
    act(client, "remove", "carol@example.org")
    assert rows(carol) == {"new@example.org": (True, True)}
    assert people.subjects(people.letters_to("carol@example.org")) == [
        "An address was added to your account",
        "An address of your account was verified",
        "The primary address of your account changed",
        "An address was removed from your account",
    ]
    assert people.events(carol)[-4:] == ["email.added", "email.verified", "email.primary-changed", "email.removed"]


def test_an_address_of_somebody_else_gets_the_same_answer_and_no_code(alice: User, carol: User) -> None:
    client = people.browser(carol)
    pages = []
    for address in ("free@example.org", "alice@example.org"):
        act(client, "add", address)
        pages.append(people.without_secrets_of_the_form(client.get("/account/email/").text).count(address))
    assert pages[0] == pages[1]
    assert people.subjects(people.letters_to("alice@example.org")) == ["Your address was entered at indexsite"]
    code = client.session["account_email_verification_code"]["code"]
    act(client, "verify", code=code)
    assert rows(carol)["alice@example.org"] == (False, False)


def test_of_two_who_enter_one_address_the_first_to_verify_has_it(carol: User, dave: User) -> None:
    first, second = people.browser(carol), people.browser(dave)
    act(first, "add", "shared@example.org")
    code_of_carol = people.mailed_code("shared@example.org")
    act(second, "add", "shared@example.org")
    act(second, "verify", code=people.mailed_code("shared@example.org"))
    act(first, "verify", code=code_of_carol)
    assert rows(dave)["shared@example.org"] == (True, False)
    assert rows(carol)["shared@example.org"] == (False, False)


@pytest.mark.asvs("7.5.1")
@pytest.mark.parametrize("what", ["add", "primary", "remove", "send", "verify"])
def test_every_change_needs_a_recent_proof(alice: User, what: str) -> None:
    EmailAddress.objects.create(user=alice, email="second@example.org", verified=True)
    client, before = people.browser(alice), rows(alice)
    with time_machine.travel(timedelta(minutes=31), tick=True):
        response = act(client, what, "third@example.org" if what == "add" else "second@example.org", code="x")
        assert response["Location"].startswith("/account/second-factor/?next=")
    assert rows(alice) == before


def test_the_acts_themselves_insist_on_the_proof(alice: User) -> None:
    stale = cast.actor(alice, fresh=False)
    for change in (
        lambda: emails.add_address(actor=stale, email="x@example.org"),
        lambda: emails.make_primary(actor=stale, email="alice@example.org"),
        lambda: emails.remove_address(actor=stale, email="alice@example.org", at=cast.clock.now()),
    ):
        with pytest.raises(PermissionRefused, match="Confirm that it is you"):
            change()


def test_the_primary_address_stays_and_an_unverified_one_never_becomes_it(carol: User) -> None:
    client = people.browser(carol)
    act(client, "add", "new@example.org")
    assert act(client, "remove", "carol@example.org").status_code == 409
    assert act(client, "primary", "new@example.org").status_code == 409
    assert act(client, "primary", "carol@example.org").status_code == 302  # it is already
    assert rows(carol) == {"carol@example.org": (True, True), "new@example.org": (False, False)}


def test_addresses_of_others_cannot_be_touched(alice: User, carol: User) -> None:
    client = people.browser(carol)
    assert act(client, "remove", "alice@example.org").status_code == 404
    assert act(client, "primary", "alice@example.org").status_code == 404
    act(client, "send", "alice@example.org")
    assert people.letters_to("alice@example.org") == []
    assert rows(alice) == {"alice@example.org": (True, True)}


def test_twice_the_same_and_too_many_are_refused_at_the_field(
    carol: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = people.browser(carol)
    response = act(client, "add", "CAROL@example.org")
    assert response.status_code == 400
    assert "already" in response.context["form"].errors["email"].as_text()
    monkeypatch.setattr(emails, "MAX_ADDRESSES", 1)
    assert "at most 1" in act(client, "add", "new@example.org").text
    assert act(client, "add", "nonsense").status_code == 400


def test_wrong_codes_void_the_code_and_a_new_one_can_be_had(carol: User) -> None:
    client = people.browser(carol)
    act(client, "add", "new@example.org")
    assert act(client, "verify", code="").status_code == 400
    assert [act(client, "verify", code="BBBB-BBBB").status_code for _ in range(5)] == [400] * 4 + [302]
    assert act(client, "verify", code=people.mailed_code("new@example.org")).status_code == 302
    assert rows(carol)["new@example.org"] == (False, False)
    act(client, "send", "new@example.org")
    act(client, "verify", code=people.mailed_code("new@example.org"))
    assert rows(carol)["new@example.org"] == (True, False)


@pytest.mark.asvs("6.6.3")
def test_guesses_are_counted_beyond_the_session(carol: User) -> None:
    client = people.browser(carol)
    answers = []
    for _ in range(3):
        act(client, "send" if answers else "add", "new@example.org")
        answers += [act(client, "verify", code="BBBB-BBBB").status_code for _ in range(4)]
    assert answers[:10] == [400] * 10
    assert answers[10:] == [429] * 2


def test_a_wrong_code_leaves_a_trace(carol: User) -> None:
    client = people.browser(carol)
    act(client, "add", "new@example.org")
    act(client, "verify", code="BBBB-BBBB")
    assert people.events(carol)[-1] == "email.code-failed"
    assert "A wrong mailed code was typed for new@example.org." in client.get("/account/history/").text


def test_an_address_is_verified_by_its_owner_or_as_the_first_of_an_account(
    alice: User, carol: User, mallory: User
) -> None:
    row = EmailAddress.objects.create(user=carol, email="new@example.org")
    first = EmailAddress.objects.create(user=cast.UserFactory(username="newcomer"), email="first@example.org")
    now = cast.clock.now()
    for stranger in (cast.actor(mallory), cast.actor(None), cast.actor(carol, credential=TOKEN)):
        with pytest.raises((NotAuthenticated, PermissionRefused)):
            emails.mark_verified(actor=stranger, row=row)
        with pytest.raises((NotAuthenticated, PermissionRefused)):
            emails.mail_code(actor=stranger, user=carol, email=row.email, code="x", at=now)
    assert rows(carol)["new@example.org"] == (False, False)
    assert people.letters() == []
    assert emails.mark_verified(actor=cast.actor(carol), row=row)
    User.objects.filter(pk=first.user_id).update(is_active=False)
    first.user.refresh_from_db()
    with pytest.raises(NotAuthenticated):
        emails.mark_verified(actor=cast.actor(None), row=first)
    first.user.is_active = True
    assert emails.mark_verified(actor=cast.actor(None), row=first)


def test_an_unknown_act_changes_nothing(carol: User) -> None:
    assert act(people.browser(carol), "sing").status_code == 302
    assert rows(carol) == {"carol@example.org": (True, True)}


def test_correcting_the_first_address_is_only_for_accounts_without_a_verified_one(carol: User) -> None:
    with pytest.raises(Conflict):
        emails.replace_unverified(actor=cast.actor(None), user=carol, email="new@example.org")
    assert rows(carol) == {"carol@example.org": (True, True)}
