"""Errors of the REST API: every one an RFC 9457 problem with a stable code, whoever raised it."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from rest_framework import exceptions, serializers

from indexsite import errors
from indexsite.http import problem, reason_line


class ProblemSerializer(serializers.Serializer[Any]):
    """What went wrong (RFC 9457)."""

    type = serializers.URLField(help_text="Page that explains problems of this code.")
    title = serializers.CharField()
    status = serializers.IntegerField()
    code = serializers.CharField(help_text="Stable identifier for programs.")
    detail = serializers.CharField(help_text="What is wrong and what to do, for people.")
    help = serializers.URLField(required=False)


PROBLEM = "application/problem+json"


def problem_of(exception: Exception, context: dict[str, Any]) -> HttpResponse | None:
    """REST framework's hook for exceptions; None lets a bug be a logged 500."""
    if isinstance(exception, errors.DomainError):
        response = problem(exception)
    elif isinstance(exception, Http404):
        response = problem(errors.NotFound("There is nothing at this address."))
    elif isinstance(exception, PermissionDenied):
        response = problem(errors.PermissionRefused("This is not allowed."))
    elif isinstance(exception, exceptions.APIException):
        response = _framework_problem(exception)
    else:
        return None
    if response.status_code == 401:
        view = context["view"]
        response["WWW-Authenticate"] = view.get_authenticate_header(view.request)
    return response


def _framework_problem(exception: exceptions.APIException) -> HttpResponse:
    detail = exception.detail
    sentence = str(detail) if isinstance(detail, str) else "The request cannot be understood."
    code = str(exception.default_code).replace("_", "-")
    response = problem(errors.DomainError(sentence, code=code), status=exception.status_code)
    response.status_code = exception.status_code
    response.reason_phrase = reason_line(sentence)
    return response
