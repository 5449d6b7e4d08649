"""From the execution until a factor is there, nothing opens the account but the link with the secret."""

from __future__ import annotations

from datetime import timedelta

import pytest

from accounts import reset_tokens
from accounts.models import SignInConfirmation, User
from indexsite import clock
from indexsite.errors import DomainError
from mfa.models import has_factor
from recovery.actions import enrolling, requests
from recovery.assurance import Signal
from recovery.models import CaseState
from tests.support import cast, people, recovery
from tests.support.distributions import make_wheel
from tests.support.recovery import Calendar, Claim, link
from tests.support.tokens import token_of
from tests.support.uploads import upload

pytestmark = pytest.mark.django_db

LOGIN = "/account/login/"


@pytest.fixture
def shut(carla: User, calendar: Calendar) -> Claim:
    claim = Claim("carla", "carla@example.org").open().offer(Signal.PASSWORD).finish()
    calendar.pass_by(hours=80)
    assert claim.state == CaseState.EXECUTED
    carla.refresh_from_db()
    return claim


def answer_of(username: str, password: str) -> tuple[int, str]:
    response = people.browser().post(LOGIN, {"username": username, "password": password})
    return response.status_code, people.re.sub(r"(csrfmiddlewaretoken|nonce)[^>]*", "", response.text).replace(
        username, "NAME"
    )


def test_signing_in_is_answered_as_for_nobody(shut: Claim, carla: User) -> None:
    assert answer_of("carla", cast.PASSWORD) == answer_of("nobody", cast.PASSWORD)
    # Also once a password is set: it is the first step, and opens nothing by itself.
    enrolling.set_password(guest=shut.enter(), new=people.NEW_PASSWORD, at=clock.now())
    assert answer_of("carla", people.NEW_PASSWORD) == answer_of("nobody", people.NEW_PASSWORD)


def test_a_password_reset_is_answered_as_for_nobody(shut: Claim, carla: User) -> None:
    for address in ("carla@example.org", "nobody@example.net"):
        people.browser().post("/account/password/reset/", {"email": address})
    subjects = [people.subjects(people.letters_to(to))[-1] for to in ("carla@example.org", "nobody@example.net")]
    assert subjects[0] == subjects[1]


def test_links_from_before_are_void(carla: User, calendar: Calendar) -> None:
    reset = reset_tokens.make(carla)
    claim = Claim("carla", "carla@example.org").open().offer(Signal.PASSWORD).finish()
    calendar.pass_by(hours=64)
    SignInConfirmation.objects.create(
        user=carla, link="l" * 64, attempt="a" * 64, created_at=clock.now(),
        expires_at=clock.now() + timedelta(days=1),
    )  # fmt: skip
    assert reset_tokens.holder(*reset_tokens.make(User.objects.get(pk=carla.pk))) == carla
    calendar.pass_by(hours=16)
    assert claim.state == CaseState.EXECUTED
    assert reset_tokens.holder(*reset) is None
    assert not SignInConfirmation.objects.filter(user=carla, ended_at=None).exists()
    # Nor is one made now any good.
    assert reset_tokens.holder(*reset_tokens.make(User.objects.get(pk=carla.pk))) is None


def test_a_session_that_survived_is_nobodys(carla: User, calendar: Calendar) -> None:
    session = people.browser(carla)
    User.objects.filter(pk=carla.pk).update(recovering_since=clock.now())
    assert people.signed_in_as(session) == ""


def test_the_link_without_the_secret_and_the_secret_without_the_link_open_nothing(shut: Claim) -> None:
    other = Claim("nobody", "other@example.net", address="10.0.0.1")
    with pytest.raises(enrolling.EnrolmentInvalid):
        shut.enter(secret=other.secret)
    with pytest.raises(enrolling.EnrolmentInvalid):
        enrolling.enter(
            actor=shut.actor,
            token=link("open", "carla@example.org"),
            pk=shut.pk,
            secret=shut.secret,
            at=clock.now(),
        )


def test_the_link_works_once_and_for_a_day(shut: Claim, carla: User, calendar: Calendar) -> None:
    shut.enrol()
    with pytest.raises(enrolling.EnrolmentInvalid):
        shut.enter()
    assert has_factor(carla)


def test_a_link_is_void_after_a_day(shut: Claim, calendar: Calendar) -> None:
    calendar.jump(hours=25)
    with pytest.raises(enrolling.EnrolmentInvalid):
        shut.enter()


def test_whoever_holds_the_link_acts_for_nothing_else(shut: Claim, carla: User) -> None:
    from indexsite.policies import Action, may

    guest = shut.enter()
    allowed = {action for action in Action if may(guest.actor, action, _subject(action, carla))}
    assert allowed == {
        Action.ACCOUNT_VIEW,
        Action.PASSWORD_CHANGE,
        Action.FACTOR_ADD,
        Action.FACTOR_REMOVE,
        Action.FACTOR_RENAME,
        Action.CODES_GENERATE,
        Action.SESSION_END,
        Action.LETTERS_CHOOSE,
        Action.TOKEN_INSPECT,
        Action.TOKEN_REVOKE,
        Action.INVITATION_DECLINE,
        Action.MALWARE_REPORT,  # a warning to others
        Action.TRANSFER_DECLINE,
        Action.RECOVERY_STOP,
    }


def _subject(action: object, user: User) -> object:
    from types import SimpleNamespace

    from releases.models import Project
    from tests.support.matrix import DRAFT, ORGANIZATION, OWN_THING, PROJECT

    if action in PROJECT | DRAFT:
        return Project.objects.filter(name="elsewhere").first() or cast.ProjectFactory(name="elsewhere")
    if action in ORGANIZATION:
        from accounts.models import Organization

        return Organization.objects.get_or_create(
            name="group", defaults={"display_name": "Group", "created_at": clock.now()}
        )[0]
    return SimpleNamespace(user=user, user_id=user.pk) if action in OWN_THING else None


def test_pipelines_with_tokens_of_one_project_go_on_meanwhile(
    olga: User, team: dict[str, User], calendar: Calendar
) -> None:
    from releases.models import Project

    token = token_of(olga, description="ci", project=Project.objects.get(name="sampleproject"))
    claim = Claim("olga", "olga@example.org").open().offer(Signal.DEVICE).finish()
    claim.approve(team["tina"], team["theo"])
    calendar.pass_by(days=7.4)
    assert claim.state == CaseState.EXECUTED
    assert upload(make_wheel("sampleproject", "1.0"), token.secret()).status_code == 200


def test_a_crash_between_factor_and_opening_is_made_good_by_the_worker(shut: Claim, carla: User) -> None:
    guest = shut.enter()
    enrolling.set_password(guest=guest, new=people.NEW_PASSWORD, at=clock.now())
    cast.add_totp(carla)
    assert answer_of("carla", people.NEW_PASSWORD) == answer_of("nobody", people.NEW_PASSWORD)
    recovery.tend()
    assert shut.state == CaseState.HOLD
    carla.refresh_from_db()
    assert carla.recovering_since is None


def test_a_second_claim_on_a_shut_account_opens_nothing_by_itself(
    shut: Claim, carla: User, calendar: Calendar
) -> None:
    """The mailbox's reader asks anew while the link waits: two would be one too many."""
    second = Claim("carla", "carla@example.org", address="10.0.0.1").open().offer(Signal.SIGNATURE).finish()
    calendar.pass_by(hours=8)
    assert (second.state, second.case.tier) == (CaseState.QUEUED, 3)
    with pytest.raises(DomainError):
        requests.finish(actor=second.actor, pk=second.pk, secret="wrong", at=clock.now())
    shut.enrol()
    assert shut.state == CaseState.HOLD
