"""Letters leave with the commit, whole, readable, and carry no header that somebody smuggled in."""

import email
import email.policy
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest
from django.conf import settings
from django.core import mail as django_mail
from django.db import transaction
from django.template import TemplateDoesNotExist
from django.test import override_settings
from django_q.models import OrmQ

from indexsite import mail
from tests.support.worker import run_queued

pytestmark = pytest.mark.django_db
TEMPLATES = Path(__file__).parents[1] / "support" / "templates"


@pytest.fixture(autouse=True)
def _sample_letter() -> Iterator[None]:
    changed = [{**settings.TEMPLATES[0], "DIRS": [*settings.TEMPLATES[0]["DIRS"], TEMPLATES]}]
    override = override_settings(TEMPLATES=changed)
    override.enable()
    yield
    override.disable()


def queue_sample(*to: str, description: str = "ci", username: str = "alice") -> None:
    mail.queue("sample", to=list(to), context={"description": description, "username": username})


def letters(directory: Path) -> list[EmailMessage]:
    files = sorted(directory.glob("*.eml"))
    return [email.message_from_bytes(file.read_bytes(), policy=email.policy.default) for file in files]


def test_each_recipient_gets_a_letter_of_their_own_in_time_order(mail_dir: Path) -> None:
    queue_sample("alice@example.org", "bob@example.org")
    queue_sample("carol@example.org")
    run_queued()

    assert [letter["To"] for letter in letters(mail_dir)] == [
        "alice@example.org",
        "bob@example.org",
        "carol@example.org",
    ]
    assert len({letter["Message-ID"] for letter in letters(mail_dir)}) == 3
    assert [path.suffix for path in mail_dir.iterdir()] == [".eml"] * 3


def test_a_letter_has_a_readable_text_part_and_an_escaped_html_part(mail_dir: Path) -> None:
    queue_sample("alice@example.org", description="<b>O'Brien & sons</b>")
    run_queued()

    (letter,) = letters(mail_dir)
    text = letter.get_body(("plain",)).get_content()
    html = letter.get_body(("html",)).get_content()
    assert 'your token "<b>O\'Brien & sons</b>" was created' in text
    assert "&lt;b&gt;O&#x27;Brien &amp; sons&lt;/b&gt;" in html
    assert 'href="http://testserver/account/tokens/"' in html
    assert letter["From"] == "indexsite <noreply@testserver>"
    assert letter["Auto-Submitted"] == "auto-generated"


def test_a_link_can_be_copied_out_of_the_file_as_it_lies(mail_dir: Path) -> None:
    queue_sample("alice@example.org", description="grüße")
    run_queued()

    (file,) = mail_dir.glob("*.eml")
    link = (
        "http://testserver/account/tokens/?a=1&b=alice-a-very-long-query-string-that-would-be-wrapped-or-encoded"
    )
    assert link in file.read_text("utf-8")
    assert "grüße" in file.read_text("utf-8")


@pytest.mark.django_db(transaction=True)
def test_a_letter_of_a_rolled_back_act_never_leaves() -> None:
    with transaction.atomic():
        queue_sample("alice@example.org")
        transaction.set_rollback(True)

    assert run_queued() == 0
    assert django_mail.outbox == []


def test_a_line_break_in_a_value_makes_no_header(mail_dir: Path) -> None:
    queue_sample("alice@example.org", description="x\r\nBcc: victim@example.org\r\n\r\nphishing")
    run_queued()

    (letter,) = letters(mail_dir)
    assert letter["Bcc"] is None
    assert letter["Subject"] == 'Token "x Bcc: victim@example.org phishing" was created'


@pytest.mark.parametrize(
    "address",
    [
        "alice@example.org\r\nBcc: victim@example.org",
        "alice@example.org, victim@example.org",
        "Alice <alice@example.org>",
        "alice",
        "",
    ],
)
def test_an_address_that_smuggles_is_refused_and_nothing_is_queued(address: str) -> None:
    with pytest.raises(ValueError, match="is not an e-mail address"):
        queue_sample("bob@example.org", address)

    assert run_queued() == 0


def test_a_broken_template_stops_the_act_not_the_worker() -> None:
    with pytest.raises(TemplateDoesNotExist):
        mail.queue("no-such-letter", to=["alice@example.org"], context={})


def test_a_mail_server_that_is_away_keeps_the_letter_queued(
    mail_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*args: object) -> int:
        raise ConnectionRefusedError("mail server is away")

    queue_sample("alice@example.org")
    with monkeypatch.context() as patch:
        patch.setattr(mail.FileMailer, "send_messages", away)
        run_queued(raise_failures=False)
    assert OrmQ.objects.count() == 1
    OrmQ.objects.update(lock="2020-01-01T00:00:00Z")
    run_queued()
    assert len(letters(mail_dir)) == 1
