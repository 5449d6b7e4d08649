"""Every event has a letter or a reason why not; what warns cannot be switched off."""

from pathlib import Path

import pytest
from django.conf import settings

from accounts import letters
from accounts.models import User
from indexsite.audit import VOCABULARY, safety
from tests.support import cast, people
from tests.support.cast import ProjectFactory
from tests.support.distributions import make_wheel
from tests.support.uploads import token_for, upload

TEMPLATES = Path(settings.BASE_DIR) / "templates" / "email"


def folders() -> set[str]:
    return {path.name for path in TEMPLATES.iterdir() if path.is_dir()}


def test_every_event_has_a_row_and_every_row_an_event() -> None:
    assert set(letters.ROWS) == set(VOCABULARY)


@pytest.mark.parametrize("name", letters.ROWS)
def test_a_row_names_a_letter_and_its_readers_or_says_why_nobody_is_told(name: str) -> None:
    row = letters.ROWS[name]
    assert bool(row.letter) != bool(row.why_not)
    assert bool(row.letter) == bool(row.to)
    assert not row.letter or row.letter in folders()


def test_every_letter_belongs_to_an_event_or_says_what_else_it_is_for() -> None:
    told = {row.letter for row in letters.ROWS.values() if row.letter}
    assert folders() == told | set(letters.WITHOUT_EVENT)
    assert not told & set(letters.WITHOUT_EVENT)


@pytest.mark.asvs("6.3.7")
@pytest.mark.parametrize("name", [name for name, row in letters.ROWS.items() if row.letter])
def test_the_letter_of_a_change_of_address_password_or_factor_goes_to_every_address(name: str) -> None:
    about = name.partition(".")[0]
    if about in {"email", "password", "factor", "recovery-codes"} and name != "password.reset-requested":
        assert letters.ROWS[name].to in {letters.EVERY, letters.GONE_TOO}


def test_nothing_that_warns_the_person_can_be_switched_off() -> None:
    warnings = {row.letter for row in letters.ROWS.values() if row.to in {letters.EVERY, letters.GONE_TOO}}
    assert not warnings & set(letters.MUTABLE)
    assert set(letters.MUTABLE) <= folders()


def test_no_letter_leads_to_the_sign_in_form() -> None:
    """A letter that leads there teaches people to follow the ones that a phisher sends."""
    for path in TEMPLATES.rglob("body.*"):
        text = path.read_text()
        assert "account_login" not in text, path
        assert "/account/login" not in text, path


def test_every_letter_says_the_same_in_text_and_html() -> None:
    for folder in folders():
        names = {path.name for path in (TEMPLATES / folder).iterdir()}
        assert names == {"subject.txt", "body.txt", "body.html"}, folder


@pytest.mark.django_db
def test_a_harmless_letter_is_switched_off_and_every_address_told(alice: User, bob: User) -> None:
    ProjectFactory(name="sampleproject", owner=alice, maintainer=bob)
    client = people.browser(alice)
    assert "checked" in client.get("/account/letters/").text
    client.post("/account/letters/", {"letter": ["unyanked", "undeleted"]})
    assert people.events(alice)[-1] == "letters.chosen"
    assert "You will get fewer letters, or more" in people.subjects(people.letters_to(alice.email))
    assert upload(make_wheel(version="1.0"), token_for(bob)).status_code == 200
    told = [letter.to[0] for letter in people.letters() if "1.0" in letter.subject]
    assert told == [bob.email]
    client.post("/account/letters/", {"letter": list(letters.MUTABLE)})
    assert upload(make_wheel(version="2.0"), token_for(bob)).status_code == 200
    assert alice.email in [letter.to[0] for letter in people.letters() if "2.0" in letter.subject]


@pytest.mark.django_db
def test_a_warning_cannot_be_switched_off(alice: User) -> None:
    from accounts.actions import muting
    from indexsite.errors import InvalidInput

    with pytest.raises(InvalidInput, match="cannot be switched off"):
        muting.mute(actor=cast.actor(alice), muted=["password-changed"])
    assert not alice.muted_notices.exists()
    assert safety.LettersChosen.name not in people.events(alice)
