"""The console's look-up: searching for an account or a project, and what the site knows about one. Read-only."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from django import forms
from django.http import HttpRequest, HttpResponse

from accounts.forms import PageForm
from accounts.pages import show, show_form
from indexsite import audit, audit_trail, clock
from indexsite.admin_site import console_page
from indexsite.audit_history import STAFF
from indexsite.audit_trail import AuditLine
from indexsite.errors import InvalidInput, LimitReached
from indexsite.http import actor_of
from indexsite.policies import Action, may
from recovery import presentation, queries_lookup
from recovery.actions import looking
from recovery.presentation import Chip

if TYPE_CHECKING:
    from indexsite.models import AuditEvent


class SearchForm(PageForm):
    main_field = "name"
    kind = forms.ChoiceField(
        label="Kind",
        widget=forms.RadioSelect,
        choices=[
            ("account", "Account, by the beginning of its name"),
            ("email", "Account, by a whole e-mail address"),
            ("project", "Project, by the beginning of its name"),
        ],
    )
    name = forms.CharField(
        label="Name or address",
        max_length=254,
        help_text="Whoever has the address reads that it was searched for.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
    )


@console_page(Action.ACCOUNT_LOOK_UP)
def search(request: HttpRequest) -> HttpResponse:
    """What begins so, or whose address it is; an address is sent in the body, and so in no log of addresses."""
    form = SearchForm(request.POST if request.method == "POST" else None, initial={"kind": "account"})
    found: dict[str, Any] | None = None
    if form.is_valid():
        try:
            found = _found(request, **form.cleaned_data)
        except (InvalidInput, LimitReached) as error:
            form.refuse(error)
    return show_form(
        request,
        "look_up/search.html",
        form,
        title="Look-up",
        found=found,
        most=queries_lookup.FOUND_SHOWN,
    )


def _found(request: HttpRequest, kind: str, name: str) -> dict[str, Any]:
    actor = actor_of(request)
    if kind == "project":
        return {"projects": looking.search_projects(actor=actor, beginning=name)}
    if kind == "email":
        return {"accounts": looking.search_address(actor=actor, email=name, at=clock.now())}
    return {"accounts": looking.search_accounts(actor=actor, beginning=name)}


@console_page(Action.ACCOUNT_LOOK_UP)
def account(request: HttpRequest, username: str) -> HttpResponse:
    """One account: where it stands, how it is protected, what it may do, what happened to it."""
    actor, at = actor_of(request), clock.now()
    found = looking.look_at_account(actor=actor, username=username, at=at)
    user = found.user
    states = [
        (user.closed_at is not None, "Closed", "bad"),
        (user.frozen_at is not None, "Frozen", "bad"),
        (user.recovering_since is not None, "Handed over, no new factor yet", "warn"),
        (user.hold_until is not None and user.hold_until > at, "On hold", "warn"),
        (user.claimed_since is not None, "Somebody asks for it", "warn"),
        (user.edits_frozen_until is not None and user.edits_frozen_until > at, "Changes frozen", "warn"),
        (user.uploads_frozen_until is not None and user.uploads_frozen_until > at, "Uploads frozen", "warn"),
        (user.is_staff, "Works for this site", "accent"),
    ]
    chips = [Chip(text, kind) for is_so, text, kind in states if is_so]
    return show(
        request,
        "look_up/account.html",
        title=f"Account {user.username}",
        account=found,
        user_row=user,
        chips=chips or [Chip("Active", "good")],
        emails=[(presentation.masked(row.email), row) for row in found.emails],
        lines=_lines(found.events),
        may_see_cases=bool(may(actor, Action.CASE_VIEW)),
        may_freeze=bool(may(actor, Action.ACCOUNT_FREEZE, user)),
    )


@console_page(Action.PROJECT_LOOK_UP)
def project(request: HttpRequest, name: str) -> HttpResponse:
    """One project: where it stands, who is behind it, what happened to it."""
    actor = actor_of(request)
    found = looking.look_at_project(actor=actor, name=name)
    return show(
        request,
        "look_up/project.html",
        title=f"Project {found.project.name}",
        thing=found,
        project=found.project,
        lines=_lines(found.events),
        may_quarantine=bool(may(actor, Action.PROJECT_QUARANTINE, found.project)),
    )


def _lines(rows: list[AuditEvent]) -> list[tuple[str, AuditLine]]:
    """What happened, mailboxes masked and networks coarse; who of the staff it was is for auditors to know."""
    lines = [audit_trail.line(row) for row in rows]
    unnamed = [
        replace(line, actor=STAFF, place="") if line.event in audit.acts_of_staff() else line for line in lines
    ]
    return [(presentation.masked(line.sentence), line) for line in unnamed]
