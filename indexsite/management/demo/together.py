"""Projects with people and a life: an organisation with a team, open questions, and projects in every state."""

from __future__ import annotations

from datetime import timedelta

from accounts.actions import organization_invitations, organizations, teams
from accounts.models import MembershipKind, Organization, User
from indexsite import clock
from indexsite.management.demo.acting import at_browser, gather, publish
from indexsite.management.demo.cast import DRAFTS, GREETINGS
from releases.actions.drafts import beginning, publishing
from releases.actions.lifecycle import deleting, reporting, status, yanking
from releases.actions.people import inviting
from releases.actions.people import teams as team_roles
from releases.actions.transfers import answering, carrying_out, offering
from releases.models import Draft, DraftState, File, MalwareReport, Project, ProjectStatus, RoleKind

ORGANIZATION, TEAM = "greeters", "releasers"
PUBLISHED_DAYS_AGO = 20
HANDED_OVER_DAYS_AGO = 7


def create(users: dict[str, User]) -> None:
    """Each step looks whether it has been done: the next run finishes an interrupted one."""
    gina, hugo, mona = users["gina"], users["hugo"], users["mona"]
    for days_ago, package in zip(range(PUBLISHED_DAYS_AGO, 0, -1), GREETINGS, strict=False):
        # Written last; an sdist that was deleted since could not be published again.
        if not File.objects.filter(filename=package.wheel_name).exists():
            publish(package, gina, at=clock.now() - timedelta(days=days_ago))
    organization = _organization(gina, hugo)
    _hand_over(gina, Project.objects.get(name="greetings"), organization)
    _team(gina, hugo, organization)
    _open_questions(gina, hugo, organization)
    _life(gina, mona)
    _report(hugo)
    _drafts(gina)


def _organization(gina: User, hugo: User) -> Organization:
    found = Organization.objects.filter(name=ORGANIZATION).first()
    made = found or organizations.create_organization(
        actor=at_browser(gina), name=ORGANIZATION, display_name="The Greeters", at=clock.now()
    )
    if not made.memberships.filter(user=hugo).exists():
        made.memberships.create(user=hugo, kind=MembershipKind.MEMBER, joined_at=clock.now())
    return made


def _hand_over(gina: User, project: Project, organization: Organization) -> None:
    """Days ago, so that all its delays are over."""
    if project.organization == organization:
        return
    at = clock.now() - timedelta(days=HANDED_OVER_DAYS_AGO)
    transfer = project.transfers.open().first() or offering.offer(
        actor=at_browser(gina), project=project, receiver=ORGANIZATION, at=at
    )
    if transfer.accepted_at is None:
        answering.accept(actor=at_browser(gina), pk=transfer.pk, at=at)
    carrying_out.carry_out(transfer.pk, at=clock.now())


def _team(gina: User, hugo: User, organization: Organization) -> None:
    actor, at = at_browser(gina), clock.now()
    project = Project.objects.get(name="greetings")
    team = organization.teams.filter(name=TEAM).first() or teams.create_team(
        actor=actor, organization=organization, name=TEAM, at=at
    )
    teams.seat_member(actor=actor, organization=organization, team_name=TEAM, username=hugo.username, at=at)
    if not project.roles.filter(team=team).exists():
        team_roles.grant_team(
            actor=actor, project=project, team_pk=team.pk, kind=RoleKind.MAINTAINER, at=clock.now()
        )


def _open_questions(gina: User, hugo: User, organization: Organization) -> None:
    """Two to hugo, so that he sees what being asked is like, and one to somebody without an account."""
    actor, at = at_browser(gina), clock.now()
    asked = Project.objects.get(name="greetings-gui")
    if not asked.invitations.exists():
        inviting.invite(actor=actor, project=asked, invitee=hugo.username, kind=RoleKind.MAINTAINER, at=at)
    offered = Project.objects.get(name="greetings-cli")
    if not offered.transfers.exists():
        offering.offer(actor=actor, project=offered, receiver=hugo.username, at=at)
    if not organization.invitations.exists():
        organization_invitations.invite_to_organization(
            actor=actor,
            organization=organization,
            whom="iris@example.org",
            kind=MembershipKind.MEMBER,
            at=at,
        )


def _life(gina: User, mona: User) -> None:
    """One release is yanked, one file deleted, one project archived, one in quarantine."""
    actor, at = at_browser(gina), clock.now()
    project = Project.objects.get(name="greetings")
    yanking.yank_release(
        actor=actor, release=project.releases.get(version="1.0"), reason="It greets nobody on Mondays.", at=at
    )
    unneeded = File.objects.filter(release__project=project, filename="greetings-1.1.tar.gz")
    if (file := unneeded.filter(release__deletion=None).first()) is not None:
        deleting.delete_file(actor=actor, file=file, at=at)
    status.change_status(
        actor=actor,
        project=Project.objects.get(name="old-greetings"),
        status=ProjectStatus.ARCHIVED,
        reason="Use greetings instead.",
        at=at,
    )
    suspect = Project.objects.get(name="greetings-free")
    if suspect.status != ProjectStatus.QUARANTINED:
        status.quarantine_project(
            actor=at_browser(mona), project=suspect, reason="It is being looked at: it may be malware.", at=at
        )


def _drafts(gina: User) -> None:
    """One that is being gathered, and one that waits for a decision."""
    actor, at = at_browser(gina), clock.now()
    for package in DRAFTS:
        if Draft.objects.filter(normalized_name=package.name, version=package.version).exists():
            continue
        draft = beginning.begin_draft(actor=actor, name=package.name, version=package.version, at=at)
        gather(package, draft, actor=actor, at=at)
    waiting = Draft.objects.filter(normalized_name=DRAFTS[-1].name, version=DRAFTS[-1].version).latest("pk")
    if waiting.state == DraftState.OPEN and waiting.expires_at > at:
        publishing.submit_draft(actor=actor, draft=waiting, at=at)


def _report(hugo: User) -> None:
    project = Project.objects.get(name="greetings-gui")
    if not MalwareReport.objects.filter(project=project).exists():
        reporting.report_malware(
            actor=at_browser(hugo),
            project=project,
            version="0.1",
            text="It opens a window that asks for passwords.",
            at=clock.now(),
        )
