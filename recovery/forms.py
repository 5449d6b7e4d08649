"""What claimants fill in. Forms check shape only; whether it is right is for the acts, and nobody is told."""

from __future__ import annotations

from django import forms

from accounts.forms import PageForm
from indexsite.reasons import MAX_MESSAGE
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


_TYPED = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}


class ProofForm(PageForm):
    proof = forms.CharField(
        label="What the program printed",
        max_length=20_000,
        widget=forms.Textarea(attrs={"rows": 5, "class": "mono", **_TYPED}),
    )


class RepositoryForm(PageForm):
    url = forms.CharField(
        label="Address of the repository",
        max_length=300,
        help_text="As its page has it in the browser, with https.",
        widget=forms.TextInput(attrs={"inputmode": "url", **_TYPED}),
    )


class PinForm(PageForm):
    pin = forms.CharField(
        label="PIN",
        max_length=40,
        help_text="Ten digits; blanks and dashes do no harm.",
        widget=forms.TextInput(attrs={"inputmode": "numeric", **_TYPED}),
    )


class ReplyForm(PageForm):
    """The claimant answers the desk."""

    main_field = "text"

    text = forms.CharField(
        label="Your answer",
        max_length=MAX_MESSAGE,
        help_text="Never a password, a code or a token: nobody who works here needs one.",
        widget=forms.Textarea(attrs={"rows": 4}),
    )
