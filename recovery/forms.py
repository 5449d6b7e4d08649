"""What claimants fill in. Forms check shape only; whether it is right is for the acts, and nobody is told."""

from __future__ import annotations

from django import forms

from accounts.forms import PageForm
from indexsite.reasons import MAX_REASON
from recovery.models import CaseReason


class StartForm(PageForm):
    username = forms.CharField(
        label="User name",
        max_length=254,
        help_text="Or an e-mail address of the account, if you have forgotten the name.",
        widget=forms.TextInput(
            attrs={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}
        ),
    )
    email = forms.EmailField(
        label="E-mail address that you can read now",
        max_length=254,
        help_text="Best is one of the account's own: it is the first thing that speaks for you.",
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )
    reason = forms.ChoiceField(
        label="What happened",
        choices=CaseReason,
        initial=CaseReason.LOST_FACTOR,
        widget=forms.RadioSelect,
    )


class ReplyForm(PageForm):
    """The claimant answers the desk."""

    text = forms.CharField(
        label="Your answer",
        max_length=MAX_REASON,
        help_text="Never a password, a code or a token: nobody who works here needs one.",
        widget=forms.Textarea(attrs={"rows": 4}),
    )
