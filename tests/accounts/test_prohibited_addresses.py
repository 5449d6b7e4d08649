"""E-mail addresses and domains that no account may take: what is refused with a word, and what in silence."""

from __future__ import annotations

from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.test import Client

from accounts.models import ProhibitedAddress, StaffKind, User, has_verified_email
from indexsite.models import AuditEvent
from tests.support import cast, people
from tests.support.cast import ProjectFactory

pytestmark = pytest.mark.django_db

NAMES = "/admin/moderation/names/"
REFUSED = "Addresses of this domain cannot be used here"


def change_list(what: str, name: str, mona: User | None = None) -> Any:
    mona = mona or User.objects.filter(username="mona").first() or cast.staff("mona", StaffKind.MODERATOR)
    fields = {"act": what, "kind": "address", "name": name, "reason": "Asked for it"}
    return people.browser(mona).post(NAMES, fields)


def sign_up(email: str, client: Client | None = None) -> Any:
    fields = {"username": "judy", "email": email, "password1": people.NEW_PASSWORD}
    return (client or people.browser()).post("/account/signup/", fields)


@pytest.mark.parametrize(
    ("domain", "email"),
    [
        ("bad.example", "judy@bad.example"),
        ("@Bad.Example.", "judy@BAD.example"),
        ("bad.example", "judy@mail.bad.example"),
        ("bücher.example", "judy@xn--bcher-kva.example"),
        ("xn--bcher-kva.example", "judy@bücher.example"),
    ],
)
def test_no_account_is_made_with_an_address_of_a_prohibited_domain(domain: str, email: str) -> None:
    assert change_list("prohibit", domain).status_code == 302
    response = sign_up(email)
    assert response.status_code == 400
    assert REFUSED in response.text
    assert not User.objects.filter(username="judy").exists()
    assert people.letters_to(email.lower()) == []

    change_list("allow", domain)
    assert sign_up(email).status_code == 302


@pytest.mark.parametrize("email", ["judy@notbad.example", "bad.example@elsewhere.net", "judy@example"])
def test_what_only_looks_like_it_is_not_meant(email: str) -> None:
    change_list("prohibit", "bad.example")
    assert REFUSED not in sign_up(email).text


def test_an_address_of_a_prohibited_domain_is_not_added_and_nobody_told(carol: User) -> None:
    client = people.browser(carol)
    change_list("prohibit", "bad.example")
    response = client.post("/account/email/", {"act": "add", "email": "carol@bad.example"})
    assert response.status_code == 400
    assert REFUSED in response.text
    assert not EmailAddress.objects.filter(email="carol@bad.example").exists()
    assert "email.added" not in people.events(carol)
    assert people.letters() == []


def test_nor_is_it_typed_while_the_first_code_is_awaited() -> None:
    client = people.browser()
    sign_up("judy@example.org", client)
    change_list("prohibit", "bad.example")
    response = client.post("/account/verify/", {"act": "change", "email": "judy@bad.example"})
    assert REFUSED in response.text
    assert list(EmailAddress.objects.filter(user__username="judy").values_list("email", flat=True)) == [
        "judy@example.org"
    ]


@pytest.mark.parametrize("typed", ["quiet@example.org", "Quiet@Example.org", "quiet+new@example.org"])
def test_a_prohibited_address_is_answered_like_any_other_and_gets_no_letter(typed: str) -> None:
    free, silent = people.browser(), people.browser()
    usual = sign_up("other@example.org", free)
    User.objects.filter(username="judy").update(username="first")
    change_list("prohibit", "quiet@example.org")

    answer = sign_up(typed, silent)
    assert (answer.status_code, answer["Location"]) == (usual.status_code, usual["Location"])
    pages = [client.get("/account/verify/").text for client in (free, silent)]
    assert _without_secrets(pages[1].replace(typed.lower(), "other@example.org")) == _without_secrets(pages[0])
    assert people.letters_to(typed.lower()) == []
    silent.post("/account/verify/", {"act": "resend"})
    assert people.letters_to(typed.lower()) == []
    assert people.letters_to("other@example.org") != []
    assert not has_verified_email(User.objects.get(username="judy"))


def _without_secrets(text: str) -> str:
    lines = [line for line in text.splitlines() if "csrfmiddlewaretoken" not in line and "nonce" not in line]
    return "\n".join(lines)


def test_what_was_prohibited_after_the_code_left_is_not_verified_with_it() -> None:
    client = people.browser()
    sign_up("quiet@example.org", client)
    code = people.mailed_code("quiet@example.org")
    change_list("prohibit", "quiet@example.org")
    response = client.post("/account/verify/", {"code": code})
    assert "This address cannot be verified; enter another one." in response.text
    assert not has_verified_email(User.objects.get(username="judy"))


def test_whoever_has_it_keeps_it_with_its_letters(carol: User) -> None:
    change_list("prohibit", carol.email)
    people.browser(carol).post("/account/email/", {"act": "add", "email": "new@example.org"})
    assert has_verified_email(carol)
    assert "An address was added to your account" in people.subjects(people.letters_to(carol.email))


def test_invitations_to_it_are_made_and_not_mailed(alice: User) -> None:
    ProjectFactory(name="sampleproject", owner=alice)
    client = people.browser(alice)
    path = "/manage/project/sampleproject/people/invite/"
    change_list("prohibit", "quiet@example.org")
    answers = [
        client.post(path, {"invitee": email, "kind": "maintainer"})
        for email in ("quiet@example.org", "other@example.org")
    ]
    assert [(each.status_code, each["Location"]) for each in answers] == [
        (302, "/manage/project/sampleproject/people/")
    ] * 2
    assert people.letters_to("quiet@example.org") == []
    assert len(people.letters_to("other@example.org")) == 1


def test_the_list_is_shown_and_each_change_recorded_with_its_reason() -> None:
    change_list("prohibit", "Quiet+x@Example.org")
    change_list("prohibit", "bad.example")
    mona = User.objects.get(username="mona")
    text = people.browser(mona).get(NAMES).text
    assert "quiet@example.org" in text
    assert "bad.example" in text
    assert change_list("prohibit", "quiet+y@example.org").status_code == 409
    change_list("allow", "bad.example")
    assert change_list("allow", "bad.example").status_code == 409
    rows = AuditEvent.objects.filter(name__startswith="address.").order_by("pk")
    assert [(row.name, row.data["label"], row.data["reason"]) for row in rows] == [
        ("address.prohibited", "quiet@example.org", "Asked for it"),
        ("address.prohibited", "bad.example", "Asked for it"),
        ("address.allowed", "bad.example", "Asked for it"),
    ]


@pytest.mark.parametrize("name", ["org", "@", "a b@example.org", "not a domain", "judy@", "x" * 255 + ".org"])
def test_what_is_neither_address_nor_domain_is_not_put_on_the_list(name: str) -> None:
    assert change_list("prohibit", name).status_code == 400
    assert not ProhibitedAddress.objects.exists()


def test_only_moderators_change_it(alice: User) -> None:
    sven = cast.staff("sven", StaffKind.SECURITY)
    for who in (alice, sven):
        assert change_list("prohibit", "bad.example", who).status_code == 403
    assert not ProhibitedAddress.objects.exists()
