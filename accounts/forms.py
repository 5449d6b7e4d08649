"""What people fill in. Forms check shape only; whether it is right is for the actions to say."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms

from accounts.models import USERNAME_MAX_LENGTH, MembershipKind, StaffKind
from accounts.passwords import MAX_LENGTH, MIN_LENGTH
from indexsite.errors import DomainError, InvalidInput
from indexsite.reasons import MAX_REASON

CODE_LENGTH = 64  # generous: people paste spaces and dashes along


def _password(label: str, autocomplete: str, help_text: str = "") -> forms.CharField:
    # Never stripped: a space is part of what the person chose.
    return forms.CharField(
        label=label,
        strip=False,
        max_length=MAX_LENGTH,
        help_text=help_text,
        widget=forms.PasswordInput(attrs={"autocomplete": autocomplete}),
    )


def _new_password() -> forms.CharField:
    return _password(
        "New password",
        "new-password",
        f"At least {MIN_LENGTH} characters. Several unrelated words, or whatever your password manager makes.",
    )


def _code(label: str, *, numeric: bool = False) -> forms.CharField:
    attrs = {"autocomplete": "one-time-code", "autocapitalize": "none", "spellcheck": "false"}
    if numeric:
        attrs["inputmode"] = "numeric"
    return forms.CharField(label=label, max_length=CODE_LENGTH, widget=forms.TextInput(attrs=attrs))


class PageForm(forms.Form):
    """A form that can show a refusal of an action in the place where the person is looking."""

    refusal: DomainError | None = None
    # What cannot be used shows here, if the refusal names no field of this form.
    main_field: ClassVar[str | None] = None

    def refuse(self, error: DomainError) -> None:
        """Show the sentence at the field it is about, or above the form."""
        self.refusal = error
        field = getattr(error, "field", None)
        if field not in self.fields:
            field = self.main_field if isinstance(error, InvalidInput) else None
        self.add_error(field, error.sentence)


class SignUpForm(PageForm):
    username = forms.CharField(
        label="Username",
        max_length=USERNAME_MAX_LENGTH,
        help_text="Letters, digits, dots, dashes and underscores. Everybody can see it; it cannot be changed.",
        widget=forms.TextInput(
            attrs={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}
        ),
    )
    email = forms.EmailField(
        label="E-mail address",
        max_length=254,
        help_text="We mail you a code. Nobody else sees it.",
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )
    password1 = _password(
        "Password",
        "new-password",
        f"At least {MIN_LENGTH} characters. Several unrelated words, or whatever your password manager makes.",
    )


class SignInForm(PageForm):
    username = forms.CharField(
        label="Username",
        max_length=254,
        widget=forms.TextInput(
            # "webauthn": browsers offer passkeys among the suggestions.
            attrs={"autocomplete": "username webauthn", "autocapitalize": "none", "spellcheck": "false"}
        ),
    )
    password = _password("Password", "current-password")


class MailedCodeForm(PageForm):
    code = _code("Code from the letter")


class EmailForm(PageForm):
    email = forms.EmailField(
        label="E-mail address", max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "email"})
    )


class NewPasswordForm(PageForm):
    password1 = _new_password()


class ChangePasswordForm(PageForm):
    password = _password("Present password", "current-password")
    password1 = _new_password()

    def __init__(self, *args: Any, has_password: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not has_password:
            del self.fields["password"]


class ConfirmPasswordForm(PageForm):
    password = _password("Password", "current-password")


class FactorCodeForm(PageForm):
    code = _code("Code")


class AuthenticatorCodeForm(PageForm):
    code = _code("Six digits from the app", numeric=True)


class KeyAnswerForm(PageForm):
    """What a script fills in after it has asked the key; see `static/js/webauthn.js`."""

    credential = forms.CharField(max_length=20_000, widget=forms.HiddenInput)


class KeyNameForm(PageForm):
    name = forms.CharField(
        label="Name",
        max_length=64,
        help_text="So that you know it from your others: the colour of its cord, or the machine it is part of.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


class KeyForm(KeyNameForm, KeyAnswerForm):
    """A new key: its name, and what it answered."""


_NAME_WIDGET = {"autocapitalize": "none", "autocomplete": "off", "spellcheck": "false"}


class OrganizationForm(PageForm):
    main_field = "name"  # names follow the rules of user names, whose refusals name another field
    name = forms.CharField(
        label="Name",
        max_length=USERNAME_MAX_LENGTH,
        help_text="Letters, digits, dots, dashes and underscores. It stands in addresses and cannot be changed.",
        widget=forms.TextInput(attrs=_NAME_WIDGET),
    )
    display_name = forms.CharField(
        label="Shown as", max_length=100, required=False, help_text="As it is written on pages and in letters."
    )


class OrganizationInvitationForm(PageForm):
    main_field = "whom"
    whom = forms.CharField(
        label="User name or e-mail address",
        max_length=254,
        help_text="Invited people decide for themselves; you do not learn whose an address is.",
        widget=forms.TextInput(attrs=_NAME_WIDGET),
    )
    kind = forms.ChoiceField(
        label="To become",
        choices=[
            (MembershipKind.MEMBER, "Member: gets rights on projects through teams"),
            (MembershipKind.MANAGER, "Manager: decides about members and teams, and owns all projects"),
        ],
        initial=MembershipKind.MEMBER,
        widget=forms.RadioSelect,
    )


class TeamForm(PageForm):
    main_field = "name"
    name = forms.CharField(
        label="Name of the team",
        max_length=USERNAME_MAX_LENGTH,
        help_text="Letters, digits, dots, dashes and underscores.",
        widget=forms.TextInput(attrs=_NAME_WIDGET),
    )


class TypedNameForm(PageForm):
    """Asks for the name of what is about to go, so that nobody does it by a slip of the finger."""

    typed = forms.CharField(
        max_length=300,
        widget=forms.TextInput(attrs=_NAME_WIDGET),
        error_messages={"required": "Type the name to confirm."},
    )

    def __init__(self, *args: Any, name: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.name = name
        self.fields["typed"].label = f"Type {name} to confirm"

    def clean_typed(self) -> str:
        typed: str = self.cleaned_data["typed"]
        if typed.strip() != self.name:
            raise forms.ValidationError(f"This is not {self.name}; nothing has changed.")
        return typed


class CloseAccountForm(PageForm):
    username = forms.CharField(
        label="Type your user name",
        max_length=254,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
    )


class StaffProposalForm(PageForm):
    username = forms.CharField(label="Username", max_length=USERNAME_MAX_LENGTH)
    role = forms.ChoiceField(label="Role", widget=forms.RadioSelect, choices=StaffKind.choices)
    reason = forms.CharField(
        label="Reason", max_length=MAX_REASON, help_text="One line. The person and all staff read it."
    )


class StaffReasonForm(PageForm):
    """For acts of staff: there is always a reason. `said_to`: who reads it."""

    reason = forms.CharField(label="Reason", max_length=MAX_REASON)

    def __init__(self, *args: Any, said_to: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["reason"].help_text = f"One line. {said_to}"


class SigningKeyForm(PageForm):
    name = forms.CharField(label="Name", max_length=64, help_text="For you to tell it by, such as “Laptop”.")
    public_key = forms.CharField(
        label="Public key",
        strip=True,
        help_text="The one line of a .pub file (Ed25519, ECDSA, RSA, -sk), or what gpg --armor --export prints.",
        widget=forms.Textarea(attrs={"rows": 6, "spellcheck": "false", "autocapitalize": "none", "class": "mono"}),
    )


class SignatureForm(PageForm):
    signature = forms.CharField(
        label="Signature",
        help_text="All that the command prints, from BEGIN to END.",
        widget=forms.Textarea(attrs={"rows": 6, "spellcheck": "false", "autocapitalize": "none", "class": "mono"}),
    )
