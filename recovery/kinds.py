"""The kinds of evidence there are: what a claimant is asked for, and whether what was shown once still holds.

A registry: an app that can say more about people (trusted publishers, staged uploads) registers its kind when it
is ready, and is asked, counted and shown like the others.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from recovery.assurance import EvidenceClass, Signal
from recovery.assurance_policy import POLICY
from recovery.models import Evidence

# Whether an offered thing is still the account's: asked again at each assessment, the last one included.
type StillHolds = Callable[[Evidence, datetime], bool]


@dataclass(frozen=True)
class Kind:
    """One kind of evidence.

    Attributes:
        code: in addresses and in `Challenge.kind`.
        title: what the claimant reads; `asks`: what they are asked to do, in a sentence.
        signals: what it can turn out to be; all of one class.
        tries: how often it may be offered in one case, right or wrong.
        still_holds: a check that cannot be made answers no.
    """

    code: str
    title: str
    asks: str
    signals: frozenset[Signal]
    tries: int
    still_holds: StillHolds

    @property
    def belongs(self) -> EvidenceClass:
        (found,) = {POLICY.signals[signal].belongs for signal in self.signals}
        return found


_KINDS: dict[str, Kind] = {}


def register(kind: Kind) -> None:
    """Let a kind of evidence be offered from now on.

    Raises:
        ValueError: the code is taken, or the signals belong to several classes or to another kind.
    """
    if kind.code in _KINDS:
        raise ValueError(f"There is a kind of evidence {kind.code!r} already.")
    _ = kind.belongs
    if any(other.signals & kind.signals for other in _KINDS.values()):
        raise ValueError(f"A signal of {kind.code!r} belongs to another kind of evidence.")
    _KINDS[kind.code] = kind


def all_kinds() -> tuple[Kind, ...]:
    """What may be offered, in the order in which a page asks for it."""
    return tuple(_KINDS.values())


def of_code(code: str) -> Kind | None:
    return _KINDS.get(code)


def of_signal(signal: str) -> Kind | None:
    return next((kind for kind in _KINDS.values() if signal in kind.signals), None)
