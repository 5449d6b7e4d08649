"""`/api/v1/projects/...`: what programs ask about projects."""

from __future__ import annotations

import re
from typing import Any, cast

from django.core.paginator import Paginator
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from packaging.utils import canonicalize_name
from rest_framework import serializers
from rest_framework.decorators import api_view, authentication_classes, permission_classes
from rest_framework.request import Request
from rest_framework.response import Response

from indexsite import clock, history_pages
from indexsite.actors import Actor
from indexsite.api_problems import PROBLEM, ProblemSerializer
from indexsite.errors import InvalidInput, NotFound
from indexsite.http import enforces, public
from indexsite.policies import Action, require
from releases import queries, queries_downloads, queries_manage, queries_people
from releases.actions.projects import find_project
from releases.installers import DownloadKind
from releases.models import ProjectStatus
from tokens.authentication import TokenRequired

_NO_PROJECT = OpenApiResponse(ProblemSerializer, description="There is no such project, or none you may know of.")


class DaySerializer(serializers.Serializer[Any]):
    """Downloads on one day."""

    date = serializers.DateField(help_text="UTC.")
    count = serializers.IntegerField()


class FamilySerializer(serializers.Serializer[Any]):
    """Downloads by one family of programs."""

    installer = serializers.CharField(help_text="Such as pip or uv; other for what is not known.")
    kind = serializers.ChoiceField(choices=[kind.value for kind in DownloadKind])
    count = serializers.IntegerField()


class DownloadsSerializer(serializers.Serializer[Any]):
    """How often files of the project were downloaded lately."""

    total = serializers.IntegerField(help_text="Of all days; without mirrors and scanners.")
    mirrors = serializers.IntegerField(help_text="Copies for mirrors and caches of others.")
    scanners = serializers.IntegerField(help_text="Programs that look at files and install nothing.")
    days = DaySerializer(many=True, help_text="Every day, the latest last; without mirrors and scanners.")
    families = FamilySerializer(many=True, help_text="By program, the most downloads first; all kinds.")


@public("How much a published project is used is for everybody")
@extend_schema(
    operation_id="getDownloads",
    summary="How often is this project downloaded?",
    tags=["Projects"],
    auth=[],
    parameters=[
        OpenApiParameter(
            "days", int, description=f"How many days up to today: 1 to {queries_downloads.MAX_DAYS}, else 30."
        )
    ],
    responses={
        200: DownloadsSerializer,
        (400, PROBLEM): OpenApiResponse(ProblemSerializer, description="That is not a number of days."),
        (404, PROBLEM): _NO_PROJECT,
    },
)
@api_view(["GET"])
@authentication_classes([])
def downloads(request: Request, name: str) -> Response:
    """Downloads by day and by family of programs, a minute behind."""
    project = queries.get_published_project(name)
    if project is None:
        raise NotFound(f"There is no project '{name}' here; check the spelling.")
    found = queries_downloads.downloads_of(project, at=clock.now(), days=_days(request))
    headers = {"Cache-Control": "public, max-age=300", "Access-Control-Allow-Origin": "*"}
    return Response(DownloadsSerializer(found).data, headers=headers)


def _days(request: Request) -> int:
    text = request.query_params.get("days", str(queries_downloads.DAYS))
    if not (re.fullmatch(r"[0-9]{1,3}", text) and 1 <= int(text) <= queries_downloads.MAX_DAYS):
        raise InvalidInput(f"The parameter days is a whole number from 1 to {queries_downloads.MAX_DAYS}.")
    return int(text)


# -- for members, by token --------------------------------------------------------------------------------------

_NOT_ALLOWED = OpenApiResponse(ProblemSerializer, description="The token or its owner may not do this.")
_NO_CREDENTIALS = OpenApiResponse(ProblemSerializer, description="No credentials were sent.")
REFUSALS: dict[Any, Any] = {
    (401, PROBLEM): _NO_CREDENTIALS,
    (403, PROBLEM): _NOT_ALLOWED,
    (404, PROBLEM): _NO_PROJECT,
}
NOT_KEPT = {"Cache-Control": "no-store"}


def actor_with_token(request: Request) -> Actor:
    """Who asks. From the token alone: cookies mean nothing here, so no other site's page can act for anybody."""
    return cast(Actor, request.auth)


class ProjectSerializer(serializers.Serializer[Any]):
    """One project of the person."""

    name = serializers.CharField()
    normalized_name = serializers.CharField()
    status = serializers.ChoiceField(choices=[status.value for status in ProjectStatus])
    roles = serializers.ListField(child=serializers.CharField(), help_text="owner, maintainer, approver.")


class ProjectsSerializer(serializers.Serializer[Any]):
    """All projects on which the person has a role, by name."""

    projects = ProjectSerializer(many=True)


@enforces(Action.PROJECT_LIST)
@extend_schema(
    operation_id="listProjects",
    summary="Which projects has the owner of this token?",
    tags=["Projects"],
    responses={200: ProjectsSerializer, (401, PROBLEM): _NO_CREDENTIALS, (403, PROBLEM): _NOT_ALLOWED},
)
@api_view(["GET"])
@permission_classes([TokenRequired])
def projects(request: Request) -> Response:
    """Needs a token for the whole account."""
    actor = actor_with_token(request)
    require(actor, Action.PROJECT_LIST)
    found = [
        {
            "name": entry.project.name,
            "normalized_name": entry.project.normalized_name,
            "status": entry.project.status,
            "roles": [kind.value for kind in entry.kinds],
        }
        for entry in queries_manage.memberships(actor.person)
    ]
    return Response(ProjectsSerializer({"projects": found}).data, headers=NOT_KEPT)


class MemberSerializer(serializers.Serializer[Any]):
    """One person on the project."""

    user = serializers.CharField(source="user.username")
    roles = serializers.ListField(child=serializers.CharField(), source="kinds")
    suspended = serializers.BooleanField(
        source="is_suspended",
        allow_null=True,
        help_text="Whether an obligation suspends the person's rights; null where that is not yours to know.",
    )


class MembersSerializer(serializers.Serializer[Any]):
    """Everybody with a role, owners first."""

    members = MemberSerializer(many=True)


@enforces(Action.MEMBERS_VIEW)
@extend_schema(
    operation_id="listMembers",
    summary="Who has which role?",
    description="Needs a token made for members:read.",
    tags=["Projects"],
    responses={200: MembersSerializer, **REFUSALS},
)
@api_view(["GET"])
@permission_classes([TokenRequired])
def members(request: Request, name: str) -> Response:
    """The people of a project."""
    actor = actor_with_token(request)
    project = find_project(actor=actor, name=canonicalize_name(name))
    require(actor, Action.MEMBERS_VIEW, project)
    found = queries_people.people_of(project, seen_by=actor.person)
    return Response(MembersSerializer({"members": found}).data, headers=NOT_KEPT)


class EventSerializer(serializers.Serializer[Any]):
    """One event."""

    at = serializers.DateTimeField()
    event = serializers.CharField(help_text="Stable name, such as file.published.")
    sentence = serializers.CharField()
    actor = serializers.CharField()
    credential = serializers.CharField()
    address = serializers.CharField(help_text="Empty where it is not yours to know.")
    client = serializers.CharField()


class HistorySerializer(serializers.Serializer[Any]):
    """What happened, the latest first."""

    events = EventSerializer(many=True)
    next_page = serializers.IntegerField(allow_null=True)


@enforces(Action.HISTORY_VIEW)
@extend_schema(
    operation_id="getHistory",
    summary="What happened to this project?",
    description="Needs a token made for history:read.",
    tags=["Projects"],
    parameters=[OpenApiParameter("page", int, description="From 1; 50 events each.")],
    responses={200: HistorySerializer, **REFUSALS},
)
@api_view(["GET"])
@permission_classes([TokenRequired])
def history(request: Request, name: str) -> Response:
    """The audit trail of a project."""
    actor = actor_with_token(request)
    project = find_project(actor=actor, name=canonicalize_name(name))
    require(actor, Action.HISTORY_VIEW, project)
    to_entry = queries_manage.history_entries(project, seen_by=actor.person)
    rows = Paginator(queries_manage.history(project), history_pages.PAGE_LENGTH)
    page = rows.get_page(request.query_params.get("page"))
    found = {
        "events": [to_entry(row) for row in page],
        "next_page": page.next_page_number() if page.has_next() else None,
    }
    return Response(HistorySerializer(found).data, headers=NOT_KEPT)
