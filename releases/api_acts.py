"""`/api/v1/projects/...`: what programs do to projects, by the actions that the pages of the same acts call."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiResponse, extend_schema
from packaging.utils import canonicalize_name
from rest_framework import serializers, status
from rest_framework.decorators import api_view, permission_classes
from rest_framework.request import Request
from rest_framework.response import Response

from indexsite import clock, limits
from indexsite.actors import Actor
from indexsite.api_problems import PROBLEM, ProblemSerializer
from indexsite.errors import InvalidInput
from indexsite.http import enforces
from indexsite.limits import Limit
from indexsite.policies import Action, require
from releases import queries_people
from releases.actions.lifecycle import yanking
from releases.actions.people import inviting
from releases.actions.projects import find_file, find_project, find_release
from releases.api_projects import NOT_KEPT, REFUSALS, actor_with_token
from releases.models import File, Project, Release, RoleKind
from tokens.authentication import TokenRequired

_UNUSABLE = {(400, PROBLEM): OpenApiResponse(ProblemSerializer, description="What was sent cannot be used.")}
_CLASH = {(409, PROBLEM): OpenApiResponse(ProblemSerializer, description="It clashes with how things stand.")}
_TOO_OFTEN = {(429, PROBLEM): OpenApiResponse(ProblemSerializer, description="Too many invitations or changes.")}


class InviteSerializer(serializers.Serializer[Any]):
    """Who is asked to take which role."""

    invitee = serializers.CharField(max_length=254, help_text="A user name or an e-mail address.")
    role = serializers.ChoiceField(
        choices=[kind.value for kind in RoleKind],
        help_text="Tokens may invite maintainers and approvers; owners are invited on the web site.",
    )


class InvitationSerializer(serializers.Serializer[Any]):
    """An invitation that nobody has answered."""

    id = serializers.IntegerField(source="pk")
    invitee = serializers.CharField()
    role = serializers.CharField(source="kind")
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()


class InvitationsSerializer(serializers.Serializer[Any]):
    """All of them, the newest first."""

    invitations = InvitationSerializer(many=True)


class ReasonSerializer(serializers.Serializer[Any]):
    """Why something is yanked."""

    reason = serializers.CharField(required=False, allow_blank=True, default="", help_text="Shown to everybody.")


class YankSerializer(serializers.Serializer[Any]):
    """How the thing stands now."""

    yanked = serializers.BooleanField()
    reason = serializers.CharField(allow_blank=True)


@enforces(Action.ROLE_INVITE)
@extend_schema(
    methods=["GET"],
    operation_id="listInvitations",
    summary="Who is invited?",
    description="Needs a token made for members:invite.",
    tags=["Invitations"],
    responses={200: InvitationsSerializer, **REFUSALS},
)
@extend_schema(
    methods=["POST"],
    operation_id="invite",
    summary="Invite somebody",
    description="Needs a token made for members:invite.",
    tags=["Invitations"],
    request=InviteSerializer,
    responses={201: InvitationSerializer, **REFUSALS, **_UNUSABLE, **_CLASH, **_TOO_OFTEN},
)
@api_view(["GET", "POST"])
@permission_classes([TokenRequired])
def invitations(request: Request, name: str) -> Response:
    """Unanswered invitations of a project, and new ones."""
    actor, project = _opened(request, name)
    at = clock.now()
    if request.method == "GET":
        require(actor, Action.ROLE_INVITE, project)
        found = [pending.invitation for pending in queries_people.pending_invitations(project, at=at)]
        return Response(InvitationsSerializer({"invitations": found}).data, headers=NOT_KEPT)
    sent = _body(InviteSerializer, request)
    made = inviting.invite(
        actor=actor, project=project, invitee=sent["invitee"], kind=RoleKind(sent["role"]), at=at
    )
    return Response(InvitationSerializer(made).data, status=status.HTTP_201_CREATED, headers=NOT_KEPT)


@enforces(Action.ROLE_INVITE)
@extend_schema(
    operation_id="takeInvitationBack",
    summary="Take an invitation back",
    description="Needs a token made for members:invite.",
    tags=["Invitations"],
    responses={204: None, **REFUSALS, **_CLASH, **_TOO_OFTEN},
)
@api_view(["DELETE"])
@permission_classes([TokenRequired])
def invitation(request: Request, name: str, pk: int) -> Response:
    """One unanswered invitation."""
    actor, project = _opened(request, name)
    inviting.take_back(actor=actor, project=project, pk=pk, at=clock.now())
    return Response(status=status.HTTP_204_NO_CONTENT)


_YANK = "Needs a token made for release:yank. PUT yanks, and replaces the reason; DELETE takes the yank back."


@enforces(Action.RELEASE_YANK)
@extend_schema(
    methods=["PUT"],
    operation_id="yankRelease",
    summary="Yank a release",
    description=_YANK,
    tags=["Yanking"],
    request=ReasonSerializer,
    responses={200: YankSerializer, **REFUSALS, **_UNUSABLE, **_TOO_OFTEN},
)
@extend_schema(
    methods=["DELETE"],
    operation_id="unyankRelease",
    summary="Take the yank of a release back",
    description=_YANK,
    tags=["Yanking"],
    responses={200: YankSerializer, **REFUSALS, **_TOO_OFTEN},
)
@api_view(["PUT", "DELETE"])
@permission_classes([TokenRequired])
def release_yank(request: Request, name: str, version: str) -> Response:
    """All files of a release, those included that come later (PEP 592)."""
    actor, project = _opened(request, name)
    release = find_release(project, version)
    if request.method == "PUT":
        reason = _body(ReasonSerializer, request)["reason"]
        yanking.yank_release(actor=actor, release=release, reason=reason, at=clock.now())
    else:
        yanking.unyank_release(actor=actor, release=release, at=clock.now())
    return _yanked(Release.objects.get(pk=release.pk))


@enforces(Action.RELEASE_YANK)
@extend_schema(
    methods=["PUT"],
    operation_id="yankFile",
    summary="Yank one file",
    description=_YANK,
    tags=["Yanking"],
    request=ReasonSerializer,
    responses={200: YankSerializer, **REFUSALS, **_UNUSABLE, **_TOO_OFTEN},
)
@extend_schema(
    methods=["DELETE"],
    operation_id="unyankFile",
    summary="Take the yank of a file back",
    description=_YANK,
    tags=["Yanking"],
    responses={200: YankSerializer, **REFUSALS, **_TOO_OFTEN},
)
@api_view(["PUT", "DELETE"])
@permission_classes([TokenRequired])
def file_yank(request: Request, name: str, filename: str) -> Response:
    """One file alone; it stays yanked while its release is."""
    actor, project = _opened(request, name)
    file = find_file(project, filename)
    if request.method == "PUT":
        reason = _body(ReasonSerializer, request)["reason"]
        yanking.yank_file(actor=actor, file=file, reason=reason, at=clock.now())
    else:
        yanking.unyank_file(actor=actor, file=file, at=clock.now())
    return _yanked(File.objects.get(pk=file.pk))


def _opened(request: Request, name: str) -> tuple[Actor, Project]:
    actor = actor_with_token(request)
    if request.method != "GET":
        limits.consume(Limit.CHANGE_USER, str(actor.person.pk), at=clock.now())
    return actor, find_project(actor=actor, name=canonicalize_name(name))


def _body(serializer: type[serializers.Serializer[Any]], request: Request) -> dict[str, Any]:
    read = serializer(data=request.data)
    if not read.is_valid():
        field = next(iter(read.errors))
        raise InvalidInput(f"The field {field} is missing or cannot be used; see /api/v1/docs/.")
    found: dict[str, Any] = read.validated_data
    return found


def _yanked(thing: Release | File) -> Response:
    found = {"yanked": thing.yanked_at is not None, "reason": thing.yanked_reason}
    return Response(YankSerializer(found).data, headers=NOT_KEPT)
