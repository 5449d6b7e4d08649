"""Text that was found somewhere: every token of this site in it is revoked, and its owner told."""

from __future__ import annotations

import pytest

from accounts.models import StaffKind, User
from indexsite import clock
from indexsite.models import AuditEvent
from recovery.assurance import HardFlag
from recovery.facts import facts_of
from recovery.models import CaseState
from tests.support import cast
from tests.support.claims import aged
from tests.support.people import browser, letters_to
from tests.support.recovery import stored_case
from tests.support.tokens import token_of
from tokens.models import Token

pytestmark = pytest.mark.django_db

LEAKS = "/admin/moderation/leaks/"


def test_every_token_in_a_text_is_revoked_and_its_owner_told(alice: User, bob: User, mona: User) -> None:
    hers, his, other = (token_of(user, description=name) for user, name in [(alice, "ci"), (bob, "x"), (bob, "y")])
    altered = other.secret()[:-2] + ("AA" if not other.secret().endswith("AA") else "BB")
    text = f"export A={hers.secret()}\npassword: {his.secret()};\n{altered}\nidx-nothing"

    response = browser(mona).post(LEAKS, {"text": text, "reason": "A public CI log"}, follow=True)

    assert "Tokens of this site found: 2; revoked now: 2." in response.text
    assert set(Token.objects.unrevoked()) == {other}
    for user in (alice, bob):
        (letter,) = (each for each in letters_to(user.email) if "was revoked" in each.subject)
        assert "found where others can read it" in letter.body
        history = browser(user).get("/account/history/").text
        assert "found where others can read it" in history
        for said in (letter.body, history):
            assert "mona" not in said
            assert "A public CI log" not in said
    row = AuditEvent.objects.get(name="token.leak-reported")
    assert (row.actor, row.data) == (mona, {"found": 2, "revoked": 2, "reason": "A public CI log"})
    for kept in AuditEvent.objects.values_list("data", flat=True):
        assert hers.secret() not in str(kept)

    again = browser(mona).post(LEAKS, {"text": text, "reason": "The same log"}, follow=True)
    assert "found: 2; revoked now: 0." in again.text


def test_more_tokens_than_a_proof_may_hold_are_all_found(alice: User, sven: User) -> None:
    text = " ".join(token_of(alice, description=f"t{number}").secret() for number in range(25))
    browser(sven).post(LEAKS, {"text": text, "reason": "A backup"})
    assert not Token.objects.unrevoked().exists()


def test_a_leak_is_a_sign_of_a_takeover_for_a_month(alice: User, mona: User) -> None:
    owner = aged(alice)
    browser(mona).post(LEAKS, {"text": token_of(owner, description="ci").secret(), "reason": "A gist"})
    facts = facts_of(stored_case(owner, CaseState.EVIDENCE), at=clock.now())
    assert HardFlag.TOKEN_LEAKED in facts.hard


def test_without_a_reason_or_a_text_nothing_happens(alice: User, mona: User) -> None:
    secret = token_of(alice, description="ci").secret()
    client = browser(mona)
    for form in ({"text": secret, "reason": " "}, {"text": " ", "reason": "x"}):
        assert client.post(LEAKS, form).status_code == 400
    assert Token.objects.unrevoked().exists()
    assert "revoked now: 0" in client.post(LEAKS, {"text": "hello", "reason": "x"}, follow=True).text


@pytest.mark.parametrize(
    "kind", [kind for kind in StaffKind if kind not in {StaffKind.MODERATOR, StaffKind.SECURITY}]
)
def test_nobody_else_takes_leaks(alice: User, kind: StaffKind) -> None:
    secret = token_of(alice, description="ci").secret()
    client = browser(cast.staff("someone", kind))
    assert client.get(LEAKS).status_code == 403
    assert client.post(LEAKS, {"text": secret, "reason": "x"}).status_code == 403
    assert Token.objects.unrevoked().exists()
