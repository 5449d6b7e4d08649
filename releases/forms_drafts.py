"""What people fill in about a draft."""

from __future__ import annotations

from django import forms

from accounts.forms import PageForm
from indexsite.reasons import MAX_REASON
from releases.models.webhooks import MAX_URL


class ReturnForm(PageForm):
    reason = forms.CharField(
        label="Reason",
        max_length=MAX_REASON,
        help_text="One line for whoever prepared it: what has to change.",
    )


class CancelForm(PageForm):
    reason = forms.CharField(
        label="Reason", required=False, max_length=MAX_REASON, help_text="One line; you may leave it out."
    )


class WebhookForm(PageForm):
    url = forms.CharField(
        label="Address",
        max_length=MAX_URL,
        help_text="https, on the open Internet. Whoever receives there reads what becomes of every draft.",
        widget=forms.TextInput(attrs={"inputmode": "url", "autocomplete": "off"}),
    )


class PublishForm(PageForm):
    """`digest` is that of the draft as the page showed it."""

    digest = forms.CharField(widget=forms.HiddenInput, max_length=64)
