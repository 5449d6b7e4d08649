"""What a credential may do: rows behind macaroons."""

from __future__ import annotations

import secrets
import uuid
from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models.functions import Lower

from tokens.macaroons import caveats as vocabulary
from tokens.macaroons import wire

MAX_DESCRIPTION = 100


def new_key() -> bytes:
    """A fresh 32-byte root key for one token."""
    return secrets.token_bytes(32)


class TokenQuerySet(models.QuerySet["Token"]):
    """Query vocabulary of tokens."""

    def unrevoked(self) -> TokenQuerySet:
        return self.filter(revoked_at__isnull=True)

    def locked(self, pk: uuid.UUID) -> Token:
        """The row, locked until the transaction ends (SQLite: the whole database is)."""
        return self.select_for_update().get(pk=pk)


class Token(models.Model):
    """One API token: the macaroon's identifier is `id`, its root key `key`.

    `caveats` (JSON arrays `[tag, ...]`) are embedded in the macaroon *and* stored, and the stored ones are
    checked too: a token can be narrowed later without reissuing it.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="tokens")
    description = models.CharField(max_length=MAX_DESCRIPTION)
    key = models.BinaryField(default=new_key, editable=False)
    caveats = models.JSONField(default=list)
    # Null: the whole account. Project tokens also carry the caveat; this column serves lists and lookups.
    project = models.ForeignKey(
        "releases.Project", null=True, blank=True, on_delete=models.CASCADE, related_name="tokens"
    )
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    last_used_address = models.CharField(max_length=64, blank=True)
    last_used_client = models.CharField(max_length=200, blank=True)

    objects = TokenQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "pk"]
        constraints = [
            models.UniqueConstraint(
                "user",
                Lower("description"),
                condition=models.Q(revoked_at__isnull=True),
                name="one_live_token_per_description",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.description} ({self.user})"

    def is_live(self, at: datetime) -> bool:
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > at)

    @property
    def label(self) -> str:
        """How the audit trail names it; the digits are the end of its public id, not of the secret."""
        return f'token "{self.description}" ({self.short_id})'

    @property
    def short_id(self) -> str:
        """Tells tokens of one name apart, in lists and in letters."""
        return f"{settings.ENV.token_prefix}\u2026{str(self.pk)[-4:]}"

    @property
    def scope(self) -> str:
        """What it is for, as lists, letters and the audit trail say it."""
        return f"project {self.project.name}" if self.project is not None else "the whole account"

    @property
    def identifier(self) -> bytes:
        """What the macaroon says it is."""
        return str(self.pk).encode()

    def understood_caveats(self) -> tuple[vocabulary.AnyCaveat, ...]:
        """The stored restrictions, and those that the columns state: what a list shows is what holds.

        Raises:
            tokens.macaroons.wire.MacaroonError: one of them is of a kind this site does not know.
        """
        stored = [vocabulary.decode(value) for value in self.caveats]
        if self.project_id is not None:
            stored.append(vocabulary.ProjectIds((vocabulary.public_id(self.project_id),)))
        if self.expires_at is not None:
            stored.append(vocabulary.Expiry(expires_at=int(self.expires_at.timestamp()), not_before=0))
        return tuple(stored)

    def secret(self) -> str:
        """The token itself, as its owner pastes it: shown once, never stored or logged."""
        made = wire.create(location=settings.ENV.site_host, identifier=self.identifier, key=bytes(self.key))
        restricted = wire.restrict(made, *(vocabulary.dump(value) for value in self.caveats))
        return wire.serialize(restricted, prefix=settings.ENV.token_prefix)
