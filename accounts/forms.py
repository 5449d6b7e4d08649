"""What people fill in. Forms check shape only; whether it is right is for the actions to say."""

from __future__ import annotations

from typing import Any

from django import forms

from accounts.models import USERNAME_MAX_LENGTH
from accounts.passwords import MAX_LENGTH, MIN_LENGTH
from indexsite.errors import DomainError

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

    def refuse(self, error: DomainError) -> None:
        """Show the sentence at the field it is about, or above the form."""
        self.refusal = error
        field = getattr(error, "field", None)
        self.add_error(field if field in self.fields else None, error.sentence)


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
            attrs={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}
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
