"""Who people are."""

from __future__ import annotations

import re
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone

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

    def create_superuser(self, username: str, email: str = "", password: str | None = None, **fields: Any) -> User:
        return self.create_user(username, email, password, is_staff=True, is_superuser=True, **fields)

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


def has_verified_email(user: User) -> bool:
    """Whether any of the person's addresses is verified."""
    from allauth.account.models import EmailAddress  # needs the app registry

    return bool(EmailAddress.objects.filter(user=user, verified=True).exists())
