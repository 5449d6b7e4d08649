"""One request to get back in, from its submission to its end, and the moves between its states.

The database knows the moves as well (`recovery/migrations`): no write, by whatever way, takes another one.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Coalesce

from recovery.assurance import Tier

if TYPE_CHECKING:
    from accounts.models import User

# The mailed link that opens a case (NIST SP 800-63B-4, 4.2.1.2: at most 24 hours by mail).
LINK_LIFE = timedelta(hours=24)
# How long what a mailbox has stopped can be taken up again, and what was stopped be disputed.
REOPENED_WITHIN = timedelta(days=30)
# What the desk owes a claimant who has shown what there is: the first words of a person.
REPLY_WITHIN = timedelta(days=3)


class CaseState(models.TextChoices):
    """Where a case stands. `docs/recovery.md` draws it."""

    SUBMITTED = "submitted", "Waiting for the mailed link"
    EVIDENCE = "evidence", "Gathering evidence"
    QUEUED = "queued", "In the queue"
    IN_REVIEW = "in-review", "In review"
    NEEDS_INFO = "needs-info", "Waiting for the claimant"
    APPROVED = "approved", "Approved, waiting for others"
    COOLING = "cooling", "Cooling"
    AUTO_COOLING = "auto-cooling", "Cooling, by the rules alone"
    EXECUTED = "executed", "Executed, waiting for a new factor"
    HOLD = "hold", "On hold"
    CLOSED = "closed", "Done"
    CANCELLED = "cancelled", "Cancelled by the owner"
    DISPUTED = "disputed", "Disputed"
    SELF_RESOLVED = "self-resolved", "Resolved by the owner"
    REJECTED = "rejected", "Rejected"
    EXPIRED = "expired", "Expired"
    DUPLICATE = "duplicate", "Duplicate"
    WITHDRAWN = "withdrawn", "Withdrawn by the claimant"


_S = CaseState
COOLING_STATES = (_S.COOLING, _S.AUTO_COOLING)
# Nobody has said yes yet, and evidence may still be added.
UNDECIDED_STATES = (_S.EVIDENCE, _S.QUEUED, _S.IN_REVIEW, _S.NEEDS_INFO)
# What the owner may cancel: until it is executed.
OPEN_STATES = (_S.SUBMITTED, *UNDECIDED_STATES, _S.APPROVED, *COOLING_STATES)
# The account has changed hands, and may yet be taken back.
HANDED_OVER_STATES = (_S.EXECUTED, _S.HOLD)

# What its owner, security or whoever asked may bring a case to from any open state. An owner who was told of it
# stops it; before its link is opened nobody was.
_STOPPED = (_S.CANCELLED, _S.DISPUTED, _S.SELF_RESOLVED, _S.REJECTED, _S.WITHDRAWN)
# Every move there is. Whatever voids a decision (new evidence, a rival, a lapsed link) leads back to the queue.
MOVES: dict[CaseState, tuple[CaseState, ...]] = {
    _S.SUBMITTED: (_S.EVIDENCE, _S.DISPUTED, _S.EXPIRED, _S.WITHDRAWN),
    _S.EVIDENCE: (_S.QUEUED, _S.AUTO_COOLING, _S.EXPIRED, *_STOPPED),
    _S.QUEUED: (_S.IN_REVIEW, _S.DUPLICATE, *_STOPPED),
    _S.IN_REVIEW: (_S.QUEUED, _S.NEEDS_INFO, _S.APPROVED, _S.DUPLICATE, *_STOPPED),
    _S.NEEDS_INFO: (_S.QUEUED, _S.EXPIRED, _S.DUPLICATE, *_STOPPED),
    _S.APPROVED: (_S.QUEUED, _S.COOLING, _S.DUPLICATE, *_STOPPED),
    _S.COOLING: (_S.QUEUED, _S.EXECUTED, *_STOPPED),
    _S.AUTO_COOLING: (_S.QUEUED, _S.EXECUTED, *_STOPPED),
    _S.EXECUTED: (_S.HOLD, _S.QUEUED, _S.DISPUTED),
    _S.HOLD: (_S.CLOSED, _S.DISPUTED),
    # A claimant with a proof that a mailbox alone cannot give goes on, at the highest tier; and who stopped it may
    # say afterwards that it was somebody else.
    _S.CANCELLED: (_S.QUEUED, _S.DISPUTED, _S.REJECTED, _S.WITHDRAWN),
    # Security settles it: one way or the other.
    _S.DISPUTED: (_S.QUEUED, _S.REJECTED),
}


class CaseReason(models.TextChoices):
    """What happened, as the claimant says."""

    LOST_FACTOR = "lost-factor", "I lost my second factor and my recovery codes"
    LOST_MAILBOX = "lost-mailbox", "I lost my mailbox, too"
    THEFT = "theft", "Somebody took my account over"


class CancelledBy(models.TextChoices):
    """What the one who cancelled had: a mailbox says less than a session."""

    NOBODY = "", "Not cancelled"
    MAILBOX = "mailbox", "A link in a letter"
    SESSION = "session", "A signed-in browser"


class RecoveryCaseQuerySet(models.QuerySet["RecoveryCase"]):
    """Query vocabulary of cases."""

    def open(self) -> RecoveryCaseQuerySet:
        """Those that may still hand the account over."""
        return self.filter(state__in=OPEN_STATES)

    def proved(self) -> RecoveryCaseQuerySet:
        """Those whose claimant has shown to read an address that the account has verified."""
        return self.filter(mailbox_is_verified=True).exclude(opened_at=None)

    def of(self, user: User) -> RecoveryCaseQuerySet:
        return self.filter(user=user)


class RecoveryCase(models.Model):
    """One claim to an account.

    Attributes:
        user: whose account; None where the typed name is nobody's, or somebody's for whom there is no such way
            (staff). To its claimant such a case looks like any other.
        claimed: name as typed. `mailbox`: where the link went; `mailbox_is_verified`: it is one the account has
            verified, else it is an alternate one.
        secret: digest of the request secret, given to the browser at submission and to nobody else.
        link: digest of what the mailed link holds. `network`, `device`: keyed digests, for limits alone.
        evidence_digest: what approvals sign; any new evidence changes it.
        not_before: no execution earlier, whatever else holds.
        finished_at: when the claimant had no more to offer; of a stopped case, when they asked to go on.
        expires_at: when the state runs out.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    state = models.CharField(max_length=16, choices=CaseState, default=CaseState.SUBMITTED)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="recovery_cases"
    )
    claimed = models.CharField(max_length=254)
    mailbox = models.EmailField(max_length=254)
    mailbox_is_verified = models.BooleanField(default=False)
    reason = models.CharField(max_length=16, choices=CaseReason, default=CaseReason.LOST_FACTOR)
    secret = models.CharField(max_length=64, unique=True)
    link = models.CharField(max_length=64, unique=True)
    network = models.CharField(max_length=64, blank=True)
    device = models.CharField(max_length=64, blank=True)
    address = models.CharField(max_length=64, blank=True)
    client = models.CharField(max_length=200, blank=True)

    policy_version = models.CharField(max_length=32, blank=True)
    tier_at_open = models.PositiveSmallIntegerField(choices=[(tier.value, tier.name) for tier in Tier], default=0)
    tier = models.PositiveSmallIntegerField(choices=[(tier.value, tier.name) for tier in Tier], default=0)
    points = models.PositiveSmallIntegerField(default=0)
    # Roles that have to approve, in order, as `recovery.assurance` names them.
    approvals_needed = models.PositiveSmallIntegerField(default=2)
    approver_roles = models.JSONField(default=list)
    # Hard flags that stay once they were raised.
    flags = models.JSONField(default=list)
    assessment = models.JSONField(default=dict)
    evidence_digest = models.CharField(max_length=64, blank=True)
    # Counts returns to the queue after a decision: letters of one round do not serve the next.
    round = models.PositiveSmallIntegerField(default=0)
    cooling = models.DurationField(default=timedelta)
    tail = models.DurationField(default=timedelta)
    hold = models.DurationField(default=timedelta)

    submitted_at = models.DateTimeField()
    opened_at = models.DateTimeField(null=True, blank=True)
    notified_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    reminders = models.PositiveSmallIntegerField(default=0)
    queued_at = models.DateTimeField(null=True, blank=True)
    approved_at = models.DateTimeField(null=True, blank=True)
    not_before = models.DateTimeField(null=True, blank=True)
    executed_at = models.DateTimeField(null=True, blank=True)
    hold_until = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    cancelled_by = models.CharField(max_length=16, choices=CancelledBy, default=CancelledBy.NOBODY, blank=True)
    merged_into = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="merged")
    # A first reply is owed by then; the clock stands while the claimant is asked.
    reply_due_at = models.DateTimeField(null=True, blank=True)
    waiting_since = models.DateTimeField(null=True, blank=True)
    # When personal data of a closed case was deleted.
    purged_at = models.DateTimeField(null=True, blank=True)
    # When, two years after the end, what was decided in it was deleted as well.
    forgotten_at = models.DateTimeField(null=True, blank=True)

    objects = RecoveryCaseQuerySet.as_manager()

    class Meta:
        ordering = ["-submitted_at", "pk"]
        indexes = [
            models.Index(fields=["state", "queued_at"], name="case_queue"),
            # In the order of the queue, whichever tab.
            models.Index(
                Coalesce("queued_at", "opened_at", "submitted_at"), "submitted_at", "id", name="case_waits"
            ),
            models.Index(fields=["state", "not_before"], name="case_due"),
            models.Index(fields=["state", "expires_at"], name="case_expiry"),
            models.Index(fields=["user", "state"], name="case_user"),
            models.Index(fields=["network", "submitted_at"], name="case_network"),
            models.Index(fields=["device", "submitted_at"], name="case_device"),
            models.Index(fields=["mailbox", "submitted_at"], name="case_mailbox"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(state__in=CaseState.values), name="case_state_is_one"),
            # Nobody at all, in the lowest tier, or at least two.
            models.CheckConstraint(
                condition=Q(approvals_needed=0, tier=0)
                | Q(approvals_needed__gte=2, tier__lt=3)
                | Q(approvals_needed__gte=3),
                name="case_zero_humans_or_two",
            ),
            models.CheckConstraint(condition=Q(tier__gte=F("tier_at_open")), name="case_tier_never_falls"),
            models.CheckConstraint(
                condition=~Q(state__in=["cooling", "auto-cooling", "executed", "hold", "closed"])
                | Q(user__isnull=False, notified_at__isnull=False, not_before__isnull=False),
                name="case_cools_after_a_notice",
            ),
            models.CheckConstraint(
                condition=Q(not_before__isnull=True) | Q(not_before__gt=F("notified_at")),
                name="case_cools_at_all",
            ),
            models.CheckConstraint(
                condition=~Q(state="auto-cooling") | Q(approvals_needed=0), name="case_alone_only_by_the_rules"
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["executed", "hold", "closed"])
                | Q(executed_at__isnull=False, executed_at__gte=F("not_before"), hold_until__isnull=False),
                name="case_executed_when_due",
            ),
            models.CheckConstraint(
                condition=~Q(state="duplicate") | Q(merged_into__isnull=False), name="case_duplicate_of_one"
            ),
            models.UniqueConstraint(
                fields=["user"], condition=Q(state="executed"), name="one_executed_case_per_account"
            ),
        ]

    def __str__(self) -> str:
        return f"case {self.pk} ({self.state})"

    @property
    def is_open(self) -> bool:
        """Whether it may still hand the account over."""
        return self.state in OPEN_STATES

    @property
    def wants_to_go_on(self) -> bool:
        """Whether a mailbox has stopped it, and its claimant has asked that it be looked at nevertheless."""
        is_stopped = self.state == CaseState.CANCELLED and self.cancelled_by == CancelledBy.MAILBOX
        return is_stopped and self.finished_at is not None

    def may_be_disputed(self, at: datetime) -> bool:
        """Whether "this was not me" still stops something, or adds to what stopping has done."""
        if self.state == CaseState.CANCELLED:
            return self.ended_at is not None and self.ended_at > at - REOPENED_WITHIN
        return self.state in (*OPEN_STATES, *HANDED_OVER_STATES)

    def may_move(self, to: CaseState) -> bool:
        return to in MOVES.get(CaseState(self.state), ())

    def halfway(self) -> datetime | None:
        """The middle of its cooling, when a letter is due."""
        if self.notified_at is None or self.not_before is None:
            return None
        return self.notified_at + (self.not_before - self.notified_at) / 2
