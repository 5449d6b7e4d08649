"""The REST API's own addresses: its root, its OpenAPI document, and the pages that show that document."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import api_view, authentication_classes
from rest_framework.request import Request
from rest_framework.response import Response

from indexsite.api_docs import document_pages
from indexsite.errors import NotFound
from indexsite.http import public

ROOT = "/api/v1/"
MEDIA_TYPE = "application/vnd.oai.openapi+json;version=3.1"


class RootSerializer(serializers.Serializer[Any]):
    """Where everything is."""

    token = serializers.URLField(help_text="Check a token.")
    schema = serializers.URLField(help_text="This API as OpenAPI 3.1.")
    docs = serializers.URLField(help_text="The same for people.")
    upload = serializers.URLField(help_text="Where clients upload, by the protocol of twine.")
    simple = serializers.URLField(help_text="Where clients install from.")


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the OpenAPI document describes our credentials."""

    target_class = "tokens.authentication.TokenAuthentication"
    name = ["bearerToken", "basicToken"]

    def get_security_requirement(self, auto_schema: Any) -> list[dict[str, list[Any]]]:
        return [{name: []} for name in self.name]  # either will do

    def get_security_definition(self, auto_schema: Any) -> list[dict[str, Any]]:
        return [
            {
                "type": "http",
                "scheme": "bearer",
                "bearerFormat": "macaroon",
                "description": f"An API token; it begins with {settings.ENV.token_prefix}",
            },
            {"type": "http", "scheme": "basic", "description": "User name __token__, the token as password."},
        ]


@public("An index of addresses that are no secret")
@extend_schema(
    operation_id="root",
    summary="Where everything is",
    tags=["About"],
    auth=[],
    responses=RootSerializer,
)
@api_view(["GET"])
@authentication_classes([])
def root(request: Request) -> Response:
    """The addresses that a program needs, given this one."""
    paths = {"token": "/api/v1/token/", "schema": "/api/v1/schema/", "docs": "/api/v1/docs/"}
    paths |= {"upload": "/legacy/", "simple": "/simple/"}
    return Response({name: settings.SITE_URL + path for name, path in paths.items()})


@public("The description of a public API")
@require_safe
def schema(request: HttpRequest) -> HttpResponse:
    """The OpenAPI document."""
    response = JsonResponse(document(), content_type=MEDIA_TYPE)
    response["Access-Control-Allow-Origin"] = "*"
    return response


@public("The description of a public API")
@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    """The OpenAPI document as a page."""
    return render(request, "api/docs.html", {"api": document_pages(document())})


@public("Says that there is nothing at an address")
@api_view(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"])
@authentication_classes([])
def nothing(request: Request, rest: str) -> Response:
    """Programs get a problem, not a page."""
    raise NotFound("There is nothing at this address; see /api/v1/docs/ for what there is.")


@cache
def document() -> dict[str, Any]:
    """The OpenAPI document; the same for everyone until the next start."""
    made = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return dict(made)


def documented(endpoints: list[tuple[str, str, str, Any]], **kwargs: Any) -> list[tuple[str, str, str, Any]]:
    """Keeps the API's own addresses, in their one proper spelling."""
    return [
        endpoint
        for endpoint in endpoints
        if endpoint[0].startswith(ROOT) and endpoint[0].endswith("/") and "{rest}" not in endpoint[0]
    ]
