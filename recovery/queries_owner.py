"""What owners and co-owners are shown of recoveries: only what they were told of by letter."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Exists, F, OuterRef

from accounts.models import User
from recovery.models import (
    REOPENED_WITHIN,
    CaseState,
    NoticeKind,
    NoticeSent,
    RecoveryCase,
    RequestPause,
    VouchPin,
)


def announced(user: User) -> list[RecoveryCase]:
    """Open cases of which the owner was told, the one that is carried out first in front; one query.

    What the owner was not told of (an alternate mailbox, nothing proved yet) shows on no page of theirs either.
    """
    told = NoticeSent.objects.filter(case=OuterRef("pk"), kind=NoticeKind.OPENED)
    cases = RecoveryCase.objects.open().of(user).filter(Exists(told))
    return list(cases.order_by(F("not_before").asc(nulls_last=True), "submitted_at"))


def stopped(user: User, at: datetime) -> list[RecoveryCase]:
    """Cases that were stopped lately: whoever stopped one may find afterwards that it was an attack."""
    cases = RecoveryCase.objects.of(user).filter(state=CaseState.CANCELLED, ended_at__gt=at - REOPENED_WITHIN)
    return list(cases.order_by("-ended_at", "pk"))


def pause_of(user: User, at: datetime) -> RequestPause | None:
    """The owner's wish not to be asked for, where it holds."""
    return RequestPause.objects.filter(user=user, until__gt=at).first()


def open_pins(voucher: User, at: datetime) -> list[VouchPin]:
    """By which the person speaks for others at this moment."""
    pins = VouchPin.objects.filter(voucher=voucher, ended_at=None, expires_at__gt=at)
    return list(pins.select_related("subject").order_by("pk"))
