"""Letters about an account. Warnings go to every verified address, old ones included; nothing turns them off."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from allauth.account.models import EmailAddress
from django.conf import settings

from accounts import not_me, places, programs
from accounts.models import (
    Organization,
    OrganizationInvitation,
    SecurityReport,
    SigningKey,
    StaffChange,
    StaffKind,
    User,
)
from accounts.queries import addresses_of_staff, verified_addresses, verified_addresses_of_all
from indexsite import clock, mail
from indexsite.actors import Actor
from indexsite.prepared import Param, Rows


def verification_code(*, to: list[str], username: str, code: str) -> None:
    """The code that proves the address is the person's. `to`: the address; nobody, where it gets no letters."""
    mail.queue("verify-email", to=to, context={"username": username, "code": code})


def address_in_use(*, to: list[str]) -> None:
    """To the holder of an address that somebody just gave as theirs; goes instead of a code."""
    mail.queue("address-in-use", to=to, context={})


def reset_link(*, email: str, user: User, link: str, actor: Actor) -> None:
    about = not_me.link_of_letter(user, "password-reset", at=clock.now())
    values = {"username": user.username, "link": link, "not_me": about, **origin(actor)}
    mail.queue("password-reset", to=[email], context=values)


def reset_without_account(*, email: str, actor: Actor) -> None:
    """To an address that no account has verified: the answer is the same, and so is the work."""
    mail.queue("password-reset-nobody", to=[email], context=origin(actor))


def password_changed(user: User, *, actor: Actor, by_reset: bool) -> None:
    warn(user, "password-changed", actor, by_reset=by_reset)


def password_disabled(user: User, *, actor: Actor) -> None:
    warn(user, "password-disabled", actor)


def confirm_sign_in(user: User, *, link: str, until: datetime, with_code: bool, actor: Actor) -> None:
    """The link that lets a sign-in from an unknown browser go on; it is of use in that browser alone."""
    limit = f"{until:%Y-%m-%d %H:%M} UTC"
    warn(user, "confirm-sign-in", actor, link=link, until=limit, with_code=with_code)


def new_sign_in(user: User, *, methods: str, actor: Actor) -> None:
    """After a sign-in from an unknown browser that no mailed link has confirmed."""
    warn(user, "new-sign-in", actor, methods=methods)


def email_added(user: User, *, email: str, actor: Actor) -> None:
    warn(user, "email-added", actor, email=email)


def email_verified(user: User, *, email: str, actor: Actor) -> None:
    warn(user, "email-verified", actor, email=email)


def email_removed(user: User, *, email: str, also: list[str], actor: Actor) -> None:
    """`also`: the removed address itself, if it had been verified."""
    warn(user, "email-removed", actor, also=also, email=email)


def primary_changed(user: User, *, old: str, new: str, actor: Actor) -> None:
    warn(user, "primary-email-changed", actor, old=old, new=new)


def signing_key_added(key: SigningKey, *, actor: Actor) -> None:
    warn(key.user, "signing-key-added", actor, key=key.name, fingerprint=key.fingerprint)


def signing_key_removed(key: SigningKey, *, actor: Actor) -> None:
    warn(key.user, "signing-key-removed", actor, key=key.name, fingerprint=key.fingerprint)


def organization_created(organization: Organization, *, actor: Actor) -> None:
    """To the first manager, whose account may have been in the wrong hands."""
    warn(actor.person, "organization-created", actor, organization=organization.name)


def organization_invitation(invitation: OrganizationInvitation, *, to: list[str], actor: Actor) -> None:
    """To whoever is asked; the letter answers nothing by itself.

    It goes to strangers, so nothing in it is free text: else the site would mail anybody whatever somebody writes.
    """
    context = {
        "organization": invitation.organization.name,
        "kind": invitation.kind,
        "by": actor.label,
        "until": clock.written(invitation.expires_at),
        "address": invitation.email,
    }
    mail.queue("organization-invitation", to=to, context=context)


def organization_news(
    organization: Organization,
    *,
    headline: str,
    sentence: str,
    actor: Actor,
    also: Iterable[User] = (),
    signed: bool = True,
) -> None:
    """To all managers, and to whomever it is about.

    Args:
        headline: ends the subject; `sentence` says what it means.
        signed: whether the letter says who did it.
    """
    context = {
        "organization": organization.name,
        "display_name": organization.display_name,
        "headline": headline,
        "sentence": sentence,
        "by": actor.label if signed else "",
        "when": clock.written(clock.now()),
    }
    readers = [*organization.managers(), *also]
    to = verified_addresses_of_all(readers)
    tell_all("organization-news", to=to, context=context, by=actor.user if signed else None)


def account_reported(user: User, *, report: SecurityReport, actor: Actor) -> None:
    """Somebody with a link or a session says that something was not the owner."""
    until = f"{report.frozen_until:%Y-%m-%d %H:%M} UTC" if report.frozen_until is not None else ""
    warn(user, "account-reported", actor, what=report.what, stopped=report.stopped, until=until)


def letters_chosen(user: User, *, muted: list[str], actor: Actor) -> None:
    warn(user, "letters-chosen", actor, muted=muted)


def freeze_lifted(user: User, *, actor: Actor) -> None:
    warn(user, "freeze-lifted", actor)


def warn(user: User, name: str, actor: Actor, *, also: list[str] | None = None, **context: Any) -> None:
    """Tell every verified address, and `also` those, what was done to the account and from where.

    The act has been recorded before: the letter's link "This was not me" is about that record.
    """
    to = list(dict.fromkeys([*verified_addresses(user), *(also or [])]))
    if to:
        link = not_me.link_of_letter(user, name, at=clock.now())
        values = {"username": user.username, "not_me": link, **origin(actor), **context}
        mail.queue(name, to=to, context=values)


def tell_all(name: str, *, to: list[str], context: dict[str, Any], by: User | None, event_id: int = 0) -> None:
    """Queue a letter that several people read; the copies of whoever did it carry the link "This was not me".

    A link in anybody else's hands could freeze the account.

    Args:
        by: who did it, or None where no account did.
        event_id: the record of it, where the caller has it; otherwise it was the latest of theirs.
    """
    own = {email for (email,) in _VERIFIED.all(user=by.pk)}.intersection(to) if by is not None else set()
    if by is not None and own:
        link = not_me.link_of_act(by, event_id, at=clock.now())
        mail.queue(name, to=[email for email in to if email in own], context={**context, "not_me": link})
    if others := [email for email in to if email not in own]:
        mail.queue(name, to=others, context=context)


# Asked in every upload that makes a release.
_VERIFIED = Rows(
    lambda: EmailAddress.objects.filter(user=Param("user"), verified=True).order_by().values_list("email")
)


def origin(actor: Actor) -> dict[str, str]:
    """When, from where and with what: the part of a letter that tells an owner from a thief."""
    return {
        "when": clock.written(clock.now()),
        "address": places.with_place(actor.address) or "unknown",
        "client": programs.recognised(actor.client) or "an unknown program",
    }


def account_frozen(user: User, *, reason: str) -> None:
    """Neither the network nor the name of whoever did it: staff act for the site."""
    _inform(user, "account-frozen", reason=reason)


def account_unfrozen(user: User) -> None:
    _inform(user, "account-unfrozen")


def _inform(user: User, name: str, **context: Any) -> None:
    when = clock.written(clock.now())
    if to := verified_addresses(user):
        mail.queue(name, to=to, context={"username": user.username, "when": when, **context})


# -- staff ------------------------------------------------------------------------------------------------


def staff_founded(users: list[User]) -> None:
    names = " and ".join(user.username for user in users)
    _staff_news(f"{names} begin", f"An operator made {names} the first of the staff.", also=users)


def staff_proposed(change: StaffChange, *, by: Actor) -> None:
    sentence = (
        f"{by.label} proposes {change.user.username} for the role {_role(change)}. "
        "Somebody else of the security role has to confirm it."
    )
    headline = f"{change.user.username} proposed"
    _staff_news(headline, sentence, also=[change.user], by=by.label, reason=change.reason, can_stop=True)


def staff_factors_proposed(change: StaffChange, *, by: Actor) -> None:
    name = change.user.username
    sentence = (
        f"{by.label} proposes to remove the second factors of {name}, who has lost them, so that {name} can set "
        "up new ones. Somebody else of the security role has to confirm it. Whoever knows that nothing was lost "
        "should stop it."
    )
    headline = f"new second factors for {name} proposed"
    _staff_news(headline, sentence, also=[change.user], by=by.label, reason=change.reason, can_stop=True)


def staff_confirmed(change: StaffChange, *, by: Actor) -> None:
    assert change.due_at is not None  # noqa: S101 - it was just confirmed
    name = change.user.username
    sentence = (
        f"{by.label} confirmed {_what(change)} for {name}, proposed by "
        f"{change.proposed_by.username}. It takes effect after {clock.written(change.due_at)}."
    )
    headline = (
        f"second factors of {name} go in 24 hours" if change.is_about_factors else f"{name} joins in 24 hours"
    )
    _staff_news(headline, sentence, also=[change.user], by=by.label, reason=change.reason, can_stop=True)


def staff_stopped(change: StaffChange, *, by: Actor, reason: str) -> None:
    sentence = f"{by.label} stopped {_what(change)} for {change.user.username}. Nothing changes."
    _staff_news(f"{change.user.username} stopped", sentence, also=[change.user], by=by.label, reason=reason)


def staff_lapsed(change: StaffChange, *, reason: str) -> None:
    sentence = f"The proposal of {_what(change)} for {change.user.username} came to nothing: {reason}."
    _staff_news(f"{change.user.username} came to nothing", sentence, also=[change.user])


def staff_granted(change: StaffChange) -> None:
    sentence = f"{change.user.username} has the role {_role(change)} now."
    _staff_news(f"{change.user.username} joined", sentence, also=[change.user])


def staff_factors_removed(change: StaffChange) -> None:
    name = change.user.username
    sentence = (
        f"The second factors and recovery codes of {name} are gone, and all sessions have ended. {name} signs in "
        "with the password, proves to read the mail, and sets up a second factor before anything else."
    )
    _staff_news(f"second factors of {name} are gone", sentence, also=[change.user])


def staff_removed(user: User, *, role: StaffKind, by: Actor, reason: str) -> None:
    sentence = f"{user.username} no longer has the role {role.label}."
    _staff_news(f"{user.username} lost a role", sentence, also=[user], by=by.label, reason=reason)


def trail_broken(found: list[str]) -> None:
    """The audit trail is not as it was sealed: to those on the staff who act on it, and to the operators.

    Args:
        found: a sentence for each thing that is wrong, never empty.
    """
    staff = addresses_of_staff(StaffKind.SECURITY, StaffKind.AUDITOR)
    to = list(dict.fromkeys([*staff, *settings.ENV.audit_heads_to]))
    mail.queue("audit-broken", to=to, context={"found": found, "when": clock.written(clock.now())})


def _role(change: StaffChange) -> str:
    return StaffKind(change.role).label


def _what(change: StaffChange) -> str:
    return "new second factors" if change.is_about_factors else f"the role {_role(change)}"


def _staff_news(
    headline: str, sentence: str, *, also: list[User], by: str = "", reason: str = "", can_stop: bool = False
) -> None:
    """To everybody on the staff, and to whomever it is about."""
    staff = User.objects.exclude(staff_roles=None).filter(is_active=True).distinct().order_by("username")
    context = {
        "headline": headline,
        "sentence": sentence,
        "by": by,
        "reason": reason,
        "can_stop": can_stop,
        "when": clock.written(clock.now()),
    }
    mail.queue("staff-news", to=verified_addresses_of_all([*staff, *also]), context=context)
