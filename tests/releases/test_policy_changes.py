"""What protects a project's releases gets stronger at once, and weaker only where others had time to say no."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from accounts.actions import freezing
from accounts.models import StaffKind, User
from indexsite import clock
from indexsite.errors import Conflict
from indexsite.models import AuditEvent
from releases.actions import policy_changes
from releases.actions.policy_changes import PolicyChangeWaits
from releases.models import PolicyChange, PolicyChangeState, Project, Publishing, Role, RoleKind
from tests.support import cast, people
from tests.support.people import letters_to, subjects
from tests.support.policy_changes import guarded, policy_url, post_policy, weaker, worker_after
from tests.support.projects import owned, people_url

pytestmark = pytest.mark.django_db

SOON, LATER = timedelta(hours=71), timedelta(hours=73)
STAFF_TIME = timedelta(days=14, hours=1)


@pytest.fixture
def project(alice: User, bob: User) -> Project:
    """Two people own it, who have done so for long."""
    project = owned(alice)
    cast.grant(bob, project, RoleKind.OWNER)
    return project


@pytest.fixture
def reviewed(project: Project) -> Project:
    """Two of three approvers have to agree, and not whoever uploaded."""
    approvers = [cast.person(name) for name in ("erin", "frank", "carol")]
    return guarded(project, *approvers, approvals=2, four_eyes=True)


def names_of_events(project: Project) -> list[str]:
    return list(
        AuditEvent.objects.filter(project=project.normalized_name, name__startswith="policy")
        .order_by("pk")
        .values_list("name", flat=True)
    )


# -- stronger -------------------------------------------------------------------------------------------------


def test_review_is_required_at_once_and_all_owners_read_it(alice: User, project: Project) -> None:
    assert post_policy(alice, project, "required-explicit").status_code == 302

    project.refresh_from_db()
    assert (project.publishing, project.policy_version) == (Publishing.EXPLICIT, 2)
    assert names_of_events(project) == ["policy.changed"]
    assert not PolicyChange.objects.exists()
    assert [letter.to for letter in letters_to("alice@example.org", "bob@example.org")] == [
        ["alice@example.org"],
        ["bob@example.org"],
    ]
    assert (
        "Review is required and other uploads are refused" in people.browser(alice).get(policy_url(project)).text
    )


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        (
            {"mode": "optional", "approvals": 1},
            "Approvals protect nothing while uploads may publish without review",
        ),
        ({"mode": "optional"}, "This is the policy already."),
        ({"mode": "required-auto", "four_eyes": True}, "Four-eyes means that somebody else agrees"),
        ({"mode": "required-auto", "approvals": 11}, "less than or equal to 10"),
        ({"mode": "required-auto", "approvals": 1}, "and 0 can; invite more approvers first"),
        ({"mode": "whatever"}, "whatever is not one of the available choices"),
    ],
)
def test_what_is_no_policy_is_refused_and_nothing_is_lost(
    alice: User, project: Project, wanted: dict[str, object], sentence: str
) -> None:
    answer = post_policy(alice, project, **wanted)  # type: ignore[arg-type]

    assert sentence in answer.text
    assert f'value="{wanted.get("approvals", 0)}"' in answer.text
    project.refresh_from_db()
    assert project.policy_version == 1
    assert names_of_events(project) == []


def test_no_policy_asks_for_more_people_than_can_agree(alice: User, project: Project) -> None:
    erin, frank = cast.person("erin"), cast.person("frank", totp=False)
    guarded(project, erin, frank)

    assert "and 1 can" in post_policy(alice, project, approvals=2).text  # frank has no factor
    cast.add_totp(frank)
    assert post_policy(alice, project, approvals=2).status_code == 302


def test_under_four_eyes_one_of_the_uploaders_may_be_among_those_who_agree(alice: User) -> None:
    project = owned(alice, "alone")
    erin = cast.person("erin")
    guarded(project, erin, alice)

    # Whatever alice uploads erin alone can agree to, and nobody else uploads.
    assert "and 1 can" in post_policy(alice, project, approvals=2, four_eyes=True).text
    assert post_policy(alice, project, approvals=1, four_eyes=True).status_code == 302


# -- weaker ---------------------------------------------------------------------------------------------------


def test_a_weaker_policy_waits_and_every_owner_can_stop_it(alice: User, bob: User, project: Project) -> None:
    guarded(project)
    post_policy(alice, project, "optional")

    change = PolicyChange.objects.get()
    assert change.what == "releases may be published without review"
    project.refresh_from_db()
    assert project.publishing == Publishing.AUTO
    assert "Less protection was asked for" in people.browser(bob).get(f"/manage/project/{project.name}/").text
    (told,) = letters_to("bob@example.org")
    assert told.subject == "sampleproject: less protection asked for"
    assert f"/manage/project/{project.name}/settings/" in told.body

    people.browser(bob).post(policy_url(project, "stop/"))
    change.refresh_from_db()
    assert (change.state, change.why) == (PolicyChangeState.STOPPED, "bob stopped it.")
    assert worker_after(LATER, change) == PolicyChangeState.STOPPED
    project.refresh_from_db()
    assert (project.publishing, project.policy_version) == (Publishing.AUTO, 1)
    assert names_of_events(project) == ["policy-change.asked", "policy-change.stopped"]


def test_what_nobody_stops_happens_after_72_hours_and_not_before(alice: User, project: Project) -> None:
    guarded(project)
    post_policy(alice, project, "optional")
    change = PolicyChange.objects.get()

    assert worker_after(SOON, change) == PolicyChangeState.WAITING
    assert worker_after(LATER, change) == PolicyChangeState.DONE
    project.refresh_from_db()
    assert (project.publishing, project.policy_version) == (Publishing.OPTIONAL, 2)
    assert names_of_events(project) == ["policy-change.asked", "policy.changed", "policy-change.done"]
    assert subjects(letters_to("bob@example.org"))[-1] == "sampleproject: less protection now"


def test_without_the_wait_a_thief_of_one_session_publishes_at_once(alice: User, project: Project) -> None:
    """The attack: it is what the page would do if a weaker policy held as a stronger one does."""
    guarded(project)
    policy_changes._set_policy(project, weaker(project, asked_by=alice).policy)
    project.refresh_from_db()
    assert not project.publishing_policy.is_review_required


@pytest.mark.parametrize(
    ("wanted", "what"),
    [
        ({"approvals": 1, "four_eyes": True}, "fewer people have to agree"),
        ({"approvals": 2}, "approvals of those who uploaded count"),
        ({"approvals": 2, "four_eyes": True, "approve_by_code": True}, "a code of an authenticator app is enough"),
        (
            {"mode": "optional"},
            "releases may be published without review; fewer people have to agree; "
            "approvals of those who uploaded count",
        ),
    ],
)
def test_whatever_weakens_waits_and_says_what_it_weakens(
    alice: User, reviewed: Project, wanted: dict[str, object], what: str
) -> None:
    assert post_policy(alice, reviewed, **wanted).status_code == 302  # type: ignore[arg-type]

    assert PolicyChange.objects.get().what == what
    reviewed.refresh_from_db()
    assert reviewed.policy_version == 1


def test_one_change_waits_at_a_time_but_what_strengthens_never_waits(
    alice: User, bob: User, reviewed: Project
) -> None:
    post_policy(alice, reviewed, approvals=1, four_eyes=True)
    change = PolicyChange.objects.get()

    assert "waits already" in post_policy(bob, reviewed, "optional").text
    assert post_policy(bob, reviewed, approvals=3, four_eyes=True).status_code == 302
    # It was asked for under another policy.
    assert worker_after(LATER, change) == PolicyChangeState.LAPSED
    assert "changed meanwhile" in change.why
    reviewed.refresh_from_db()
    assert reviewed.approvals == 3


# -- under four-eyes ------------------------------------------------------------------------------------------


def test_under_four_eyes_another_owner_has_to_agree(alice: User, bob: User, reviewed: Project) -> None:
    post_policy(alice, reviewed, approvals=1, four_eyes=True)
    change = PolicyChange.objects.get()
    agree = policy_url(reviewed, f"{change.pk}/agree/")

    assert worker_after(LATER, change) == PolicyChangeState.WAITING
    refused = people.browser(alice).post(agree)
    assert refused.status_code == 403
    assert "another owner has to agree" in refused.text
    assert people.browser(cast.person("mallory")).post(agree).status_code == 404
    assert people.browser(bob).post(agree).status_code == 302
    assert worker_after(LATER, change) == PolicyChangeState.DONE
    reviewed.refresh_from_db()
    assert reviewed.approvals == 1
    assert change.second == bob


def test_an_owner_of_a_few_hours_cannot_agree(alice: User, reviewed: Project) -> None:
    """Else whoever has taken one owner's account over would invite the second."""
    dave = cast.person("dave")
    cast.grant(dave, reviewed, RoleKind.OWNER)
    post_policy(alice, reviewed, "optional")
    change = PolicyChange.objects.get()
    agree = policy_url(reviewed, f"{change.pk}/agree/")

    assert "became owner a short while ago" in people.browser(dave).post(agree).text
    change.refresh_from_db()
    assert change.second is None
    Role.objects.filter(user=dave).update(granted_at=clock.now() - LATER)
    assert people.browser(dave).post(agree).status_code == 302


def test_what_nobody_agrees_to_comes_to_nothing(alice: User, reviewed: Project) -> None:
    post_policy(alice, reviewed, "optional")
    change = PolicyChange.objects.get()

    assert worker_after(timedelta(days=29), change) == PolicyChangeState.WAITING
    assert worker_after(timedelta(days=31), change) == PolicyChangeState.LAPSED
    assert change.why == "Nobody else agreed to it."


def test_where_one_owner_is_alone_staff_agree_after_14_days_and_everybody_is_told(
    alice: User, bob: User, reviewed: Project
) -> None:
    mona = cast.staff("mona", StaffKind.MODERATOR)
    Role.objects.filter(user=bob).delete()
    post_policy(alice, reviewed, approvals=1, four_eyes=True)
    change = PolicyChange.objects.get()
    erins = letters_to("erin@example.org")
    assert "staff have to" in erins[-1].body
    console = people.browser(mona)
    page = f"/admin/moderation/policy-change/{change.pk}/"
    assert "sampleproject" in console.get("/admin/moderation/policy-changes/").text

    early = console.post(page, {"reason": "Spoke to her on the phone."})
    assert "Staff may agree from" in early.text
    PolicyChange.objects.update(asked_at=change.asked_at - STAFF_TIME, due_at=change.due_at - STAFF_TIME)
    assert console.post(page, {"reason": "Spoke to her on the phone."}).status_code == 302

    change.refresh_from_db()
    assert (change.second, change.is_second_staff) == (mona, True)
    said = letters_to("erin@example.org")[-1].body
    assert "Staff agreed to this" in said
    assert "mona" not in said
    assert worker_after(timedelta(0), change) == PolicyChangeState.DONE
    assert "policy-change.agreed-by-staff" in names_of_events(reviewed)


def test_staff_do_not_agree_where_owners_can_nor_on_their_own_projects(
    alice: User, bob: User, reviewed: Project
) -> None:
    mona, nora = (cast.staff(name, StaffKind.MODERATOR) for name in ("mona", "nora"))
    cast.grant(nora, reviewed, RoleKind.MAINTAINER)
    change = weaker(reviewed, asked_by=alice, needs_second=True)
    PolicyChange.objects.update(asked_at=change.asked_at - STAFF_TIME)
    page = f"/admin/moderation/policy-change/{change.pk}/"

    assert "has other owners" in people.browser(mona).post(page, {"reason": "Asked."}).text
    Role.objects.filter(user=bob).delete()
    assert "You have a role on this project" in people.browser(nora).get(page).text
    assert people.browser(nora).post(page, {"reason": "Asked."}).status_code == 403
    change.refresh_from_db()
    assert change.second is None


# -- approvers ------------------------------------------------------------------------------------------------


def remove(by: User, project: Project, who: str) -> str:
    return people.browser(by).post(people_url(project, f"member/{who}/"), {"act": "remove"}, follow=True).text


def test_an_approver_who_counts_goes_after_72_hours(alice: User, bob: User, reviewed: Project) -> None:
    said = remove(alice, reviewed, "erin")

    assert "erin stays approver until" in said
    change = PolicyChange.objects.get()
    assert change.member is not None
    assert change.what == "erin would no longer be approver"
    assert Role.objects.filter(user__username="erin").exists()
    assert subjects(letters_to("erin@example.org")) == ["sampleproject: less protection asked for"]
    people.browser(bob).post(policy_url(reviewed, f"{change.pk}/agree/"))
    assert worker_after(LATER, change) == PolicyChangeState.DONE
    assert not Role.objects.filter(user__username="erin").exists()
    reviewed.refresh_from_db()
    assert reviewed.policy_version == 1


def test_what_else_they_are_goes_at_once(alice: User, reviewed: Project) -> None:
    erin = User.objects.get(username="erin")
    cast.grant(erin, reviewed, RoleKind.OWNER)

    assert "erin stays approver until" in remove(alice, reviewed, "erin")
    assert list(Role.objects.filter(user=erin).values_list("kind", flat=True)) == [RoleKind.APPROVER]


def test_a_new_approver_goes_at_once_since_nothing_of_theirs_counts_yet(alice: User, reviewed: Project) -> None:
    dave = cast.person("dave")
    cast.grant(dave, reviewed, RoleKind.APPROVER)

    assert "dave has no role of their own" in remove(alice, reviewed, "dave")
    assert not PolicyChange.objects.exists()


def test_nobody_removes_so_many_approvers_that_nothing_can_be_released(alice: User, reviewed: Project) -> None:
    Role.objects.filter(user__username="carol").delete()

    assert "2 would have to agree to each release" in remove(alice, reviewed, "erin")
    assert Role.objects.filter(user__username="erin").exists()


def test_approvers_leave_at_once_by_themselves(reviewed: Project) -> None:
    erin = User.objects.get(username="erin")

    people.browser(erin).post(people_url(reviewed, "leave/"), {"act": "leave"})

    assert not Role.objects.filter(user=erin).exists()


# -- what happens meanwhile -----------------------------------------------------------------------------------


def test_whoever_asked_is_frozen_or_no_owner_when_the_time_comes(alice: User, bob: User, project: Project) -> None:
    change = weaker(guarded(project), asked_by=alice)
    Role.objects.filter(user=alice).delete()

    assert worker_after(LATER, change) == PolicyChangeState.LAPSED
    assert change.why == "alice, who asked for it, may not decide about the project now."
    assert subjects(letters_to("bob@example.org"))[-1] == "sampleproject: protection stays as it is"

    second = weaker(project, asked_by=bob)
    moderator = cast.actor(cast.staff("mona", StaffKind.MODERATOR))
    freezing.freeze_account(actor=moderator, user=bob, reason="Looked into.", at=clock.now())
    assert worker_after(LATER, second) == PolicyChangeState.LAPSED


def test_whoever_agreed_is_no_owner_when_the_time_comes(alice: User, bob: User, reviewed: Project) -> None:
    post_policy(alice, reviewed, "optional")
    change = PolicyChange.objects.get()
    policy_changes.agree_to_change(actor=cast.actor(bob), project=reviewed, pk=change.pk, at=clock.now())
    Role.objects.filter(user=bob).delete()

    assert worker_after(LATER, change) == PolicyChangeState.LAPSED


def test_late_buttons_hear_that_nothing_waits(alice: User, project: Project) -> None:
    change = weaker(guarded(project), asked_by=alice)
    change.end(PolicyChangeState.STOPPED, "bob stopped it.", clock.now())
    browser = people.browser(alice)

    answer = browser.post(policy_url(project, "stop/"), follow=True)
    assert "does not wait any more" in answer.text
    with pytest.raises(Conflict):
        policy_changes.stop_change(actor=cast.actor(alice), project=project, at=clock.now())


def test_the_table_keeps_to_two_people_and_to_its_time(alice: User, project: Project) -> None:
    change = weaker(guarded(project), asked_by=alice, needs_second=True)

    def ends(**columns: object) -> None:
        with transaction.atomic():
            PolicyChange.objects.filter(pk=change.pk).update(**columns)

    for columns in (
        {"second": alice, "second_at": clock.now()},
        {"state": "done", "ended_at": change.due_at},
        {"state": "done", "needs_second": False, "ended_at": change.due_at - timedelta(seconds=1)},
        {"state": "stopped"},
    ):
        with pytest.raises(IntegrityError):
            ends(**columns)
    with pytest.raises(IntegrityError), transaction.atomic():
        weaker(project, asked_by=alice)


def test_two_changes_at_once_are_refused_by_the_action_too(alice: User, project: Project) -> None:
    weaker(guarded(project), asked_by=alice)
    with pytest.raises(PolicyChangeWaits):
        policy_changes.change_policy(
            actor=cast.actor(alice),
            project=project,
            wanted=PolicyChange.objects.get().policy,
            at=clock.now(),
        )
