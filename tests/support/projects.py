"""People of a project as tests want them: invitations, and the pages about them."""

from __future__ import annotations

from django.http import HttpResponse
from django.test import Client

from accounts.models import User
from indexsite import clock
from indexsite.models import AuditEvent
from releases.actions.people import inviting
from releases.models import Project, ProjectInvitation, Role, RoleKind
from tests.support import cast

PEOPLE = "/manage/project/{}/people/"


def people_url(project: Project, rest: str = "") -> str:
    return PEOPLE.format(project.normalized_name) + rest


def invite(
    inviter: User, project: Project, invitee: str, kind: RoleKind = RoleKind.MAINTAINER
) -> ProjectInvitation:
    """As the owner's page does it."""
    return inviting.invite(actor=cast.actor(inviter), project=project, invitee=invitee, kind=kind, at=clock.now())


def send_invitation(client: Client, project: Project, invitee: str, kind: str = "maintainer") -> HttpResponse:
    """Through the page."""
    return client.post(people_url(project, "invite/"), {"invitee": invitee, "kind": kind})


def answer(client: Client, invitation: ProjectInvitation, act: str) -> HttpResponse:
    url = f"/account/invitations/project/{invitation.pk}/"
    return client.post(url, {"act": act}, headers={"referer": f"http://testserver{url}"})


def roles(project: Project) -> list[tuple[str, str]]:
    """Who has which role of their own."""
    found = Role.objects.filter(project=project).exclude(user=None).order_by("user__username", "kind")
    return list(found.values_list("user__username", "kind"))


def said(project: Project) -> list[str]:
    """Names of the audit events of the project, oldest first."""
    found = AuditEvent.objects.filter(project=project.normalized_name).order_by("pk")
    return list(found.values_list("name", flat=True))


def owned(owner: User, name: str = "sampleproject") -> Project:
    """Her project, which nobody else looks after."""
    return cast.ProjectFactory(name=name, owner=owner)


def as_role(user: User, project: Project) -> set[str]:
    return set(Role.objects.filter(project=project, user=user).values_list("kind", flat=True))
