"""What the desk writes again and again: a table of letters with places for what differs.

None says which proof was good or bad (rule 10 of the desk): a thief would learn what to steal next.
"""

from __future__ import annotations

from dataclasses import dataclass

from recovery.models import RecoveryCase


@dataclass(frozen=True)
class Reply:
    """One letter. `is_question`: the clock of the reply stands until it is answered."""

    code: str
    title: str
    text: str
    is_question: bool = False

    def filled(self, case: RecoveryCase) -> str:
        """With its places filled in, as a draft to be read over."""
        # Whoever typed an address is not told whose it is, and the desk does not read it by choosing a reply.
        account = "the account" if "@" in case.claimed else case.claimed
        return self.text.format(account=account, days=case.cooling.days or 7)


REPLIES = (
    Reply(
        "more-proof",
        "Ask for more proof",
        "Could you show us something more that only the owner of {account} has? Your request's page lists all the "
        "ways: a browser you used before, an API token, a repository of one of your projects, a co-owner's word.",
        is_question=True,
    ),
    Reply(
        "co-owner",
        "Ask for a co-owner's word",
        "Is there somebody who owns a project together with {account}? They can open a number for you under "
        "Security in their own account; type it on your request's page. Please ask them by a way you both know.",
        is_question=True,
    ),
    Reply(
        "what-happened",
        "Ask what happened",
        "When did you last sign in as {account}, and what happened to the second factor? Never send us a "
        "password, a code or a token.",
        is_question=True,
    ),
    Reply(
        "we-look",
        "We are looking at it",
        "Thank you. Two of us look at each request, independently. You do not have to do anything; you will hear "
        "from us by this page and by mail.",
    ),
    Reply(
        "waiting",
        "Why it takes so long",
        "After the decision there is a waiting time of at least {days} days, in which the owner of {account} is "
        "told again and again and can stop it. Nobody can make it shorter on request.",
    ),
    Reply(
        "found-codes",
        "Look for recovery codes first",
        "Should you find a recovery code or the lost device meanwhile, sign in with it: that ends the request at "
        "once and is quicker than we can be.",
    ),
)


def of_code(code: str) -> Reply | None:
    return next((reply for reply in REPLIES if reply.code == code), None)
