"""OWASP ASVS 5.0.0, chapters 6 (authentication) and 7 (sessions): what each asks, and which tests show it.

Tests carry `@pytest.mark.asvs("6.2.1", ...)`; `make asvs` runs them, records how they went, renders
`docs/asvs.md`. What a requirement asks is said here in our own words; the standard itself has the exact ones.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
MARK = "asvs"


@dataclass(frozen=True)
class Requirement:
    """One line of the standard.

    Attributes:
        level: the lowest level that asks for it.
        asks: what for, in short.
        not_here: why it cannot apply to this site, or "".
        lacks: what is missing to meet it wholly, or "".
        unmet: what is missing to meet it at all, or ""; then no test shows it.
    """

    id: str
    level: int
    asks: str
    not_here: str = ""
    lacks: str = ""
    unmet: str = ""


_NO_PHONE = "nothing is sent to telephones"
_NO_PUSH = "nothing is pushed to devices"
_NO_PROVIDER = "people are recognised by this site alone; no identity provider signs anybody in"

REQUIREMENTS = (
    Requirement("6.1.1", 1, "It is written down how guessing is slowed and how nobody is locked out by it."),
    Requirement("6.1.2", 2, "It is written down which words of the surroundings make a password weak."),
    Requirement("6.1.3", 2, "All ways in are written down, with what each demands."),
    Requirement("6.2.1", 1, "A password has eight characters or more."),
    Requirement("6.2.2", 1, "People can change their password."),
    Requirement("6.2.3", 1, "Changing it takes the present one."),
    Requirement("6.2.4", 1, "New passwords are compared with thousands of common ones."),
    Requirement("6.2.5", 1, "Any kind of character will do, and none is demanded."),
    Requirement("6.2.6", 1, "Fields for passwords hide what is typed."),
    Requirement("6.2.7", 1, "Pasting and password managers work."),
    Requirement("6.2.8", 1, "A password is compared exactly as it was typed."),
    Requirement("6.2.9", 2, "64 characters are not too many."),
    Requirement("6.2.10", 2, "A password lasts until it is changed or known to others."),
    Requirement("6.2.11", 2, "The words written down for 6.1.2 do make a password weak."),
    Requirement("6.2.12", 2, "New passwords are looked up among leaked ones."),
    Requirement("6.3.1", 1, "Guessing is slowed as it is written down for 6.1.1."),
    Requirement("6.3.2", 1, "No account comes with the software."),
    Requirement(
        "6.3.3", 2, "It takes more than one factor; at level 3 one that cannot be phished.",
        lacks="an account without a role is opened by a password (decision 7); nobody but staff has to have a key",
    ),
    Requirement("6.3.4", 2, "There is no way in beside those written down, and none is weaker."),
    Requirement("6.3.5", 3, "People hear of suspicious sign-ins."),
    Requirement("6.3.6", 3, "Mail is no factor."),
    Requirement("6.3.7", 3, "People hear when their proofs or addresses change."),
    Requirement("6.3.8", 3, "Nothing tells who has an account: no answer, no status, no time."),
    Requirement("6.4.1", 1, "First secrets made by the site are random, short-lived, and good once."),
    Requirement("6.4.2", 1, "No hints, no secret questions."),
    Requirement("6.4.3", 2, "A forgotten password is replaced without a way around the factor."),
    Requirement("6.4.4", 2, "Replacing a lost factor takes no less than setting it up did."),
    Requirement("6.4.5", 3, "People are reminded in time of what runs out."),
    Requirement("6.4.6", 3, "Staff can have a password reset, and never choose or learn it."),
    Requirement("6.5.1", 2, "Codes and links are good once."),
    Requirement("6.5.2", 2, "Recovery codes are stored as digests, fit for their entropy."),
    Requirement("6.5.3", 2, "Codes and secrets come from a generator for secrets."),
    Requirement("6.5.4", 2, "Codes have 20 bits of entropy or more."),
    Requirement(
        "6.5.5", 2, "Mailed codes and links end after ten minutes, an app's codes after 30 seconds.",
        lacks="an app's code is also taken half a minute early or late: phones' clocks differ (RFC 6238, 5.2)",
    ),
    Requirement("6.5.6", 3, "Every factor can be removed when it is lost."),
    Requirement("6.5.7", 3, "A finger or face alone is never enough."),
    Requirement("6.5.8", 3, "An app's codes are judged by the server's clock."),
    Requirement("6.6.1", 2, "Codes by telephone are a second choice.", not_here=_NO_PHONE),
    Requirement("6.6.2", 2, "A mailed link serves the one sign-in it was made for."),
    Requirement("6.6.3", 2, "Guesses at mailed codes are limited."),
    Requirement("6.6.4", 3, "Nobody is worn down by pushed questions.", not_here=_NO_PUSH),
    Requirement("6.7.1", 3, "The public keys that proofs are checked with cannot be exchanged."),
    Requirement("6.7.2", 3, "Challenges have 64 bits or more, and never come twice."),
    Requirement("6.8.1", 2, "One provider's person is not another's.", not_here=_NO_PROVIDER),
    Requirement("6.8.2", 2, "Signatures of providers are checked.", not_here=_NO_PROVIDER),
    Requirement("6.8.3", 2, "Assertions of providers are good once.", not_here=_NO_PROVIDER),
    Requirement("6.8.4", 2, "It is checked how a provider recognised somebody.", not_here=_NO_PROVIDER),
    Requirement("7.1.1", 2, "It is written down how long a session lasts, and why."),
    Requirement("7.1.2", 2, "It is written down how many sessions an account may have."),
    Requirement("7.1.3", 2, "Systems that share sessions are written down.", not_here=_NO_PROVIDER),
    Requirement("7.2.1", 1, "The server alone judges what a session is worth."),
    Requirement("7.2.2", 1, "Sessions are made anew, and are no fixed secret."),
    Requirement("7.2.3", 1, "The key of a session is random, with 128 bits or more."),
    Requirement("7.2.4", 1, "Each proof gives the session a new key and ends the old one."),
    Requirement("7.3.1", 2, "An unused session ends."),
    Requirement("7.3.2", 2, "A session ends, however much it is used."),
    Requirement("7.4.1", 1, "What has ended stays ended, on the server."),
    Requirement("7.4.2", 1, "Sessions of a closed or frozen account end."),
    Requirement("7.4.3", 2, "After a change of password or factor all other sessions can be ended."),
    Requirement("7.4.4", 2, "Every page behind the sign-in offers to sign out."),
    Requirement("7.4.5", 2, "Staff can end the sessions of an account."),
    Requirement("7.5.1", 2, "What opens the account is changed only after a new proof."),
    Requirement("7.5.2", 2, "People see their sessions, and end them after a new proof."),
    Requirement("7.5.3", 3, "What matters most takes a new proof."),
    Requirement("7.6.1", 2, "Sessions here and at a provider end as agreed.", not_here=_NO_PROVIDER),
    Requirement("7.6.2", 2, "No session comes about without somebody wanting it."),
)  # fmt: skip
# How many the standard has in each of its sections, so that none is forgotten here.
SECTIONS = {
    "6.1": ("Documentation of authentication", 3),
    "6.2": ("Passwords", 12),
    "6.3": ("Authentication in general", 8),
    "6.4": ("Setting up and losing proofs", 6),
    "6.5": ("Second factors in general", 8),
    "6.6": ("Proofs by another channel", 4),
    "6.7": ("Keys", 2),
    "6.8": ("Identity providers", 4),
    "7.1": ("Documentation of sessions", 3),
    "7.2": ("Sessions in general", 4),
    "7.3": ("Timeouts", 2),
    "7.4": ("Ending sessions", 5),
    "7.5": ("Stolen sessions", 3),
    "7.6": ("Sessions shared with others", 2),
}


def marked_tests() -> dict[str, list[str]]:
    """Test ("tests/accounts/test_x.py::test_y") -> ids on its mark; read from the sources, nothing is imported."""
    found = {}
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        if f"mark.{MARK}" not in (source := path.read_text()):
            continue
        for function in ast.walk(ast.parse(source)):
            if isinstance(function, ast.FunctionDef) and (ids := list(_ids(function))):
                found[f"{path.relative_to(ROOT)}::{function.name}"] = ids
    return found


def _ids(function: ast.FunctionDef) -> Iterator[str]:
    for mark in function.decorator_list:
        if isinstance(mark, ast.Call) and ast.unparse(mark.func) == f"pytest.mark.{MARK}":
            yield from (ast.literal_eval(argument) for argument in mark.args)


# -- rendering ------------------------------------------------------------------------------------------------

HEAD = """\
# ASVS 5.0: authentication and sessions

Made by `make asvs` from `tests/support/asvs.py`, the marks on tests and a run of these tests; do not edit it by
hand. `make reference` renders it anew from the same run. The requirements are those of chapters V6 and V7 of the
[OWASP Application Security Verification Standard](https://github.com/OWASP/ASVS) 5.0.0, told in our own words.
"""


def render(record: Mapping[str, Any]) -> str:
    """The page as Markdown; `record` is what `scripts/asvs.py` wrote."""
    tests: dict[str, list[str]] = defaultdict(list)
    for name, ids in marked_tests().items():
        for id_ in ids:
            tests[id_].append(name)
    parts = [HEAD, _summary(record)]
    for section, (heading, _) in SECTIONS.items():
        parts += [f"## V{section} {heading}\n", "| Id | Level | Asks | Tests | Result |", "|---|---|---|---|---|"]
        mine = [requirement for requirement in REQUIREMENTS if requirement.id.startswith(f"{section}.")]
        parts += [_row(requirement, tests[requirement.id], record["tests"]) for requirement in mine]
        parts += [""]
    return "\n".join(parts)


def _summary(record: Mapping[str, Any]) -> str:
    here = [requirement for requirement in REQUIREMENTS if not requirement.not_here]
    partly = sum(bool(requirement.lacks) for requirement in here)
    unmet = sum(bool(requirement.unmet) for requirement in here)
    met = len(here) - partly - unmet
    return (
        f"Of {len(REQUIREMENTS)} requirements {len(here)} apply; {met} are met, {partly} in part, {unmet} not. "
        f"{len(record['tests'])} tests show it; they ran on {record['at'][:10]}, on "
        f"{' and '.join(record['databases'])}, upon commit {record['commit'][:10]}.\n"
    )


def _row(requirement: Requirement, names: list[str], outcomes: Mapping[str, str]) -> str:
    asked = f"| {requirement.id} | {requirement.level} | {requirement.asks} |"
    if requirement.not_here:
        return f"{asked} | not applicable: {requirement.not_here} |"
    if requirement.unmet:
        return f"{asked} | not met: {requirement.unmet} |"
    shown = "<br>".join(f"`{name.removeprefix('tests/').replace('::', ' ')}`" for name in names)
    said = sorted({outcomes.get(name, "not run") for name in names}) or ["no test"]
    result = ", ".join(said) + (f"; in part: {requirement.lacks}" if requirement.lacks else "")
    return f"{asked} {shown} | {result} |"
