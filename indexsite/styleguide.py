"""The page that shows every component; mounted at /styleguide/ with DEBUG only."""

from __future__ import annotations

from datetime import UTC, datetime

from django import forms
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from indexsite.audit_history import HistoryEntry
from indexsite.http import public

SNIPPET = "[pypi]\nusername = __token__\npassword = idx-..."


class SampleForm(forms.Form):
    """One field of each kind, some of them filled in wrongly."""

    name = forms.CharField(help_text="Letters, digits, dots, dashes and underscores.", max_length=50)
    email = forms.EmailField(label="E-mail address")
    code = forms.CharField(
        help_text="Six digits from your app.",
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "numeric"}),
    )
    note = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 3}))
    scope = forms.ChoiceField(
        choices=[("one", "Only sampleproject"), ("all", "All projects of mine")], widget=forms.RadioSelect
    )
    expiry = forms.ChoiceField(choices=[("30", "in 30 days"), ("365", "in a year")])
    agree = forms.BooleanField(label="I have saved these codes")


ENTRY = HistoryEntry(
    at=datetime(2026, 11, 21, 12, 30, tzinfo=UTC),
    event="file.published",
    sentence="sampleproject-1.0.tar.gz was published.",
    actor="alice",
    credential='token "ci"',
    address="192.0.2.7",
    client="twine/7.0.0",
)


@public("shows markup only, and only with DEBUG")
def styleguide(request: HttpRequest) -> HttpResponse:
    wrong = SampleForm({"name": "", "email": "nobody", "code": "12 34", "scope": "one"}, auto_id="wrong_%s")
    page = Paginator(range(50), 10).page(2)
    return render(
        request,
        "styleguide.html",
        {"form": SampleForm(), "wrong": wrong, "page_obj": page, "snippet": SNIPPET, "entries": [ENTRY]},
    )
