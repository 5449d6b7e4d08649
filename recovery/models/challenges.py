"""What a claimant has to answer, once, and what somebody else opens for them."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from recovery.models.cases import RecoveryCase

# By mail (NIST SP 800-63B-4, 4.2.1.2), or to type at another place.
CHALLENGE_LIFE = timedelta(hours=24)
PIN_LIFE = timedelta(hours=24)


class Challenge(models.Model):
    """A nonce of one case and one kind of evidence. It is answered once; a second answer finds it used.

    Attributes:
        kind: `recovery.kinds.Kind.code`.
        nonce: what has to come back, where the claimant is shown it; "" where only its digest is kept.
        digest: of a mailed link's token; None where nothing is mailed.
        target: the address or repository it is about.
    """

    case = models.ForeignKey(RecoveryCase, on_delete=models.PROTECT, related_name="challenges")
    kind = models.CharField(max_length=24)
    nonce = models.CharField(max_length=64, blank=True)
    digest = models.CharField(max_length=64, null=True, blank=True, unique=True)
    target = models.CharField(max_length=300, blank=True)
    made_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["pk"]
        indexes = [models.Index(fields=["case", "kind"], name="challenge_case")]

    def __str__(self) -> str:
        return f"{self.kind} in {self.case_id}"

    def is_live(self, at: datetime) -> bool:
        return self.used_at is None and self.expires_at > at


class VouchPin(models.Model):
    """Somebody's word for somebody else: opened by the one, typed by the other in one case."""

    voucher = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="pins_opened")
    subject = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="pins_for")
    # Keyed: whoever reads the table could try all ten digits.
    digest = models.CharField(max_length=64, unique=True)
    factor = models.CharField(max_length=200)
    opened_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    used_in = models.ForeignKey(RecoveryCase, null=True, blank=True, on_delete=models.PROTECT, related_name="pins")

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(condition=~Q(voucher=F("subject")), name="nobody_vouches_for_themselves"),
            models.CheckConstraint(condition=~Q(factor=""), name="vouching_takes_a_factor"),
            models.CheckConstraint(
                condition=Q(used_in__isnull=True) | Q(ended_at__isnull=False), name="pin_used_is_ended"
            ),
            models.UniqueConstraint(
                fields=["voucher", "subject"], condition=Q(ended_at__isnull=True), name="one_open_pin_per_pair"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.voucher} for {self.subject}"
