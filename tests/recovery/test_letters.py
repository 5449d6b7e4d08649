"""Every letter of recoveries, as it arrives: each address in it leads to a page, and nothing is left blank."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.core import mail
from django.urls import resolve

from accounts.models import User
from indexsite import clock
from recovery import letters_evidence, notices
from recovery.actions.evidence import reaching
from recovery.models import CaseState, NoticeKind
from tests.support import cast, people
from tests.support.recovery import Calendar, stored_case, visitor

pytestmark = pytest.mark.django_db

ADDRESS = re.compile(r"https?://[^\s\"'<>)]+")
FOLDERS = {"vouch-opened", *(path.name for path in Path("templates/email").glob("recovery-*"))} - {
    "recovery-code-used", "recovery-codes-generated",
}  # fmt: skip
# What nothing below /admin/ catches but a page of its own.
CATCH_ALL = "catch_all_view"


@pytest.fixture
def every_letter(olga: User, team: dict[str, User], calendar: Calendar) -> list[mail.EmailMessage]:
    """One of each kind and to each reader."""
    at = clock.now()
    for kind in NoticeKind:
        case = stored_case(olga, CaseState.EVIDENCE)
        notices.tell_owner(case, kind, at=at)
    token = "a-token"
    notices.opening_link(case, token, actor=visitor())
    notices.tell_claimant(case, "a question", "We need to ask you something: who are you?")
    notices.enrolment_link(case, token, until=at)
    notices.page_security(case, "somebody says that it was somebody else")
    for until in ("2027-04-01 09:00 UTC", ""):
        notices.pause_changed(olga, until=until, actor=cast.actor(olga))
    letters_evidence.mailbox_link(email="olga@second.example", token=token, until=at)
    bertil = User.objects.get(username="bertil")
    reaching.open_pin(actor=cast.actor(bertil), username="olga", at=at)
    return people.letters()


def test_every_address_in_every_letter_leads_to_a_page(every_letter: list[mail.EmailMessage]) -> None:
    seen = set()
    for letter in every_letter:
        texts = [str(letter.body), *(str(content) for content, _ in getattr(letter, "alternatives", []))]
        assert len(texts) == 2, letter.subject
        for text in texts:
            for address in ADDRESS.findall(text):
                assert address.startswith(settings.SITE_URL), address
                path = address.removeprefix(settings.SITE_URL).rstrip(".,") or "/"
                found = resolve(path.partition("?")[0])
                assert CATCH_ALL not in found.func.__name__, path
                seen.add(found.url_name)
    assert {"recovery_owner_link", "account_vouch", "recovery_status"} <= seen


def test_every_letter_is_among_them(every_letter: list[mail.EmailMessage]) -> None:
    subjects = {letter.subject for letter in every_letter}
    for headline, _ in notices.WORDS.values():
        assert f"Recovery: {headline}" in subjects
    for headline, _ in notices.FOR_CO_OWNERS.values():
        assert f"Recovery: {headline.format(username='olga')}" in subjects
    assert {"recovery-alert", "recovery-claimant", "recovery-enrol", "recovery-link", "recovery-mailbox",
            "recovery-news", "recovery-paused", "vouch-opened"} == FOLDERS  # fmt: skip


def test_nothing_in_them_is_blank_or_left_over(every_letter: list[mail.EmailMessage]) -> None:
    for letter in every_letter:
        text = f"{letter.subject}\n{letter.body}"
        assert "{" not in text, text
        assert "None" not in text, text
        assert "\n\n\n\n" not in text, text
        assert not re.search(r"[a-z]: *\n\n[A-Z-]", text.replace("{", "")), text


def test_what_an_owner_can_stop_they_are_shown_how(every_letter: list[mail.EmailMessage]) -> None:
    to_owner = [letter for letter in every_letter if letter.to == ["olga@example.org"]]
    with_link = [letter for letter in to_owner if "/recovery/cancel/" in str(letter.body)]
    assert len(with_link) == len(set(NoticeKind) - notices.WITHOUT_LINK)
    for letter in (each for each in every_letter if each.to == ["bertil@example.org"]):
        assert "your account" not in str(letter.body).lower().replace("because of your account", "").replace(
            "in your account", ""
        ), letter.body
