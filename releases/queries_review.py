"""What the review page shows beside the draft and its files: verdicts, differences, and who decides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.conf import settings

from indexsite.actors import Actor
from indexsite.policies import Action, may
from releases.models import Draft, DraftFileState, DraftState, RoleKind, people_with

# A zip goes through one thread of the server; what is larger is fetched file by file.
MAX_ZIP_BYTES = 512 << 20

_BADGES = {"pass": "good", "notice": "", "warning": "warn", "fail": "bad"}
_LINES = {"+": "added", "-": "removed", "@": "gap"}
_CHANGES = ("dependencies", "entry_points", "build", "values")


@dataclass(frozen=True)
class Decider:
    """Somebody who may decide about the draft, by which roles."""

    username: str
    roles: list[str]


@dataclass(frozen=True)
class ReviewPage:
    """What reviewers look at.

    Attributes:
        report: `releases.review.Report`, made fit for the template; None while there is none.
        is_waiting: it is being made.
        commands: how to install the draft, as (program, command).
        may_download: the files can be fetched; `may_zip`: all at once.
    """

    report: dict[str, Any] | None
    is_waiting: bool
    deciders: list[Decider]
    commands: list[tuple[str, str]]
    may_download: bool
    may_zip: bool


def review_page(draft: Draft, *, actor: Actor) -> ReviewPage:
    """The review page's part; the number of statements grows with nothing."""
    report = draft.reports.filter(digest=draft.digest).first() if draft.digest else None
    may_look_in = draft.is_live and bool(may(actor, Action.DRAFT_PREVIEW, draft))
    completed = draft.files.filter(state=DraftFileState.COMPLETED)
    sizes = list(completed.values_list("size", flat=True)) if may_look_in else []
    return ReviewPage(
        report=None if report is None else _shown(report.body),
        is_waiting=report is None and draft.state == DraftState.REVIEW,
        deciders=_deciders(draft),
        commands=_commands(draft) if may_look_in else [],
        may_download=may_look_in,
        may_zip=len(sizes) > 1 and sum(sizes) <= MAX_ZIP_BYTES,
    )


def _deciders(draft: Draft) -> list[Decider]:
    if draft.project is None:
        return []
    roles: dict[str, list[str]] = {}
    for kind in (RoleKind.OWNER, RoleKind.APPROVER):
        for name in people_with(draft.project, kind).values_list("username", flat=True):
            roles.setdefault(name, []).append(str(kind.label))
    return [Decider(name, kinds) for name, kinds in sorted(roles.items())]


def _commands(draft: Draft) -> list[tuple[str, str]]:
    where = f"{settings.SITE_URL}/stage/{draft.token}/overlay/"
    wanted = f"{draft.name}=={draft.version}"
    return [
        ("pip", f"pip install --index-url {where} {wanted}"),
        ("uv", f"uv pip install --default-index {where} {wanted}"),
    ]


def _shown(body: dict[str, Any]) -> dict[str, Any]:
    """The report with what templates cannot say: kinds of badges and lines, and what is worth opening."""
    # The worst first; where they are equal, as the table of checks has them.
    ranks = list(_BADGES)
    findings = sorted(body["findings"], key=lambda one: -ranks.index(one["verdict"]))
    findings = [one | {"badge": _BADGES[one["verdict"]]} for one in findings]
    files = [
        file
        | {
            "diffs": [diff | {"lines": [_line(*line) for line in diff["lines"]]} for diff in file["diffs"]],
            "more": {
                kind: max(0, file["counts"].get(kind, 0) - len(file[kind]))
                for kind in ("added", "removed", "changed")
            },
            "says": [change for kind in _CHANGES for change in file[kind]],
        }
        for file in body["files"]
    ]
    return body | {"findings": findings, "files": files}


def _line(kind: str, text: str) -> dict[str, str]:
    return {"kind": _LINES.get(kind, "same"), "sign": "⋯" if kind == "@" else kind, "text": text}
