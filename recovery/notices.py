"""Letters about recoveries. The owner's go to every address of the last 180 days, and nothing turns them off.

Each is a row before it is a letter: when the first has left, the waiting begins, and without the last one
nothing is carried out.
"""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.tasks import task

from accounts.models import StaffKind, User
from accounts.notices import origin
from accounts.queries import addresses_of_staff, verified_addresses_of_all
from indexsite import clock, mail
from indexsite.actors import Actor
from recovery import bearers, queries
from recovery.models import NoticeKind, NoticeSent, RecoveryCase

# Kind of letter: headline (ends the subject), sentence. `{due}`: when the account is handed over at the earliest.
WORDS: dict[NoticeKind, tuple[str, str]] = {
    NoticeKind.OPENED: (
        "somebody asks to recover your account",
        "Somebody says to be you and to have lost the second factor. If that is you, you need do nothing here.",
    ),
    NoticeKind.EVIDENCE: (
        "evidence was added",
        "Whoever asks to recover your account has offered something more to show that they are you.",
    ),
    NoticeKind.APPROVED: (
        "the recovery of your account has a date",
        "Your account will be handed to whoever asked for it, not before {due}. Until then you can stop it.",
    ),
    NoticeKind.HALFWAY: (
        "half of the waiting is over",
        "Your account will be handed to whoever asked for it, not before {due}. Until then you can stop it.",
    ),
    NoticeKind.LAST_DAY: (
        "one day is left",
        "Your account will be handed to whoever asked for it, not before {due}. No letter comes in between.",
    ),
    NoticeKind.EXECUTED: (
        "your account was recovered",
        "The earlier second factors and the password are gone and all sessions have ended. Whoever asked can set "
        "up a new factor; for some time afterwards nothing can be published or handed on.",
    ),
    NoticeKind.LIFTED: (
        "the hold is over",
        "Since a while ago your account was recovered; from now on it can publish and change settings again.",
    ),
    NoticeKind.STOPPED: (
        "a recovery was stopped",
        "The recovery of your account that somebody had asked for does not go on. Nothing has changed.",
    ),
    NoticeKind.DISPUTED: (
        "a recovery is disputed",
        "The recovery of your account is disputed and does not go on. People who work for this site look into it.",
    ),
    NoticeKind.GLASS: (
        "the waiting was cut short",
        "Two people who work for this site have ended the waiting of the recovery of your account, for a reason.",
    ),
}
# Rule 10: to a claimant nothing is said about what was believed.
NOT_SURE = "We could not be sure that the account is yours, so nothing was changed."
# After these there is nothing to be stopped any more.
WITHOUT_LINK = {NoticeKind.STOPPED, NoticeKind.DISPUTED, NoticeKind.LIFTED}
# What co-owners hear: that it is about somebody else, and nothing of how the owner stands.
FOR_CO_OWNERS: dict[NoticeKind, tuple[str, str]] = {
    NoticeKind.OPENED: (
        "somebody asks to recover the account {username}",
        "Somebody says to be {username} and to have lost the second factor. If it is them, do nothing here.",
    ),
    NoticeKind.APPROVED: (
        "the recovery of {username} has a date",
        "The account {username} will be handed to whoever asked for it, not before {due}.",
    ),
    NoticeKind.EXECUTED: (
        "the account {username} was recovered",
        "Whoever asked can set up a new factor; for some time afterwards nothing can be published in its name.",
    ),
    NoticeKind.DISPUTED: (
        "the recovery of {username} is disputed",
        "It does not go on. People who work for this site look into it.",
    ),
}


def tell_owner(case: RecoveryCase, kind: NoticeKind, *, at: datetime) -> int:
    """One letter of the kind to each address of the owner, once a round; returns how many were queued."""
    user = case.user
    if user is None:
        return 0
    known = set(case.notices.filter(kind=kind, round=case.round).values_list("address", flat=True))
    count = 0
    for address in queries.owner_addresses(user, at):
        if address not in known:
            _queue(case, kind, user, address, at=at, is_owner=True)
            count += 1
    if kind in FOR_CO_OWNERS:
        for other in queries.co_owners(user):
            for address in verified_addresses_of_all([other]):
                if (
                    address not in known
                    and not case.notices.filter(kind=kind, round=case.round, address=address).exists()
                ):
                    _queue(case, kind, user, address, at=at, is_owner=False)
    return count


def _queue(
    case: RecoveryCase, kind: NoticeKind, user: User, address: str, *, at: datetime, is_owner: bool
) -> None:
    row = NoticeSent.objects.create(
        case=case, kind=kind, round=case.round, address=address, is_owner=is_owner, queued_at=at
    )
    headline, sentence = WORDS[kind] if is_owner else FOR_CO_OWNERS[kind]
    due = clock.written(case.not_before) if case.not_before is not None else "some days have passed"
    link = "" if kind in WITHOUT_LINK else owner_link(case, row.pk)
    context = {
        "username": user.username,
        "headline": headline.format(username=user.username),
        "sentence": sentence.format(due=due, username=user.username),
        "link": link,
        "is_owner": is_owner,
        "can_stop": is_owner and kind != NoticeKind.EXECUTED,
        # Speaking for them is asked for where it can still help; from where somebody asked is for the owner alone.
        "vouch_link": f"{settings.SITE_URL}/account/vouch/" if kind == NoticeKind.OPENED and not is_owner else "",
        "when": clock.written(at),
        "address": (case.address or "unknown") if is_owner else "",
    }
    mail.queue("recovery-news", to=[address], context=context, through=deliver_notice, notice=row.pk)


def owner_link(case: RecoveryCase, notice_id: int) -> str:
    """Where whoever has the letter can stop the recovery: a page that shows, and buttons that do."""
    return f"{settings.SITE_URL}/recovery/cancel/{bearers.owner_token(case.pk, notice_id)}/"


@task()
def deliver_notice(*, to: str, subject: str, text: str, html: str, message_id: str, notice: int) -> None:
    """Deliver, then note that it has left: the waiting is counted from there."""
    mail.deliver.call(to=to, subject=subject, text=text, html=html, message_id=message_id)
    at = clock.now()
    with transaction.atomic():
        NoticeSent.objects.filter(pk=notice, sent_at=None).update(sent_at=at)
        told = RecoveryCase.objects.filter(notices__pk=notice, notified_at=None)
        told.filter(notices__is_owner=True, notices__kind=NoticeKind.OPENED).update(notified_at=at)


# -- the claimant ---------------------------------------------------------------------------------------------


def opening_link(case: RecoveryCase, token: str, *, actor: Actor) -> None:
    """The first letter, the same for every name that was typed; it is of use in the browser that asked."""
    link = f"{settings.SITE_URL}/recovery/open/{token}/"
    mail.queue("recovery-link", to=[case.mailbox], context={"link": link, **origin(actor)})


def tell_claimant(case: RecoveryCase, headline: str, sentence: str, text: str = "") -> None:
    """To the mailbox that the case was opened with, and nowhere else. Never says what was believed.

    Args:
        text: what somebody of the desk has written, in several lines.
    """
    context = {
        "headline": headline,
        "sentence": sentence,
        "text": text,
        "link": f"{settings.SITE_URL}/recovery/status/{case.pk}/",
    }
    mail.queue("recovery-claimant", to=[case.mailbox], context=context)


def enrolment_link(case: RecoveryCase, token: str, *, until: datetime) -> None:
    """The way in, for a day, in the browser that asked."""
    link = f"{settings.SITE_URL}/recovery/enrol/{token}/"
    mail.queue("recovery-enrol", to=[case.mailbox], context={"link": link, "until": clock.written(until)})


# -- the staff ------------------------------------------------------------------------------------------------


def page_security(case: RecoveryCase, why: str) -> None:
    """To everybody of the security role, at once."""
    context = {
        "why": why,
        "case": str(case.pk),
        "account": case.user.username if case.user is not None else "",
        "link": f"{settings.SITE_URL}/admin/recovery/case/{case.pk}/",
    }
    if to := addresses_of_staff(StaffKind.SECURITY):
        mail.queue("recovery-alert", to=to, context=context)


# -- the owner, by themselves ---------------------------------------------------------------------------------


def pause_changed(user: User, *, until: str, actor: Actor) -> None:
    """`until`: "" where the pause was ended."""
    to = queries.owner_addresses(user, clock.now())
    if to:
        context = {"username": user.username, "until": until, **origin(actor)}
        mail.queue("recovery-paused", to=to, context=context)
