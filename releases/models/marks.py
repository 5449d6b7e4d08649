"""What the public hears of drafts that were published: how many had agreed, and under which rules."""

from __future__ import annotations

from datetime import datetime

from django.db import models
from django.db.models import F, Q

from releases.models.drafts import Draft
from releases.models.policy_changes import described
from releases.models.publishing import Publishing, PublishingPolicy


class ReviewMark(models.Model):
    """One published draft, as it was at that moment; its files point here, and no other file does.

    Stored and never computed anew: people lose rights and rules change, but what happened stays. It names nobody.

    Attributes:
        approvals: how many people's approvals counted.
        approvals_needed: how many the rules asked for; the columns after it are rules too, see `PublishingPolicy`.
    """

    draft = models.OneToOneField(Draft, on_delete=models.PROTECT, related_name="review_mark")
    published_at = models.DateTimeField()
    approvals = models.PositiveSmallIntegerField()
    publishing = models.CharField(max_length=20, choices=Publishing)
    approvals_needed = models.PositiveSmallIntegerField()
    four_eyes = models.BooleanField()
    approve_by_code = models.BooleanField()
    policy_version = models.PositiveIntegerField()

    class Meta:
        ordering = ["published_at", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(approvals__gte=F("approvals_needed")), name="marks_have_enough_approvals"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.draft}: {self.approvals} of {self.approvals_needed}"

    @classmethod
    def of(cls, draft: Draft, policy: PublishingPolicy, *, approvals: int, at: datetime) -> ReviewMark:
        """The mark of a draft that is published now. Not saved."""
        return cls(
            draft=draft,
            published_at=at,
            approvals=approvals,
            publishing=policy.mode,
            approvals_needed=policy.approvals,
            four_eyes=policy.four_eyes,
            approve_by_code=policy.approve_by_code,
            policy_version=policy.version,
        )

    @property
    def policy(self) -> PublishingPolicy:
        """The rules as they were."""
        return PublishingPolicy(
            mode=Publishing(self.publishing),
            approvals=self.approvals_needed,
            four_eyes=self.four_eyes,
            approve_by_code=self.approve_by_code,
            version=self.policy_version,
        )

    @property
    def rules(self) -> str:
        """The same in half a sentence."""
        return described(self.policy)
