"""The second factor as a stage of allauth's sign-in: nobody is signed in before it is passed."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import redirect

from accounts.allauth_internals import LoginStage
from mfa.models import has_factor

KEY = "second_factor"


class SecondFactorStage(LoginStage):  # type: ignore[misc]  # allauth has no types
    """Holds up whoever has a factor. There is no way around it: no remembered device, no reset, no link."""

    key = KEY
    urlname = "second_factor"

    def handle(self) -> tuple[HttpResponse | None, bool]:
        user = self.login.user
        if user is None or not has_factor(user):
            return None, True
        # A pending sign-in is void once the password it began with is changed.
        self.state["password"] = user.get_session_auth_hash()
        return redirect(self.urlname), True
