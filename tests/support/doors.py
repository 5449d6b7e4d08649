"""Every way into an account, for an account in every state: what each opens. One table, for people and tests.

`tests/accounts/test_doors.py` walks every cell through the real addresses; `make reference` renders the table into
`docs/doors.md`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Hand(StrEnum):
    """What somebody at a door has in hand."""

    PASSWORD = "the password"
    MAIL = "the mailbox"
    BROWSER = "a browser the account knows"
    APP = "the authenticator app"
    CODE = "a recovery code"
    KEY = "the key"
    SESSION = "a signed-in browser"
    TOKEN = "a token"


class Outcome(StrEnum):
    """Where one stands in the end."""

    OUT = "out"
    STOPS = "stops"
    PASSWORD = "password"
    FACTOR = "factor"
    MAIL = "mail"
    ACTS = "acts"
    IN = "in"
    NONE = "."


MEANINGS: dict[Outcome, str] = {
    Outcome.IN: "signed in; the pages of the account open",
    Outcome.PASSWORD: "asks for the password again",
    Outcome.FACTOR: "asks for a second factor; until then nothing opens",
    Outcome.MAIL: "asks for a link or code mailed to the account's address; until then nothing opens",
    Outcome.ACTS: "does the one thing the token was made for; no page of the account opens",
    Outcome.STOPS: "ends sessions and stops changes; opens nothing",
    Outcome.OUT: "refused",
    Outcome.NONE: "an account in this state has no such thing",
}
# How much each gives. Two questions still to be answered are not compared: neither opens anything.
WORTH = {
    Outcome.NONE: 0, Outcome.OUT: 0, Outcome.STOPS: 0, Outcome.PASSWORD: 1, Outcome.FACTOR: 1,
    Outcome.MAIL: 1, Outcome.ACTS: 2, Outcome.IN: 3,
}  # fmt: skip

_ALWAYS = frozenset({Hand.PASSWORD, Hand.MAIL, Hand.BROWSER})
_HELD = frozenset({*_ALWAYS, Hand.SESSION, Hand.TOKEN})


@dataclass(frozen=True)
class State:
    """An account.

    Attributes:
        says: for people.
        has: what its owner holds.
        renewed: the state that a new password makes of it, where that is another one.
    """

    name: str
    says: str
    has: frozenset[Hand]
    renewed: str = ""


_OWNER = _HELD | {Hand.APP, Hand.KEY, Hand.CODE}
_STOPPED = _OWNER - {Hand.SESSION}

STATES = (
    State("bare", "no factor, no role", _HELD),
    State("role", "no factor, and owner of a project", _HELD),
    State("codes", "recovery codes that were proved, no factor, no role", _HELD | {Hand.CODE}),
    State("app", "owner of a project, with an authenticator app", _OWNER - {Hand.KEY}),
    State("key", "owner, with a security key that asks for no PIN", _OWNER - {Hand.APP}),
    State("passkey", "owner, with a passkey, which asks for a PIN or a finger", _OWNER - {Hand.APP}),
    State("both", "owner, with an app and a passkey", _OWNER),
    State("reported", 'as `both`, after somebody pressed "This was not me"', _OWNER),
    State("leaked", "as `both`, with a password from a list of leaked ones", _STOPPED, renewed="both"),
    State("frozen", "as `both`, frozen by staff", _STOPPED),
    State("closed", "as `both`, closed, and still with all it had", _STOPPED),
    State("claimed", "as `both`, while somebody asks for it in a recovery and shows what they have", _OWNER),
    State(
        "handed over",
        "as `both`, handed over in a recovery, and no new factor confirmed yet",
        _STOPPED,
    ),
    State("on hold", "as `both`, recovered a short while ago", _OWNER),
    State("unproved", "its e-mail address was never verified", _ALWAYS),
    State("staff app", "works for the site, with an app", _OWNER - {Hand.KEY}),
    State("staff key", "works for the site, with a passkey", _OWNER - {Hand.APP}),
)


@dataclass(frozen=True)
class Door:
    """A way in.

    Attributes:
        walk: the function of `tests.support.door_walks` that goes there.
        hands: with what.
        row: the outcome for each of `STATES`.
    """

    says: str
    walk: str
    hands: frozenset[Hand]
    row: tuple[Outcome, ...]

    @property
    def means(self) -> str:
        return ", ".join(hand for hand in Hand if hand in self.hands)

    def outcome(self, state: State) -> Outcome:
        return self.row[STATES.index(state)]


_WORDS = {hand.name.lower(): hand for hand in Hand}
HEADINGS = " ".join(state.name.replace(" ", "-") for state in STATES)

# walk | in hand | what it is, then one column a state.
TABLE = """
# The front door
front_door | password | user name and password
    in mail in factor factor factor factor factor out out out factor out factor mail factor factor
front_door | password browser | in a browser the account knows
    in in in factor factor factor factor factor out out out factor out factor mail factor factor
front_door | password mail | and the link or code that is mailed
    in in in factor factor factor factor factor out out out factor out factor in factor factor
front_door | password code | and a recovery code
    . . in mail mail mail mail mail out out out mail out mail . mail mail
front_door | password code browser | the same, in a browser the account knows
    . . in in in in in in out out out in out in . in in
front_door | password code mail | the same, and the mailed link
    . . in in in in in in out out out in out in . in in
front_door | password app | and the code of the app
    . . . mail . . mail mail out out out mail out mail . mail .
front_door | password app browser | the same, in a browser the account knows
    . . . in . . in in out out out in out in . in .
front_door | password app mail | the same, and the mailed link
    . . . in . . in in out out out in out in . in .
front_door | password key | and the touch of the key
    . . . . in in in in out out out in out in . . in
passkey | key | the key alone, as a passkey
    . . . . out in in in in out out in out in . . in
strangers_factor | password | and key, code and recovery code of another account
    in mail in factor factor factor factor factor out out out factor out factor mail factor factor
front_door_twice | password app browser | with a code of the app that was used already
    . . . factor . . factor factor out out out factor out factor . factor .

# A new password by mail
reset | mail | the mailed link, a new password, then the front door in the same browser
    in in in factor factor factor factor out factor out out factor out factor out factor factor
reset | mail app | and the code of the app
    . . . in . . in out in out out in out in . in .
reset | mail code | and a recovery code
    . . in in in in in out in out out in out in . in in
reset | mail key | and the touch of the key
    . . . . in in in out in out out in out in . . in
reset_link_alone | mail | the mailed link, and nothing after it
    out out out out out out out out out out out out out out out out out

# Other links and codes that are mailed
confirmation_elsewhere | mail | the link that confirms a sign-in, in another browser than the one that waits
    . out . out out out out out out out out out out out . out out
verification_elsewhere | mail | the code that verifies the first address, in another browser
    out out out out out out out out out out out out out out out out out
not_me_link | mail | "This was not me", from any letter
    stops stops stops stops stops stops stops stops stops out out stops stops stops stops stops stops
links_of_letters | mail | the links of letters that invite, warn, and offer to cancel
    out out out out out out out out out out out out out out out out out
signing_up_again | mail | a new account for the same address, to its end
    out out out out out out out out out out out out out out out out out

recovery_link | mail | asking to get back in, with the link that is mailed, in the browser that asked
    out out out out out out out out out out out out out out out out out
enrolment_link | mail | the link to a new factor, in another browser than the one that asked
    out out out out out out out out out out out out out out out out out

# Programs
token_reads | token | `GET /api/v1/token/`
    acts acts acts acts acts acts acts acts acts out out acts acts acts . acts acts
token_uploads | token | a file for a project of theirs, or for a new one
    out out out acts acts acts acts acts acts out out acts out out . acts acts
token_uploads_after_new_factor | token | the same, with a token older than all factors
    . . . acts acts acts acts acts acts out out acts out out . acts acts
token_uploads_without_factor | token | the same, after every factor was removed
    . . . out out out out out out out out out out out . out out
token_opens_account | token | pages of the account, with the token in the header
    out out out out out out out out out out out out out out . out out
password_reads | password | `GET /api/v1/token/` with user name and password
    out out out out out out out out out out out out out out out out out
password_uploads | password | an upload with user name and password
    out out out out out out out out out out out out out out out out out
session_reads | session | `GET /api/v1/token/` with the cookie of a signed-in browser
    out out out out out out out out . . . out . out . out out
session_uploads | session | an upload with that cookie
    out out out out out out out out . . . out . out . out out

# The staff console
console_form | password | the form Django's own console has at `/admin/login/`
    out out out out out out out out out out out out out out out out out
console | session | `/admin/` in a browser that has just signed in
    out out out out out out out out . . . out . out . out in
console_later | session | `/admin/`, half an hour later
    out out out out out out out out . . . out . out . out out
console_by_token | token | `/admin/` with a token in the header
    out out out out out out out out out out out out out out . out out

# What a browser keeps
session | session | a browser that has signed in
    in in in in in in in in . . . in . in . in in
browser_alone | browser | the cookie of a known browser, and nothing else
    out out out out out out out out out out out out out out out out out
session_manages | session | the pages of a project of theirs
    . out . in in in in in . . . in . in . . .
later | session | an act that asks for a fresh proof, half an hour later
    password password password factor factor factor factor factor . . . factor . factor . password password
later_by_password | session password | an act that asks for a fresh proof, with the password typed again
    in in in factor factor factor factor factor . . . factor . factor . password password
after_sign_out | session | the cookie of a session that was signed out
    out out out out out out out out . . . out . out . out out
after_password_here | session | the browser in which the password was changed
    in in in in in in in . . . . in . in . in in
after_password_elsewhere | session | all others then
    out out out out out out out . . . . out . out . out out
browser_after_password | password browser | a known browser, after the password was changed elsewhere
    in mail in factor factor factor factor . . . . factor . factor . factor factor
after_reset | session | a browser that has signed in, after a new password by mail
    out out out out out out out . . . . out . out . out out
after_factor_here | session | the browser in which a factor was added
    . . in in in in in . . . . in . in . in in
after_factor_elsewhere | session | all others then
    . . out out out out out . . . . out . out . out out
after_removal_here | session | the browser in which a factor was removed
    . . . . . . in . . . . in . in . . .
after_removal_elsewhere | session | all others then
    . . . . . . out . . . . out . out . . .
after_codes_elsewhere | session | a browser that has signed in, after new recovery codes were made elsewhere
    in in in in in in in . . . . in . in . in in
after_ending_others | session | after all other sessions were ended elsewhere
    out out out out out out out out . . . out . out . out out
after_freeze | session | after staff froze the account
    out out out out out out out out . . . out . out . out out
after_not_me | session | after "This was not me" was pressed
    out out out out out out out out . . . out . out . out out
after_closing | session | after the account was closed
    out out out out out out out . . . . out . . . . .
"""


def _read(table: str) -> dict[str, list[Door]]:
    sections: dict[str, list[Door]] = {}
    lines = iter(line for line in table.splitlines() if line.strip())
    for line in lines:
        if line.startswith("# "):
            doors = sections[line[2:]] = []
            continue
        walk, hands, says = (part.strip() for part in line.split("|"))
        row = tuple(map(Outcome, next(lines).split()))
        if len(row) != len(STATES):
            raise ValueError(f"{says}: {len(row)} outcomes for {len(STATES)} states")
        doors.append(Door(says, walk, frozenset(_WORDS[word] for word in hands.split()), row))
    return sections


SECTIONS = _read(TABLE)
DOORS = [door for doors in SECTIONS.values() for door in doors]
FRONT = "front_door"


def front_door_gives(state: State, hands: frozenset[Hand]) -> Outcome:
    """The most that the front door of this state gives to somebody with these things in hand."""
    if state.renewed and Hand.MAIL in hands:
        state = next(other for other in STATES if other.name == state.renewed)
    open_to_them = [door for door in DOORS if door.walk in {FRONT, "passkey"} and door.hands <= hands]
    return max(
        (door.outcome(state) for door in open_to_them), key=lambda outcome: WORTH[outcome], default=Outcome.OUT
    )


def amounts_to(state: State, hands: frozenset[Hand]) -> frozenset[Hand]:
    """What these things are as good as: mail makes a new password, a session or token was given for everything."""
    if Hand.SESSION in hands or Hand.TOKEN in hands:
        return state.has
    return hands | {Hand.PASSWORD} if Hand.MAIL in hands else hands


HEAD = """\
# Every door of an account

Made by `make reference` from `tests/support/doors.py`; do not edit it by hand. A test walks through every door of
every account and finds this page wrong if one of them opens more, or less. Another test compares: **no door gives
more than the front door gives to whoever has the same things in hand.** Mail counts as a password there, since a
password can be replaced by mail; a session and a token count as everything that had to be shown for them.
"""


def render() -> str:
    """The page as Markdown."""
    parts = [HEAD, "## The accounts\n"]
    parts += [f"`{state.name}`\n: {state.says}\n" for state in STATES]
    parts += ["## The answers\n"]
    parts += [f"`{outcome}`\n: {meaning}\n" for outcome, meaning in MEANINGS.items()]
    for heading, doors in SECTIONS.items():
        parts += [f"## {heading}\n", f"| Way in | With | {' | '.join(state.name for state in STATES)} |"]
        parts += ["|---" * (len(STATES) + 2) + "|"]
        parts += [f"| {door.says} | {door.means} | {' | '.join(map(_cell, door.row))} |" for door in doors]
        parts += [""]
    return "\n".join(parts)


def _cell(outcome: Outcome) -> str:
    return {Outcome.IN: "**in**", Outcome.NONE: ""}.get(outcome, str(outcome))
