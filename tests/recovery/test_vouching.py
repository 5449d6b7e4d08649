"""A co-owner's word: who may give it, with what, and what it is worth (case 21)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from accounts.models import Membership, MembershipKind, Organization, User
from indexsite import clock
from indexsite.audit import organizations
from indexsite.errors import PermissionRefused
from recovery.actions.evidence import reaching
from recovery.actions.evidence.reaching import NobodyToVouchFor
from recovery.actions.evidence.receiving import Claim, TriesUsed
from recovery.assurance import EvidenceClass, points_of
from recovery.assurance_policy import POLICY
from recovery.facts import facts_of
from recovery.models import Verdict, VouchPin
from releases.models import Project, Role, RoleKind
from tests.support import cast, claims
from tests.support.claims import ELSEWHERE, aged, case_of, claimant, offered
from tests.support.people import events, letters_to

pytestmark = pytest.mark.django_db

V = EvidenceClass.VOUCH


@pytest.fixture
def shared(alice: User, bob: User) -> Project:
    """A project that alice and bob have owned for more than a year."""
    project = cast.ProjectFactory(name="shared", owner=alice)
    cast.grant(bob, project)
    aged(alice)
    aged(bob)
    return project


@pytest.fixture
def claim(alice: User, shared: Project) -> Claim:
    return claimant("alice", "alice@example.org")


def pin_by(voucher: User, whom: str = "alice") -> str:
    return reaching.open_pin(actor=cast.actor(voucher), username=whom, at=clock.now())


def vouched(claim: Claim) -> int:
    return points_of(facts_of(case_of(claim), at=clock.now()).evidence, POLICY).get(V, 0)


def test_a_co_owner_opens_a_pin_and_the_claimant_types_it(claim: Claim, bob: User) -> None:
    pin = pin_by(bob)
    assert (len(pin), pin.isdigit()) == (10, True)
    assert "vouch.opened" in events(bob)
    assert "speaks for alice" in letters_to(bob.email)[-1].subject
    # Nowhere but on the voucher's own page.
    assert pin not in str(letters_to(bob.email)[-1].body)
    assert pin not in str(list(VouchPin.objects.values()))
    reaching.offer_vouch(claim, f"{pin[:5]} {pin[5:]}")
    assert vouched(claim) == 20


def test_two_people_count_twice_and_one_person_once(claim: Claim, bob: User, erin: User, shared: Project) -> None:
    cast.grant(erin, shared)
    aged(erin)
    for voucher in (bob, bob, erin):
        reaching.offer_vouch(claim, pin_by(voucher))
    assert vouched(claim) == 40


def test_a_manager_of_the_organization_counts_more(claim: Claim, alice: User, erin: User) -> None:
    organization = Organization.objects.create(name="acme", display_name="Acme", created_at=clock.now())
    then = clock.now() - timedelta(days=200)
    for user, kind in ((alice, MembershipKind.MEMBER), (erin, MembershipKind.MANAGER)):
        Membership.objects.create(organization=organization, user=user, kind=kind, joined_at=then)
    reaching.offer_vouch(claim, pin_by(erin))
    assert vouched(claim) == 30
    # Case 21, in an organization: somebody who was made manager yesterday, and has long been a member.
    promoted = organizations.OrganizationKindChanged(about=erin, organization="acme", kind="manager")
    claims.past_event(erin, promoted, clock.now() - timedelta(days=1))
    again = claimant("alice", "alice@example.org", address=ELSEWHERE)
    reaching.offer_vouch(again, pin_by(erin))
    assert vouched(again) == 0


def test_case_21_a_co_owner_of_yesterday_speaks_for_nobody(
    claim: Claim, alice: User, mallory: User, shared: Project
) -> None:
    """Whoever has alice's session for an hour makes a friend owner, and comes back with their word."""
    role = cast.grant(mallory, shared)
    Role.objects.filter(pk=role.pk).update(granted_at=clock.now() - timedelta(days=1))
    reaching.offer_vouch(claim, pin_by(mallory))
    assert offered(claim)[-1].verdict == Verdict.PASSED
    assert vouched(claim) == 0
    # The defence is the age of the role: without it the ring would be worth as much as an old friend.
    Role.objects.filter(pk=role.pk).update(granted_at=clock.now() - timedelta(days=91))
    again = claimant("alice", "alice@example.org", address=ELSEWHERE)
    reaching.offer_vouch(again, pin_by(mallory))
    assert vouched(again) == 20


def test_case_21_an_owner_who_took_the_claimant_in_yesterday_speaks_for_nobody(
    claim: Claim, alice: User, mallory: User
) -> None:
    bait = cast.ProjectFactory(name="bait", owner=mallory)
    aged(mallory)
    cast.grant(alice, bait, RoleKind.MAINTAINER)
    reaching.offer_vouch(claim, pin_by(mallory))
    assert vouched(claim) == 0


def test_somebody_whose_own_account_is_being_recovered_speaks_for_nobody(claim: Claim, bob: User) -> None:
    """A ring: each gets the other in."""
    pin = pin_by(bob)
    reaching.offer_vouch(claim, pin)
    assert vouched(claim) == 20
    claimant("bob", "bob@example.org", address=ELSEWHERE)
    assert vouched(claim) == 0


@pytest.mark.parametrize("change", ["left", "frozen", "held"])
def test_a_word_counts_as_long_as_who_gave_it_stands(claim: Claim, bob: User, change: str) -> None:
    reaching.offer_vouch(claim, pin_by(bob))
    if change == "left":
        bob.roles.all().delete()
    elif change == "frozen":
        User.objects.filter(pk=bob.pk).update(is_active=False, frozen_at=clock.now())
    else:
        User.objects.filter(pk=bob.pk).update(hold_until=clock.now() + timedelta(days=1))
    assert vouched(claim) == 0


def test_a_pin_is_for_one_account_and_one_case_and_a_day(
    claim: Claim, alice: User, bob: User, erin: User, shared: Project
) -> None:
    pin = pin_by(bob)
    cast.grant(erin, shared)
    other = claimant("erin", "erin@example.org", address=ELSEWHERE)
    reaching.offer_vouch(other, pin)
    assert offered(other)[-1].verdict == Verdict.FAILED
    reaching.offer_vouch(claim, pin)
    reaching.offer_vouch(claim, pin)
    assert [row.verdict for row in offered(claim)] == [Verdict.PASSED, Verdict.FAILED]
    late = Claim(claim.actor, claim.case_id, claim.secret, clock.now() + timedelta(hours=25))
    reaching.offer_vouch(late, pin_by(bob))
    assert offered(claim)[-1].verdict == Verdict.FAILED


def test_a_new_pin_ends_the_one_before_and_it_can_be_taken_back(claim: Claim, bob: User) -> None:
    first, second = pin_by(bob), pin_by(bob)
    reaching.offer_vouch(claim, first)
    reaching.take_back_pin(actor=cast.actor(bob), username="alice", at=clock.now())
    reaching.offer_vouch(claim, second)
    assert {row.verdict for row in offered(claim)} == {Verdict.FAILED}
    assert events(bob)[-1] == "vouch.taken-back"
    with pytest.raises(NobodyToVouchFor):
        reaching.take_back_pin(actor=cast.actor(bob), username="alice", at=clock.now())


def test_pins_cannot_be_tried_out(claim: Claim) -> None:
    for number in range(5):
        reaching.offer_vouch(claim, f"{number:010d}")
    with pytest.raises(TriesUsed):
        reaching.offer_vouch(claim, "0000000005")


def test_vouching_takes_a_factor_proved_just_now(claim: Claim, bob: User, dave: User, shared: Project) -> None:
    cast.grant(dave, shared)
    for actor in (cast.actor(bob, fresh=False), cast.actor(dave)):
        with pytest.raises(PermissionRefused):
            reaching.open_pin(actor=actor, username="alice", at=clock.now())
    assert not VouchPin.objects.exists()


@pytest.mark.parametrize("whom", ["erin", "nobody-at-all", "bob"])
def test_nobody_vouches_for_strangers_or_themselves(claim: Claim, bob: User, erin: User, whom: str) -> None:
    with pytest.raises(NobodyToVouchFor):
        pin_by(bob, whom)


def test_a_maintainer_and_a_seat_in_a_team_are_no_co_owners(claim: Claim, mallory: User, shared: Project) -> None:
    cast.grant(mallory, shared, RoleKind.MAINTAINER)
    with pytest.raises(NobodyToVouchFor):
        pin_by(mallory)
