"""Tokens as rows, without the mail and audit of making one, and the headers that carry them."""

from __future__ import annotations

import base64
from collections.abc import Collection
from datetime import datetime, timedelta

from django.http import HttpRequest
from django.test import RequestFactory

from accounts.models import User
from indexsite import clock
from indexsite.actors import Permission
from releases.models import Project
from tokens.macaroons import caveats
from tokens.models import Token


def token_of(
    user: User,
    *,
    project: Project | None = None,
    description: str = "ci",
    life: timedelta | None = None,
    created_at: datetime | None = None,
    permissions: Collection[Permission] | None = None,
) -> Token:
    """A token as `create_token` makes it."""
    at = created_at or clock.now()
    chain: list[caveats.AnyCaveat] = [caveats.RequestUser(caveats.public_id(user.pk))]
    if project is not None:
        chain.append(caveats.ProjectNames((project.normalized_name,)))
        chain.append(caveats.ProjectIds((caveats.public_id(project.pk),)))
    if permissions is not None:
        chain.append(caveats.Permissions(tuple(sorted({*permissions, Permission.READ_ACCOUNT}))))
    expires_at = at + life if life is not None else None
    if expires_at is not None:
        chain.append(caveats.Expiry(int(expires_at.timestamp()), int(at.timestamp())))
    return Token.objects.create(
        user=user,
        project=project,
        description=description,
        created_at=at,
        expires_at=expires_at,
        caveats=[caveat.encode() for caveat in chain],
        permissions=None if permissions is None else sorted(permissions),
    )


def basic(secret: str, username: str = "__token__") -> str:
    return "Basic " + base64.b64encode(f"{username}:{secret}".encode()).decode()


def request_with(authorization: str | None, **extra: str) -> HttpRequest:
    headers = {
        "User-Agent": "twine/7.0",
        **({"Authorization": authorization} if authorization is not None else {}),
    }
    return RequestFactory().post("/legacy/", headers=headers, **extra)
