"""The twelve hard rules of the desk, by name. What the database keeps of them is in `test_constraints`."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from django.apps import apps
from django.core import mail
from django.forms.models import model_to_dict

from accounts.actions import emails
from accounts.models import StaffKind, User
from indexsite import clock
from indexsite.errors import Conflict, LimitReached, PermissionRefused
from indexsite.policies import Action, may
from mfa.models import has_factor
from recovery import domains
from recovery.actions import approving, desk, enrolling, executing, owner, requests, story
from recovery.assurance import Signal
from recovery.domains import DomainState
from recovery.models import BreakGlass, CaseApproval, CaseReason, CaseState, RecoveryCase
from releases.models import RoleKind
from tests.support import cast, people, recovery
from tests.support.cast import ProjectFactory
from tests.support.recovery import Calendar, Claim, headlines, link, on_duty, queued
from tests.support.tokens import token_of
from tokens.models import Token

pytestmark = pytest.mark.django_db


@pytest.fixture
def nina(calendar: Calendar) -> User:
    """The sole owner of a project: I2."""
    user = recovery.veteran("nina")
    ProjectFactory(name="ninalib", owner=user)
    return user


@pytest.fixture
def rita(calendar: Calendar) -> User:
    """Manages an organisation: I3."""
    user = recovery.veteran("rita")
    people_group(user)
    return user


def people_group(user: User) -> None:
    from accounts.models import Membership, MembershipKind, Organization

    group = Organization.objects.create(name="group", display_name="Group", created_at=clock.now())
    Membership.objects.create(organization=group, user=user, kind=MembershipKind.MANAGER, joined_at=clock.now())


# -- 1: nobody, or two ---------------------------------------------------------------------------------------


def test_rule_1_one_person_gives_nothing_away(olga: User, team: dict[str, User], calendar: Calendar) -> None:
    claim = queued("olga", Signal.DEVICE).approve(team["tina"])
    with pytest.raises(approving.ApprovedBefore):
        claim.approve(team["tina"])
    calendar.pass_by(days=30, step=timedelta(days=5))
    assert claim.state == CaseState.APPROVED
    assert has_factor(olga)


def test_rule_1_the_highest_tier_takes_three(rita: User, team: dict[str, User], calendar: Calendar) -> None:
    claim = queued("rita", Signal.DEVICE, Signal.PASSWORD, Signal.CO_OWNER)
    assert claim.case.tier == 3
    with pytest.raises(PermissionRefused) as refused:
        claim.approve(team["tina"])
    assert refused.value.code == "higher-role-needed"
    desk.take(actor=on_duty(team["theo"]), pk=claim.pk, at=clock.now(), reason="I take it")
    claim.approve(team["theo"], team["thea"])
    assert claim.state == CaseState.APPROVED
    claim.approve(team["sven"])
    assert claim.state == CaseState.COOLING
    assert claim.case.not_before >= clock.now() + timedelta(days=13)


# -- 2: no bypass ----------------------------------------------------------------------------------------------


def test_rule_2_a_superuser_may_do_nothing_here(olga: User, team: dict[str, User]) -> None:
    claim = queued("olga", Signal.DEVICE)
    root = recovery.desk("root")
    User.objects.filter(pk=root.pk).update(is_superuser=True)
    actions = [action for action in Action if action.value.startswith("case:")]
    assert len(actions) >= 7
    for action in actions:
        verdict = may(on_duty(root), action, claim.case)
        assert getattr(verdict, "code", "allowed") == "no-staff-role", action


def test_rule_2_two_break_the_glass_and_every_letter_goes_out(
    olga: User, team: dict[str, User], calendar: Calendar
) -> None:
    claim = queued("olga", Signal.DEVICE).approve(team["tina"], team["theo"])
    glass = approving.ask_for_glass(
        actor=on_duty(team["theo"]), pk=claim.pk, reason="abused at this moment", at=clock.now()
    )
    with pytest.raises(PermissionRefused):
        approving.break_glass(actor=on_duty(team["theo"]), glass_pk=glass.pk, at=clock.now())
    approving.break_glass(actor=on_duty(team["sven"]), glass_pk=glass.pk, at=clock.now())
    people.letters()
    calendar.pass_by(minutes=2)
    assert claim.state == CaseState.EXECUTED
    told = headlines("olga@example.org")
    for expected in ("the waiting was cut short", "one day is left", "your account was recovered"):
        assert expected in told
    assert any("ended the waiting" in letter.subject for letter in people.letters_to("sven@example.org"))


def test_rule_2_the_glass_is_good_for_half_an_hour(olga: User, team: dict[str, User], calendar: Calendar) -> None:
    claim = queued("olga", Signal.DEVICE).approve(team["tina"], team["theo"])
    glass = approving.ask_for_glass(actor=on_duty(team["theo"]), pk=claim.pk, reason="now", at=clock.now())
    calendar.jump(minutes=31)
    with pytest.raises(Conflict):
        approving.break_glass(actor=on_duty(team["sven"]), glass_pk=glass.pk, at=clock.now())
    assert not BreakGlass.objects.exclude(confirmed_at=None).exists()


def test_rule_2_nobody_breaks_it_before_all_have_approved(olga: User, team: dict[str, User]) -> None:
    claim = queued("olga", Signal.DEVICE).approve(team["tina"])
    with pytest.raises(story.CaseMoved):
        approving.ask_for_glass(actor=on_duty(team["theo"]), pk=claim.pk, reason="now", at=clock.now())


# -- 3: staff see and set nothing ---------------------------------------------------------------------------


def test_rule_3_no_secret_of_a_case_is_stored_where_staff_could_read_it(
    olga: User, team: dict[str, User], calendar: Calendar
) -> None:
    claim = queued("olga", Signal.DEVICE).approve(team["tina"], team["theo"])
    calendar.pass_by(days=7.4)
    assert claim.state == CaseState.EXECUTED
    secrets = [claim.secret, link("open", claim.mailbox), link("enrol", claim.mailbox)]
    for model in apps.get_models():
        for row in model._base_manager.all():
            text = repr(model_to_dict(row)) + repr(vars(row))
            assert not any(secret in text for secret in secrets), model


# -- 4: stopping -----------------------------------------------------------------------------------------------


def test_rule_4_a_link_stops_it_with_one_press_and_looking_does_nothing(
    olga: User, team: dict[str, User], calendar: Calendar
) -> None:
    claim = queued("olga", Signal.DEVICE).approve(team["tina"], team["theo"])
    token = link("cancel", "olga@example.org")
    before = (people.events(olga), RecoveryCase.objects.values().get(pk=claim.pk))
    for _ in range(3):
        assert owner.look(token=token, at=clock.now()).can_cancel
    assert (people.events(olga), RecoveryCase.objects.values().get(pk=claim.pk)) == before
    for _ in range(3):
        owner.cancel_by_link(actor=recovery.visitor(), token=token, at=clock.now())
    assert claim.state == CaseState.CANCELLED
    assert people.events(olga).count("recovery.cancelled") == 1
    assert not owner.look(token=token, at=clock.now()).can_cancel
    calendar.pass_by(days=20, step=timedelta(days=1))
    assert has_factor(olga)
    assert claim.state == CaseState.CANCELLED


def test_rule_4_it_can_be_stopped_until_it_is_carried_out(carla: User, calendar: Calendar) -> None:
    claim = queued("carla", Signal.PASSWORD)
    token = link("cancel", "carla@example.org", which=0)
    calendar.pass_by(hours=80)
    assert claim.state == CaseState.EXECUTED
    with pytest.raises(owner.TooLate):
        owner.cancel_by_link(actor=recovery.visitor(), token=token, at=clock.now())
    owner.dispute_by_link(actor=recovery.visitor(), token=token, at=clock.now())
    assert claim.state == CaseState.DISPUTED
    with pytest.raises(enrolling.EnrolmentInvalid):
        claim.enter()


# -- 5: old addresses ------------------------------------------------------------------------------------------


def test_rule_5_old_addresses_are_always_told(carla: User, calendar: Calendar) -> None:
    for name in ("old", "older"):
        EmailAddress.objects.create(user=carla, email=f"{name}@example.net", verified=True)
    emails.remove_address(actor=cast.actor(carla), email="older@example.net", at=clock.now())
    calendar.jump(days=100)
    emails.remove_address(actor=cast.actor(carla), email="old@example.net", at=clock.now())
    calendar.jump(days=100)
    claim = queued("carla", Signal.PASSWORD)
    calendar.pass_by(hours=80)
    assert claim.state == CaseState.EXECUTED
    assert len(headlines("old@example.net")) == 6
    assert headlines("old@example.net") == headlines("carla@example.org")
    assert headlines("older@example.net") == []


def test_rule_5_nothing_is_carried_out_before_the_last_letter_is_a_day_old(
    carla: User, calendar: Calendar
) -> None:
    claim = queued("carla", Signal.PASSWORD)
    calendar.jump(days=5)  # the worker was away
    recovery.tend()
    assert claim.state == CaseState.AUTO_COOLING
    calendar.pass_by(hours=23)
    assert claim.state == CaseState.AUTO_COOLING
    calendar.pass_by(hours=2)
    assert claim.state == CaseState.EXECUTED


def test_rule_5_without_a_letter_the_clock_does_not_begin(carla: User, calendar: Calendar) -> None:
    claim = Claim("carla", "carla@example.org")
    token = link("open", "carla@example.org")
    requests.open_link(actor=claim.actor, pk=claim.pk, secret=claim.secret, token=token, at=clock.now())
    claim.finish()  # the queue has not been worked off
    assert (claim.state, claim.case.notified_at) == (CaseState.EVIDENCE, None)


# -- 6: sessions and tokens ------------------------------------------------------------------------------------


def live_tokens(user: User) -> set[str]:
    return set(Token.objects.unrevoked().filter(user=user).values_list("description", flat=True))


def with_tokens(user: User) -> None:
    project = ProjectFactory(name=f"of-{user.username}")
    cast.grant(user, project, RoleKind.MAINTAINER)
    token_of(user, description="account")
    token_of(user, description="project", project=project)


def test_rule_6_sessions_live_while_it_is_open_and_die_with_it(
    olga: User, team: dict[str, User], calendar: Calendar
) -> None:
    session = people.browser(olga)
    with_tokens(olga)
    claim = queued("olga", Signal.DEVICE).approve(team["tina"], team["theo"])
    assert people.signed_in_as(session) == "olga"
    assert live_tokens(olga) == {"account", "project"}
    calendar.pass_by(days=4)
    assert people.signed_in_as(session) == "olga"  # used, so it would last for a week more
    calendar.pass_by(days=3.4)
    assert claim.state == CaseState.EXECUTED
    assert people.signed_in_as(session) == ""
    assert live_tokens(olga) == {"project"}


def test_rule_6_after_a_theft_every_token_goes(olga: User, team: dict[str, User], calendar: Calendar) -> None:
    with_tokens(olga)
    claim = Claim("olga", "olga@example.org", reason=CaseReason.THEFT).open().offer(Signal.DEVICE).finish()
    claim.approve(team["tina"], team["theo"])
    calendar.pass_by(days=7.4)
    assert live_tokens(olga) == set()


# -- 7: the hold -----------------------------------------------------------------------------------------------

ON_HOLD = {
    Action.EMAIL_CHANGE, Action.TOKEN_CREATE, Action.PROJECT_CREATE, Action.PROJECT_STATUS,
    Action.PROJECT_TRANSFER, Action.PROJECT_DELETE, Action.ROLE_INVITE, Action.OWNER_INVITE,
    Action.ROLE_GRANT, Action.ROLE_REMOVE, Action.ROLE_LEAVE, Action.RELEASE_YANK, Action.RELEASE_DELETE,
    Action.FILE_DELETE, Action.DELETION_UNDO, Action.FILE_UPLOAD, Action.INVITATION_ANSWER,
    Action.TRANSFER_ANSWER, Action.ORGANIZATION_CREATE, Action.ACCOUNT_CLOSE, Action.SIGNING_KEY_ADD,
}  # fmt: skip
FREE = {Action.ACCOUNT_VIEW, Action.FACTOR_ADD, Action.CODES_GENERATE, Action.PROJECT_MANAGE, Action.SESSION_END}


def test_rule_7_on_hold_nothing_goes_out_in_their_name(alice: User, bob: User) -> None:
    project = ProjectFactory(owner=alice)
    cast.grant(bob, project)
    User.objects.filter(pk=alice.pk).update(hold_until=clock.now() + timedelta(hours=1))
    alice.refresh_from_db()
    for action in ON_HOLD:
        assert getattr(may(cast.actor(alice), action, project), "code", "") == "on-hold", action
        assert getattr(may(cast.actor(bob), action, project), "code", "") != "on-hold", action
    for action in FREE:
        assert may(cast.actor(alice), action, project), action


# -- 8: security keys ------------------------------------------------------------------------------------------


def test_rule_8_from_the_middle_tiers_up_only_a_key_ends_it(
    nina: User, team: dict[str, User], calendar: Calendar
) -> None:
    claim = queued("nina", Signal.DEVICE, Signal.PASSWORD)
    assert claim.case.tier == 2
    claim.approve(team["tina"], team["theo"])
    calendar.pass_by(days=7.4)
    assert claim.state == CaseState.EXECUTED
    with pytest.raises(Conflict) as refused:
        enrolling.add_app(guest=claim.enter(), secret="", code="", at=clock.now())
    assert refused.value.code == "key-needed"
    claim.enrol()
    assert claim.state == CaseState.HOLD


def test_rule_8_codes_come_anew_and_one_is_typed_back(carla: User, calendar: Calendar) -> None:
    claim = queued("carla", Signal.PASSWORD)
    calendar.pass_by(hours=80)
    guest = claim.enter()
    enrolling.set_password(guest=guest, new=people.NEW_PASSWORD, at=clock.now())
    enrolling.make_codes(guest=guest, at=clock.now())
    with pytest.raises(Conflict) as refused:
        enrolling.add_app(guest=guest, secret="", code="", at=clock.now())
    assert refused.value.code == "steps-missing"
    assert not has_factor(carla)


# -- 9: limits -------------------------------------------------------------------------------------------------


def test_rule_9_five_a_day_from_a_neighbourhood(carla: User) -> None:
    for last in range(5):
        Claim("carla", f"someone{last}@example.net", address=f"192.0.2.{last}")
    with pytest.raises(LimitReached):
        Claim("carla", "someone9@example.net", address="192.0.2.200")
    Claim("carla", "someone9@example.net", address="192.0.3.1")


def test_rule_9_three_a_month_and_strangers_do_not_use_them_up(carla: User, calendar: Calendar) -> None:
    for number in range(4):  # strangers prove no mailbox of the account, so theirs do not count
        Claim("carla", f"stranger{number}@example.net", address=f"198.51.{number}.1").open()
    for number in range(3):
        claim = Claim("carla", "carla@example.org", address=f"203.0.{number}.1").open()
        requests.withdraw(actor=claim.actor, pk=claim.pk, secret=claim.secret, at=clock.now())
        calendar.jump(days=1, minutes=5)
    with pytest.raises(LimitReached):
        Claim("carla", "carla@example.org").open()
    calendar.jump(days=30)
    Claim("carla", "carla@example.org").open()


def test_rule_9_in_a_spike_the_rules_alone_decide_nothing(carla: User, calendar: Calendar) -> None:
    for number in range(12):
        recovery.stored_case(recovery.veteran(f"victim{number}"), CaseState.EVIDENCE)
    claim = queued("carla", Signal.PASSWORD)
    assert claim.state == CaseState.QUEUED


# -- 10: no hints, and no longer than needed -----------------------------------------------------------------


def test_rule_10_a_rejection_says_nothing_about_the_evidence(
    olga: User, team: dict[str, User], calendar: Calendar
) -> None:
    letters = []
    for signals in ((), (Signal.DEVICE, Signal.PASSWORD)):
        claim = queued("olga", *signals)
        desk.take(actor=on_duty(team["theo"]), pk=claim.pk, at=clock.now())
        desk.reject(actor=on_duty(team["theo"]), pk=claim.pk, reason="the device is a copy", at=clock.now())
        letter = people.letters_to("olga@example.org")[-1]
        letters.append((letter.subject, str(letter.body).replace(str(claim.pk), "")))
        calendar.jump(days=2)
    assert letters[0] == letters[1]
    assert "device" not in letters[0][1]


def test_rule_10_what_was_shown_is_gone_after_90_days_and_what_was_decided_stays(
    olga: User, team: dict[str, User], calendar: Calendar
) -> None:
    claim = queued("olga", Signal.DEVICE).approve(team["tina"], team["theo"])
    owner.cancel_by_link(actor=recovery.visitor(), token=link("cancel", "olga@example.org"), at=clock.now())
    calendar.jump(days=89)
    recovery.tend()
    assert claim.case.mailbox
    calendar.jump(days=2)
    recovery.tend()
    case = claim.case
    assert (case.claimed, case.mailbox, case.address, case.network) == ("", "", "", "")
    assert set(case.evidence.values_list("subject", "reference")) == {("", "")}
    assert set(case.events.values_list("text", flat=True)) == {""}
    assert (len(case.evidence_digest), CaseApproval.objects.filter(case=case).count()) == (64, 2)


# -- 11: staff -------------------------------------------------------------------------------------------------


def test_rule_11_staff_never_get_in_this_way_and_nobody_can_tell(
    carla: User, team: dict[str, User], calendar: Calendar
) -> None:
    of_staff = Claim("tina", "tina@example.org", address="192.0.2.1").open()
    of_nobody = Claim("nobody-at-all", "someone@example.net", address="192.0.2.2").open()
    assert of_staff.case.user is None
    assert any("tina" in letter.subject for letter in people.letters_to("sven@example.org"))
    for claim in (of_staff, of_nobody):
        claim.offer(Signal.PASSWORD, Signal.DEVICE).finish()
        assert claim.state == CaseState.QUEUED
        calendar.jump(minutes=1)
    calendar.jump(days=15)
    recovery.tend()
    said = {}
    for claim in (of_staff, of_nobody):
        assert claim.state == CaseState.REJECTED
        own = [each for each in people.letters_to(claim.mailbox) if "recovery desk" not in each.subject.lower()]
        said[claim.pk] = [
            (each.subject, str(each.body).replace(str(claim.pk), "").replace(link("open", claim.mailbox), "")
             .replace(claim.actor.address, ""))
            for each in own
        ]  # fmt: skip
    assert said[of_staff.pk] == said[of_nobody.pk]
    assert has_factor(team["tina"])


def test_rule_11_who_joins_the_staff_meanwhile_does_not_either(carla: User, calendar: Calendar) -> None:
    claim = queued("carla", Signal.PASSWORD)
    User.objects.filter(pk=carla.pk).update(is_staff=True)
    calendar.pass_by(hours=80)
    assert claim.state == CaseState.REJECTED
    assert has_factor(carla)


# -- 12: a check that fails has not passed ----------------------------------------------------------------------


def no_answer(*args: object, **kwargs: object) -> DomainState:
    return DomainState.UNKNOWN


def lapsed(*args: object, **kwargs: object) -> DomainState:
    return DomainState.LAPSED


@pytest.mark.parametrize("answer", [no_answer, lapsed])
def test_rule_12_a_domain_that_cannot_be_looked_up_at_the_end_counts_for_nothing(
    carla: User, calendar: Calendar, monkeypatch: pytest.MonkeyPatch, answer: Callable[..., DomainState]
) -> None:
    """Case 14, too: it lapses between decision and execution."""
    claim = queued("carla", Signal.PASSWORD)
    calendar.pass_by(hours=64)
    monkeypatch.setattr(domains, "state", answer)
    calendar.pass_by(hours=16)
    assert claim.state == CaseState.QUEUED
    assert has_factor(carla)
    assert claim.case.approvals_needed >= 2


def test_the_worker_alone_carries_out() -> None:
    """Nothing outside the worker's module calls the execution, and it takes no actor."""
    import ast
    from pathlib import Path

    from django.conf import settings

    callers = set()
    for path in Path(settings.BASE_DIR).glob("[a-z]*/**/*.py"):
        if path.parts[-2] == "migrations" or {"tests", "bench"} & set(path.parts) or ".venv" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module == "recovery.actions":
                names = {alias.name for alias in node.names}
                if "executing" in names:
                    callers.add(path.relative_to(settings.BASE_DIR).as_posix())
    assert callers == {"recovery/tasks.py"}
    assert "actor" not in executing.execute.__annotations__


def test_a_case_that_nobody_knows_is_unknown(db: None) -> None:
    with pytest.raises(story.CaseUnknown):
        requests.withdraw(actor=recovery.visitor(), pk=uuid.uuid4(), secret="x", at=clock.now())
    assert mail.outbox == []
    assert StaffKind.VIEWER == "viewer"
