"""What people fill in about a project. Forms check shape only; whether it is right is for the actions to say."""

from __future__ import annotations

from typing import Any

from django import forms

from accounts.forms import PageForm, TypedNameForm
from accounts.models import USERNAME_MAX_LENGTH, Team
from releases.models import RoleKind

_KINDS = [
    (RoleKind.MAINTAINER.value, "Maintainer: uploads releases"),
    (RoleKind.APPROVER.value, "Approver: agrees to releases before they are published"),
    (RoleKind.OWNER.value, "Owner: uploads, and decides about the project and its people"),
]


def _kind_field() -> forms.ChoiceField:
    return forms.ChoiceField(
        label="As what?",
        choices=_KINDS,
        widget=forms.RadioSelect,
        error_messages={"required": "Choose what the role allows."},
    )


class InviteForm(PageForm):
    invitee = forms.CharField(
        label="Who?",
        max_length=254,
        help_text="A user name here, or an e-mail address. We do not tell you whose an address is.",
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false", "inputmode": "email"}
        ),
        error_messages={"required": "Write a user name or an e-mail address."},
    )
    kind = _kind_field()


class TeamRoleForm(PageForm):
    team = forms.ChoiceField(label="Which team?", error_messages={"required": "Choose a team."})
    kind = _kind_field()

    def __init__(self, *args: Any, teams: list[Team], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["team"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 - declared above
        field.choices = [("", "Choose a team"), *((str(team.pk), str(team)) for team in teams)]


class TransferForm(TypedNameForm):
    """Who gets it, and the name of what goes."""

    main_field = "receiver"
    receiver = forms.CharField(
        label="To whom",
        max_length=USERNAME_MAX_LENGTH,
        help_text="The name of a person or of an organization here.",
        widget=forms.TextInput(attrs={"autocapitalize": "none", "autocomplete": "off", "spellcheck": "false"}),
    )
    field_order = ("receiver", "typed")
