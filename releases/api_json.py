"""`/pypi/<name>/json` and `/pypi/<name>/<version>/json`: the JSON that existing tools read about a project."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponsePermanentRedirect
from django.urls import reverse
from django.utils.cache import get_conditional_response
from django.views.decorators.http import require_safe
from packaging.utils import canonicalize_name

from indexsite.errors import NotFound
from indexsite.http import problem, public
from releases.models import Project
from releases.queries import get_visible_project, normalized_version
from releases.queries_json import project_document

_MAX_AGE = 900  # seconds


@require_safe
@public("The index is read by anybody.")
def project_json(request: HttpRequest, name: str) -> HttpResponse:
    """The project with its latest release."""
    return _answer(request, name, None)


@require_safe
@public("The index is read by anybody.")
def release_json(request: HttpRequest, name: str, version: str) -> HttpResponse:
    """One release."""
    return _answer(request, name, version)


def _answer(request: HttpRequest, name: str, version: str | None) -> HttpResponse:
    normalized = canonicalize_name(name)
    if normalized != name:
        if version is None:
            return HttpResponsePermanentRedirect(reverse("project_json", args=[normalized]))
        return HttpResponsePermanentRedirect(reverse("release_json", args=[normalized, version]))
    project = get_visible_project(normalized)
    wanted = None if version is None else normalized_version(version)
    document = project_document(project, version=wanted) if project is not None else None
    if project is None or document is None:
        what = f"project '{normalized}'" if version is None else f"release {version} of project '{normalized}'"
        return _open(problem(NotFound(f"There is no {what} here; check the spelling.")))
    return _document(request, document, project)


def _document(request: HttpRequest, document: dict[str, Any], project: Project) -> HttpResponse:
    body = json.dumps(document).encode()
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    response = HttpResponse(body, content_type="application/json")
    response["Cache-Control"] = f"public, max-age={_MAX_AGE}"
    response["ETag"] = etag
    response["Surrogate-Key"] = f"project/{project.normalized_name}"
    response["X-PyPI-Last-Serial"] = str(project.last_serial)
    answer = get_conditional_response(request, etag=etag, response=response)
    return _open(answer if isinstance(answer, HttpResponse) else response)


def _open(response: HttpResponse) -> HttpResponse:
    """Pages of other sites may read public data."""
    response["Access-Control-Allow-Origin"] = "*"
    return response
