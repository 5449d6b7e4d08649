"""The pages where people approve and release: what they show and offer, and what a browser may send."""

from __future__ import annotations

import json
import re
from datetime import timedelta

import pytest
from django.test import Client

from accounts.models import User
from indexsite import clock
from releases.models import DraftState, Project, SignedStatement
from tests.support import cast
from tests.support.approvals import approve, in_review, old_approver, reviewed_project, sign_by_page
from tests.support.drafts import again
from tests.support.people import browser

pytestmark = pytest.mark.django_db


@pytest.fixture
def project(alice: User, bob: User, erin: User) -> Project:
    return reviewed_project(alice, bob, erin)


def offered(client: Client, page: str) -> set[str]:
    text = client.get(page).text
    return {act for act in re.findall(rf"{page}([a-z]+)/[\"]", text) if act not in {"preview"}}


def test_two_browsers_approve_and_a_third_releases(alice: User, bob: User, erin: User, project: Project) -> None:
    draft = in_review(alice)
    page = f"/manage/draft/{draft.public_id}/"
    of_alice, of_bob, of_erin = browser(alice), browser(bob), browser(erin)
    assert offered(of_bob, page) == {"approve", "return"}
    assert offered(of_alice, page) == {"return"}
    assert "Approvals: 0 of 2" in of_bob.get(page).text
    assert "somebody else has to approve" not in of_alice.get(page).text  # she is no approver anyway

    assert sign_by_page(of_bob, bob, draft)["Location"] == page
    shown = of_bob.get(page).text
    assert "Approvals: 1 of 2" in shown
    assert "security key &quot;blue&quot;" in shown
    assert offered(of_bob, page) == {"return", "withdraw", "evidence"}
    assert sign_by_page(of_erin, erin, draft)["Location"] == page
    assert offered(of_alice, page) == {"release", "schedule", "return", "evidence"}
    assert draft.digest in of_alice.get(f"{page}release/").text

    assert sign_by_page(of_alice, alice, draft, "release")["Location"] == page

    assert again(draft).state == DraftState.PUBLISHED
    after = of_alice.get(page).text
    assert "Approved by bob" in after
    assert "Released by alice" in after
    assert offered(of_alice, page) == {"evidence"}
    told = json.loads(of_alice.get(f"{page}evidence/").content)
    assert [json.loads(each["statement"])["approver"] for each in told["statements"]] == ["bob", "erin", "alice"]


def test_under_four_eyes_the_page_says_why_the_button_is_missing(alice: User, bob: User, project: Project) -> None:
    cast.grant(bob, project, "maintainer")
    draft = in_review(bob)
    page = f"/manage/draft/{draft.public_id}/"
    client = browser(bob)
    assert "approve" not in offered(client, page)
    assert "somebody else has to approve" in client.get(page).text
    assert sign_by_page(client, bob, draft).status_code == 403


def test_a_challenge_serves_the_browser_that_asked_and_once(alice: User, bob: User, project: Project) -> None:
    draft = in_review(alice)
    page = f"/manage/draft/{draft.public_id}/"
    one, two = browser(bob), browser(bob)
    key = cast.key_of(bob)
    assert key is not None
    asked = one.post(f"{page}approve/options/", {"digest": draft.digest}).json()
    answer = {"digest": draft.digest, "credential": key.get(asked)}

    elsewhere = two.post(f"{page}approve/", answer)
    assert elsewhere.status_code == 400
    assert "begun in another tab" in elsewhere.text
    assert one.post(f"{page}approve/", answer)["Location"] == page
    assert one.post(f"{page}withdraw/")["Location"] == page
    assert one.post(f"{page}approve/", answer).status_code == 400
    assert not SignedStatement.objects.live().exists()


def test_what_the_page_showed_is_what_the_key_is_asked_for(alice: User, bob: User, project: Project) -> None:
    draft = in_review(alice)
    options = f"/manage/draft/{draft.public_id}/approve/options/"
    client = browser(bob)
    stale = client.post(options, {"digest": "0" * 64}, headers={"accept": "application/json"})
    assert (stale.status_code, stale.json()["code"]) == (409, "approval-stale")
    nothing = client.post(options, {}, headers={"accept": "application/json"})
    assert (nothing.status_code, nothing.json()["code"]) == (400, "form-incomplete")
    asked = client.post(options, {"digest": draft.digest})
    assert asked.json()["userVerification"] == "required"
    assert "no-store" in asked["Cache-Control"]


def test_a_code_is_typed_without_script_where_the_rules_allow_it(
    alice: User, carol: User, project: Project
) -> None:
    cast.add_totp(carol)
    old_approver(carol, project)
    draft = in_review(alice)
    page = f"/manage/draft/{draft.public_id}/"
    client = browser(carol)
    assert "your authenticator app" not in client.get(f"{page}approve/").text
    Project.objects.update(approve_by_code=True)
    assert "your authenticator app" in client.get(f"{page}approve/").text

    wrong = client.post(f"{page}approve/", {"digest": draft.digest, "code": "000000"})
    assert (wrong.status_code, SignedStatement.objects.count()) == (400, 0)
    sent = client.post(f"{page}approve/", {"digest": draft.digest, "code": cast.totp_code(carol, steps=1)})
    assert sent["Location"] == page
    assert "authenticator app" in client.get(page).text


def test_a_time_is_chosen_and_taken_back(alice: User, bob: User, erin: User, project: Project) -> None:
    draft = in_review(alice)
    approve(bob, draft)
    approve(erin, draft)
    page = f"/manage/draft/{draft.public_id}/"
    client = browser(alice)

    too_late = sign_by_page(client, alice, draft, "schedule", publish_at="2001-01-01T00:00")
    assert (too_late.status_code, too_late.json()["code"]) == (400, "time-unusable")
    later = f"{clock.now() + timedelta(days=1):%Y-%m-%dT%H:%M}"
    assert sign_by_page(client, alice, draft, "schedule", publish_at=later)["Location"] == page
    assert "It is to be published on" in client.get(page).text
    assert "unschedule" in offered(browser(erin), page)
    assert browser(erin).post(f"{page}unschedule/")["Location"] == page
    assert again(draft).publish_at is None
    assert "It is to be published on" not in client.get(page).text
