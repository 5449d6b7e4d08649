"""Changes that would weaken what protects a project's releases: they wait, and others may stop them.

Whoever has taken over one owner's account could else make every rule go before using it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from accounts.models import Membership, MembershipKind, User
from releases.models.people import role_since
from releases.models.projects import Project, RoleKind
from releases.models.publishing import Publishing, PublishingPolicy

# So long every owner can stop it.
POLICY_DELAY = timedelta(hours=72)
# Where nobody else could agree: so long before staff may.
STAFF_AGREE_AFTER = timedelta(days=14)
# What nobody has agreed to by then comes to nothing.
POLICY_CHANGE_LIFE = timedelta(days=30)

# What makes a policy weaker, and how to say so.
_WEAKER: tuple[tuple[str, Callable[[PublishingPolicy, PublishingPolicy], bool]], ...] = (
    (
        "releases may be published without review",
        lambda before, after: before.is_review_required and not after.is_review_required,
    ),
    ("fewer people have to agree", lambda before, after: after.approvals < before.approvals),
    ("approvals of those who uploaded count", lambda before, after: before.four_eyes and not after.four_eyes),
    (
        "a code of an authenticator app is enough",
        lambda before, after: after.approve_by_code and not before.approve_by_code,
    ),
)


def weakened(before: PublishingPolicy, after: PublishingPolicy) -> list[str]:
    """What would be weaker: halves of sentences; empty where nothing is."""
    return [text for text, is_weaker in _WEAKER if is_weaker(before, after)]


def described(policy: PublishingPolicy) -> str:
    """The policy in half a sentence, for histories and letters."""
    if not policy.is_review_required:
        return "review is optional"
    uploads = "uploads become drafts" if policy.stages_uploads else "other uploads are refused"
    people = {0: "nobody has to agree", 1: "1 person has to agree"}.get(
        policy.approvals, f"{policy.approvals} people have to agree"
    )
    eyes = ["those who uploaded do not count"] if policy.four_eyes else []
    return "; ".join(
        [
            f"review is required and {uploads}",
            people,
            *eyes,
            "a code is enough" if policy.approve_by_code else "with a security key",
        ]
    )


def owner_since(user: User, project: Project) -> datetime | None:
    """Since when the person may decide about the project: by a role, or as manager of its organisation."""
    managing = Membership.objects.filter(
        organization=project.organization_id, user=user, kind=MembershipKind.MANAGER
    ).values_list("joined_at", flat=True)
    since = role_since(user, project, RoleKind.OWNER)
    return min([*managing, *([since] if since is not None else [])], default=None)


class PolicyChangeState(models.TextChoices):
    """Where a change stands."""

    WAITING = "waiting", "Waiting"
    DONE = "done", "Done"
    STOPPED = "stopped", "Stopped"
    LAPSED = "lapsed", "No longer possible"


class PolicyChangeQuerySet(models.QuerySet["PolicyChange"]):
    """Query vocabulary of changes."""

    def waiting(self) -> PolicyChangeQuerySet:
        """Those that still may happen."""
        return self.filter(state=PolicyChangeState.WAITING)

    def lacking_second(self) -> PolicyChangeQuerySet:
        """Those that nobody else has agreed to, and somebody has to."""
        return self.filter(Q(needs_second=True) | Q(project__four_eyes=True), second=None)


class PolicyChange(models.Model):
    """One change that waits: of the publishing policy, or that an approver is no longer one.

    Attributes:
        publishing, approvals, four_eyes, approve_by_code: what the policy would be; as it is, with `member`.
        member: whose role as approver would go, instead.
        from_version: the policy it was asked under; another one makes it void.
        needs_second: the project was under four-eyes when it was asked for.
        second: who else agreed; `is_second_staff` where it was nobody of the project.
        why: how it ended, one sentence; "" while it waits.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="policy_changes")
    publishing = models.CharField(max_length=20, choices=Publishing)
    approvals = models.PositiveSmallIntegerField()
    four_eyes = models.BooleanField()
    approve_by_code = models.BooleanField()
    member = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    from_version = models.PositiveIntegerField()
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField()
    due_at = models.DateTimeField()
    needs_second = models.BooleanField()
    second = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    second_at = models.DateTimeField(null=True, blank=True)
    is_second_staff = models.BooleanField(default=False)
    state = models.CharField(max_length=8, choices=PolicyChangeState, default=PolicyChangeState.WAITING)
    why = models.CharField(max_length=500, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = PolicyChangeQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["project"], condition=Q(state="waiting"), name="one_policy_change_waits_per_project"
            ),
            models.CheckConstraint(
                condition=Q(second=None) | ~Q(second=F("asked_by")), name="policy_change_has_a_second_person"
            ),
            models.CheckConstraint(
                condition=~Q(state="done")
                | Q(needs_second=False)
                | Q(second__isnull=False, second_at__isnull=False),
                name="policy_change_is_agreed_by_two",
            ),
            models.CheckConstraint(
                condition=~Q(state="done") | Q(ended_at__gte=F("due_at")), name="policy_change_has_waited"
            ),
            models.CheckConstraint(
                condition=Q(state="waiting", ended_at=None) | (~Q(state="waiting") & Q(ended_at__isnull=False)),
                name="ended_policy_changes_say_when",
            ),
        ]
        indexes = [
            models.Index(fields=["due_at"], condition=Q(state="waiting"), name="policy_change_due"),
        ]

    def __str__(self) -> str:
        return f"{self.what} of {self.project}"

    @property
    def policy(self) -> PublishingPolicy:
        """What the policy would be."""
        return PublishingPolicy(
            mode=Publishing(self.publishing),
            approvals=self.approvals,
            four_eyes=self.four_eyes,
            approve_by_code=self.approve_by_code,
            version=self.from_version + 1,
        )

    @property
    def what(self) -> str:
        """What would happen, half a sentence."""
        if self.member is not None:
            return f"{self.member.username} would no longer be {RoleKind.APPROVER.label.lower()}"
        weaker = weakened(self.project.publishing_policy, self.policy)
        return "; ".join(weaker) or "the publishing policy would change"

    @property
    def lacks_second(self) -> bool:
        """Somebody else still has to agree."""
        return (self.needs_second or self.project.four_eyes) and self.second_id is None

    @property
    def staff_may_agree_at(self) -> datetime:
        """From when on staff may be the second, where the project has one owner alone."""
        return self.asked_at + STAFF_AGREE_AFTER

    @property
    def lapses_at(self) -> datetime:
        """When it comes to nothing if nobody agrees."""
        return self.asked_at + POLICY_CHANGE_LIFE

    def end(self, state: PolicyChangeState, why: str, at: datetime) -> None:
        """Close it for good."""
        self.state, self.why, self.ended_at = state, why, at
        self.save(update_fields=["state", "why", "ended_at"])
