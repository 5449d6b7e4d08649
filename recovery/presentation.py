"""How cases are written for the desk: what is masked, how long something takes, in which colour a state is."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from accounts import places
from recovery.assurance import HardFlag, SoftFlag, Tier
from recovery.models import COOLING_STATES, CaseState, RecoveryCase

_ADDRESS = re.compile(r"[^\s@<>()\"',;:]+@[^\s@<>()\"',;:]+")
SOON = timedelta(hours=8)

# What a flag means, for somebody who sees it for the first time.
FLAG_WORDS: dict[str, str] = {
    HardFlag.DOMAIN_LAPSED: "mailbox domain lapsed",
    HardFlag.CHANGED_RECENTLY: "changed in the last 30 days",
    HardFlag.TOKEN_LEAKED: "token leaked",
    HardFlag.CANCELLED_RECENTLY: "stopped by its owner lately",
    HardFlag.CLAIMS_OTHERS: "claims other accounts, too",
    SoftFlag.UNUSUAL_NETWORK: "unusual network",
    SoftFlag.DORMANT: "unused for three years",
    SoftFlag.FAILED_SIGN_INS: "many failed sign-ins",
    SoftFlag.CONFUSABLE: "name looks like a popular owner's",
    SoftFlag.ROLE_REMOVED: "lost a role lately",
    SoftFlag.ALTERNATE_MAILBOX: "mailbox is not the account's",
    SoftFlag.REJECTED_BEFORE: "rejected before",
    SoftFlag.CAMPAIGN: "phishing campaign running",
}
# Why it was raised, and what to look at.
FLAG_HELP: dict[str, str] = {
    HardFlag.DOMAIN_LAPSED: "The domain of a mailbox of the account has run out, or somebody registered it anew.",
    HardFlag.CHANGED_RECENTLY: "A mailbox, the password or the address of a repository changed in the 30 days "
    "before: whoever changed it may be the claimant.",
    HardFlag.TOKEN_LEAKED: "A token of the account lay where others can read it, in the 30 days before.",
    HardFlag.CANCELLED_RECENTLY: "The owner stopped a request in the last 30 days.",
    HardFlag.CLAIMS_OTHERS: "The same browser or network asked for two or more other accounts in 30 days.",
    SoftFlag.UNUSUAL_NETWORK: "It came from a country in which the account was not used in two years (the last "
    "month does not count), or from hosting, a VPN, a proxy or Tor, as the database of locations says.",
    SoftFlag.DORMANT: "Nobody has signed in or used a token for three years.",
    SoftFlag.FAILED_SIGN_INS: "Ten or more sign-ins failed in the three days before.",
    SoftFlag.CONFUSABLE: "The name looks like that of an owner of one of the thousand most used projects: is this "
    "the account that the claimant means?",
    SoftFlag.ROLE_REMOVED: "Somebody took a role from the account in the 30 days before.",
    SoftFlag.ALTERNATE_MAILBOX: "The letters of this request go to a mailbox that the account never verified.",
    SoftFlag.REJECTED_BEFORE: "The desk has rejected a request for this account before.",
    SoftFlag.CAMPAIGN: "Ten people or more reported within three days of this request that something in their "
    "account was not them.",
}
# What is at stake, by tier.
TIER_WORDS = {
    Tier.I0: "nothing but the account",
    Tier.I1: "small projects, with other owners",
    Tier.I2: "sole owner, in an organization, or much used",
    Tier.I3: "critical, owns an organization, contested, or flagged",
}
ROLE_WORDS = {
    "support-1": "support, tier 1 or above",
    "support-2": "support, tier 2, or security",
    "security": "security",
}
CLASS_WORDS = {
    "E": "Mailbox",
    "K": "Password",
    "D": "Known device",
    "T": "API token",
    "P": "Publishing",
    "S": "Signing key",
    "V": "Word of a co-owner",
}


@dataclass(frozen=True)
class Chip:
    """A short label: `kind` is a colour, which the text does not need."""

    text: str
    kind: str = ""


def masked(text: str) -> str:
    """The text with the mailboxes in it made unreadable; their domain stays, since it decides things."""
    return _ADDRESS.sub(lambda found: _masked_address(found[0]), text)


def _masked_address(email: str) -> str:
    name, _, domain = email.rpartition("@")
    return f"{name[:1]}…@{domain}"


def masked_network(address: str) -> str:
    """Where the address is, coarsely: a /24 of IPv4, a /48 of IPv6."""
    return places.coarse(address)


def span(length: timedelta) -> str:
    """ "3 days 4 hours": the two largest units, never less than a minute."""
    minutes = max(int(abs(length).total_seconds() // 60), 1)
    days, hours, rest = minutes // 1440, minutes % 1440 // 60, minutes % 60
    parts = [(days, "day"), (hours, "hour"), (0 if days else rest, "minute")]
    return " ".join(f"{count} {unit}{'' if count == 1 else 's'}" for count, unit in parts if count)


def reply_chip(case: RecoveryCase, at: datetime) -> Chip | None:
    """The clock of the first reply; it stands while the claimant is asked, and ends with a message to them."""
    due = case.reply_due_at
    if due is None or case.state not in _OWED:
        return None
    if case.waiting_since is not None:
        return Chip(f"clock stands, {span(due - case.waiting_since)} left")
    if due <= at:
        return Chip(f"reply late by {span(at - due)}", "bad")
    return Chip(f"reply within {span(due - at)}", "warn" if due - at <= SOON else "good")


_OWED = (CaseState.QUEUED, CaseState.IN_REVIEW, CaseState.NEEDS_INFO, CaseState.APPROVED)


def state_chip(case: RecoveryCase) -> Chip:
    kinds = {
        CaseState.QUEUED: "accent",
        CaseState.IN_REVIEW: "accent",
        CaseState.APPROVED: "good",
        CaseState.DISPUTED: "bad",
        CaseState.EXECUTED: "warn",
        CaseState.HOLD: "warn",
    }
    return Chip(CaseState(case.state).label, kinds.get(CaseState(case.state), ""))


def flag_chips(case: RecoveryCase) -> list[Chip]:
    """Hard flags first, each in words."""
    hard = [code for code in HardFlag if code in case.flags]
    soft = [code for code in SoftFlag if code in case.assessment.get("flags", ())]
    return [Chip(FLAG_WORDS[code], "bad") for code in hard] + [Chip(FLAG_WORDS[code], "warn") for code in soft]


def flags_explained(case: RecoveryCase) -> list[tuple[str, str]]:
    """The same flags, each with why it was raised."""
    raised = [
        *(code for code in HardFlag if code in case.flags),
        *(code for code in SoftFlag if code in case.assessment.get("flags", ())),
    ]
    return [(FLAG_WORDS[code], FLAG_HELP[code]) for code in raised]


def score_chip(case: RecoveryCase) -> Chip:
    is_met = bool(case.assessment.get("minimum_met"))
    return Chip(f"{case.points} points, {'enough' if is_met else 'not enough'}", "good" if is_met else "warn")


def due_chip(case: RecoveryCase, at: datetime) -> Chip | None:
    """When the worker hands the account over at the earliest."""
    if case.not_before is None or case.state not in COOLING_STATES:
        return None
    if case.not_before <= at:
        return Chip("due now", "warn")
    return Chip(f"handed over in {span(case.not_before - at)}", "warn" if case.not_before - at <= SOON else "")


def chips_of(case: RecoveryCase, at: datetime) -> list[Chip]:
    """The head of its page: where it stands, what is at stake, its clocks, what was noticed."""
    chips = [state_chip(case), Chip(f"Tier {Tier(case.tier).name}: {TIER_WORDS[Tier(case.tier)]}", "accent")]
    if case.user is None:
        chips.append(Chip("no such account: answered by itself"))
    else:
        chips.append(score_chip(case))
    chips += [chip for chip in (reply_chip(case, at), due_chip(case, at)) if chip is not None]
    return chips + flag_chips(case)


def name_of(case: RecoveryCase) -> str:
    """Whose account it is about, or what was typed."""
    return case.user.username if case.user is not None else masked(case.claimed) or "(deleted)"


def tier_name(tier: int) -> str:
    return Tier(tier).name


def what_next(case: RecoveryCase, acts: Collection[str], missing: Sequence[str], *, is_mine: bool) -> str:
    """What whoever looks does now, in one or two sentences: for somebody who sees such a page for the first time.

    Args:
        acts: codes of what they may do.
        missing: whose yes is still needed, in words.
        is_mine: whether they work on the case.
    """
    state = CaseState(case.state)
    if case.user is None and state not in _NOTHING_TO_DO:
        return "Nothing to do: there is no such account, and the site answers by itself."
    if state in _NOTHING_TO_DO:
        return f"Nothing to do: {_NOTHING_TO_DO[state]}"
    if state == CaseState.DISPUTED:
        return (
            "Find out who the owner is, then settle the dispute below."
            if "settle" in acts
            else "Nothing to do: security finds out who the owner is, and settles it."
        )
    if "approve" in acts and state == CaseState.APPROVED:
        return "Your yes is wanted: read the evidence, then approve below. To ask or reject, take the case."
    if state == CaseState.APPROVED and case.assessment.get("minimum_met"):
        return f"Nothing to do: it waits for a yes of {' and of '.join(missing)}."
    if not is_mine and "take" not in acts:
        return "Somebody else of the desk has to look at it."
    begin = "" if is_mine else "Take the case. Then "
    if case.assessment.get("minimum_met"):
        text = "read the evidence, and approve, ask or reject below."
    else:
        text = "ask the claimant for more below, or reject: the evidence is not enough, and no yes would count."
    return (begin + text) if begin else text[0].upper() + text[1:]


_NOTHING_TO_DO = {
    CaseState.SUBMITTED: "the claimant has not opened the mailed link.",
    CaseState.EVIDENCE: "the claimant gathers evidence, and the case comes to the queue when they are done.",
    CaseState.NEEDS_INFO: "the claimant was asked, and the case comes back with the answer.",
    CaseState.COOLING: "it is decided. The site hands the account over in time, unless its owner stops it.",
    CaseState.AUTO_COOLING: "the rules decided it. The site hands it over in time, unless its owner stops it.",
    CaseState.EXECUTED: "the claimant sets up a new factor with the link that was mailed.",
    CaseState.HOLD: "the account is theirs again. Until the hold ends nothing can be published or handed on.",
    CaseState.CLOSED: "it is over.",
    CaseState.CANCELLED: "its owner has stopped it.",
    CaseState.SELF_RESOLVED: "its owner has signed in.",
    CaseState.REJECTED: "it was rejected.",
    CaseState.EXPIRED: "it ran out.",
    CaseState.DUPLICATE: "another case went on in its place.",
    CaseState.WITHDRAWN: "the claimant took it back.",
}
