"""What the desk fills in. Forms check shape only; whether it is right is for the actions to say."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms

from accounts.forms import PageForm
from indexsite.reasons import MAX_MESSAGE, MAX_REASON
from recovery.actions.saving import NAME_LENGTH
from recovery.assurance import HardFlag, SoftFlag, Tier
from recovery.presentation import FLAG_WORDS, TIER_WORDS
from recovery.replies import REPLIES

_TEXT = {"rows": 4, "spellcheck": "true"}


class CaseForm(PageForm):
    """A form of one act on a case: a reason that somebody reads."""

    main_field = "reason"
    reason = forms.CharField(label="Reason", max_length=MAX_REASON, widget=forms.Textarea(attrs=_TEXT))

    def __init__(self, *args: Any, said_to: str = "Colleagues read it.", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "reason" in self.fields:
            self.fields["reason"].help_text = f"At most {MAX_REASON} characters. {said_to}"


class TakeForm(CaseForm):
    """Asked for where a colleague has the case; it may stay empty where nobody has."""

    reason = forms.CharField(
        label="Reason to take it over", max_length=MAX_REASON, required=False, widget=forms.Textarea(attrs=_TEXT)
    )


class NoForm(PageForm):
    """A button and nothing else."""


class WordsForm(PageForm):
    """Something said: to the claimant, or to colleagues."""

    main_field = "text"
    text = forms.CharField(label="Text", max_length=MAX_MESSAGE, widget=forms.Textarea(attrs={**_TEXT, "rows": 8}))

    def __init__(self, *args: Any, said_to: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["text"].help_text = f"At most {MAX_MESSAGE} characters. {said_to}"


class ApproveForm(CaseForm):
    """`digest`: of the evidence as the page showed it; a yes is to that and to nothing else."""

    reason = forms.CharField(
        label="Why you are sure",
        max_length=MAX_REASON,
        widget=forms.Textarea(attrs=_TEXT),
    )
    digest = forms.CharField(max_length=64, widget=forms.HiddenInput)


class MergeForm(CaseForm):
    into = forms.ChoiceField(label="The case that goes on", widget=forms.RadioSelect)

    field_order = ["into", "reason"]

    def __init__(self, *args: Any, others: Iterable[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["into"].choices = list(others)  # type: ignore[attr-defined]


class BounceForm(PageForm):
    main_field = "email"
    email = forms.EmailField(
        label="Address that the letter came back from",
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )


class SettleForm(CaseForm):
    goes_on = forms.ChoiceField(
        label="How it ends",
        choices=[
            ("no", "The claim is rejected"),
            ("yes", "The claim goes on, at the highest tier, and is decided by three"),
        ],
        widget=forms.RadioSelect,
    )

    field_order = ["goes_on", "reason"]


class ViewForm(PageForm):
    main_field = "name"
    name = forms.CharField(
        label="Name", max_length=NAME_LENGTH, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )


class FilterForm(PageForm):
    """What a queue is narrowed down by; it stands in the address."""

    tier = forms.ChoiceField(
        label="Tier",
        required=False,
        choices=[("", "Any"), *((str(tier.value), f"{tier.name}: {TIER_WORDS[tier]}") for tier in Tier)],
    )
    flag = forms.ChoiceField(
        label="Flag",
        required=False,
        choices=[("", "Any"), *((code.value, FLAG_WORDS[code].capitalize()) for code in (*HardFlag, *SoftFlag))],
    )
    late = forms.ChoiceField(label="Reply", required=False, choices=[("", "Any"), ("1", "Late")])
    q = forms.CharField(
        label="Account, mailbox or case",
        max_length=254,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
    )


class TemplateForm(PageForm):
    """Which prepared reply to begin with."""

    reply = forms.ChoiceField(
        label="Begin with a prepared reply",
        required=False,
        choices=[
            ("", "An empty page"),
            *((reply.code, reply.title + (" (a question)" if reply.is_question else "")) for reply in REPLIES),
        ],
    )
