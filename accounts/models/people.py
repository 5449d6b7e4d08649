"""Who people are."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from functools import partial
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.core.validators import RegexValidator
from django.db import models, transaction
from django.db.models.functions import Lower
from django.utils import timezone

from indexsite.prepared import Param, Rows

USERNAME_MAX_LENGTH = 50
USERNAME_PATTERN = r"^[a-z0-9]([a-z0-9._-]*[a-z0-9])?$"
USERNAME_RE = re.compile(USERNAME_PATTERN.replace("$", r"\Z"))


class UserManager(BaseUserManager["User"]):
    """Names are stored in lower case: one spelling, one person."""

    def create_user(self, username: str, email: str = "", password: str | None = None, **fields: Any) -> User:
        user = self.model(username=username.lower(), email=email, **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(username=(username or "").lower())


class User(AbstractBaseUser, PermissionsMixin):
    """A person. `email` mirrors the primary address; allauth's `EmailAddress` rows are the truth."""

    username = models.CharField(
        max_length=USERNAME_MAX_LENGTH,
        unique=True,
        validators=[
            RegexValidator(
                USERNAME_RE,
                "Use letters, digits, dots, dashes and underscores; begin and end with a letter or digit.",
            )
        ],
    )
    email = models.EmailField(max_length=254, blank=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    date_joined = models.DateTimeField(default=timezone.now)
    # Both come with `is_active` False. Closed by the person, for good; frozen by staff, until they lift it.
    closed_at = models.DateTimeField(null=True, blank=True)
    frozen_at = models.DateTimeField(null=True, blank=True)
    frozen_reason = models.CharField(max_length=500, blank=True)
    # The person goes on, but nothing that opens or hands on the account changes (see `SecurityReport`).
    edits_frozen_until = models.DateTimeField(null=True, blank=True)
    uploads_frozen_until = models.DateTimeField(null=True, blank=True)
    # Somebody asks for a recovery of this account, and its owner was told: what matters takes a fresh proof.
    claimed_since = models.DateTimeField(null=True, blank=True)
    # A recovery was carried out: until a new factor is confirmed, only its enrolment link opens the account.
    recovering_since = models.DateTimeField(null=True, blank=True)
    # And until then nothing is published, handed on or opened in the person's name.
    hold_until = models.DateTimeField(null=True, blank=True)
    # When the person last gained or lost a right: sessions from before it get a new key at their next request.
    rights_since = models.DateTimeField(null=True, blank=True)

    objects = UserManager()

    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS = ["email"]

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(username=Lower("username")), name="username_is_lower_case"),
        ]

    def __str__(self) -> str:
        return self.username

    def get_full_name(self) -> str:
        return self.username

    def get_short_name(self) -> str:
        return self.username


class ProhibitedUsername(models.Model):
    """A name nobody may sign up with, in lower case; `accounts.usernames.RESERVED` lists the built-in ones."""

    name = models.CharField(max_length=USERNAME_MAX_LENGTH, primary_key=True)
    reason = models.CharField(max_length=200, blank=True)

    def __str__(self) -> str:
        return self.name


def note_rights(users: Iterable[int], *, at: datetime) -> None:
    """What these people (primary keys) may do is changing, in this transaction.

    Written once that has happened: acts lock people before all else, and this one comes last.
    """
    for pk in sorted(set(users)):
        transaction.on_commit(partial(_note_rights, pk, at), robust=True)


def _note_rights(pk: int, at: datetime) -> None:
    User.objects.filter(pk=pk).update(rights_since=at)


def has_verified_email(user: User) -> bool:
    """Whether any of the person's addresses is verified."""
    return _VERIFIED.exist(user=user.pk)


def get_user(pk: int) -> User | None:
    """The person's row as it is now."""
    return _BY_PK.first(pk=pk)


def _verified() -> Any:
    from allauth.account.models import EmailAddress  # needs the app registry

    return EmailAddress.objects.filter(user=Param("user"), verified=True).values_list("pk")[:1]


_VERIFIED = Rows(_verified)
_BY_PK = Rows(lambda: User.objects.filter(pk=Param("pk")).order_by())
