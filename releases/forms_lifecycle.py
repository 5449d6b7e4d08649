"""What people fill in when something they published changes its state."""

from __future__ import annotations

from django import forms

from accounts.forms import PageForm
from indexsite.reasons import MAX_REASON


class YankForm(PageForm):
    reason = forms.CharField(
        label="Reason",
        required=False,
        max_length=MAX_REASON,
        help_text="One line. Everybody sees it, and installers print it.",
    )


class StatusForm(PageForm):
    status = forms.ChoiceField(
        label="Status",
        widget=forms.RadioSelect,
        choices=[
            ("active", "Active: the usual state"),
            ("archived", "Archived: finished; it can be installed and takes no new files"),
            ("deprecated", "Deprecated: you advise against using it; everything still works"),
        ],
    )
    reason = forms.CharField(
        label="Reason",
        required=False,
        max_length=MAX_REASON,
        help_text="One line for archived or deprecated: what to use instead, for instance. Everybody sees it.",
    )


class ProhibitedNameForm(PageForm):
    act = forms.ChoiceField(
        label="What", widget=forms.RadioSelect, choices=[("prohibit", "Prohibit it"), ("allow", "Allow it again")]
    )
    kind = forms.ChoiceField(
        label="Kind", widget=forms.RadioSelect, choices=[("project", "Project name"), ("user", "User name")]
    )
    name = forms.CharField(label="Name", max_length=200)
    reason = forms.CharField(
        label="Reason", max_length=MAX_REASON, help_text="One line, for the audit trail. No visitor reads it."
    )


class LookUpForm(PageForm):
    kind = forms.ChoiceField(
        label="Kind", widget=forms.RadioSelect, choices=[("project", "Project"), ("account", "Account")]
    )
    name = forms.CharField(label="Name", max_length=200)
