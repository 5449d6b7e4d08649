"""Facts of a case from the database: what is at stake, and the signs that something is wrong."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from django.conf import settings

from accounts.models import Membership, MembershipKind, Organization, SecurityReport, User
from indexsite import audit, clock, fetch
from indexsite.audit import organizations
from recovery.assurance import CaseFacts, EvidenceClass, HardFlag, SoftFlag, Tier, assess, points_of
from recovery.assurance_policy import POLICY
from recovery.facts import facts_of, standing_of
from recovery.models import CancelledBy, CaseState, NoticeKind, NoticeSent
from releases.actions.lifecycle import deleting
from releases.models import DownloadCount, Project, ProjectInvitation, Release, RoleKind
from tests.support import cast, mmdb
from tests.support.claims import ELSEWHERE, aged, case_of, claimant, past_event
from tests.support.critical import listed, unlisted
from tests.support.recovery import stored_case
from tests.support.tokens import token_of
from tokens.actions.revoke import drop_tokens
from tokens.models import LEAKED

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


@pytest.fixture
def owner(alice: User) -> User:
    user = aged(alice)
    past_event(user, audit.SignedIn(about=user, methods="password"), clock.now() - 40 * DAY)
    return user


def hard(user: User, **fields: object) -> frozenset[HardFlag]:
    return facts_of(opened(user, **fields), at=clock.now()).hard


def soft(user: User, **fields: object) -> frozenset[SoftFlag]:
    return facts_of(opened(user, **fields), at=clock.now()).soft


def opened(user: User, **fields: object):  # type: ignore[no-untyped-def]
    return stored_case(user, CaseState.EVIDENCE, **fields)


def downloads(project: Project, count: int, *, kind: str = "installer", days_ago: int = 1) -> None:
    DownloadCount.objects.create(
        project=project, day=(clock.now() - days_ago * DAY).date(), installer="pip", kind=kind, count=count
    )


def test_a_quiet_account_raises_no_flag(owner: User) -> None:
    assert hard(owner) == frozenset()
    assert soft(owner) == frozenset()


def test_a_case_about_nobody_has_no_facts() -> None:
    facts = facts_of(opened(None), at=clock.now())  # type: ignore[arg-type]
    assert (facts.evidence, facts.hard, facts.soft) == ((), frozenset(), frozenset())
    assert not assess(facts, POLICY).minimum_met


# --- What is at stake ---


def test_standing(owner: User, bob: User) -> None:
    at = clock.now()
    assert standing_of(owner, at).projects == 0
    ProjectInvitation.objects.create(
        project=cast.ProjectFactory(owner=bob),
        kind=RoleKind.MAINTAINER,
        user=owner,
        invited_by=bob,
        created_at=at,
        sent_at=at,
        expires_at=at + DAY,
    )
    assert standing_of(owner, at).invitations == 1
    shared = cast.ProjectFactory(owner=owner)
    cast.grant(bob, shared)
    found = standing_of(owner, at)
    assert (found.projects, found.is_sole_owner) == (1, False)
    cast.ProjectFactory(owner=owner)
    assert standing_of(owner, at).is_sole_owner
    acme = Organization.objects.create(name="acme", display_name="Acme", created_at=at)
    seat = Membership.objects.create(organization=acme, user=owner, kind=MembershipKind.MEMBER, joined_at=at)
    found = standing_of(owner, at)
    assert (found.organizations, found.owns_organization) == (1, False)
    Membership.objects.filter(pk=seat.pk).update(kind=MembershipKind.MANAGER)
    assert standing_of(owner, at).owns_organization
    User.objects.filter(pk=owner.pk).update(is_active=False, frozen_at=at)
    owner.refresh_from_db()
    assert standing_of(owner, at).is_frozen


def test_one_project_on_the_critical_list_is_the_highest_tier_also_while_it_is_deleted(
    owner: User, bob: User
) -> None:
    project = cast.ProjectFactory(name="Crit.Lib", owner=bob, maintainer=owner)
    assert not standing_of(owner, clock.now()).is_critical
    listed("crit-lib")
    assert standing_of(owner, clock.now()).is_critical
    assert assess(facts_of(opened(owner), at=clock.now()), POLICY).tier == Tier.I3
    deleting.delete_project(actor=cast.actor(bob), project=project, at=clock.now())
    assert standing_of(owner, clock.now()).is_critical


def test_case_16_a_project_leaves_the_critical_list_in_the_middle_and_the_tier_stays(
    owner: User, bob: User
) -> None:
    cast.ProjectFactory(name="crit-lib", owner=owner)
    listed("crit-lib")
    case = opened(owner, tier_at_open=Tier.I3, tier=Tier.I3, approvals_needed=3)
    unlisted("crit-lib")
    facts = facts_of(case, at=clock.now())
    assert not facts.standing.is_critical
    assert assess(facts, POLICY).tier == Tier.I3


def test_case_17_mirrors_and_scanners_do_not_move_the_tier_and_old_downloads_do_not(
    owner: User, bob: User
) -> None:
    project = cast.ProjectFactory(maintainer=owner, owner=bob)
    downloads(project, 50_000, kind="mirror")
    downloads(project, 50_000, days_ago=31)
    assert standing_of(owner, clock.now()).monthly_downloads == 0
    downloads(project, 10_000)
    assert standing_of(owner, clock.now()).monthly_downloads == 10_000


def test_case_17_downloads_that_fall_while_a_case_is_open_do_not_lower_its_tier(owner: User, bob: User) -> None:
    """Without the memory of the tier, a claimant waits for a quiet month."""
    project = cast.ProjectFactory(maintainer=owner, owner=bob)
    downloads(project, 10_000)
    claim = claimant("alice", "alice@example.org")
    assert case_of(claim).tier == Tier.I2
    DownloadCount.objects.all().delete()
    assert assess(CaseFacts(standing_of(owner, clock.now())), POLICY).tier == Tier.I1
    assert assess(facts_of(case_of(claim), at=clock.now()), POLICY).tier == Tier.I2


# --- Hard flags ---


@pytest.mark.parametrize(
    "event",
    [
        lambda user: audit.EmailVerified(about=user, email="new@example.org"),
        lambda user: audit.EmailRemoved(about=user, email="old@example.org"),
        lambda user: audit.PrimaryEmailChanged(about=user, old="a@example.org", new="b@example.org"),
        lambda user: audit.PasswordChanged(about=user),
        lambda user: audit.PasswordReset(about=user),
    ],
)
def test_a_mailbox_or_password_changed_lately(owner: User, event: Callable[[User], audit.Event]) -> None:
    past_event(owner, event(owner), clock.now() - 31 * DAY)
    assert hard(owner) == frozenset()
    past_event(owner, event(owner), clock.now() - 29 * DAY)
    assert hard(owner) == {HardFlag.CHANGED_RECENTLY}


def released(project: Project, url: str, days: int) -> None:
    version = f"1.{days}"
    Release.objects.create(
        project=project,
        version=version,
        normalized_version=version,
        created_at=clock.now() - days * DAY,
        metadata={"project_url": [f"Source, {url}"]},
    )


def test_a_repository_that_is_new_to_the_project(owner: User) -> None:
    project = cast.ProjectFactory(owner=owner)
    released(project, "https://github.com/alice/demo", 200)
    released(project, "https://github.com/alice/demo", 2)
    assert hard(owner) == frozenset()
    released(project, "https://github.com/mallory/demo", 1)
    assert hard(owner) == {HardFlag.CHANGED_RECENTLY}


def test_the_first_release_of_a_project_changes_nothing(owner: User) -> None:
    released(cast.ProjectFactory(owner=owner), "https://github.com/alice/demo", 2)
    assert hard(owner) == frozenset()


def test_a_token_that_lay_in_public(owner: User) -> None:
    token = token_of(owner)
    drop_tokens([token], by=cast.actor(None), at=clock.now(), reason=LEAKED)
    later = clock.now() + timedelta(seconds=1)
    assert facts_of(opened(owner, opened_at=later), at=later).hard == {HardFlag.TOKEN_LEAKED}


def test_a_recovery_stopped_lately(owner: User) -> None:
    other = opened(owner)
    type(other).objects.filter(pk=other.pk).update(
        state=CaseState.CANCELLED, cancelled_by=CancelledBy.SESSION, ended_at=clock.now()
    )
    assert HardFlag.CANCELLED_RECENTLY in hard(owner)
    with time_machine.travel(clock.now() + 31 * DAY):
        assert HardFlag.CANCELLED_RECENTLY not in hard(owner)


def test_a_claimant_who_asks_for_everybody(owner: User, bob: User, erin: User) -> None:
    opened(bob, network="n" * 64)
    assert hard(owner, network="n" * 64) == frozenset()
    opened(erin, device="d" * 64)
    assert hard(owner, network="n" * 64, device="d" * 64) == {HardFlag.CLAIMS_OTHERS}
    assert hard(owner, network="m" * 64) == frozenset()


def registry(monkeypatch: pytest.MonkeyPatch, registered: str, expires: str) -> None:
    def get(url: str, **options: object) -> bytes:
        events = [
            {"eventAction": "registration", "eventDate": registered},
            {"eventAction": "expiration", "eventDate": expires},
        ]
        return json.dumps({"ldhName": url.rpartition("/")[2], "events": events, "status": ["active"]}).encode()

    monkeypatch.setattr(fetch, "get", get)
    watched = dataclasses.replace(settings.ENV, rdap_url="https://rdap.example")
    monkeypatch.setattr(settings, "ENV", watched)


def isoformat(moment: datetime) -> str:
    return moment.isoformat()


def test_case_14_a_domain_that_runs_out_between_approval_and_execution(
    owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim = claimant("alice", "alice@example.org")
    before = facts_of(case_of(claim), at=clock.now())
    assert points_of(before.evidence, POLICY) == {EvidenceClass.MAILBOX: 20}
    registry(monkeypatch, isoformat(clock.now() - 4000 * DAY), isoformat(clock.now() - DAY))
    after = facts_of(case_of(claim), at=clock.now())
    assert after.hard == {HardFlag.DOMAIN_LAPSED}
    assert points_of(after.evidence, POLICY) == {}


def test_case_15_a_domain_that_somebody_else_has_registered(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """The mailbox works: its new owner has read the letter and opened the case."""
    claim = claimant("alice", "alice@example.org")
    assert points_of(facts_of(case_of(claim), at=clock.now()).evidence, POLICY)
    registry(monkeypatch, isoformat(clock.now() - 20 * DAY), isoformat(clock.now() + 300 * DAY))
    facts = facts_of(case_of(claim), at=clock.now())
    assert facts.hard == {HardFlag.DOMAIN_LAPSED}
    assert points_of(facts.evidence, POLICY) == {}
    assert assess(facts, POLICY).tier is Tier.I3


def test_a_registry_that_does_not_answer_is_no_flag_and_no_evidence(
    owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim = claimant("alice", "alice@example.org")

    def get(url: str, **options: object) -> bytes:
        raise fetch.FetchFailed("rdap.example took longer than 3 seconds.")

    monkeypatch.setattr(fetch, "get", get)
    watched = dataclasses.replace(settings.ENV, rdap_url="https://rdap.example")
    monkeypatch.setattr(settings, "ENV", watched)
    facts = facts_of(case_of(claim), at=clock.now())
    assert facts.hard == frozenset()
    assert points_of(facts.evidence, POLICY) == {}


def test_a_flag_once_raised_stays(owner: User) -> None:
    assert hard(owner, flags=["changed-recently"]) == {HardFlag.CHANGED_RECENTLY}


# --- Soft flags ---


def test_an_account_nobody_has_used_for_years(bob: User) -> None:
    aged(bob, 3 * 365 + 1)
    assert soft(bob) == {SoftFlag.DORMANT}
    token = token_of(bob)
    type(token).objects.filter(pk=token.pk).update(last_used_at=clock.now() - 100 * DAY)
    assert soft(bob) == frozenset()


def test_a_burst_of_failed_sign_ins(owner: User) -> None:
    for _ in range(9):
        past_event(owner, audit.SignInFailed(about=owner, reason="no"), clock.now() - DAY)
    past_event(owner, audit.SignInFailed(about=owner, reason="no"), clock.now() - 4 * DAY)
    assert soft(owner) == frozenset()
    past_event(owner, audit.SecondFactorFailed(about=owner), clock.now() - DAY)
    assert soft(owner) == {SoftFlag.FAILED_SIGN_INS}


@pytest.mark.parametrize(
    "event",
    [
        lambda user: audit.RoleRemoved(about=user, project="demo", role="owner"),
        lambda user: organizations.OrganizationMemberRemoved(about=user, organization="acme"),
    ],
)
def test_somebody_who_was_put_out_lately(owner: User, event: Callable[[User], audit.Event]) -> None:
    past_event(owner, event(owner), clock.now() - 2 * DAY)
    assert soft(owner) == {SoftFlag.ROLE_REMOVED}


def test_an_alternate_mailbox_and_an_earlier_rejection(owner: User) -> None:
    other = opened(owner)
    type(other).objects.filter(pk=other.pk).update(state=CaseState.REJECTED, ended_at=clock.now())
    assert soft(owner, mailbox_is_verified=False) == {SoftFlag.ALTERNATE_MAILBOX, SoftFlag.REJECTED_BEFORE}


def test_a_name_that_looks_like_a_popular_owners(db: None) -> None:
    real, double = aged(cast.person("paul")), aged(cast.person("pau1"))
    for user in (real, double):
        past_event(user, audit.SignedIn(about=user, methods="password"), clock.now() - DAY)
    project = cast.ProjectFactory(owner=real)
    assert soft(double) == frozenset()
    downloads(project, 5)
    assert soft(double) == {SoftFlag.CONFUSABLE}
    assert soft(real) == frozenset()


KNOWN: dict[str, object] = {
    "198.51.100.0/24": {"country": {"iso_code": "DE"}},
    "203.0.113.0/24": {"country": {"iso_code": "BR"}},
    "192.0.2.0/25": {"country": {"iso_code": "DE"}, "traits": {"is_hosting_provider": True}},
    "192.0.2.128/25": {"is_tor_exit_node": True},
}


@pytest.fixture
def located(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = mmdb.write(tmp_path / "places.mmdb", KNOWN)
    monkeypatch.setattr(settings, "ENV", dataclasses.replace(settings.ENV, geoip_db=str(path)))


def used_from(user: User, address: str, days_ago: int) -> None:
    past_event(user, audit.SignedIn(about=user, methods="password"), clock.now() - days_ago * DAY, address=address)


@pytest.mark.parametrize(
    ("address", "is_unusual"),
    [
        ("198.51.100.9", False),
        ("203.0.113.9", True),
        ("192.0.2.9", True),
        ("192.0.2.200", True),
        ("100.64.0.1", False),
        ("", False),
    ],
)
def test_a_request_from_another_country_or_from_machines_for_hire(
    owner: User, located: None, address: str, is_unusual: bool
) -> None:
    used_from(owner, "198.51.100.1", 40)
    assert (SoftFlag.UNUSUAL_NETWORK in soft(owner, address=address)) == is_unusual


def test_a_sign_in_of_the_last_month_makes_no_country_usual(owner: User, located: None) -> None:
    """Otherwise a thief with the password signs in once before asking."""
    used_from(owner, "198.51.100.1", 400)
    used_from(owner, "203.0.113.1", 3)
    assert soft(owner, address="203.0.113.9") == {SoftFlag.UNUSUAL_NETWORK}
    used_from(owner, "203.0.113.1", 31)
    assert soft(owner, address="203.0.113.9") == frozenset()


def test_where_no_place_is_known_none_is_unusual(owner: User, located: None) -> None:
    assert soft(owner, address="203.0.113.9") == frozenset()


def test_without_a_database_of_locations_no_network_is_unusual(owner: User) -> None:
    used_from(owner, "198.51.100.1", 40)
    assert soft(owner, address="203.0.113.9") == frozenset()


def test_a_campaign_is_many_people_who_report_something_at_the_same_time(owner: User) -> None:
    def report(user: User, days_ago: float) -> None:
        SecurityReport.objects.create(user=user, source="link", reported_at=clock.now() - days_ago * DAY)

    others = [cast.person(f"person{number}", totp=False) for number in range(12)]
    for user in others[:9]:
        report(user, 1)
    for _ in range(5):
        report(others[0], 1)
    for user in others[9:]:
        report(user, 4)
    assert soft(owner) == frozenset()
    report(others[9], 2)
    assert soft(owner) == {SoftFlag.CAMPAIGN}


def test_what_is_reported_soon_after_the_request_counts_and_long_after_does_not(owner: User) -> None:
    case = opened(owner)
    later = clock.now() + 2 * DAY
    for number in range(10):
        SecurityReport.objects.create(
            user=cast.person(f"person{number}", totp=False), source="link", reported_at=later
        )
    assert facts_of(case, at=clock.now()).soft == frozenset()
    assert facts_of(case, at=later).soft == {SoftFlag.CAMPAIGN}
    SecurityReport.objects.update(reported_at=later + 5 * DAY)
    assert facts_of(case, at=later + 6 * DAY).soft == frozenset()


# --- The rest ---


def test_rivals_and_letters_that_came_back(owner: User) -> None:
    first = claimant("alice", "alice@example.org")
    assert not facts_of(case_of(first), at=clock.now()).has_rival
    claimant("alice", "alice@example.org", address=ELSEWHERE)
    assert facts_of(case_of(first), at=clock.now()).has_rival
    assert case_of(first).tier == Tier.I3
    assert not facts_of(case_of(first), at=clock.now()).has_bounced
    NoticeSent.objects.filter(case=case_of(first), kind=NoticeKind.OPENED).update(bounced_at=clock.now())
    assert facts_of(case_of(first), at=clock.now()).has_bounced
