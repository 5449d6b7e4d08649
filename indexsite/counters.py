"""Things that happened, counted for operators: `/metrics` shows the totals of all processes."""

from __future__ import annotations

from enum import StrEnum

from django.db import IntegrityError, transaction
from django.db.models import F

from indexsite.models import CounterTotal


class Counter(StrEnum):
    """What is counted. The value is the metric's name, without `indexsite_` and `_total`."""

    LEAK_CHECKS_ASKED = "leaked_password_checks_asked"
    LEAK_CHECKS_SKIPPED = "leaked_password_checks_skipped"
    PASSWORDS_DISABLED = "leaked_passwords_disabled"


HELP: dict[Counter, str] = {
    Counter.LEAK_CHECKS_ASKED: "Questions to the service of leaked passwords that were answered.",
    Counter.LEAK_CHECKS_SKIPPED: "Passwords taken unchecked because that service was out of reach.",
    Counter.PASSWORDS_DISABLED: "Passwords found leaked at a sign-in and disabled.",
}


def add(counter: Counter) -> None:
    """Count one; one statement, so that processes lose none of each other's."""
    mine = CounterTotal.objects.filter(name=counter)
    if mine.update(value=F("value") + 1):
        return
    try:
        with transaction.atomic():
            CounterTotal.objects.create(name=counter, value=1)
    except IntegrityError:  # another process was first to count at all
        mine.update(value=F("value") + 1)


def totals() -> dict[Counter, int]:
    """Every counter; what never happened stands at 0."""
    found = dict(CounterTotal.objects.values_list("name", "value"))
    return {counter: found.get(counter.value, 0) for counter in Counter}
