"""Those of the 25 cases that the core decides; what the database alone keeps is in `test_constraints`."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.models import ProtectedError
from django.test.utils import CaptureQueriesContext

from accounts.models import Membership, MembershipKind, Organization, StaffRole, User
from indexsite import audit_seal, clock
from indexsite.errors import PermissionRefused
from indexsite.policies import Action, may
from mfa.models import has_factor
from recovery import domains
from recovery.actions import approving, desk, requests
from recovery.assurance import Signal
from recovery.case_acts import ACTS
from recovery.domains import DomainState
from recovery.models import CaseApproval, CaseEvent, CaseState, RecoveryCase
from releases.models import Project, Role, RoleKind
from tests.support import cast, people, recovery
from tests.support.cast import ProjectFactory
from tests.support.database import changed_since, contents
from tests.support.distributions import make_wheel
from tests.support.people import HashCounter
from tests.support.recovery import Calendar, Claim, headlines, link, on_duty, queued
from tests.support.tokens import token_of
from tests.support.uploads import upload

pytestmark = pytest.mark.django_db


# -- 1 ---------------------------------------------------------------------------------------------------------


def test_case_1_whoever_is_asked_for_the_answer_and_the_letter_are_the_same(
    carla: User, team: dict[str, User], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page's own work is the same for all; who is meant is found out later, by the worker."""
    counts, letters = set(), set()
    hashes = HashCounter(monkeypatch)
    for number, name in enumerate(["carla", "tina", "nobody-at-all", "CARLA", "carla@example.org", "x" * 300]):
        with CaptureQueriesContext(connection) as asked:
            claim = Claim(name, f"reader{number}@example.net", address=f"10.{number}.0.1")
        counts.add(len(asked))
        (letter,) = people.letters_to(claim.mailbox)
        body = str(letter.body).replace(link("open", claim.mailbox), "LINK").replace(claim.actor.address, "IP")
        letters.add((letter.subject, body))
    assert (len(counts), len(letters), hashes.count) == (1, 1, 0)


def test_case_1_a_flooded_mailbox_is_spared_and_nobody_hears_of_it(carla: User, calendar: Calendar) -> None:
    for number in range(10):
        claim = Claim("carla", "carla@example.org", address=f"10.0.{number}.1")
        assert claim.state == CaseState.SUBMITTED
    assert len(people.letters_to("carla@example.org")) == 3


# -- 2 ---------------------------------------------------------------------------------------------------------


def test_case_2_the_link_needs_the_secret_of_the_browser_that_asked(carla: User, calendar: Calendar) -> None:
    claim = Claim("carla", "carla@example.org")
    token = link("open", "carla@example.org")
    for secret, shown in (("another", token), (claim.secret, "another")):
        with pytest.raises(requests.OpeningLinkInvalid):
            requests.open_link(actor=claim.actor, pk=claim.pk, secret=secret, token=shown, at=clock.now())
    assert claim.state == CaseState.SUBMITTED
    claim.open()
    with pytest.raises(requests.OpeningLinkInvalid):
        claim.open()


def test_case_2_a_link_is_good_for_a_day(carla: User, calendar: Calendar) -> None:
    claim = Claim("carla", "carla@example.org")
    token = link("open", "carla@example.org")
    calendar.jump(hours=25)
    with pytest.raises(requests.OpeningLinkInvalid):
        requests.open_link(actor=claim.actor, pk=claim.pk, secret=claim.secret, token=token, at=clock.now())
    recovery.tend()
    assert claim.state == CaseState.EXPIRED
    assert headlines("carla@example.org") == []


# -- 4, 5, 6, 7 --------------------------------------------------------------------------------------------


def test_case_4_a_colleague_does_not_work_on_the_case(olga: User, team: dict[str, User]) -> None:
    claim = queued("olga", Signal.DEVICE)
    project = ProjectFactory(name="shared", owner=team["tina"])
    cast.grant(olga, project, RoleKind.MAINTAINER)
    for action in (Action.CASE_WORK, Action.CASE_APPROVE):
        assert getattr(may(on_duty(team["tina"]), action, claim.case), "code", "") == "conflict-of-interest"
    with pytest.raises(PermissionRefused):
        desk.take(actor=on_duty(team["tina"]), pk=claim.pk, at=clock.now())


def test_case_4_a_tie_that_comes_later_voids_the_approval(
    olga: User, team: dict[str, User], calendar: Calendar
) -> None:
    claim = queued("olga", Signal.DEVICE).approve(team["tina"], team["theo"])
    group = Organization.objects.create(name="group", display_name="Group", created_at=clock.now())
    for user in (olga, team["theo"]):
        Membership.objects.create(organization=group, user=user, kind=MembershipKind.MEMBER, joined_at=clock.now())
    calendar.pass_by(days=7.4)
    assert claim.state == CaseState.QUEUED
    assert has_factor(olga)


def test_case_4_the_claimant_does_not_approve(olga: User, team: dict[str, User]) -> None:
    claim = Claim("olga", "theo@example.org").open()
    assert (
        getattr(may(on_duty(team["theo"]), Action.CASE_APPROVE, claim.case), "code", "") == "conflict-of-interest"
    )


def test_case_5_an_approver_from_the_claimants_network_pages_security(
    olga: User, team: dict[str, User], calendar: Calendar
) -> None:
    claim = queued("olga", Signal.DEVICE, address="192.0.2.10")
    desk.take(actor=on_duty(team["tina"]), pk=claim.pk, at=clock.now())
    approving.approve(
        actor=on_duty(team["tina"], address="192.0.2.77"),
        pk=claim.pk,
        digest=claim.case.evidence_digest,
        reason="fine",
        at=clock.now(),
    )
    assert "recovery.alert" in people.events(olga)
    assert any("same network" in letter.subject for letter in people.letters_to("sven@example.org"))


def test_case_6_tier_1_does_not_take_the_step_of_tier_2(
    olga: User, team: dict[str, User], calendar: Calendar
) -> None:
    claim = queued("olga", Signal.DEVICE).approve(team["tina"])
    with pytest.raises(PermissionRefused) as refused:
        claim.approve(team["tom"])
    assert refused.value.code == "higher-role-needed"
    assert CaseApproval.objects.filter(case=claim.pk).count() == 1


def test_case_7_staff_without_a_role_do_nothing(olga: User, team: dict[str, User]) -> None:
    claim = queued("olga", Signal.DEVICE)
    plain = recovery.desk("plain")
    assert plain.is_staff
    now = clock.now()
    actor = on_duty(plain)
    acts = [
        lambda: desk.take(actor=actor, pk=claim.pk, at=now),
        lambda: desk.heartbeat(actor=actor, pk=claim.pk, at=now),
        lambda: desk.release(actor=actor, pk=claim.pk, at=now),
        lambda: desk.ask(actor=actor, pk=claim.pk, text="x", at=now),
        lambda: desk.message(actor=actor, pk=claim.pk, text="x", at=now),
        lambda: desk.note(actor=actor, pk=claim.pk, text="x", at=now),
        lambda: desk.reject(actor=actor, pk=claim.pk, reason="x", at=now),
        lambda: desk.merge(actor=actor, pk=claim.pk, into=claim.pk, reason="x", at=now),
        lambda: desk.note_bounce(actor=actor, pk=claim.pk, email="olga@example.org", at=now),
        lambda: desk.settle(actor=actor, pk=claim.pk, goes_on=True, reason="x", at=now),
        lambda: approving.approve(actor=actor, pk=claim.pk, digest="", reason="x", at=now),
        lambda: approving.ask_for_glass(actor=actor, pk=claim.pk, reason="x", at=now),
        lambda: approving.break_glass(actor=actor, glass_pk=1, at=now),
    ]
    before = list(RecoveryCase.objects.values())
    for act in acts:
        with pytest.raises(PermissionRefused) as refused:
            act()
        assert refused.value.code == "no-staff-role"
    assert list(RecoveryCase.objects.values()) == before


@pytest.mark.parametrize("act", [*(each.code for each in ACTS), "heartbeat"])
def test_case_7_staff_without_a_role_send_every_form_for_nothing(olga: User, act: str, calendar: Calendar) -> None:
    claim = queued("olga", Signal.DEVICE)
    plain = people.browser(recovery.desk("plain"))
    form = {
        "reason": "x", "text": "x", "digest": claim.case.evidence_digest, "goes_on": "yes", "into": str(claim.pk),
        "email": "olga@example.org",
    }  # fmt: skip
    before = contents()
    assert plain.post(f"/admin/recovery/case/{claim.pk}/{act}/", form).status_code == 403
    assert changed_since(before) == set()


# -- 11 --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("approvers", [["tina"], ["tina", "theo"]])
def test_case_11_evidence_that_comes_later_voids_the_approvals(
    olga: User, team: dict[str, User], calendar: Calendar, approvers: list[str]
) -> None:
    claim = queued("olga", Signal.DEVICE).approve(*(team[name] for name in approvers))
    claim.offer(Signal.PASSWORD)
    assert claim.state == CaseState.QUEUED
    assert not CaseApproval.objects.filter(case=claim.pk, void_at=None).exists()
    calendar.pass_by(days=20, step=timedelta(days=1))
    assert has_factor(olga)
    claim.approve(team["tina"], team["theo"])  # the same people may look at it again
    assert claim.state == CaseState.COOLING


def test_case_11_a_yes_is_to_what_the_page_showed(olga: User, team: dict[str, User]) -> None:
    claim = queued("olga", Signal.DEVICE)
    shown = claim.case.evidence_digest
    desk.take(actor=on_duty(team["tina"]), pk=claim.pk, at=clock.now())
    claim.offer(Signal.PASSWORD)
    with pytest.raises(approving.EvidenceChanged):
        approving.approve(actor=on_duty(team["tina"]), pk=claim.pk, digest=shown, reason="fine", at=clock.now())


def test_what_is_below_the_minimum_is_not_approved(olga: User, team: dict[str, User]) -> None:
    claim = queued("olga")
    desk.take(actor=on_duty(team["tina"]), pk=claim.pk, at=clock.now())
    with pytest.raises(approving.MinimumNotMet):
        claim.approve(team["tina"])


def test_wrong_answers_look_like_right_ones_and_count_for_nothing(carla: User, calendar: Calendar) -> None:
    right = Claim("carla", "carla@example.org").open().offer(Signal.PASSWORD)
    wrong = Claim("carla", "carla@example.org", address="10.0.0.1").open().offer(Signal.PASSWORD, passed=False)
    public = [
        list(CaseEvent.objects.filter(case=each.pk, is_public=True).values_list("name", "text", "data"))
        for each in (right, wrong)
    ]
    assert public[0] == public[1]


# -- 13 --------------------------------------------------------------------------------------------------------


def test_case_13_the_owner_signs_in_meanwhile_and_it_is_over(
    olga: User, team: dict[str, User], calendar: Calendar
) -> None:
    claim = queued("olga", Signal.DEVICE).approve(team["tina"], team["theo"])
    calendar.pass_by(days=2)
    people.browser(olga)
    assert claim.state == CaseState.SELF_RESOLVED
    olga.refresh_from_db()
    assert olga.claimed_since is None
    calendar.pass_by(days=7, step=timedelta(days=1))
    assert has_factor(olga)
    assert "a recovery was stopped" in headlines("olga@example.org")


def test_while_it_is_open_what_matters_takes_a_proof_of_the_last_ten_minutes(
    carla: User, calendar: Calendar
) -> None:
    actor = cast.actor(carla)
    calendar.jump(minutes=15)
    assert may(actor, Action.EMAIL_CHANGE)
    Claim("carla", "carla@example.org").open()
    carla.refresh_from_db()
    calendar.jump(seconds=1)
    assert getattr(may(replace(actor, user=carla), Action.EMAIL_CHANGE), "code", "") == "step-up-needed"


# -- 15, 16, 17 ----------------------------------------------------------------------------------------------


def test_case_15_a_mailbox_of_a_domain_registered_anew_is_a_sign_of_a_takeover(
    carla: User, calendar: Calendar, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(domains, "state", lambda *args, **kwargs: DomainState.LAPSED)
    claim = queued("carla", Signal.PASSWORD, Signal.DEVICE)
    assert (claim.state, claim.case.tier, claim.case.points) == (CaseState.QUEUED, 3, 40)
    assert "domain-lapsed" in claim.case.flags


def test_case_16_more_at_stake_at_the_end_is_decided_anew(carla: User, calendar: Calendar) -> None:
    claim = queued("carla", Signal.PASSWORD)
    calendar.pass_by(hours=60)
    ProjectFactory(name="new-owner", owner=carla)
    calendar.pass_by(hours=20)
    assert claim.state == CaseState.QUEUED
    assert claim.case.tier == 2
    assert has_factor(carla)


def test_case_17_less_at_stake_at_the_end_changes_nothing(
    olga: User, team: dict[str, User], calendar: Calendar
) -> None:
    claim = queued("olga", Signal.DEVICE)
    Role.objects.filter(user=olga).delete()
    claim.approve(team["tina"], team["theo"])
    assert claim.case.tier == 1
    assert claim.case.not_before >= clock.now() + timedelta(days=1) * 6.9


# -- 23 --------------------------------------------------------------------------------------------------------


def test_case_23_on_hold_pipelines_go_on_and_nothing_else_does(
    olga: User, team: dict[str, User], calendar: Calendar
) -> None:
    project = Project.objects.get(name="sampleproject")
    account, own = token_of(olga, description="account"), token_of(olga, description="ci", project=project)
    claim = queued("olga", Signal.DEVICE).approve(team["tina"], team["theo"])
    calendar.pass_by(days=7.4)
    for stage in ("executed", "hold"):
        assert claim.state == stage
        version = "1.0" if stage == "executed" else "2.0"
        assert upload(make_wheel("sampleproject", version), own.secret()).status_code == 200
        assert upload(make_wheel("sampleproject", "9.9"), account.secret()).status_code == 403
        if stage == "executed":
            claim.enrol()


# -- 24, 25 --------------------------------------------------------------------------------------------------


def test_case_24_a_letter_that_comes_back_makes_the_waiting_longer(
    olga: User, team: dict[str, User], calendar: Calendar
) -> None:
    claim = queued("olga", Signal.DEVICE).approve(team["tina"], team["theo"])
    before = claim.case.not_before
    for _ in range(2):  # twice is once
        desk.note_bounce(actor=on_duty(team["tina"]), pk=claim.pk, email="olga@example.org", at=clock.now())
    assert claim.case.not_before == before + timedelta(days=1) * 7


def test_case_25_who_decided_stays_known_and_what_they_wrote_stays_inert(
    olga: User, team: dict[str, User], calendar: Calendar
) -> None:
    claim = queued("olga", Signal.DEVICE)
    desk.take(actor=on_duty(team["tina"]), pk=claim.pk, at=clock.now())
    reason = "fine\r\nBcc: thief@example.net\r\n\r\n<script>alert(1)</script>"
    approving.approve(
        actor=on_duty(team["tina"]),
        pk=claim.pk,
        digest=claim.case.evidence_digest,
        reason=reason,
        at=clock.now(),
    )
    claim.approve(team["theo"])
    kept = CaseApproval.objects.get(case=claim.pk, person=team["tina"]).reason
    assert kept == "fine Bcc: thief@example.net <script>alert(1)</script>"
    StaffRole.objects.filter(user=team["tina"]).delete()
    with pytest.raises(ProtectedError):
        team["tina"].delete()
    assert "recovery.approved" in people.events(olga)
    audit_seal.seal(at=clock.now())
    assert list(audit_seal.findings()) == []
    with connection.cursor() as cursor, pytest.raises(DatabaseError), transaction.atomic():
        cursor.execute("UPDATE indexsite_auditevent SET actor_label = 'theo' WHERE actor_label = 'tina'")
    assert not people.letters_to("thief@example.net")
    history = people.browser(olga).get("/account/history/")
    assert b"<script>alert(1)" not in history.content


def test_an_approver_who_left_the_staff_approves_nothing(
    olga: User, team: dict[str, User], calendar: Calendar
) -> None:
    claim = queued("olga", Signal.DEVICE).approve(team["tina"], team["theo"])
    StaffRole.objects.filter(user=team["theo"]).delete()
    calendar.pass_by(days=7.4)
    assert claim.state == CaseState.QUEUED
    assert has_factor(olga)


def test_an_approval_that_was_written_past_the_desk_counts_for_nothing(
    olga: User, team: dict[str, User], calendar: Calendar
) -> None:
    claim = queued("olga", Signal.DEVICE).approve(team["tina"])
    recovery.stored_approval(claim.case, team["theo"], role="support-2")
    now = clock.now()
    RecoveryCase.objects.filter(pk=claim.pk).update(not_before=now + timedelta(days=1) * 8)
    RecoveryCase.objects.filter(pk=claim.pk).update(state=CaseState.COOLING)
    calendar.pass_by(days=9)
    assert claim.state == CaseState.QUEUED
    assert has_factor(olga)
