"""What owners fill in about how releases become public."""

from __future__ import annotations

from django import forms

from accounts.forms import PageForm
from releases.models import MAX_APPROVALS, Publishing


class PolicyForm(PageForm):
    main_field = "publishing"
    publishing = forms.ChoiceField(
        label="Review",
        choices=Publishing.choices,
        widget=forms.RadioSelect,
        help_text="What needs review becomes a draft first; nobody but people with a role on the project sees it.",
        error_messages={"required": "Choose whether releases are reviewed."},
    )
    approvals = forms.IntegerField(
        label="How many people have to agree?",
        min_value=0,
        max_value=MAX_APPROVALS,
        help_text="Approvers, each with a security key. With 0, whoever releases it has looked at it alone.",
        error_messages={"required": "Write a number; 0 asks for nobody."},
    )
    four_eyes = forms.BooleanField(
        label="Four-eyes: whoever uploaded a file of the draft does not count",
        required=False,
        help_text="Whoever takes over an uploader's account or token can then publish nothing alone.",
    )
    approve_by_code = forms.BooleanField(
        label="A code of an authenticator app is enough",
        required=False,
        help_text="Weaker: codes can be asked for by somebody else's page, and prove nothing afterwards.",
    )
