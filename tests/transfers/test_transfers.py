"""A project goes to somebody else: each step, what it changes, and who hears of it."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.conf import settings
from django.test import Client

from accounts.models import InvitationState, MembershipKind, Organization, User
from indexsite import clock
from indexsite.models import AuditEvent
from indexsite.schedule import JOBS
from releases.actions import webhooks
from releases.models import Project, ProjectInvitation, ProjectStatus, RoleKind, Transfer, Webhook, people_with
from tests.support import cast, drafts
from tests.support.distributions import make_wheel
from tests.support.organizations import give, join, organization, team, team_role
from tests.support.people import browser, events, letters_to, subjects
from tests.support.tokens import token_of
from tests.support.transfers import accept, later, offer, worker_at
from tests.support.uploads import token_for, upload
from tests.support.worker import run_queued
from tokens.models import Token

pytestmark = pytest.mark.django_db
PAGE = "/manage/project/rocket/transfer/"


def owners(project: Project) -> list[str]:
    return [user.username for user in people_with(project, RoleKind.OWNER)]


def trail() -> list[str]:
    found = AuditEvent.objects.filter(project="rocket", name__startswith="transfer.").order_by("id")
    return list(found.values_list("name", flat=True))


def test_to_a_person(alice: User, bob: User, erin: User, frank: User, rocket: Project) -> None:
    bobs = token_of(bob, project=rocket, description="bob ci")
    erins = token_of(erin, project=rocket, description="erin ci")
    transfer = offer(alice, rocket, "frank")
    assert worker_at(later(1), transfer) == "offered"
    accept(frank, transfer)
    assert owners(rocket) == ["alice", "bob"]
    assert worker_at(later(71.9), transfer) == "accepted"
    assert owners(rocket) == ["alice", "bob"]

    assert worker_at(later(), transfer) == "done"

    assert owners(rocket) == ["frank"]
    assert [role.user.username for role in rocket.roles.filter(kind="maintainer") if role.user] == ["erin"]
    assert not Token.objects.unrevoked().filter(pk=bobs.pk).exists()
    assert Token.objects.unrevoked().filter(pk=erins.pk).exists()
    assert upload(make_wheel("rocket"), bobs.secret()).status_code == 403
    assert upload(make_wheel("rocket"), erins.secret()).status_code == 200
    assert trail() == ["transfer.offered", "transfer.accepted", "transfer.done"]
    assert "role.removed" in events(bob)
    assert "role.granted" in events(frank)


def test_every_step_is_told_to_owners_and_receiver(alice: User, bob: User, frank: User, rocket: Project) -> None:
    worker_at(later(), accept(frank, offer(alice, rocket, "frank")))

    expected = ["rocket: goes to frank in 72 hours", "rocket: now belongs to frank"]
    assert subjects(letters_to("frank@example.org")) == ["alice offers rocket to frank", *expected]
    for owner in ("alice@example.org", "bob@example.org"):
        assert subjects(letters_to(owner)) == ["rocket: offered to frank", *expected]
    offered, accepted = letters_to("bob@example.org")[:2]
    for letter in (offered, accepted):
        assert f"{settings.SITE_URL}{PAGE}" in str(letter.body)
        assert "change your password" in str(letter.body)
        assert "127.0.0.1" not in str(letter.body)


def test_to_an_organisation(alice: User, erin: User, mona: User, acme: Organization, rocket: Project) -> None:
    transfer = offer(alice, rocket, "acme")
    worker_at(later(), accept(mona, transfer))

    rocket.refresh_from_db()
    assert rocket.organization == acme
    assert owners(rocket) == ["mona"]
    assert not rocket.roles.filter(kind=RoleKind.OWNER).exists()
    assert browser(mona).get("/manage/project/rocket/settings/").status_code == 200
    assert browser(alice).get("/manage/project/rocket/settings/").status_code == 404


def test_an_owner_who_manages_the_receiver_may_accept(alice: User, acme: Organization, rocket: Project) -> None:
    join(acme, alice, MembershipKind.MANAGER)

    assert worker_at(later(), accept(alice, offer(alice, rocket, "acme"))) == "done"


def test_from_an_organisation_to_a_person(mona: User, bob: User, frank: User, acme: Organization) -> None:
    project = give(cast.ProjectFactory(name="rocket"), acme)
    join(acme, bob)
    team_role(team(acme, "builders", bob), project)
    bobs = token_of(bob, project=project)

    worker_at(later(), accept(frank, offer(mona, project, "frank")))

    project.refresh_from_db()
    assert project.organization is None
    assert owners(project) == ["frank"]
    assert not project.roles.filter(team__isnull=False).exists()
    assert not Token.objects.unrevoked().filter(pk=bobs.pk).exists()
    assert AuditEvent.objects.filter(name="team-role.removed", project="rocket").count() == 1


def test_waiting_invitations_are_taken_back(alice: User, carol: User, frank: User, rocket: Project) -> None:
    browser(alice).post("/manage/project/rocket/people/invite/", {"invitee": "carol", "kind": "owner"})
    invitation = ProjectInvitation.objects.get()

    worker_at(later(), accept(frank, offer(alice, rocket, "frank")))

    invitation.refresh_from_db()
    assert invitation.state == InvitationState.REVOKED


def test_whoever_goes_hears_nothing_more_of_drafts(alice: User, frank: User, rocket: Project) -> None:
    """Neither by a webhook they have added, nor by the preview whose address they know."""
    draft = drafts.gathered(drafts.by_token(alice), make_wheel("rocket"), name="rocket")
    webhooks.add_webhook(actor=cast.actor(alice), project=rocket, url="https://example.org/told", at=clock.now())
    preview = f"/stage/{draft.token}/simple/rocket/"
    assert Client().get(preview).status_code == 200

    worker_at(later(), accept(frank, offer(alice, rocket, "frank")))

    assert not Webhook.objects.exists()
    assert Client().get(preview).status_code == 404
    draft.refresh_from_db()
    assert Client().get(f"/stage/{draft.token}/simple/rocket/").status_code == 200
    assert "webhook.removed" in AuditEvent.objects.filter(project="rocket").values_list("name", flat=True)
    assert "rocket: a webhook was removed" in subjects(letters_to("frank@example.org"))


def test_any_owner_cancels_without_a_new_proof(alice: User, bob: User, frank: User, rocket: Project) -> None:
    client = browser(bob)
    transfer = accept(frank, offer(alice, rocket, "frank"))

    with time_machine.travel(later(1), tick=True):
        text = client.get("/manage/project/rocket/").text
        assert "in 2\xa0days, 22\xa0hours" in text
        assert "Cancel the transfer" in text
        assert client.get("/account/email/").status_code == 302, "the proof is too old for other acts"
        assert client.post(f"{PAGE}cancel/").status_code == 302
        run_queued()

    assert worker_at(later(), transfer) == "cancelled"
    assert owners(rocket) == ["alice", "bob"]
    assert trail() == ["transfer.offered", "transfer.accepted", "transfer.cancelled"]
    for address in ("alice@example.org", "bob@example.org", "frank@example.org"):
        assert "rocket: transfer to frank cancelled" in subjects(letters_to(address))


@pytest.mark.parametrize("accepted_first", [False, True])
def test_the_receiver_declines(alice: User, frank: User, rocket: Project, accepted_first: bool) -> None:
    transfer = offer(alice, rocket, "frank")
    if accepted_first:
        accept(frank, transfer)

    browser(frank).post(f"/manage/transfer/{transfer.pk}/decline/")

    assert worker_at(later(), transfer) == "declined"
    assert owners(rocket) == ["alice", "bob"]
    assert "rocket: transfer to frank declined" in subjects(letters_to("bob@example.org"))


def test_an_offer_ends_after_seven_days(alice: User, frank: User, rocket: Project) -> None:
    transfer = offer(alice, rocket, "frank")

    with time_machine.travel(later(7 * 24 + 1), tick=True):
        assert browser(frank).post(f"/manage/transfer/{transfer.pk}/accept/").status_code == 409
        run_queued()

    transfer.refresh_from_db()
    assert transfer.state == "lapsed"
    assert "rocket: transfer to frank came to nothing" in subjects(letters_to("alice@example.org"))


def stop_alice(alice: User, project: Project, frank: User) -> None:
    project.roles.filter(user=alice).delete()


def close_alice(alice: User, project: Project, frank: User) -> None:
    User.objects.filter(pk=alice.pk).update(is_active=False)


def close_frank(alice: User, project: Project, frank: User) -> None:
    User.objects.filter(pk=frank.pk).update(is_active=False)


def unprotect_frank(alice: User, project: Project, frank: User) -> None:
    cast.lose_factors(frank)


def quarantine(alice: User, project: Project, frank: User) -> None:
    Project.objects.filter(pk=project.pk).update(status=ProjectStatus.QUARANTINED)


@pytest.mark.parametrize("change", [stop_alice, close_alice, close_frank, unprotect_frank, quarantine])
def test_it_lapses_when_what_it_stood_on_is_gone(
    alice: User, bob: User, frank: User, rocket: Project, change: object
) -> None:
    transfer = accept(frank, offer(alice, rocket, "frank"))
    change(alice, rocket, frank)  # type: ignore[operator]

    assert worker_at(later(), transfer) == "lapsed"

    assert not rocket.roles.filter(user=frank).exists()
    assert trail()[-1] == "transfer.lapsed"
    assert "rocket: transfer to frank came to nothing" in subjects(letters_to("bob@example.org"))


def test_it_is_carried_out_once(alice: User, frank: User, rocket: Project) -> None:
    transfer = accept(frank, offer(alice, rocket, "frank"))

    for _ in range(3):
        assert worker_at(later(), transfer) == "done"

    assert trail().count("transfer.done") == 1
    assert subjects(letters_to("frank@example.org")).count("rocket: now belongs to frank") == 1


def test_the_worker_looks_every_minute(
    alice: User, frank: User, rocket: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `demo --advance 72h` has it: the site's clock is ahead, the machine's is not."""
    from releases import tasks

    (job,) = [job for job in JOBS if job.name == "transfers"]
    assert (job.task, job.every) == ("releases.tasks.tend_transfers", timedelta(minutes=1))
    transfer = accept(frank, offer(alice, rocket, "frank"))
    monkeypatch.setattr(clock, "offset", lambda: timedelta(hours=72, minutes=1))

    tasks.tend_transfers.enqueue()
    run_queued()

    transfer.refresh_from_db()
    assert transfer.state == "done"


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ({"receiver": "nobody-here", "typed": "rocket"}, "no person and no organization of this name"),
        ({"receiver": "frank", "typed": "rockte"}, "This is not rocket"),
    ],
)
def test_what_cannot_be_offered_is_said_at_the_field(
    alice: User, frank: User, rocket: Project, data: dict[str, str], sentence: str
) -> None:
    response = browser(alice).post(PAGE, data)

    assert response.status_code == 400
    assert sentence in response.text
    assert not Transfer.objects.exists()


def test_nothing_goes_to_whom_it_belongs_to(mona: User, alice: User, acme: Organization) -> None:
    give(cast.ProjectFactory(name="rocket"), acme)
    cast.ProjectFactory(name="solo", owner=alice)

    for user, name, to in ((mona, "rocket", "acme"), (alice, "solo", "alice")):
        response = browser(user).post(f"/manage/project/{name}/transfer/", {"receiver": to, "typed": name})
        assert "theirs already" in response.text


def test_one_way_at_a_time(alice: User, frank: User, rocket: Project) -> None:
    offer(alice, rocket, "frank")

    response = browser(alice).post(PAGE, {"receiver": "erin", "typed": "rocket"})

    assert response.status_code == 409
    assert Transfer.objects.count() == 1


def test_accepting_asks_for_a_factor(alice: User, carol: User, rocket: Project) -> None:
    transfer = offer(alice, rocket, "carol")
    assert "First, a second factor" in browser(carol).get(f"/manage/transfer/{transfer.pk}/").text

    response = browser(carol).post(f"/manage/transfer/{transfer.pk}/accept/")

    assert response["Location"].startswith("/account/security/?next=")
    transfer.refresh_from_db()
    assert transfer.state == "offered"


def test_the_banner_is_on_every_page_and_the_button_for_owners(
    alice: User, erin: User, frank: User, rocket: Project
) -> None:
    accept(frank, offer(alice, rocket, "frank"))

    for page in ("", "releases/", "people/", "tokens/", "settings/", "history/", "transfer/"):
        text = browser(alice).get(f"/manage/project/rocket/{page}").text
        assert "This project goes to frank in 2\xa0days, 23\xa0hours" in text
        assert "Cancel the transfer" in text
    seen_by_erin = browser(erin).get("/manage/project/rocket/").text
    assert "This project goes to frank" in seen_by_erin
    assert "Cancel the transfer" not in seen_by_erin
    assert "rocket, to own" in browser(frank).get("/account/invitations/").text


def test_deleting_the_organisation_ends_what_was_on_its_way(
    alice: User, mona: User, acme: Organization, rocket: Project
) -> None:
    accept(mona, offer(alice, rocket, "acme"))

    browser(mona).post("/manage/organization/acme/delete/", {"typed": "acme"})

    assert not Organization.objects.exists()
    assert not Transfer.objects.exists()
    assert trail()[-1] == "transfer.lapsed"
    assert "rocket: transfer to acme came to nothing" in subjects(letters_to("alice@example.org"))


# -- regression: rights of a team that outlive a transfer ----------------------------------------------------


def naive_holds_role(user: User, project: Project, kinds: object) -> bool:
    """As a published audit found it elsewhere: any role row of any team counts."""
    return project.roles.filter(team__seats__membership__user=user).exists()


def test_a_left_over_role_of_a_team_gives_nothing(
    mallory: User, mona: User, acme: Organization, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two defences. A row that was left behind, as by a bug or a restored backup, does not count ..."""
    former = organization("former", managers=[alice], members=[mallory])
    project = give(cast.ProjectFactory(name="rocket"), former)
    assert upload(make_wheel("rocket", "6.5"), token_for(alice)).status_code == 200
    left_over = team_role(team(former, "builders", mallory), project)
    secret = token_of(mallory).secret()
    worker_at(later(), accept(mona, offer(alice, project, "acme")))
    assert not project.roles.filter(pk=left_over.pk).exists()  # ... and there is none.

    left_over.save(force_insert=True)
    with monkeypatch.context() as without_defence:
        without_defence.setattr("indexsite.requirements.holds_role", naive_holds_role)
        assert upload(make_wheel("rocket", "6.6"), secret).status_code == 200, "the attack works"

    assert upload(make_wheel("rocket", "6.7"), secret).status_code == 403
    assert browser(mallory).get("/manage/project/rocket/").status_code == 404
    project.refresh_from_db()
    assert mallory not in people_with(project)


# -- everybody else ------------------------------------------------------------------------------------------


def test_nobody_else_moves_a_transfer(
    alice: User, bob: User, dave: User, erin: User, mallory: User, frank: User, rocket: Project
) -> None:
    """Visitor, stranger, staff, maintainer, suspended owner; and owners do not answer for the receiver."""
    transfer = offer(alice, rocket, "frank")
    cast.grant(dave, rocket)
    answers = [f"/manage/transfer/{transfer.pk}/{act}/" for act in ("accept", "decline")]
    User.objects.filter(pk=mallory.pk).update(is_staff=True)

    for address in (*answers, f"{PAGE}cancel/", PAGE):
        assert Client().post(address)["Location"].startswith("/account/login/")
        assert browser(mallory).post(address).status_code == 404
    for address in answers:
        for user in (alice, bob, erin):
            assert browser(user).post(address).status_code == 404
    assert browser(mallory).get(f"/manage/transfer/{transfer.pk}/").status_code == 404
    assert browser(mallory).get(PAGE).status_code == 404
    assert browser(erin).post(f"{PAGE}cancel/").status_code == 403
    assert browser(erin).post(PAGE, {"receiver": "erin", "typed": "rocket"}).status_code == 403
    assert browser(dave).post(f"{PAGE}cancel/")["Location"].startswith("/account/security/")
    assert browser(frank).post(f"{PAGE}cancel/").status_code == 404

    transfer.refresh_from_db()
    assert transfer.state == "offered"
    assert Transfer.objects.count() == 1


def test_members_do_not_answer_for_their_organisation(
    alice: User, erin: User, mona: User, acme: Organization, rocket: Project
) -> None:
    join(acme, erin)
    transfer = offer(alice, rocket, "acme")

    assert browser(erin).post(f"/manage/transfer/{transfer.pk}/accept/").status_code == 404

    transfer.refresh_from_db()
    assert transfer.state == "offered"


def test_nobody_is_flooded_with_offers(alice: User, frank: User, rocket: Project) -> None:
    client = browser(alice)
    for _ in range(10):
        assert client.post(PAGE, {"receiver": "frank", "typed": "rocket"}).status_code == 302
        client.post(f"{PAGE}cancel/")

    response = client.post(PAGE, {"receiver": "Frank", "typed": "rocket"})

    assert "Too many invitations and offers went there today" in response.text
    assert not rocket.transfers.open().exists()
