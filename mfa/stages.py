"""The second factor as a stage of allauth's sign-in: nobody is signed in before it is passed."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from accounts import allauth_internals
from accounts.allauth_internals import SECOND_FACTOR, LoginStage
from accounts.redirects import with_next
from indexsite import clock
from indexsite.http import actor_of
from mfa.actions import codes
from mfa.models import has_factor, is_security_key

KEY = "second_factor"
CODE_TO_SPEND = "recovery_code"  # where the pending sign-in keeps which code it came with
USED_MEANWHILE = "This recovery code was used, or replaced, before the sign-in was complete; start again."


class SecondFactorStage(LoginStage):  # type: ignore[misc]  # allauth has no types
    """Holds up whoever has a factor. There is no way around it: no remembered device, no reset, no link."""

    key = KEY
    urlname = "second_factor"

    def handle(self) -> tuple[HttpResponse | None, bool]:
        user = self.login.user
        if user is None or not has_factor(user) or self._came_by_passkey():
            return None, True
        # A pending sign-in is void once the password it began with is changed.
        self.state["password"] = user.get_session_auth_hash()
        return redirect(self.urlname), True

    def _came_by_passkey(self) -> bool:
        # Records of earlier sign-ins are wiped at the beginning of one: this proof is of now, and of this person.
        proofs = allauth_internals.proofs(self.request, self.login.user)
        return any(proof.method == SECOND_FACTOR and is_security_key(proof.device) for proof in proofs)


class SpendCodeStage(LoginStage):  # type: ignore[misc]
    """The last of all: a recovery code is used up once nothing else can hold the sign-in up."""

    key = "spend_code"

    def handle(self) -> tuple[HttpResponse | None, bool]:
        pk = self.login.state.get(CODE_TO_SPEND)
        if pk is None:
            return None, True
        spent = codes.spend_found(actor=actor_of(self.request), user=self.login.user, pk=pk, at=clock.now())
        if spent is None:
            messages.warning(self.request, USED_MEANWHILE)
            return redirect("account_login"), False
        # Something was lost: repairing it comes first, and leads on from there.
        self.login.redirect_url = with_next(reverse("account_security"), self.login.redirect_url or "")
        return None, True
