"""What owners and co-owners fill in. Forms check shape only; the actions say whether it is right."""

from __future__ import annotations

from typing import ClassVar

from django import forms

from accounts.forms import PageForm
from accounts.models import USERNAME_MAX_LENGTH


class VouchForm(PageForm):
    main_field: ClassVar[str | None] = "username"

    username = forms.CharField(
        label="Username of whom you speak for",
        max_length=USERNAME_MAX_LENGTH,
        widget=forms.TextInput(attrs={"autocapitalize": "none", "spellcheck": "false", "autocomplete": "off"}),
    )
    has_spoken = forms.BooleanField(
        label="I have seen or spoken with them myself, and am sure that it is them",
        help_text="A mail or a chat message is not enough: whoever took an account over writes those, too.",
        error_messages={"required": "Speak with them first; a message alone may come from anybody."},
    )
