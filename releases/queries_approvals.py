"""Who has agreed to a draft, and whether that counts now: asked anew whenever it matters, never stored."""

from __future__ import annotations

from dataclasses import dataclass

from accounts.models import User, get_user
from indexsite import clock
from indexsite.actors import Actor, SessionCredential
from indexsite.policies import Action, Denied, may
from mfa.models import SecurityKey, live_device
from releases.models import (
    COUNTS_AFTER,
    Draft,
    DraftState,
    Project,
    SignedAct,
    SignedStatement,
    SigningFactor,
)


@dataclass(frozen=True)
class Approval:
    """One person's yes. `refusal` says why it does not count at this moment; "" while it does."""

    statement: SignedStatement
    refusal: str

    @property
    def counts(self) -> bool:
        return self.refusal == ""


@dataclass(frozen=True)
class Approvals:
    """All that stand for what is in the draft now, and how many the project asks for."""

    needed: int
    approvals: list[Approval]

    @property
    def given(self) -> int:
        """How many of them count."""
        return sum(approval.counts for approval in self.approvals)

    @property
    def are_enough(self) -> bool:
        return self.given >= self.needed


def approvals_of(draft: Draft) -> Approvals:
    """Everybody's yes to this draft as it is now, with the rights, factors and rules of this moment."""
    project = draft.project
    if project is None or draft.state != DraftState.REVIEW:
        return Approvals(project.approvals if project is not None else 0, [])
    rows = (
        SignedStatement.objects.live()
        .filter(draft=draft, act=SignedAct.APPROVE, draft_digest=draft.digest)
        .select_related("person")
    )
    return Approvals(project.approvals, [Approval(row, _refusal(draft, project, row)) for row in rows])


def as_person(user: User, *, label: str = "web session") -> Actor:
    """The person as they would act in a browser, for asking what they may do now; the row is read anew."""
    return Actor(user=get_user(user.pk), credential=SessionCredential(label=label))


def _refusal(draft: Draft, project: Project, statement: SignedStatement) -> str:
    if statement.policy_version != project.policy_version:
        return "The project's rules have changed since; it has to be given again."
    verdict = may(as_person(statement.person), Action.DRAFT_APPROVE, draft)
    if isinstance(verdict, Denied):
        return verdict.sentence
    return factor_refusal(project, statement.factor, statement.device) or age_refusal(statement.device)


def factor_refusal(project: Project, factor: str, device: str) -> str:
    """Why what was signed with this factor (a persistent id) does not hold now; "" where it does."""
    found = live_device(device)
    if found is None:
        return "The factor it was given with was removed."
    if factor == SigningFactor.APP:
        return "" if project.approve_by_code else "Here it takes a security key."
    if not isinstance(found, SecurityKey) or found.set_aside_at is not None:
        return "The key it was given with is set aside."
    return ""


def age_refusal(device: str) -> str:
    """Why this key approves nothing yet; "" where it does, and for an app, which the rules trust anyway."""
    found = live_device(device)
    if not isinstance(found, SecurityKey):
        return ""
    if found.created_at + COUNTS_AFTER > clock.now():
        return f"The key is new, and approves from {found.created_at + COUNTS_AFTER:%Y-%m-%d %H:%M} UTC on."
    return ""
