"""The page for operators and auditors says what the code does."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from accounts import passwords, session_limits
from accounts.models import CONFIRMATION_LIFE
from indexsite import env, limits, presence
from indexsite.limits import Limit
from mfa import challenges
from mfa.views import mailbox
from tests import settings

PAGE = (env.BASE_DIR / "docs/authentication.md").read_text()
# Of the limits, those that slow guessing at who somebody is.
GUESSING = re.compile(r"^(sign-|second-factor|step-up|code-check|new-place|password-reset)")


def table(heading: str) -> list[tuple[str, ...]]:
    """Its rows, cell by cell, without the two of the head."""
    section = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")][2:]
    return [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in lines]


@pytest.mark.asvs("6.1.1")
def test_every_limit_on_guessing_is_on_it_with_its_figures() -> None:
    told = {name.strip("`"): (int(count), int(minutes) * 60) for name, count, minutes in table("Guessing")}
    # A signature is not guessed: that limit bounds the work.
    held = {limit: limits.LIMITS[limit] for limit in Limit if GUESSING.match(limit)}
    assert told == {str(name): (rate.count, rate.window) for name, rate in held.items()}
    assert "Nobody is locked out by strangers" in PAGE


@pytest.mark.asvs("6.1.2", "6.2.11")
def test_the_words_that_make_a_password_weak_are_on_it_and_do() -> None:
    words = passwords.own_words(username="rosalind", emails=["r.quimby@lantern.example"])
    assert {"rosalind", settings.SITE_NAME, "r.quimby@lantern.example", "quimby", "lantern"} <= set(words)
    for said in ("the user name;", "the e-mail address, whole and in its parts;", "the name of the site."):
        assert f"- {said}" in PAGE
    for weak in ("rosalind1", "quimbylantern", f"{settings.SITE_NAME}2026"):
        with pytest.raises(passwords.WeakPassword):
            passwords.check(weak, own_words=words)
    assert (passwords.MIN_LENGTH, passwords.MAX_LENGTH) == (8, 4096)
    assert "At least 8 characters, at most 4096" in PAGE


@pytest.mark.asvs("6.5.5")
def test_the_lives_of_codes_and_links_are_on_it() -> None:
    lives = [
        settings.ACCOUNT_EMAIL_VERIFICATION_BY_CODE_TIMEOUT,
        mailbox.LIFETIME.total_seconds(),
        CONFIRMATION_LIFE.total_seconds(),
        settings.PASSWORD_RESET_TIMEOUT,
        challenges.LIFETIME.total_seconds(),
    ]
    assert [int(minutes) * 60 for _, _, minutes in table("Codes and links")] == lives
    # Those that help to recognise somebody; a reset link does not.
    assert all(life <= 10 * 60 for life in (*lives[:3], lives[4]))


@pytest.mark.asvs("7.1.1", "7.1.2")
def test_the_lives_of_sessions_are_on_it_and_how_many_there_may_be() -> None:
    spans = {"day": timedelta(days=1), "hour": timedelta(hours=1), "minute": timedelta(minutes=1)}

    def span(said: str) -> timedelta:
        count, unit = said.split()
        return int(count) * spans[unit.rstrip("s")]

    told = {who: (span(idle), span(absolute)) for who, idle, absolute in table("Sessions")}
    assert told == {
        "people": (session_limits.PEOPLE.idle, session_limits.PEOPLE.absolute),
        "staff": (session_limits.STAFF.idle, session_limits.STAFF.absolute),
    }
    assert "NIST SP 800-63B-4 (2.2.3) suggests an hour and a day" in PAGE
    assert "An account may have any number of sessions" in PAGE
    assert timedelta(minutes=30) == presence.STEP_UP_WINDOW
    assert timedelta(minutes=10) == presence.FRESH_WINDOW
    assert timedelta(minutes=15) == presence.STAFF_WINDOW
    assert "a proof of the last 30 minutes, some of the last 10" in PAGE
    assert "the staff console of the last 15" in PAGE
