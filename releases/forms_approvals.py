"""What people fill in, or a script for them, to sign about a draft; `digest` is that of the draft as shown."""

from __future__ import annotations

from datetime import UTC, datetime

from django import forms

from accounts.forms import FactorCodeForm, KeyAnswerForm, PageForm

_FORMAT = "%Y-%m-%dT%H:%M"


class DigestForm(PageForm):
    """What the page showed, for the statement that a key is asked to sign."""

    digest = forms.CharField(widget=forms.HiddenInput, max_length=64)


class SignedByKeyForm(DigestForm, KeyAnswerForm):
    """The key's answer."""


class SignedByCodeForm(DigestForm, FactorCodeForm):
    """Where the project's rules allow an authenticator app."""


class _TimeForm(PageForm):
    publish_at = forms.DateTimeField(
        label="Publish at (UTC)",
        input_formats=[_FORMAT],
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format=_FORMAT),
        help_text="At most 30 days from now. The site publishes then, if everything still holds.",
    )

    def clean_publish_at(self) -> datetime:
        moment: datetime = self.cleaned_data["publish_at"]
        return moment.replace(tzinfo=UTC)


class TimedForm(_TimeForm, DigestForm):
    """What the page showed, and the time that was chosen."""


class TimedByKeyForm(_TimeForm, SignedByKeyForm):
    """The key's answer. The time that counts is the one that was signed."""


class TimedByCodeForm(_TimeForm, SignedByCodeForm):
    """Where the project's rules allow an authenticator app."""
