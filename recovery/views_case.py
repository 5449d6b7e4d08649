"""One case on one page: its story, its evidence, what is at stake, and what whoever looks may do about it."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from accounts.forms import PageForm
from accounts.pages import show
from indexsite import clock
from indexsite.actors import Actor
from indexsite.admin_site import console_page
from indexsite.errors import NotFound
from indexsite.http import actor_of
from indexsite.policies import Action, Denied, may
from recovery import presentation, queries_console, story_lines
from recovery.actions import approving, desk
from recovery.assurance import Approver
from recovery.case_acts import ACTS, APPROVE, ASK, MESSAGE, NOTE, UNMASK, CaseAct, offered
from recovery.forms_console import ApproveForm, TemplateForm, WordsForm
from recovery.models import CaseApproval, Evidence, RecoveryCase, Verdict
from recovery.presentation import Chip
from recovery.views_case_acts import form_of

# Refusals that a proof lifts: the control is shown, and leads there.
LIFTED_BY_A_PROOF = {"step-up-needed", "security-key-needed"}


@dataclass(frozen=True)
class Check:
    """One line of the checklist: a kind of evidence, and what was offered of it."""

    title: str
    points: int
    rows: list[tuple[Evidence, Chip, str]]


@dataclass(frozen=True)
class Consent:
    """Who has said yes, who has to, and whether the asker's yes would count."""

    given: list[tuple[str, str, datetime]]
    missing: list[str]
    refusal: str
    is_last: bool


@console_page(Action.CASE_VIEW)
def case(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The page of one case. It changes nothing, the lease included."""
    actor, at = actor_of(request), clock.now()
    found = queries_console.case(pk, at)
    if found is None:
        raise NotFound("There is no such case.")
    lease = getattr(found, "lease", None)
    is_held = lease is not None and lease.is_live(at)
    is_mine = is_held and lease is not None and lease.person_id == actor.person.pk
    events = queries_console.story(found)
    is_unmasked = queries_console.is_unmasked_for(events, actor.person, at)
    acts = {act.code: act for act in ACTS if offered(act, found, has_lease=is_mine) and _may(actor, act, found)}
    related = queries_console.related(found)
    if not any(each.is_mergeable for each in related):
        acts.pop("merge", None)
    consent = _consent(found, actor)
    lines = story_lines.timeline(events, found.notices.all())
    return show(
        request,
        "recovery/console/case.html",
        title=presentation.name_of(found),
        case=found,
        chips=presentation.chips_of(found, at),
        flags=presentation.flags_explained(found),
        holder=lease.person.username if is_held and lease is not None else "",
        is_mine=is_mine,
        lease=lease if is_mine else None,
        lines=lines if is_unmasked else [_masked(line) for line in lines],
        person=_personal(found, is_unmasked=is_unmasked),
        is_unmasked=is_unmasked,
        checks=_checks(found, at, is_unmasked=is_unmasked),
        related=related,
        consent=consent,
        conflict=(conflict := _conflict(actor, found)),
        what_next="" if conflict else _what_next(found, acts, consent, is_mine=is_mine),
        acts=acts,
        other_acts=[act for code, act in acts.items() if code not in _EMBEDDED],
        approve=_approve_form(found) if APPROVE.code in acts and not consent.refusal else None,
        approve_act=APPROVE,
        words=_words(acts, found, request),
        note=WordsForm(said_to=NOTE.said_to, auto_id="note_%s") if NOTE.code in acts else None,
        templates=TemplateForm(request.GET if "reply" in request.GET else None),
    )


_EMBEDDED = {APPROVE.code, ASK.code, MESSAGE.code, NOTE.code, "take", "release", UNMASK.code}


def _may(actor: Actor, act: CaseAct, found: RecoveryCase) -> bool:
    verdict = may(actor, act.action, found)
    return not isinstance(verdict, Denied) or verdict.code in LIFTED_BY_A_PROOF


def _conflict(actor: Actor, found: RecoveryCase) -> str:
    """Why somebody of the desk may not work on this one, or ""."""
    verdict = may(actor, Action.CASE_WORK, found)
    return verdict.sentence if isinstance(verdict, Denied) and verdict.code == "conflict-of-interest" else ""


def _what_next(found: RecoveryCase, acts: Collection[str], consent: Consent, *, is_mine: bool) -> str:
    useful = set(acts) - ({APPROVE.code} if consent.refusal else set())
    return presentation.what_next(found, useful, consent.missing, is_mine=is_mine)


def _masked(line: story_lines.Line) -> story_lines.Line:
    return story_lines.Line(
        line.at, line.voice, line.who, presentation.masked(line.did), presentation.masked(line.text)
    )


def _personal(found: RecoveryCase, *, is_unmasked: bool) -> list[tuple[str, str]]:
    """What is known of the claimant; whoever has not asked for more sees where, not who."""
    if found.purged_at is not None:
        return [("Personal data", "deleted 90 days after the end")]
    if is_unmasked:
        mailbox, claimed, network = found.mailbox, found.claimed, found.address or "unknown"
    else:
        mailbox, claimed = presentation.masked(found.mailbox), presentation.masked(found.claimed)
        network = presentation.masked_network(found.address)
    whose = "an address of the account" if found.mailbox_is_verified else "not an address of the account"
    return [("Typed as", claimed), ("Mailbox", f"{mailbox} ({whose})"), ("Asked from", network)]


def _checks(found: RecoveryCase, at: datetime, *, is_unmasked: bool) -> list[Check]:
    rows: dict[str, list[Evidence]] = {}
    for row in found.evidence.all():
        rows.setdefault(row.kind, []).append(row)
    points = found.assessment.get("points", {})
    return [
        Check(
            words,
            int(points.get(letter, 0)),
            [(row, _verdict(row, at), _about(row, is_unmasked=is_unmasked)) for row in rows.get(letter, [])],
        )
        for letter, words in presentation.CLASS_WORDS.items()
    ]


def _verdict(row: Evidence, at: datetime) -> Chip:
    if row.void_at is not None:
        return Chip("taken back")
    if row.expires_at is not None and row.expires_at <= at:
        return Chip("too old")
    if row.verdict == Verdict.PASSED:
        return Chip("passed", "good") if row.is_sound else Chip("passed, with a doubt", "warn")
    return Chip("failed", "bad") if row.verdict == Verdict.FAILED else Chip("not checked yet")


def _about(row: Evidence, *, is_unmasked: bool) -> str:
    text = row.reference if "@" in row.reference else row.subject
    return text if is_unmasked else presentation.masked(text)


def _consent(found: RecoveryCase, actor: Actor) -> Consent:
    given: list[CaseApproval] = queries_console.approvals(found) if found.yeses else []  # type: ignore[attr-defined]
    needed = approving.needed_roles(found) if found.approvals_needed else ()
    ranks = [list(Approver).index(Approver(each.role)) + 1 for each in given]
    left = approving.missing(needed, ranks)
    mine = approving.rank_of(actor.person) if found.state in APPROVE.states else 0
    after = approving.missing(needed, [*ranks, mine])
    refusal = ""
    if any(each.person_id == actor.person.pk for each in given):
        refusal = "You have said yes already; somebody else has to."
    elif mine and len(after) == len(left):
        refusal = "Your role adds nothing to the yeses there are; somebody with a higher role has to."
    elif not found.assessment.get("minimum_met"):
        refusal = "The evidence does not meet the minimum of this tier: ask for more, or reject."
    elif found.notified_at is None:
        refusal = "No letter to the owner has left yet; wait a few minutes."
    words = [presentation.ROLE_WORDS[list(Approver)[rank - 1].value] for rank in sorted(left)]
    return Consent(
        given=[(each.person.username, presentation.ROLE_WORDS[each.role], each.approved_at) for each in given],
        missing=words,
        refusal=refusal,
        is_last=not after,
    )


def _approve_form(found: RecoveryCase) -> PageForm:
    return ApproveForm(said_to=APPROVE.said_to, initial={"digest": found.evidence_digest}, auto_id="approve_%s")


def _words(acts: dict[str, CaseAct], found: RecoveryCase, request: HttpRequest) -> PageForm | None:
    """The letter to the claimant, begun with a prepared reply where one was chosen."""
    act = acts.get(MESSAGE.code) or acts.get(ASK.code)
    return form_of(act, found, request) if act is not None else None


@console_page(Action.CASE_WORK)
@require_POST
@never_cache
def heartbeat(request: HttpRequest, pk: uuid.UUID) -> JsonResponse:
    """The page is still open: whoever works on the case keeps it. Sent by `static/js/desk.js`."""
    lease = desk.heartbeat(actor=actor_of(request), pk=pk, at=clock.now())
    return JsonResponse({"until": lease.expires_at.isoformat()})
