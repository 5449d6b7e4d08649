"""Evidence through its pages: each kind arrives, and each answer is "received", right or wrong."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.http import HttpResponse
from django.test import Client

from accounts.models import User
from indexsite import clock, limits
from indexsite.env import BASE_DIR
from indexsite.limits import LIMITS, Limit
from recovery import kinds
from recovery.actions.evidence import reaching
from recovery.models import CaseState, Challenge, Evidence, RecoveryCase, Verdict
from recovery.standings import line_of
from recovery.views_evidence import STEPS
from tests.support import cast
from tests.support.claim_pages import evidence_path, link_in, offered_of, open_request, status_path
from tests.support.claims import add_address, aged
from tests.support.database import changed_since, contents
from tests.support.gits import GitServer, serving
from tests.support.people import browser, letters, make_known, without_secrets_of_the_form
from tests.support.tokens import token_of

pytestmark = pytest.mark.django_db

WRONG = {
    "password": {"password": "wrong"},
    "browser": {},
    "token": {"proof": "nothing"},
    "signature": {"signature": "nothing"},
    "vouch": {"pin": "1234567890"},
    "repository": {"url": "https://github.com/nobody/nothing"},
}


@pytest.fixture
def owner(alice: User) -> User:
    return aged(alice)


@pytest.fixture
def client(owner: User) -> Client:
    return browser()


@pytest.fixture
def case(client: Client, owner: User) -> RecoveryCase:
    """Alice's, opened from her first mailbox."""
    return open_request(client, "alice", "alice@example.org")


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GitServer]:
    with serving(tmp_path / "repositories", monkeypatch) as started:
        yield started


def text_of(response: HttpResponse) -> str:
    return without_secrets_of_the_form(response.content.decode())


def neutral(page: str, case: RecoveryCase, name: str) -> str:
    page = page.replace(str(case.pk), "CASE").replace(name, "NAME").replace(case.mailbox, "MAILBOX")
    return re.sub(r"\b[0-9a-f]{32}\b|\d\d:\d\d", "?", page)


# -- every kind -----------------------------------------------------------------------------------------------


def test_every_kind_of_evidence_has_a_page(client: Client, case: RecoveryCase) -> None:
    assert set(STEPS) == {kind.code for kind in kinds.all_kinds()}
    status = client.get(status_path(case)).content.decode()
    for kind in kinds.all_kinds():
        assert f"/recovery/status/{case.pk}/evidence/{kind.code}/" in status
        assert kind.title in status
        page = client.get(f"/recovery/status/{case.pk}/evidence/{kind.code}/", follow=True)
        assert (page.status_code, kind.title in page.content.decode()) == (200, True)
    assert client.get(f"/recovery/status/{case.pk}/evidence/favourite-colour/").status_code == 404


def test_looking_at_the_pages_changes_nothing(client: Client, case: RecoveryCase) -> None:
    before = contents()
    for code in STEPS:
        assert client.get(evidence_path(case, code)).status_code == 200
    assert changed_since(before) == set()


@pytest.mark.parametrize("code", WRONG)
def test_case_1_known_unknown_and_staff_names_hear_the_same(
    code: str, owner: User, sven: User, server: GitServer
) -> None:
    seen = []
    for number, name in enumerate(("alice", "nobody-at-all", "sven")):
        client = browser(REMOTE_ADDR=f"203.0.{number}.9")
        case = open_request(client, name, f"stranger{number}@example.com")
        ask(client, case, code)
        forms = client.get(evidence_path(case, code))
        answer = client.post(evidence_path(case, code), _wrong(code, server))
        after = client.get(answer["Location"])
        again = client.get(evidence_path(case, code))
        pages = [neutral(text_of(page), case, name) for page in (forms, after, again)]
        statuses = [page.status_code for page in (forms, answer, after, again)]
        seen.append((statuses, pages, sorted(answer.headers), sorted(answer.cookies)))
    assert seen[0][0] == [200, 302, 200, 200]
    assert seen[1:] == seen[:1] * 2


def _wrong(code: str, server: GitServer) -> dict[str, str]:
    return {"url": server.url("nobody/nothing")} if code == "repository" else WRONG[code]


def ask(client: Client, case: RecoveryCase, code: str) -> None:
    """Have what is to be answered made, where there is such a thing."""
    if STEPS[code].ask is not None:
        assert client.post(evidence_path(case, code), {"act": "ask"}).status_code == 302


def test_right_and_wrong_look_the_same(owner: User) -> None:
    seen = []
    for number, password in enumerate((cast.PASSWORD, "wrong")):
        client = browser(REMOTE_ADDR=f"203.0.{number}.9")
        case = open_request(client, "alice", "alice@example.org")
        answer = client.post(evidence_path(case, "password"), {"password": password}, follow=True)
        seen.append(neutral(text_of(answer), case, "alice"))
    assert seen[0] == seen[1]
    assert "Received." in seen[0]
    verdicts = Evidence.objects.filter(signal="password").order_by("pk").values_list("verdict", flat=True)
    assert list(verdicts) == [Verdict.PASSED, Verdict.FAILED]


def test_an_own_mailbox_and_a_strangers_leave_as_many_tries(owner: User) -> None:
    """The first mailbox is evidence only where it is the account's; that must not show."""
    pages = []
    for number, mailbox in enumerate(("alice@example.org", "stranger@example.com")):
        client = browser(REMOTE_ADDR=f"203.0.{number}.9")
        case = open_request(client, "alice", mailbox)
        pages.append(neutral(text_of(client.get(evidence_path(case, "mailbox"))), case, "alice"))
    assert pages[0] == pages[1]
    assert "Can be offered 5 times" in pages[0]


def test_offered_often_enough_is_said_in_one_sentence(client: Client, case: RecoveryCase) -> None:
    path = evidence_path(case, "password")
    for _ in range(3):
        assert client.post(path, {"password": "wrong"}).status_code == 302
    response = client.post(path, {"password": cast.PASSWORD})
    assert response.status_code == 409
    assert "one request may offer this 3 times, which it has; offer something else." in text_of(response)
    assert cast.PASSWORD not in text_of(response)
    assert "This was offered as often as it can be." in client.get(path).content.decode()
    assert "evidence/password/" not in client.get(status_path(case)).content.decode()


def test_passwords_are_counted_as_sign_ins(owner: User) -> None:
    """Whoever guesses here guesses at the front door."""
    for number in range(4):
        client = browser(REMOTE_ADDR=f"203.0.{number}.9")
        case = open_request(client, "alice", f"mallory{number}@example.com")
        client.defaults["REMOTE_ADDR"] = "203.0.113.9"
        for _ in range(3):
            response = client.post(evidence_path(case, "password"), {"password": "guess"})
            if response.status_code != 302:
                break
    assert response.status_code == 429
    assert int(response["Retry-After"]) > 0
    assert "failed sign-ins" in text_of(response)


def test_too_much_from_one_network_is_one_sentence(client: Client, case: RecoveryCase) -> None:
    for _ in range(LIMITS[Limit.EVIDENCE_ADDRESS].count):
        limits.consume(Limit.EVIDENCE_ADDRESS, "127.0.0.1", at=clock.now())
    response = client.post(evidence_path(case, "vouch"), {"pin": "1234567890"})
    assert response.status_code == 429
    assert "Too much evidence from your network address; try again in" in text_of(response)
    assert 'value="1234567890"' in text_of(response)
    assert offered_of(case) == []


def test_without_the_secret_of_the_request_no_page_is_there(case: RecoveryCase) -> None:
    thief = browser()
    thief.cookies[f"recovery-{case.pk.hex}"] = "guessed"
    for code in STEPS:
        for response in (
            thief.get(evidence_path(case, code)),
            thief.post(evidence_path(case, code), WRONG.get(code, {"email": "me@example.com"})),
            thief.post(evidence_path(case, code), {"act": "ask"}),
        ):
            assert response.status_code == 404
    assert offered_of(case) == []
    assert not Challenge.objects.exists()


@pytest.mark.parametrize("state", [CaseState.REJECTED, CaseState.WITHDRAWN, CaseState.SELF_RESOLVED])
def test_a_request_that_is_over_takes_nothing_and_says_so(
    client: Client, case: RecoveryCase, state: CaseState
) -> None:
    RecoveryCase.objects.filter(pk=case.pk).update(state=state, ended_at=clock.now())
    for response in (
        client.get(evidence_path(case, "vouch"), follow=True),
        client.post(evidence_path(case, "vouch"), {"pin": "1234567890"}, follow=True),
    ):
        assert "As your request stands, nothing more can be offered." in response.content.decode()
    assert "What else would help" not in client.get(status_path(case)).content.decode()
    assert offered_of(case) == []


# -- each kind ------------------------------------------------------------------------------------------------


def test_a_second_mailbox_by_its_link(client: Client, case: RecoveryCase, owner: User) -> None:
    add_address(owner, "alice@example.net")
    answer = client.post(evidence_path(case, "mailbox"), {"email": "alice@example.net"}, follow=True)
    assert "A letter is on its way there." in answer.content.decode()
    path = link_in("alice@example.net")
    before = contents()
    assert "I read this mailbox" in client.get(path).content.decode()
    assert "I read this mailbox" not in browser().get(path).content.decode()
    assert changed_since(before) == set()
    assert browser().post(path).status_code == 400
    assert client.post(path)["Location"] == status_path(case)
    (row,) = offered_of(case)
    assert (row.reference, row.verdict) == ("alice@example.net", Verdict.PASSED)


def test_a_typed_address_that_is_none_stays_in_the_form(client: Client, case: RecoveryCase) -> None:
    response = client.post(evidence_path(case, "mailbox"), {"email": "not an address"})
    assert response.status_code == 400
    assert 'value="not an address"' in response.content.decode()
    assert {letter.to[0] for letter in letters()} == {"alice@example.org"}


def test_the_password(client: Client, case: RecoveryCase) -> None:
    client.post(evidence_path(case, "password"), {"password": cast.PASSWORD})
    assert [(row.signal, row.verdict) for row in offered_of(case)] == [("password", Verdict.PASSED)]


def test_a_known_browser_by_the_cookie_that_is_sent_below_account(owner: User) -> None:
    client = browser()
    make_known(client, owner)
    case = open_request(client, "alice", "alice@example.org")
    led = client.get(f"/recovery/status/{case.pk}/evidence/browser/")
    assert (led.status_code, led["Location"]) == (302, f"/account/recovery/{case.pk}/browser/")
    client.post(led["Location"])
    assert [(row.kind, row.verdict) for row in offered_of(case)] == [("D", Verdict.PASSED)]


def test_a_token_by_the_program_of_the_page(client: Client, case: RecoveryCase, owner: User) -> None:
    token = token_of(owner, description="all", created_at=clock.now() - timedelta(days=60))
    page = client.get(evidence_path(case, "token")).content.decode()
    assert "prove_token.py" not in page
    ask(client, case, "token")
    page = client.get(evidence_path(case, "token")).content.decode()
    code = re.search(rf"python prove_token\.py ({case.pk}\.[0-9a-f]+)", page)
    assert code is not None
    assert 'href="/static/recovery/prove_token' in page
    program = str(BASE_DIR / "static" / "recovery" / "prove_token.py")
    ran = subprocess.run(
        [sys.executable, program, code[1]], input=token.secret(), capture_output=True, text=True, check=True
    )
    client.post(evidence_path(case, "token"), {"proof": ran.stdout})
    assert [(row.kind, row.verdict) for row in offered_of(case)] == [("T", Verdict.PASSED)]


def test_a_pasted_token_is_revoked_and_not_shown_again(client: Client, case: RecoveryCase, owner: User) -> None:
    token = token_of(owner, description="all")
    ask(client, case, "token")
    response = client.post(evidence_path(case, "token"), {"proof": token.secret()})
    assert response.status_code == 400
    assert "This is a token itself, which nobody should ever see; if it worked, it is revoked now." in (
        response.content.decode()
    )
    assert token.secret() not in response.content.decode()
    token.refresh_from_db()
    assert token.revoked_at is not None
    assert offered_of(case) == []


def test_a_branch_in_a_repository(client: Client, case: RecoveryCase, server: GitServer, owner: User) -> None:
    server.make("alice/demo")
    ask(client, case, "repository")
    page = client.get(evidence_path(case, "repository")).content.decode()
    branch = re.search(r"git push origin HEAD:(refs/heads/indexsite-recovery-[0-9a-f]+)", page)
    assert branch is not None
    server.set_reference("alice/demo", branch[1])
    client.post(evidence_path(case, "repository"), {"url": server.url("alice/demo")})
    assert len(server.seen) == 1
    assert [row.kind for row in offered_of(case)] == ["P"]


def test_an_address_that_is_never_asked_stays_in_the_form(client: Client, case: RecoveryCase) -> None:
    ask(client, case, "repository")
    response = client.post(evidence_path(case, "repository"), {"url": "https://169.254.169.254/latest/meta-data"})
    assert response.status_code == 400
    assert "This is no address of a repository that can be asked" in text_of(response)
    assert 'value="https://169.254.169.254/latest/meta-data"' in text_of(response)
    assert offered_of(case) == []


def test_a_line_to_sign_is_made_once_asked_for(client: Client, case: RecoveryCase) -> None:
    assert "ssh-keygen" not in client.get(evidence_path(case, "signature")).content.decode()
    ask(client, case, "signature")
    page = client.get(evidence_path(case, "signature")).content.decode()
    assert f"in request {case.pk}." in page
    assert "ssh-keygen -Y sign -f ~/.ssh/id_ed25519 -n recovery@testserver" in page
    assert "gpg --armor --detach-sign" in page


def test_a_co_owners_pin(client: Client, case: RecoveryCase, owner: User, bob: User) -> None:
    project = cast.ProjectFactory(name="shared", owner=owner)
    cast.grant(bob, project)
    aged(owner)
    aged(bob)
    pin = reaching.open_pin(actor=cast.actor(bob), username="alice", at=clock.now())
    client.post(evidence_path(case, "vouch"), {"pin": f"{pin[:5]} {pin[5:]}"})
    assert [(row.signal, row.verdict) for row in offered_of(case)] == [("co-owner", Verdict.PASSED)]


def test_the_story_names_kinds_and_no_results(client: Client, case: RecoveryCase) -> None:
    client.post(evidence_path(case, "password"), {"password": cast.PASSWORD})
    client.post(evidence_path(case, "vouch"), {"pin": "0000000000"})
    lines = [line_of(event).sentence for event in case.events.filter(is_public=True)]
    assert lines == ["A password was received.", "A PIN was received."]
    page = client.get(status_path(case)).content.decode()
    assert all(line in page for line in lines)
