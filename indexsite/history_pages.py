"""A history over HTTP: the filters of its page, its pages, and the same rows as CSV or JSON."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.utils.http import content_disposition_header

from accounts.models import USERNAME_MAX_LENGTH
from accounts.pages import show
from indexsite import audit_history
from indexsite.audit_history import HistoryFilter
from indexsite.errors import InvalidInput

if TYPE_CHECKING:
    from indexsite.audit_history import Rows, ToEntry

PAGE_LENGTH = 50
_FORMATS = {
    "csv": (audit_history.as_csv, "text/csv; charset=utf-8"),
    "json": (audit_history.as_json, "application/json"),
}


class HistoryForm(forms.Form):
    """The filters. Every field may stay empty."""

    kind = forms.ChoiceField(label="What", required=False)
    person = forms.CharField(
        label="Who",
        required=False,
        max_length=USERNAME_MAX_LENGTH,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
    )
    since = forms.DateField(
        label="From",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        error_messages={"invalid": "Write the date as year-month-day, such as 2027-01-31."},
    )
    until = forms.DateField(
        label="To",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        error_messages={"invalid": "Write the date as year-month-day, such as 2027-01-31."},
    )

    def __init__(self, *args: Any, kinds: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        kind = self.fields["kind"]
        assert isinstance(kind, forms.ChoiceField)  # noqa: S101 - declared above
        kind.choices = [("", "Everything"), *kinds]

    def clean_until(self) -> date | None:
        until: date | None = self.cleaned_data["until"]
        if until == date.max:
            raise forms.ValidationError("Choose an earlier day.")
        return until

    def wanted(self) -> HistoryFilter:
        """The filter; fields that are wrong restrict nothing, and say so on the page."""
        self.full_clean()
        found = self.cleaned_data
        return HistoryFilter(
            kind=found.get("kind", ""),
            person=found.get("person", ""),
            since=found.get("since"),
            until=found.get("until"),
        )


def respond(
    request: HttpRequest, template: str, rows: Rows, *, to_entry: ToEntry, filename: str, **context: Any
) -> HttpResponseBase:
    """The page of a history, or with `?format=csv` or `json` all the rows that its filters let pass.

    Raises:
        InvalidInput: a download was asked for with filters that cannot be read: it would hold too much.
    """
    form = HistoryForm(request.GET, kinds=audit_history.kinds(rows))
    rows = form.wanted().of(rows)
    wanted = request.GET.get("format", "")
    if wanted in _FORMATS:
        if not form.is_valid():
            raise InvalidInput("The filters of this download cannot be read; choose them on the page again.")
        return _download(rows, wanted, to_entry=to_entry, filename=filename)
    page = Paginator(rows, PAGE_LENGTH).get_page(request.GET.get("page"))
    context |= {"form": form, "page_obj": page, "entries": [to_entry(row) for row in page]}
    context["is_filtered"] = any(form.cleaned_data.values())
    return show(request, template, status=200 if form.is_valid() else 400, **context)


def _download(rows: Rows, wanted: str, *, to_entry: ToEntry, filename: str) -> StreamingHttpResponse:
    write, content_type = _FORMATS[wanted]
    entries = (to_entry(row) for row in rows.iterator(chunk_size=500))
    response = StreamingHttpResponse(write(entries), content_type=content_type)
    disposition = content_disposition_header(as_attachment=True, filename=f"{filename}.{wanted}")
    response["Content-Disposition"] = disposition or "attachment"
    response["Cache-Control"] = "no-store"
    return response
