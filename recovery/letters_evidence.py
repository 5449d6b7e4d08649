"""Letters about evidence: the link to another mailbox, and what a voucher has done."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings

from accounts.models import User
from accounts.notices import warn
from indexsite import clock, mail
from indexsite.actors import Actor


def mailbox_link(*, email: str, token: str, until: datetime) -> None:
    """To whatever address was typed; the letter names no account, for it may be a stranger's."""
    link = f"{settings.SITE_URL}/recovery/mailbox/{token}/"
    mail.queue("recovery-mailbox", to=[email], context={"link": link, "until": clock.written(until)})


def vouch_opened(user: User, *, whom: str, actor: Actor) -> None:
    """To the voucher: whoever took their account over may have been the one."""
    warn(user, "vouch-opened", actor, whom=whom)
