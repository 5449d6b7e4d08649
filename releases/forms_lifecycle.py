"""What people fill in when something they published changes its state."""

from __future__ import annotations

from typing import Any

from django import forms

from accounts.forms import PageForm
from indexsite import clock
from indexsite.limits import Used
from indexsite.reasons import MAX_REASON
from releases.models import MAX_REPORT, Verdict


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
        label="Kind",
        widget=forms.RadioSelect,
        choices=[
            ("project", "Project name"),
            ("user", "User name"),
            ("address", "E-mail address, or a domain with all below it"),
        ],
    )
    name = forms.CharField(label="Name", max_length=254)
    reason = forms.CharField(
        label="Reason", max_length=MAX_REASON, help_text="One line, for the audit trail. No visitor reads it."
    )


class LookUpForm(PageForm):
    kind = forms.ChoiceField(
        label="Kind", widget=forms.RadioSelect, choices=[("project", "Project"), ("account", "Account")]
    )
    name = forms.CharField(label="Name", max_length=200)


class MalwareReportForm(PageForm):
    main_field = "text"
    version = forms.CharField(label="Version", required=False, max_length=200, help_text="Empty: all of them.")
    text = forms.CharField(
        label="What did you see?",
        max_length=MAX_REPORT,
        help_text="The file, the line, what it does. Only the people who run this site read it.",
        widget=forms.Textarea(attrs={"rows": 8}),
    )


class VerdictForm(PageForm):
    verdict = forms.ChoiceField(label="What you found", widget=forms.RadioSelect, choices=Verdict.choices)
    reason = forms.CharField(
        label="Reason",
        max_length=MAX_REASON,
        help_text="One line. The reporter reads it; of malware everybody, as the reason of its quarantine.",
    )


class LeakForm(PageForm):
    main_field = "text"
    text = forms.CharField(
        label="Text",
        max_length=200_000,
        help_text="A file, a log, a page: whatever was found. It is searched now and kept nowhere.",
        widget=forms.Textarea(attrs={"rows": 8, "spellcheck": "false", "autocomplete": "off", "class": "mono"}),
    )
    reason = forms.CharField(
        label="Reason", max_length=MAX_REASON, help_text="One line, for the audit trail: where it was found."
    )


class LimitLookUpForm(PageForm):
    kind = forms.ChoiceField(
        label="Kind", widget=forms.RadioSelect, choices=[("account", "Account"), ("address", "Network address")]
    )
    name = forms.CharField(label="User name or address", max_length=200)


class ClearLimitForm(PageForm):
    limit = forms.ChoiceField(label="Limit", widget=forms.RadioSelect)
    reason = forms.CharField(label="Reason", max_length=MAX_REASON, help_text="One line. The person reads it.")

    def __init__(self, *args: Any, used: list[Used], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        limit = self.fields["limit"]
        assert isinstance(limit, forms.ChoiceField)  # noqa: S101 - declared above
        limit.choices = [
            (each.limit.value, f"{each.sentence}: {each.count} of {each.most}, until {clock.written(each.until)}")
            for each in used
        ]
