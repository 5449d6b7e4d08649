"""What two people, or one thief with two browsers, do at the very same moment."""

from collections import Counter
from functools import partial

import pytest
from allauth.account.models import EmailAddress

from accounts import reset_tokens, usernames
from accounts.actions import emails, passwords, sign_up
from accounts.actions.passwords import ResetLinkInvalid
from accounts.models import User
from indexsite.actors import Actor
from tests.support import cast, people
from tests.support.at_once import at_once

pytestmark = pytest.mark.django_db(transaction=True)

VISITOR = Actor(user=None, address="127.0.0.1")


def test_a_name_asked_for_by_four_at_once_goes_to_one() -> None:
    acts = [
        partial(
            sign_up.create_account,
            actor=VISITOR,
            username="judy",
            email=f"judy{number}@example.org",
            password=people.NEW_PASSWORD,
            at=cast.clock.now(),
        )
        for number in range(4)
    ]
    found = Counter(type(result) for result in at_once(acts))
    assert found == {User: 1, usernames.UsernameUnavailable: 3}
    assert EmailAddress.objects.count() == 1


def test_a_reset_link_used_twice_at_once_sets_one_password() -> None:
    carol = cast.person("carol", totp=False)
    uid, token = reset_tokens.make(carol)
    acts = [
        partial(
            passwords.reset_password,
            actor=VISITOR,
            uid=uid,
            token=token,
            new=f"{number} quiet harbours under umbrellas",
            at=cast.clock.now(),
        )
        for number in range(4)
    ]
    found = Counter(type(result) for result in at_once(acts))
    assert found == {User: 1, ResetLinkInvalid: 3}
    assert people.events(carol) == ["password.reset"]


def test_an_address_verified_by_two_at_once_belongs_to_one() -> None:
    rows = [
        EmailAddress.objects.create(user=cast.person(name, totp=False), email="shared@example.org")
        for name in ("carol", "dave")
    ]
    found = at_once([partial(emails.mark_verified, actor=cast.actor(row.user), row=row) for row in rows])
    assert Counter(found) == {True: 1, False: 1}
    assert EmailAddress.objects.filter(email="shared@example.org", verified=True).count() == 1
