"""The console's pages about the audit trail: searching it, taking it along, one event, and whether it is whole."""

from __future__ import annotations

import json
import re
from datetime import date
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect

from accounts.forms import PageForm, StaffReasonForm
from accounts.pages import show, show_form
from indexsite import audit, audit_history, audit_trail, auditing, tasks
from indexsite.admin_site import console_page
from indexsite.audit_trail import AuditLine, Search
from indexsite.errors import InvalidInput, NotFound
from indexsite.http import actor_of
from indexsite.policies import Action, may

_FORMATS = {
    "csv": (audit_history.as_csv, "text/csv; charset=utf-8"),
    "json": (audit_history.as_json, "application/json"),
}
_TEXT = forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"})
_DAY = {"invalid": "Write the date as year-month-day, such as 2027-01-31."}


class SearchForm(forms.Form):
    """The filters. Every field may stay empty."""

    event = forms.CharField(label="Event, or its first word", required=False, max_length=64, widget=_TEXT)
    actor = forms.CharField(label="By", required=False, max_length=100, widget=_TEXT)
    about = forms.CharField(label="About", required=False, max_length=100, widget=_TEXT)
    project = forms.CharField(label="Project", required=False, max_length=200, widget=_TEXT)
    address = forms.CharField(label="Network address", required=False, max_length=64, widget=_TEXT)
    since = forms.DateField(
        label="From",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        error_messages=_DAY,
    )
    until = forms.DateField(
        label="To",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        error_messages=_DAY,
    )

    def clean_until(self) -> date | None:
        until: date | None = self.cleaned_data["until"]
        if until == date.max:
            raise forms.ValidationError("Choose an earlier day.")
        return until

    def wanted(self) -> Search:
        """The search; fields that are wrong restrict nothing, and say so on the page."""
        self.full_clean()
        return Search(**{name: value for name, value in self.cleaned_data.items() if value})


class ExportForm(PageForm):
    format = forms.ChoiceField(
        label="As", choices=[("csv", "CSV"), ("json", "JSON")], initial="csv", widget=forms.RadioSelect
    )
    reason = forms.CharField(label="Reason", max_length=500, help_text="One line. It stands in the trail.")


@console_page(Action.AUDIT_VIEW)
def trail(request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
    """Events, the newest first; with POST the same as a file."""
    actor = actor_of(request)
    form = SearchForm(request.GET)
    search = form.wanted()
    leaving = ExportForm(request.POST if request.method == "POST" else None)
    if leaving.is_valid():
        if form.is_valid():
            wanted = leaving.cleaned_data["format"]
            try:
                auditing.note_export(
                    actor=actor, search=search, form=wanted, reason=leaving.cleaned_data["reason"]
                )
            except InvalidInput as error:
                leaving.refuse(error)
            else:
                return _download(search, wanted)
        else:
            leaving.refuse(InvalidInput("The filters cannot be read; put them right first."))
    before = re.fullmatch(r"[0-9]{1,18}", request.GET.get("before", ""))
    auditing.note_search(actor=actor, search=search)
    page = audit_trail.find(search, before=int(before[0]) if before else None)
    return show_form(
        request,
        "audit/trail.html",
        leaving,
        title="Audit trail",
        search=form,
        lines=[audit_trail.line(row) for row in page.rows],
        page=page,
        is_first=before is None,
        is_filtered=search != Search(),
        kinds=audit_trail.kinds(),
        may_export=bool(may(actor, Action.AUDIT_EXPORT)),
    )


@console_page(Action.AUDIT_VIEW)
def event(request: HttpRequest, number: int) -> HttpResponse:
    """One event with all its columns; its network address for a reason."""
    row = audit_trail.event_of(number)
    if row is None:
        raise NotFound("There is no such event.")
    form, address = StaffReasonForm(request.POST or None, said_to="Whom the event is about reads it."), ""
    if form.is_valid():
        try:
            address = auditing.unmask(
                actor=actor_of(request), number=number, reason=form.cleaned_data["reason"]
            ).address
        except InvalidInput as error:
            form.refuse(error)
    return show_form(
        request,
        "audit/event.html",
        form,
        title=f"Event {number}",
        parent=True,
        line=audit_trail.line(row),
        data=json.dumps(row.data, indent=2, ensure_ascii=False, sort_keys=True),
        address=address,
        sentence=audit.sentence(row),
    )


@console_page(Action.AUDIT_VIEW)
def seals(request: HttpRequest) -> HttpResponse:
    """Whether the trail is what was sealed, as it was last looked at, and a button to look again."""
    if request.method == "POST":
        auditing.ask_for_check(actor=actor_of(request))
        tasks.check_audit.enqueue()
        messages.success(request, "The worker looks now; load this page again in a moment.")
        return redirect("audit_seals")
    return show(request, "audit/seals.html", title="Seals", parent=True, last=auditing.last_check())


def _download(search: Search, wanted: str) -> StreamingHttpResponse:
    write, content_type = _FORMATS[wanted]
    lines: Any = audit_trail.export(search)
    response = StreamingHttpResponse(write(lines, kind=AuditLine), content_type=content_type)
    response["Content-Disposition"] = f'attachment; filename="audit-trail.{wanted}"'
    response["Cache-Control"] = "no-store"
    return response
