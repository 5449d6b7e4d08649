"""What people have signed about drafts: that they agree, or that it is to be released.

Rows are evidence: triggers refuse to change what was signed (`releases/migrations/0012`); one that counts no more
says since when and why.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from releases.models.drafts import Draft
from releases.statements import Evidence, moment


class SignedAct(models.TextChoices):
    """What was said."""

    APPROVE = "approve", "Approved"
    RELEASE = "release", "Released"


class SigningFactor(models.TextChoices):
    """With what."""

    KEY = "security-key", "security key"
    # Proves presence and signs nothing; only where the project's rules allow it.
    APP = "authenticator-app", "authenticator app"


class SignedStatementQuerySet(models.QuerySet["SignedStatement"]):
    """Query vocabulary of statements."""

    def live(self) -> SignedStatementQuerySet:
        """Those that nobody has taken back and nothing has overtaken."""
        return self.filter(voided_at=None)


class SignedStatement(models.Model):
    """One person's word about one draft, with what proves it (see `releases.statements`).

    Attributes:
        draft_digest, policy_version, publish_at, nonce: as in `statement`, for queries.
        statement: the exact bytes, RFC 8785.
        device: persistent id of the factor; `device_label` is what its owner calls it.
        client_data, authenticator_data, signature, public_key: of a key; empty for an authenticator app.
        evidence_sha256: over all of it; the audit event has it too.
        voided_why: one sentence; "" while it counts.
    """

    draft = models.ForeignKey(Draft, on_delete=models.CASCADE, related_name="statements")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    act = models.CharField(max_length=8, choices=SignedAct)
    draft_digest = models.CharField(max_length=64)
    policy_version = models.PositiveIntegerField()
    publish_at = models.DateTimeField(null=True, blank=True)
    nonce = models.CharField(max_length=64, unique=True)
    statement = models.BinaryField()
    factor = models.CharField(max_length=20, choices=SigningFactor)
    device = models.CharField(max_length=200)
    device_label = models.CharField(max_length=200)
    client_data = models.BinaryField()
    authenticator_data = models.BinaryField()
    signature = models.BinaryField()
    public_key = models.BinaryField()
    credential_sha256 = models.CharField(max_length=64, blank=True)
    algorithm = models.IntegerField(null=True, blank=True)
    rp_id = models.CharField(max_length=255, blank=True)
    origin = models.CharField(max_length=255, blank=True)
    evidence_sha256 = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField()
    voided_at = models.DateTimeField(null=True, blank=True)
    voided_why = models.CharField(max_length=200, blank=True)

    objects = SignedStatementQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["draft", "draft_digest", "person"],
                condition=Q(act="approve", voided_at=None),
                name="one_approval_of_a_draft_per_person",
            ),
            models.UniqueConstraint(
                fields=["draft"], condition=Q(act="release", voided_at=None), name="one_signed_release_per_draft"
            ),
            models.CheckConstraint(
                condition=Q(factor="security-key", algorithm__isnull=False)
                | Q(factor="authenticator-app", algorithm=None),
                name="keys_sign_and_apps_do_not",
            ),
            models.CheckConstraint(
                condition=Q(voided_at=None, voided_why="") | (Q(voided_at__isnull=False) & ~Q(voided_why="")),
                name="void_statements_say_why",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.act} of {self.draft_digest} by {self.person}"

    def evidence(self) -> Evidence:
        """What proves it, for whoever checks it."""
        return Evidence(
            statement=bytes(self.statement),
            factor=self.factor,
            client_data=bytes(self.client_data),
            authenticator_data=bytes(self.authenticator_data),
            signature=bytes(self.signature),
            public_key=bytes(self.public_key),
            credential_sha256=self.credential_sha256,
            algorithm=self.algorithm,
            rp_id=self.rp_id,
            origin=self.origin,
            created_at=moment(self.created_at),
        )
