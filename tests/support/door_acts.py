"""What is done in a signed-in browser, or behind its back, and may end sessions; each says whether it could be."""

from __future__ import annotations

from django.conf import settings
from django.test import Client

from accounts import not_me
from accounts.actions.freezing import freeze_account
from accounts.models import StaffKind
from indexsite import clock
from mfa.models import SecurityKey
from tests.support import cast, people
from tests.support.authenticators import SoftKey
from tests.support.door_accounts import Account

JSON = {"accept": "application/json"}
RESET, PASSWORD = "/account/password/reset/", "/account/password/"
KEYS = "/account/security/keys/"


def links(made: Account) -> list[str]:
    """Paths of all links of the site in letters to the account, the oldest first."""
    bodies = [str(letter.body) for letter in people.letters_to(made.email)]
    found = [link for body in bodies for link in people.LINK.findall(body)]
    return [link.removeprefix(settings.SITE_URL) for link in found if link.startswith(settings.SITE_URL)]


def follow_reset_link(made: Account, client: Client) -> bool:
    client.post(RESET, {"email": made.email})
    found = [link for link in links(made) if link.startswith(RESET)]
    if found:
        client.get(found[-1])
    return bool(found)


def change_password(made: Account, client: Client) -> bool:
    response = client.post(PASSWORD, {"password": made.password, "password1": people.NEW_PASSWORD})
    return response.status_code == 302


def reset_elsewhere(made: Account, client: Client) -> bool:
    stranger = people.browser()
    follow_reset_link(made, stranger)
    return stranger.post(f"{RESET}new/", {"password1": people.NEW_PASSWORD}).status_code == 302


def add_factor(made: Account, client: Client) -> bool:
    response = client.post(f"{KEYS}add/options/", {"kind": "key"}, headers=JSON)
    if response.status_code != 200:
        return False
    added = client.post(f"{KEYS}add/", {"name": "new", "credential": SoftKey().create(response.json())})
    return added.status_code == 302


def remove_factor(made: Account, client: Client) -> bool:
    key = SecurityKey.objects.filter(user=made.user).first()
    if key is None:
        return False
    return client.post(f"{KEYS}{key.pk}/", {"act": "remove", "typed": key.name}).status_code == 302


def new_codes(made: Account, client: Client) -> bool:
    return client.post("/account/security/codes/", {"act": "generate"}).status_code == 200


def end_others(made: Account, client: Client) -> bool:
    return client.post("/account/sessions/", {"act": "others"}).status_code == 302


def freeze(made: Account, client: Client) -> bool:
    by = cast.staff(f"by-{made.user.username}"[:30], StaffKind.SECURITY)
    freeze_account(actor=cast.actor(by), user=made.user, reason="looked into", at=clock.now())
    return True


def press_not_me(made: Account, client: Client) -> bool:
    return people.browser().post(not_me.path(made.user, 0, at=clock.now())).status_code == 200


def close(made: Account, client: Client) -> bool:
    if made.project is not None:  # somebody stays who looks after it
        cast.grant(cast.person(f"heir-of-{made.user.username}"), made.project)
    return client.post("/account/close/", {"username": made.user.username}).status_code == 302
