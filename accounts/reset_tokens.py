"""Tokens of mailed password links: good once, for an hour, while password and addresses stay as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.utils.encoding import force_str
from django.utils.http import urlsafe_base64_decode, urlsafe_base64_encode

from accounts.models import User
from accounts.queries import verified_addresses

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser


class _ResetTokens(PasswordResetTokenGenerator):
    """Django's hash covers password, last sign-in and primary address; ours every verified address too."""

    def _make_hash_value(self, user: AbstractBaseUser, timestamp: int) -> str:
        assert isinstance(user, User)  # noqa: S101 - narrows the type
        return super()._make_hash_value(user, timestamp) + "|".join(sorted(verified_addresses(user)))


_tokens = _ResetTokens()


def make(user: User) -> tuple[str, str]:
    """The two path segments of a link: whose it is, and the token."""
    return urlsafe_base64_encode(str(user.pk).encode()), _tokens.make_token(user)


def holder(uid: str, token: str) -> User | None:
    """Whose link this is; None when it is used up, too old or forged."""
    try:
        pk = int(force_str(urlsafe_base64_decode(uid)))
    except (ValueError, OverflowError):
        return None
    user = User.objects.filter(pk=pk, is_active=True, recovering_since=None).first()
    return user if user is not None and _tokens.check_token(user, token) else None
