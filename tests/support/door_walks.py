"""Walks through the doors of `tests.support.doors`: each way as somebody would go it.

Longer than most files: each way is a few lines, and all of them are read side by side.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import time_machine
from django.core import mail
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.test import Client

from accounts import not_me
from indexsite import clock
from indexsite.policies import STEP_UP_WINDOW
from recovery import bearers
from recovery.models import Enrolment
from tests.support import cast, claim_pages, door_acts, people, recovery
from tests.support.distributions import make_wheel
from tests.support.door_accounts import Account, account, opened
from tests.support.doors import Door, Hand, Outcome
from tests.support.projects import invite
from tests.support.tokens import basic, token_of
from tests.support.transfers import offer
from tests.support.uploads import upload

LOGIN, FACTOR, WAIT = "/account/login/", "/account/second-factor/", "/account/confirm-sign-in/"
VERIFY, RESET, PASSWORD = "/account/verify/", "/account/password/reset/", "/account/password/"
KEYS, TOKEN, CONSOLE = "/account/security/keys/", "/api/v1/token/", "/admin/"
ASKED = {FACTOR: Outcome.FACTOR, WAIT: Outcome.MAIL, VERIFY: Outcome.MAIL}
JSON = {"accept": "application/json"}
ACCOUNT_PAGES = ("/account/", "/account/email/", "/account/tokens/", "/account/security/", "/manage/projects/")


# -- the front door -----------------------------------------------------------------------------------------------


def sign_in_twice(made: Account) -> None:
    """Have two browsers signed in, where the account can."""
    if Hand.SESSION not in made.state.has:
        return
    owner = made.holding(*made.state.has - {Hand.MAIL, Hand.CODE})
    made.browsers = [people.browser(), people.browser()]
    for client in made.browsers:
        outcome = front_door(owner, client)
        if outcome is not Outcome.IN:
            raise AssertionError(f"{made.user} could not sign in: {outcome}")


def front_door(made: Account, client: Client | None = None) -> Outcome:
    """User name and password, then whatever is asked for, as far as it is in hand."""
    client = client or people.browser()
    if Hand.BROWSER in made.hands:
        people.make_known(client, made.user)
    return _through(made, client)


def _through(made: Account, client: Client) -> Outcome:
    response = client.post(LOGIN, {"username": made.user.username, "password": made.password})
    if response.get("Location") == FACTOR:
        response = _prove(made, client) or response
    if response.get("Location") == WAIT and Hand.MAIL in made.hands:
        response = client.post(people.mailed_link(made.email))
    if response.get("Location") == VERIFY and Hand.MAIL in made.hands:
        response = client.post(VERIFY, {"code": people.mailed_code(made.email)})
    return _reached(made, client, response)


def _prove(made: Account, client: Client) -> Any:
    if Hand.KEY in made.hands and made.key is not None:
        return client.post(
            FACTOR, {"credential": made.key.get(client.post(f"{FACTOR}options/", headers=JSON).json())}
        )
    if Hand.APP in made.hands and Hand.APP in made.state.has:
        people.forget_last_code(made.user)
        return client.post(FACTOR, {"code": cast.totp_code(made.user)})
    if Hand.CODE in made.hands and made.codes:
        return client.post(FACTOR, {"code": made.codes[-1]})
    return None


def _reached(made: Account, client: Client, response: Any) -> Outcome:
    """Where that leaves the browser: asked of the site, not only read off the last answer."""
    if _is_in(made, client):
        return Outcome.IN
    asked = response.get("Location") or response.wsgi_request.path
    if asked in ASKED and client.get(asked).status_code == 200:
        return ASKED[asked]
    return Outcome.OUT


def _is_in(made: Account, client: Client) -> bool:
    return people.signed_in_as(client) == made.user.username


def passkey(made: Account) -> Outcome:
    """Neither user name nor password."""
    client = people.browser()
    assert made.key is not None
    answer = made.key.get(client.post("/account/login/passkey/options/", headers=JSON).json())
    return _reached(made, client, client.post("/account/login/passkey/", {"credential": answer}))


def strangers_factor(made: Account) -> Outcome:
    """Somebody else's key, app and code, one after the other, in the account whose password is known."""
    other = account(replace(made.state, name=f"other {made.state.name}", has=frozenset(Hand)))
    client = people.browser()
    response = client.post(LOGIN, {"username": made.user.username, "password": made.password})
    if response.get("Location") == FACTOR:
        for hand in (Hand.KEY, Hand.APP, Hand.CODE):
            # As if they were this account's: only whose they are is wrong.
            _prove_with_foreign(other.holding(hand), client)
    return _reached(made, client, response)


def _prove_with_foreign(other: Account, client: Client) -> None:
    options = client.post(f"{FACTOR}options/", headers=JSON)
    if Hand.KEY not in other.hands or options.status_code == 200:
        _prove(other, client)


def front_door_twice(made: Account) -> Outcome:
    """A code of the app that somebody has looked on at, typed as it was and with a space in it."""
    with time_machine.travel(clock.now(), tick=False):
        front_door(made)
        client = people.known_browser(made.user)
        response = client.post(LOGIN, {"username": made.user.username, "password": made.password})
        code = cast.totp_code(made.user)
        for typed in (code, f"{code[:3]} {code[3:]}"):
            client.post(FACTOR, {"code": typed})
        return _reached(made, client, response)


# -- mail -------------------------------------------------------------------------------------------------------


def reset(made: Account) -> Outcome:
    """To its end: in the browser in which the password was set, which the account knows from then on."""
    client = people.browser()
    if not door_acts.follow_reset_link(made, client):
        return Outcome.OUT
    response = client.post(f"{RESET}new/", {"password1": people.NEW_PASSWORD})
    if response.get("Location") != LOGIN:
        return Outcome.OUT
    return _through(replace(made, password=people.NEW_PASSWORD), client)


def reset_link_alone(made: Account) -> Outcome:
    client = people.browser()
    door_acts.follow_reset_link(made, client)
    return _outcome_of(made, client)


def confirmation_elsewhere(made: Account) -> Outcome:
    """The owner's own sign-in waits; whoever reads the mail follows the link."""
    everything = frozenset({Hand.PASSWORD, Hand.APP}) if Hand.APP in made.state.has else {Hand.PASSWORD, Hand.CODE}
    if front_door(made.holding(*everything)) is not Outcome.MAIL or made.state.name == "unproved":
        return Outcome.NONE if made.state.name in {"bare", "codes", "unproved"} else Outcome.OUT
    reader, link = people.browser(), people.mailed_link(made.email)
    reader.get(link)
    reader.post(link)
    return _outcome_of(made, reader)


def verification_elsewhere(made: Account) -> Outcome:
    """A sign-in that waits for a verified address, and its code in another browser."""
    people.browser().post(LOGIN, {"username": made.user.username, "password": made.password})
    reader = people.browser()
    for letter in people.letters_to(made.email):
        for code in people.MAILED_CODE.findall(str(letter.body)):
            reader.post(VERIFY, {"code": code})
    return _outcome_of(made, reader)


def not_me_link(made: Account) -> Outcome:
    reader = people.browser()
    response = reader.post(not_me.path(made.user, 0, at=clock.now()))
    outcome = _outcome_of(made, reader)
    return Outcome.STOPS if outcome is Outcome.OUT and response.status_code == 200 else outcome


def recovery_link(made: Account) -> Outcome:
    """Asked for, opened, and all that can be sent there; whatever the page says, nobody is signed in."""
    client = people.browser()
    claim_pages.ask(client, made.user.username, made.email)
    links = [link for link in door_acts.links(made) if link.startswith("/recovery/open/")]
    response = client.post(links[-1], follow=True)
    client.post(response.request["PATH_INFO"], {"act": "finish"})
    return _outcome_of(made, client)


def enrolment_link(made: Account) -> Outcome:
    """Whoever reads the mailbox is not the browser that asked."""
    case = recovery.stored_case(made.user)
    values = {"made_at": clock.now(), "expires_at": clock.now() + timedelta(hours=24)}
    Enrolment.objects.create(case=case, link=bearers.digest("mailed"), **values)
    reader = people.browser()
    for fields in ({"password1": people.NEW_PASSWORD}, {"act": "generate"}, {"act": "app", "code": "123456"}):
        reader.post("/recovery/enrol/mailed/", fields)
    return _through(replace(made, password=people.NEW_PASSWORD), reader)


def links_of_letters(made: Account) -> Outcome:
    """Whatever comes: an invitation, an offer to cancel, a warning; each link opened, and its button pressed."""
    other = cast.person(f"sender-of-{made.user.username}"[:30])
    if made.user.is_active:
        invite(other, cast.ProjectFactory(name=f"offered-{made.user.username}", owner=other), made.user.username)
    if made.project is not None:
        cast.grant(other, made.project)
        offer(other, made.project, cast.person(f"to-{made.user.username}").username)
    people.browser().post(LOGIN, {"username": made.user.username, "password": made.password})
    for link in door_acts.links(made):
        reader = people.browser()
        for ask in (reader.get, reader.post):
            ask(link, follow=True)
        if people.signed_in_as(reader):
            return Outcome.IN
    return Outcome.OUT


def signing_up_again(made: Account) -> Outcome:
    client = people.browser()
    fields = {"username": f"new-{made.user.username}", "email": made.email, "password1": people.NEW_PASSWORD}
    client.post("/account/signup/", fields)
    for letter in people.letters_to(made.email):
        for code in people.MAILED_CODE.findall(str(letter.body)):
            client.post(VERIFY, {"code": code})
    return _outcome_of(made, client)


# -- programs ---------------------------------------------------------------------------------------------------


def _acts(response: Any) -> Outcome:
    return Outcome.ACTS if response.status_code == 200 else Outcome.OUT


def _secret(made: Account, **options: Any) -> str:
    return token_of(made.user, **options).secret()


def _reads(authorization: str) -> Outcome:
    return _acts(people.browser().get(TOKEN, headers={"authorization": authorization}))


def _file(made: Account) -> Any:
    return make_wheel(made.project.name if made.project is not None else f"new-of-{made.user.username}")


def token_reads(made: Account) -> Outcome:
    return _reads(f"Bearer {_secret(made)}")


def token_uploads(made: Account) -> Outcome:
    return _acts(upload(_file(made), _secret(made)))


def token_uploads_after_new_factor(made: Account) -> Outcome:
    if not _has_factor(made):
        return Outcome.NONE
    secret = _secret(made, created_at=clock.now() - timedelta(days=1))
    _drop_factors(made)
    cast.add_totp(made.user)
    return _acts(upload(_file(made), secret))


def token_uploads_without_factor(made: Account) -> Outcome:
    if not _has_factor(made):
        return Outcome.NONE
    secret = _secret(made)
    _drop_factors(made)
    return _acts(upload(_file(made), secret))


def _has_factor(made: Account) -> bool:
    return bool({Hand.APP, Hand.KEY} & made.state.has)


def _drop_factors(made: Account) -> None:
    cast.lose_factors(made.user)


def token_opens_account(made: Account) -> Outcome:
    client = people.browser()
    headers = {"authorization": f"Bearer {_secret(made)}"}
    answers = [client.get(path, headers=headers).status_code for path in ACCOUNT_PAGES]
    return Outcome.IN if 200 in answers else Outcome.OUT


def password_reads(made: Account) -> Outcome:
    return _reads(basic(made.password, made.user.username))


def password_uploads(made: Account) -> Outcome:
    return _acts(upload(_file(made), made.password, username=made.user.username))


def session_reads(made: Account) -> Outcome:
    return _acts(opened(made).get(TOKEN))


def session_uploads(made: Account) -> Outcome:
    file = _file(made)
    content = SimpleUploadedFile(file.filename, file.content)
    return _acts(opened(made).post("/legacy/", {**file.fields(), "content": content}))


# -- the staff console ------------------------------------------------------------------------------------------


def _console(client: Client, **headers: str) -> Outcome:
    response = client.get(CONSOLE, headers=headers)
    if response.status_code == 200:
        return Outcome.IN
    return Outcome.FACTOR if response.get("Location", "").startswith(FACTOR) else Outcome.OUT


def console_form(made: Account) -> Outcome:
    client = people.browser()
    fields = {"username": made.user.username, "password": made.password, "next": CONSOLE}
    client.post("/admin/login/", fields, follow=True)
    return Outcome.IN if Outcome.IN in {_console(client), _outcome_of(made, client)} else Outcome.OUT


def console(made: Account) -> Outcome:
    return _console(opened(made))


def console_later(made: Account) -> Outcome:
    client = opened(made)
    with time_machine.travel(_half_an_hour_later(), tick=True):
        return _console(client)


def console_by_token(made: Account) -> Outcome:
    return _console(people.browser(), authorization=f"Bearer {_secret(made)}")


# -- what a browser keeps ---------------------------------------------------------------------------------------


def _half_an_hour_later() -> datetime:
    return clock.now() + STEP_UP_WINDOW + timedelta(minutes=1)


def _outcome_of(made: Account, client: Client) -> Outcome:
    return Outcome.IN if _is_in(made, client) else Outcome.OUT


def session(made: Account) -> Outcome:
    return _outcome_of(made, opened(made))


def browser_alone(made: Account) -> Outcome:
    return _outcome_of(made, people.known_browser(made.user))


def session_manages(made: Account) -> Outcome:
    if made.project is None:
        return Outcome.NONE
    response = opened(made).get(f"/manage/project/{made.project.normalized_name}/")
    return Outcome.IN if response.status_code == 200 else Outcome.OUT


def later(made: Account, *, password: bool = False) -> Outcome:
    client = opened(made)
    with time_machine.travel(_half_an_hour_later(), tick=True):
        response = client.get("/account/email/")
        if password:
            client.post(FACTOR, {"password": made.password})
            response = client.get("/account/email/")
        if response.status_code == 200:
            return Outcome.IN
        asked = client.get(response["Location"]).context["form"].fields
        return Outcome.PASSWORD if "password" in asked else Outcome.FACTOR


later_by_password = partial(later, password=True)


def after_sign_out(made: Account) -> Outcome:
    client = opened(made)
    thief = people.browser()
    thief.cookies["sessionid"] = client.session.session_key
    client.post("/account/logout/")
    return _outcome_of(made, thief)


type Act = Callable[[Account, Client], bool]


def _after(act: Act, *, here: bool = False) -> Callable[[Account], Outcome]:
    """What is left of two sessions once `act` was done in one of them; it says whether it could be done."""

    def walk(made: Account) -> Outcome:
        if act not in made.left:
            mine, other = opened(made), opened(made, 1)
            done = act(made, mine)
            made.left[act] = done, _outcome_of(made, mine), _outcome_of(made, other)
        done, mine_is, other_is = made.left[act]
        return (mine_is if here else other_is) if done else Outcome.NONE

    return walk


after_password_here = _after(door_acts.change_password, here=True)
after_password_elsewhere = _after(door_acts.change_password)
after_reset = _after(door_acts.reset_elsewhere)
after_factor_here = _after(door_acts.add_factor, here=True)
after_factor_elsewhere = _after(door_acts.add_factor)
after_removal_here = _after(door_acts.remove_factor, here=True)
after_removal_elsewhere = _after(door_acts.remove_factor)
after_codes_elsewhere = _after(door_acts.new_codes)
after_ending_others = _after(door_acts.end_others)
after_freeze = _after(door_acts.freeze)
after_not_me = _after(door_acts.press_not_me)
after_closing = _after(door_acts.close)


def browser_after_password(made: Account) -> Outcome:
    """A browser that was known before the password was changed in another, and the new password."""
    if Hand.SESSION not in made.state.has:
        return Outcome.NONE
    known = people.known_browser(made.user)
    if not door_acts.change_password(made, opened(made)):
        return Outcome.NONE
    return _through(replace(made, password=people.NEW_PASSWORD), known)


def walk(door: Door, made: Account) -> Outcome:
    """Go through the door with what it says is in hand; afterwards nothing of it has happened."""
    if not door.hands <= made.state.has:
        return Outcome.NONE
    people.forget_limits()
    mail.outbox.clear()
    # Not an atomic block: what is counted before a transaction insists on there being none.
    before = transaction.savepoint_create()
    try:
        outcome: Outcome = globals()[door.walk](made.holding(*door.hands))
    finally:
        transaction.savepoint_rollback(before)
    return outcome
