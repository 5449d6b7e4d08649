"""`/api/v1/token/`: a token asks about itself, so that a pipeline can find out before it builds a release."""

from __future__ import annotations

from typing import Any, cast

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.decorators import api_view, permission_classes
from rest_framework.request import Request
from rest_framework.response import Response

from indexsite.actors import Actor
from indexsite.api_problems import PROBLEM, ProblemSerializer
from indexsite.errors import PermissionRefused
from indexsite.http import enforces
from indexsite.policies import Action, require
from tokens import queries
from tokens.authentication import TokenCredential, TokenRequired


class ProjectVerdictSerializer(serializers.Serializer[Any]):
    """One project the token is limited to."""

    name = serializers.CharField(help_text="Normalised project name.")
    may_upload = serializers.BooleanField(
        help_text="Whether an upload to it would be accepted now, at once or into a draft."
    )
    problem = serializers.CharField(allow_null=True, help_text="If not: what is wrong and what to do.")


class TokenSerializer(serializers.Serializer[Any]):
    """A token that works."""

    valid = serializers.BooleanField(help_text="Always true; a token that does not work gets a 403.")
    id = serializers.UUIDField(help_text="Public identifier, as in the audit trail. Not a secret.")
    description = serializers.CharField()
    user = serializers.CharField(help_text="Whose token this is.")
    scope = serializers.ChoiceField(choices=["account", "project"])
    projects = ProjectVerdictSerializer(
        many=True, allow_null=True, help_text="The projects it is limited to; null for the whole account."
    )
    permissions = serializers.ListField(
        child=serializers.CharField(), help_text="What it may be used for, such as upload."
    )
    drafts_only = serializers.BooleanField(
        help_text="Whether its uploads land in a draft, whatever address they are sent to."
    )
    versions = serializers.ListField(
        child=serializers.CharField(),
        allow_null=True,
        help_text="Sets of versions, such as >=2,<3; good for versions in all of them. Null for any.",
    )
    drafts = serializers.ListField(
        child=serializers.CharField(),
        allow_null=True,
        help_text="Ids of the drafts it is limited to; null for any.",
    )
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(
        allow_null=True, help_text="The earliest end among its restrictions; null if there is none."
    )


@enforces(Action.TOKEN_INSPECT)
@extend_schema(
    operation_id="inspectToken",
    summary="Is this token valid, for what, until when?",
    description=(
        "Send the token as for an upload: as Bearer, or as the password of Basic with the user name __token__. "
        "A token that cannot be used gets a 403 whose detail says why and where to renew it."
    ),
    tags=["Tokens"],
    parameters=[
        OpenApiParameter(
            "project",
            str,
            description="Also fail (403) unless an upload to this project would be accepted now.",
        ),
        OpenApiParameter(
            "version",
            str,
            description="The version of the upload; a token for some versions has to be asked about one.",
        ),
    ],
    responses={
        200: TokenSerializer,
        (400, PROBLEM): OpenApiResponse(ProblemSerializer, description="That is not a version."),
        (401, PROBLEM): OpenApiResponse(ProblemSerializer, description="No credentials were sent."),
        (403, PROBLEM): OpenApiResponse(
            ProblemSerializer, description="The token cannot be used, or not for this project."
        ),
        (429, PROBLEM): OpenApiResponse(
            ProblemSerializer, description="Too many failed attempts from this address."
        ),
    },
)
@api_view(["GET"])
@permission_classes([TokenRequired])
def token(request: Request) -> Response:
    """What the token in the Authorization header is good for."""
    actor = cast(Actor, request.auth)
    require(actor, Action.TOKEN_INSPECT)
    credential = actor.credential
    assert isinstance(credential, TokenCredential)  # noqa: S101 - no other way in
    wanted = request.query_params.get("project", "").strip()
    version = queries.read_version(request.query_params.get("version", "").strip())
    if wanted and (denied := queries.upload_denied(actor, wanted, version)) is not None:
        raise PermissionRefused(denied.sentence, code=denied.code, help_path=denied.help_path)
    found = queries.inspection(
        actor,
        token=credential.token,
        restrictions=credential.restrictions,
        permissions=credential.permissions,
        version=version,
    )
    return Response(TokenSerializer(found).data, headers={"Cache-Control": "no-store"})
