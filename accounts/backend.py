"""Which accounts a password opens."""

from __future__ import annotations

from typing import Any

from allauth.account.auth_backends import AuthenticationBackend

from accounts.models import User


class AccountBackend(AuthenticationBackend):  # type: ignore[misc]  # allauth has no types
    """A frozen account's password is checked like any other, so that its owner can be told; it opens nothing."""

    def user_can_authenticate(self, user: User) -> bool:
        # After a recovery an account answers here like one that is not there.
        return (user.is_active or user.frozen_at is not None) and user.recovering_since is None

    def get_user(self, user_id: Any) -> User | None:
        user: User | None = super().get_user(user_id)
        return user if user is not None and user.is_active and user.recovering_since is None else None
