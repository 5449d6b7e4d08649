"""The page of a case and its acts, through the pages, by the people of the desk; with all that follows."""

from __future__ import annotations

import html
import re
from datetime import timedelta
from pathlib import Path

import pytest

from accounts.models import StaffKind, User
from indexsite import clock
from recovery.actions import owner as owner_acts
from recovery.actions import requests
from recovery.assurance import HardFlag, Signal, SoftFlag
from recovery.models import BreakGlass, CaseState, Lease, RecoveryCase
from recovery.presentation import FLAG_HELP, FLAG_WORDS
from recovery.story_lines import WORDS
from releases.models import Project
from tests.support import cast, critical, people, recovery
from tests.support.addresses import addresses
from tests.support.database import changed_since, contents
from tests.support.recovery import Calendar, Claim, headlines, link, queued

pytestmark = pytest.mark.django_db
MAIL = "olga@example.org"


class Desk:
    """Somebody of the desk at the page of one case; the key was proved at the sign-in."""

    def __init__(self, user: User, claim: Claim) -> None:
        self.client, self.claim = people.browser(user), claim
        self.address = f"/admin/recovery/case/{claim.pk}/"

    def look(self) -> str:
        response = self.client.get(self.address)
        assert response.status_code == 200
        return str(response.content.decode())

    def do(self, act: str, status: int = 302, **fields: str) -> str:
        """Send the form of the act; the page that answers, or the one after it."""
        if act == "approve":
            fields.setdefault("digest", self.claim.case.evidence_digest)
        response = self.client.post(f"{self.address}{act}/", fields)
        assert response.status_code == status, response.content.decode()
        if status == 302:
            response = self.client.get(response["Location"])
        return str(response.content.decode())

    @property
    def acts(self) -> set[str]:
        return set(self.client.get(self.address).context["acts"])


@pytest.fixture
def claim(olga: User) -> Claim:
    """Olga's, with enough evidence for its tier, waiting for the desk."""
    return queued("olga", Signal.DEVICE)


@pytest.fixture
def tina(team: dict[str, User], claim: Claim) -> Desk:
    return Desk(team["tina"], claim)


@pytest.fixture
def theo(team: dict[str, User], claim: Claim) -> Desk:
    return Desk(team["theo"], claim)


@pytest.fixture
def sven(team: dict[str, User], claim: Claim) -> Desk:
    return Desk(team["sven"], claim)


def names(claim: Claim) -> list[str]:
    return list(claim.case.events.values_list("name", flat=True))


# -- who works on it -------------------------------------------------------------------------------------------


def test_a_case_is_taken_kept_by_signs_of_life_and_taken_over_with_a_reason(
    tina: Desk, theo: Desk, claim: Claim, calendar: Calendar
) -> None:
    assert "Nobody works on this case" in tina.look()
    assert tina.do("take").count("You work on this case now.") == 1
    assert "tina works on this case" in theo.look()
    asked = theo.do("take", status=409)
    assert "take it over with a reason" in asked

    calendar.jump(minutes=9)
    beat = tina.client.post(f"{tina.address}heartbeat/", headers={"accept": "application/json"})
    assert beat.json()["until"] == (clock.now() + timedelta(minutes=30)).isoformat()
    assert tina.client.get(f"{tina.address}heartbeat/").status_code == 405

    theo.do("take", reason="She has gone home.")
    assert Lease.objects.get().person.username == "theo"
    lost = tina.client.post(f"{tina.address}heartbeat/", headers={"accept": "application/json"})
    assert (lost.status_code, lost.json()["code"]) == (409, "lease-missing")
    story = tina.look()
    assert "took the case over from tina" in story
    assert "She has gone home." in story


def test_given_back_it_waits_for_the_next_one(tina: Desk, claim: Claim) -> None:
    tina.do("take")
    assert "The case waits for whoever comes next." in tina.do("release")
    assert claim.state == CaseState.QUEUED
    assert not Lease.objects.exists()


# -- what is said ----------------------------------------------------------------------------------------------


def test_a_message_goes_out_and_a_note_does_not(tina: Desk, claim: Claim) -> None:
    tina.do("take")
    page = tina.do("note", text="Looks like <b>her</b>.")
    assert "Looks like &lt;b&gt;her&lt;/b&gt;." in page
    assert "desk-line--note" in page
    page = tina.do("message", text="Two of us look at it.")
    assert "desk-line--public" in page
    assert people.letters_to(MAIL)[-1].subject == "Your request: a message"
    assert "Looks like" not in str(people.letters_to(MAIL)[-1].body)
    assert claim.case.reply_due_at is None
    assert "desk-line--note" in page
    assert claim.case.events.get(name="note").is_public is False


def test_a_question_waits_for_its_answer(tina: Desk, claim: Claim) -> None:
    tina.do("take")
    page = tina.client.get(f"{tina.address}?reply=co-owner").content.decode()
    assert "owns a project together with olga" in page
    tina.do("ask", text="Who else owns it?")
    assert claim.state == CaseState.NEEDS_INFO
    assert "clock stands" in tina.look()
    requests.reply(actor=claim.actor, pk=claim.pk, secret=claim.secret, text="Bertil.", at=clock.now())
    page = tina.look()
    assert "Bertil." in page
    assert page.index("Bertil.") < page.index("Who else owns it?")  # the latest first


def test_what_is_typed_is_kept_when_it_cannot_be_sent(tina: Desk, claim: Claim) -> None:
    answer = tina.do("message", status=409, text="A long thought.")
    assert "A long thought." in answer
    assert "take it first" in answer
    tina.do("take")
    assert "Ensure this value has at most 4000" in tina.do("message", status=400, text="x" * 4001)


def test_a_letter_of_several_lines_arrives_as_it_was_written_and_markup_is_text(tina: Desk, claim: Claim) -> None:
    tina.do("take")
    lines = ["Hello,", "", "is <b>this</b> yours & hers? It's long. " + "Why? " * 200, "<script>alert(1)</script>"]
    page = tina.do("ask", text="\r\n".join(lines))
    assert "is &lt;b&gt;this&lt;/b&gt; yours &amp; hers?" in page
    assert "<script>alert(1)" not in page
    letter = people.letters_to(MAIL)[-1]
    assert "\n".join(line.strip() for line in lines) in str(letter.body)
    html = str(letter.alternatives[0][0])
    assert "<script>alert(1)" not in html
    assert "Hello,<br>" in html
    assert claim.case.events.get(name="asked").text.count("\n") == 3


def test_a_prepared_reply_shows_nobody_the_address_that_was_typed(
    tina: Desk, olga: User, calendar: Calendar
) -> None:
    """Whoever chose one read what is masked everywhere else, and its letter told whose address it is."""
    by_address = Claim(MAIL, "stranger@example.net", address="10.7.7.7").open().finish()
    desk = Desk(User.objects.get(username="tina"), by_address)
    desk.do("take")
    for code in ("more-proof", "co-owner", "what-happened", "waiting"):
        page = desk.client.get(f"{desk.address}?reply={code}").content.decode()
        assert MAIL not in page
        assert "olga" not in page.partition("<textarea")[2].partition("</textarea>")[0]
        assert "the account" in page


def test_why_so_much_depends_on_an_account_stands_on_its_case(tina: Desk, claim: Claim) -> None:
    assert "On the critical list" not in tina.look()
    critical.listed("sampleproject")
    page = tina.look()
    assert "On the critical list" in page
    assert "sampleproject: Many need it." in page


# -- the decision ----------------------------------------------------------------------------------------------


def test_two_different_people_approve_and_nobody_can_carry_it_out(
    tina: Desk, theo: Desk, claim: Claim, olga: User, calendar: Calendar
) -> None:
    tina.do("take")
    page = tina.look()
    assert "Still needed: <strong>support, tier 1 or above" in page
    assert "Still needed: <strong>support, tier 2, or security" in page
    assert "Somebody else has to look at it now." in tina.do("approve", reason="The browser is hers.")
    assert claim.state == CaseState.APPROVED
    page = tina.look()
    assert "You have said yes already" in page
    assert 'name="digest"' not in page
    assert "Yours is the last yes" in theo.look()
    page = theo.do("approve", reason="I agree.")
    assert "It was the last yes: not handed over before" in page
    case = claim.case
    assert case.state == CaseState.COOLING
    assert case.not_before > clock.now() + timedelta(days=1)
    assert [each.person.username for each in case.approvals.all()] == ["tina", "theo"]
    assert people.events(olga)[-3:] == ["recovery.approved", "recovery.approved", "recovery.dated"]
    assert headlines(MAIL)[-1] == "the recovery of your account has a date"
    history = people.browser(olga).get("/account/history/").content.decode()
    assert "The browser is hers." in history


def test_a_yes_with_an_old_proof_leads_to_the_key_and_loses_nothing(claim: Claim, calendar: Calendar) -> None:
    tom = Desk(cast.staff("tom", StaffKind.SUPPORT_1), claim)
    tom.do("take")
    calendar.jump(minutes=11)
    before = claim.case.approvals.count()
    sent = {"reason": "Sure.", "digest": claim.case.evidence_digest}
    refused = tom.client.post(f"{tom.address}approve/", sent)
    assert refused["Location"].startswith("/account/second-factor/?next=")
    kept = tom.client.get("/account/second-factor/resume/").content.decode()
    assert "Sure." in kept
    assert claim.case.approvals.count() == before


def test_a_yes_is_to_the_evidence_on_the_page(tina: Desk, claim: Claim) -> None:
    tina.do("take")
    digest = claim.case.evidence_digest
    claim.offer(Signal.SIGNATURE)
    answer = tina.do("approve", status=409, reason="Sure.", digest=digest)
    assert "The evidence has changed since you opened the page" in answer
    assert "Sure." in answer
    assert not claim.case.approvals.exists()
    # Its own page would show no evidence; it leads to where that is.
    assert tina.client.get(f"{tina.address}approve/")["Location"] == f"{tina.address}#approve"


def test_nobody_approves_for_those_they_share_a_project_with(team: dict[str, User], claim: Claim) -> None:
    colleague = team["theo"]
    cast.grant(colleague, Project.objects.get(name="sampleproject"))
    theo = Desk(colleague, claim)
    assert "You are too close to this account" in theo.look()
    assert theo.acts & {"take", "approve", "note", "unmask"} == set()
    for act in ("take", "approve", "unmask", "note"):
        theo.do(act, status=403, reason="x", text="x")
    assert claim.state == CaseState.QUEUED


def test_tier_one_can_neither_reject_nor_break_nor_settle(tina: Desk, claim: Claim) -> None:
    tina.do("take")
    before = contents()
    for act in ("reject", "glass", "confirm-glass", "settle", "dispute"):
        tina.do(act, status=403, reason="Because.", goes_on="yes")
    assert changed_since(before) == set()
    assert tina.acts & {"reject", "dispute"} == set()


def test_a_rejection_says_nothing_of_the_evidence(theo: Desk, claim: Claim) -> None:
    theo.do("take")
    page = theo.do("reject", reason="The browser was sold.")
    assert "Rejected. The claimant and the owner are told." in page
    assert claim.state == CaseState.REJECTED
    letter = str(people.letters_to(MAIL)[-1].body)
    assert "sold" not in letter
    assert "could not be sure" in letter


def test_at_the_highest_tier_the_first_rejection_is_a_word_that_waits(
    team: dict[str, User], theo: Desk, claim: Claim
) -> None:
    queued("olga", Signal.PASSWORD, address="10.9.9.9")
    theo.do("take")
    assert "somebody else has to read the case and reject it, too" in theo.do("reject", reason="No.")
    assert claim.state == CaseState.IN_REVIEW
    thea = Desk(team["thea"], claim)
    thea.do("take")
    thea.do("reject", reason="No, indeed.")
    assert claim.state == CaseState.REJECTED


def test_handed_on_to_security_it_waits_marked(tina: Desk, claim: Claim, team: dict[str, User]) -> None:
    tina.do("take")
    tina.do("escalate", reason="Two stories that do not fit.")
    assert claim.state == CaseState.QUEUED
    assert "hands a case on to you: Two stories" in people.letters_to("sven@example.org")[-1].subject
    row = tina.client.get("/admin/recovery/queue/").context["rows"][0]
    assert "handed on to security" in {chip.text for chip in row.chips}


def test_a_duplicate_is_shown_and_merged(tina: Desk, claim: Claim) -> None:
    other = queued("olga", Signal.PASSWORD, address="10.9.9.9")
    tina.do("take")
    assert "same account, same mailbox" in tina.look()
    assert tina.client.get(f"{tina.address}merge/").context["form"].fields["into"].choices[0][0] == str(other.pk)
    tina.do("merge", into=str(other.pk), reason="She asked twice.")
    assert (claim.state, claim.case.merged_into_id) == (CaseState.DUPLICATE, other.pk)
    assert "merged" in names(other)
    assert "The case that went on" in tina.look()


def test_a_letter_that_came_back_makes_the_waiting_longer(tina: Desk, theo: Desk, claim: Claim) -> None:
    tina.do("take")
    tina.do("approve", reason="Sure.")
    theo.do("approve", reason="Sure, too.")
    before = claim.case.not_before
    assert "the waiting is longer" in tina.do("bounce", email=MAIL)
    assert claim.case.not_before == before + timedelta(days=7)
    assert "No letter of this case went to that address." in tina.do("bounce", 400, email="x@example.org")


# -- security --------------------------------------------------------------------------------------------------


def test_security_stops_a_case_and_settles_it(sven: Desk, claim: Claim, olga: User) -> None:
    sven.do("dispute", reason="The claimant bought the browser.")
    olga.refresh_from_db()
    assert claim.state == CaseState.DISPUTED
    assert olga.edits_frozen_until > clock.now()
    assert people.events(olga)[-1] == "recovery.disputed"
    assert "Settle" in sven.look()
    sven.do("settle", goes_on="yes", reason="It was a gift.")
    assert (claim.state, claim.case.tier, claim.case.approvals_needed) == (CaseState.QUEUED, 3, 3)
    sven.do("settle", status=409, goes_on="no", reason="Again.")


def test_the_glass_takes_two_and_makes_only_the_waiting_shorter(
    tina: Desk, theo: Desk, sven: Desk, claim: Claim, olga: User
) -> None:
    tina.do("take")
    tina.do("approve", reason="Sure.")
    theo.do("approve", reason="Sure, too.")
    theo.do("glass", reason="Its key signs a broken release.")
    assert "asks to end the waiting" in sven.look()
    assert "confirm-glass" not in theo.acts
    theo.do("confirm-glass", status=403)
    page = sven.client.get(f"{sven.address}confirm-glass/").content.decode()
    assert "Its key signs a broken release." in page
    sven.do("confirm-glass")
    glass = BreakGlass.objects.get()
    assert (glass.asked_by.username, glass.confirmed_by.username) == ("theo", "sven")
    assert claim.state == CaseState.COOLING  # the worker does it, not the page
    assert claim.case.not_before <= clock.now() + timedelta(minutes=1)
    assert "recovery.glass-broken" in people.events(olga)
    sven.do("confirm-glass", status=409)


def test_no_address_of_the_console_carries_a_case_out(
    tina: Desk, theo: Desk, sven: Desk, claim: Claim, calendar: Calendar
) -> None:
    tina.do("take")
    tina.do("approve", reason="Sure.")
    theo.do("approve", reason="Sure, too.")
    RecoveryCase.objects.filter(pk=claim.pk).update(state=CaseState.COOLING)
    desk = [each.route for each in addresses() if each.route.startswith("admin/recovery/")]
    assert not [route for route in desk if "execut" in route or "hand" in route]
    for guess in ("execute", "complete", "finish", "hand-over"):
        assert sven.client.post(f"{sven.address}{guess}/").status_code == 404
    for route in desk:
        act = route.rpartition("/case/<uuid:pk>/")[2].strip("/")
        sven.client.post(f"{sven.address}{act}/", {"reason": "now", "text": "now", "state": "executed"})
    assert claim.state != CaseState.EXECUTED


# -- personal data ---------------------------------------------------------------------------------------------


def test_addresses_are_masked_until_somebody_says_why(
    tina: Desk, theo: Desk, claim: Claim, olga: User, calendar: Calendar
) -> None:
    page = tina.look()
    assert MAIL not in page
    assert "192.0.2.10" not in page
    assert "o…@example.org" in page
    assert "required" in tina.do("unmask", status=400)
    assert "required" in tina.do("unmask", status=400, reason="   ")
    assert "recovery.unmasked" not in people.events(olga)

    page = tina.do("unmask", reason="Her letter names another address.")
    assert MAIL in page
    assert "192.0.2.10" in page
    assert MAIL not in theo.look()
    assert "recovery.unmasked" in people.events(olga)
    history = people.browser(olga).get("/account/history/").content.decode()
    assert "read the addresses in a recovery of this account (Her letter names another address.)" in history

    calendar.jump(minutes=14)
    assert tina.client.get(tina.address).status_code == 200
    calendar.jump(minutes=2)
    people.let_in(tina.client, User.objects.get(username="tina"))
    assert MAIL not in tina.look()


def test_readers_cannot_unmask(claim: Claim) -> None:
    for kind in (StaffKind.VIEWER, StaffKind.AUDITOR):
        reader = Desk(cast.staff(kind.value, kind), claim)
        assert MAIL not in reader.look()
        assert reader.acts == set()
        reader.do("unmask", status=403, reason="Curious.")


def test_what_was_purged_is_not_there(theo: Desk, claim: Claim, calendar: Calendar) -> None:
    theo.do("take")
    theo.do("reject", reason="No.")
    calendar.jump(days=91)
    recovery.tend()
    people.let_in(theo.client, User.objects.get(username="theo"))
    page = theo.look()
    assert "deleted 90 days after the end" in page
    assert "unmask" not in theo.acts


# -- the page --------------------------------------------------------------------------------------------------


def test_the_timeline_has_words_for_all_that_happens() -> None:
    told = set()
    for path in Path("recovery/actions").rglob("*.py"):
        told |= set(re.findall(r'tell\(\s*\w+,\s*"([a-z-]+)"', path.read_text()))
    assert told <= set(WORDS)


def test_the_page_shows_every_kind_of_evidence_and_what_became_of_it(tina: Desk, claim: Claim) -> None:
    claim.offer(Signal.SIGNATURE, passed=False)
    checks = tina.client.get(tina.address).context["checks"]
    found = {check.title: [chip.text for _, chip, _ in check.rows] for check in checks}
    assert len(found) == 7
    assert sorted(map(tuple, found.values()))[-3:] == [("failed",), ("passed",), ("passed",)]


def test_the_owner_who_stops_it_ends_all_acts(tina: Desk, claim: Claim) -> None:
    tina.do("take")
    owner_acts.cancel_by_link(actor=recovery.visitor(), token=link("cancel", MAIL), at=clock.now())
    assert "Cancelled by the owner" in tina.look()
    assert tina.acts == {"note", "unmask"}
    tina.do("approve", status=409, reason="Sure.")


def test_a_page_costs_at_most_twelve_questions(
    tina: Desk, theo: Desk, claim: Claim, django_assert_max_num_queries: object
) -> None:
    tina.do("take")
    tina.do("approve", reason="Sure.")
    queued("olga", Signal.PASSWORD, address="10.9.9.9")
    for _ in range(5):
        tina.client.post(f"{tina.address}note/", {"text": "hm"})
    for who in (tina, theo):
        who.look()
        with django_assert_max_num_queries(12):  # type: ignore[operator]
            who.client.get(who.address)


def test_a_case_that_is_not_there_is_not_there(tina: Desk) -> None:
    nothing = "/admin/recovery/case/00000000-0000-4000-8000-000000000000/"
    assert tina.client.get(nothing).status_code == 404
    assert tina.client.post(f"{nothing}take/").status_code == 404


def test_pages_of_the_desk_hold_under_the_strict_policy(tina: Desk, claim: Claim) -> None:
    tina.do("take")
    for address in ("/admin/recovery/queue/", tina.address, f"{tina.address}escalate/"):
        response = tina.client.get(address)
        assert "unsafe" not in response["Content-Security-Policy"]
        assert "no-store" in response["Cache-Control"]


def test_each_flag_is_explained_on_the_page_of_the_case(tina: Desk, claim: Claim) -> None:
    flags = {"flags": [HardFlag.TOKEN_LEAKED], "assessment": {"flags": [*SoftFlag]}}
    RecoveryCase.objects.filter(pk=claim.pk).update(**flags)
    text = html.unescape(tina.look())
    raised = [HardFlag.TOKEN_LEAKED, *SoftFlag]
    assert [code for code in raised if FLAG_HELP[code] not in text] == []
    assert FLAG_HELP[HardFlag.CLAIMS_OTHERS] not in text
    assert set(FLAG_WORDS) == set(FLAG_HELP) == {*HardFlag, *SoftFlag}
