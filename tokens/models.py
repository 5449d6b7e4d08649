"""What a credential may do: rows behind macaroons."""

from __future__ import annotations

import secrets
import uuid
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models.functions import Lower

from indexsite import sealing
from indexsite.actors import Permission
from indexsite.prepared import Param, Rows
from tokens.macaroons import caveats as vocabulary
from tokens.macaroons import wire

MAX_DESCRIPTION = 100
REMINDER = timedelta(days=7)
SHORT_LIFE = timedelta(days=2)
KEY_BYTES = 32

# Why a token was revoked that lay where others could read it: completes "was revoked ...".
LEAKED = "because it was found where others can read it"

# What a token may do that was not made for anything in particular. A permission that is added later is not in
# here, so that tokens in the wild never grow; `indexsite.actors.PARTS` is what uploading has always come to.
GRANTED = frozenset({Permission.UPLOAD, Permission.READ_ACCOUNT})

# What a pipeline needs in order to gather a release and look at it; neither changing what was gathered nor calling
# it off.
GATHERING = frozenset(
    {
        Permission.DRAFT_CREATE,
        Permission.DRAFT_UPLOAD,
        Permission.DRAFT_SUBMIT,
        Permission.DRAFT_READ,
        Permission.DRAFT_PREVIEW,
    }
)

# The least first; words that follow "may" or "to".
USES = {
    Permission.READ_HISTORY: "read history",
    Permission.READ_MEMBERS: "see members",
    Permission.UPLOAD: "upload",
    Permission.YANK: "yank and un-yank",
    Permission.INVITE: "invite members",
}

# The same, followed by "drafts". Not said of tokens that upload, which may do all of it.
USES_OF_DRAFTS = {
    Permission.DRAFT_READ: "see",
    Permission.DRAFT_PREVIEW: "install",
    Permission.DRAFT_CREATE: "open",
    Permission.DRAFT_UPLOAD: "fill",
    Permission.DRAFT_SUBMIT: "submit",
    Permission.DRAFT_REPLACE: "change",
    Permission.DRAFT_CANCEL: "cancel",
    Permission.PUBLISH: "publish",
}


def join_words(words: list[str]) -> str:
    """Such as "upload, yank and invite"; "do nothing" for none."""
    if not words:
        return "do nothing"
    return ", ".join(words[:-1]) + (" and " if len(words) > 1 else "") + words[-1]


def new_key() -> bytes:
    """A fresh 32-byte root key for one token."""
    return secrets.token_bytes(KEY_BYTES)


class TokenQuerySet(models.QuerySet["Token"]):
    """Query vocabulary of tokens."""

    def unrevoked(self) -> TokenQuerySet:
        return self.filter(revoked_at__isnull=True)

    def to_remind(self, at: datetime) -> TokenQuerySet:
        """Those that work, end soon, and whose owners have not heard of it."""
        return self.unrevoked().filter(remind_at__lte=at, expires_at__gt=at)

    def locked(self, pk: uuid.UUID) -> Token:
        """The row, locked until the transaction ends (SQLite: the whole database is)."""
        return self.select_for_update().get(pk=pk)


class Token(models.Model):
    """One API token: the macaroon's identifier is `id`, its root key `root_key`, which `key` holds sealed.

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
    # What its owner asked for, beside reading whose it is; null: `GRANTED`.
    permissions = models.JSONField(null=True, blank=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True)
    # When the letter about its end is to go; null: never, or it has gone.
    remind_at = models.DateTimeField(null=True, blank=True)
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
        indexes = [
            models.Index(fields=["remind_at"], condition=models.Q(remind_at__isnull=False), name="token_reminder"),
        ]

    def __str__(self) -> str:
        return f"{self.description} ({self.user})"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if len(self.key) == KEY_BYTES:
            self.key = sealing.seal(bytes(self.key), place=self.place)
        super().save(*args, **kwargs)

    @property
    def place(self) -> str:
        """What the seal of the key is bound to."""
        return f"token {self.pk}"

    @property
    def root_key(self) -> bytes:
        """The key that the macaroon is signed with: 32 bytes.

        Raises:
            indexsite.sealing.SealBroken: SECRET_KEY was changed and its predecessor is not at hand.
        """
        return sealing.unseal(bytes(self.key), place=self.place)

    @property
    def reminder_due_at(self) -> datetime | None:
        """When its owner hears that it will end: a week before, or when a quarter of its life is left.

        None where it does not end, or so soon that whoever made it still knows (ASVS 6.4.5).
        """
        if self.expires_at is None or self.expires_at - self.created_at < SHORT_LIFE:
            return None
        return self.expires_at - min(REMINDER, (self.expires_at - self.created_at) / 4)

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
        place = f"project {self.project.name}" if self.project is not None else "the whole account"
        return place + (f", versions {self.versions}" if self.versions else "")

    @property
    def versions(self) -> str:
        """The set of versions that it was made for, or "" for all."""
        return ",".join(each.specifier for each in self._stored() if isinstance(each, vocabulary.Versions))

    @property
    def granted(self) -> frozenset[Permission]:
        """What it may be used for, unless one of its restrictions says less."""
        if self.permissions is None:
            return GRANTED
        known = {permission for permission in Permission if permission in self.permissions}
        return frozenset(known | {Permission.READ_ACCOUNT})

    @property
    def left(self) -> frozenset[Permission]:
        """What it may be used for by its row; whoever holds it may have narrowed it further."""
        return vocabulary.permitted(self.granted, self._stored())

    def _stored(self) -> tuple[vocabulary.AnyCaveat, ...]:
        """For pages: they show tokens that nothing accepts, too."""
        try:
            return tuple(map(vocabulary.decode, self.caveats))
        except wire.MacaroonError:
            return (vocabulary.Permissions(()),)

    @property
    def is_drafts_only(self) -> bool:
        """Whether it was made so that its uploads land in drafts."""
        left = self.left
        return Permission.DRAFT_UPLOAD in left and Permission.UPLOAD not in left

    @property
    def uses(self) -> str:
        """What it may be used for, in words that follow "may" or "to"."""
        left = self.left
        verbs = [verb for permission, verb in USES_OF_DRAFTS.items() if permission in left]
        if Permission.UPLOAD in left:
            verbs = []
        rest = [words for permission, words in USES.items() if permission in left]
        drafts = [f"{join_words(verbs)} drafts"] if verbs else []
        return "; ".join([*drafts, *([join_words(rest)] if rest or not drafts else [])])

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
        made = wire.create(location=settings.ENV.site_host, identifier=self.identifier, key=self.root_key)
        restricted = wire.restrict(made, *(vocabulary.dump(value) for value in self.caveats))
        return wire.serialize(restricted, prefix=settings.ENV.token_prefix)


def get_token(pk: uuid.UUID) -> Token | None:
    """The token's row as it is now."""
    return _BY_PK.first(pk=pk)


def get_token_and_user(pk: uuid.UUID) -> Token | None:
    """The same, together with its owner's row."""
    return _WITH_USER.first(pk=pk)


_PK = Param("pk", Token._meta.pk)  # noqa: SLF001 - Django's own name for it
_BY_PK = Rows(lambda: Token.objects.filter(pk=_PK).order_by())
_WITH_USER = Rows(lambda: Token.objects.filter(pk=_PK).select_related("user").order_by())
