"""What curators of the critical list fill in."""

from __future__ import annotations

from django import forms

from accounts.forms import PageForm
from indexsite.reasons import MAX_REASON
from releases.models import ListChange


class ListProposalForm(PageForm):
    name = forms.CharField(
        label="Name of the project",
        max_length=200,
        help_text="In any spelling. The project need not exist any more, or yet.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
    )
    change = forms.ChoiceField(label="What", widget=forms.RadioSelect, choices=ListChange.choices)
    reason = forms.CharField(
        label="Reason", max_length=MAX_REASON, help_text="One line. Staff read it, and later the project's owners."
    )
