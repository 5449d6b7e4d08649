"""What people say when they ask for a token. Nothing is preselected: each choice is made."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any

from django import forms
from django.forms.boundfield import BoundField, BoundWidget

from accounts.forms import PageForm
from indexsite.actors import Permission
from indexsite.errors import DomainError
from releases.models import Project
from tokens.macaroons.caveats import MAX_SPECIFIER
from tokens.models import GATHERING, MAX_DESCRIPTION

# What a box stands for, where that is more than its own permission: nobody opens a draft and may not look at it.
BOXES = {
    Permission.DRAFT_READ: {Permission.DRAFT_PREVIEW},
    Permission.DRAFT_UPLOAD: GATHERING,
    Permission.DRAFT_REPLACE: {Permission.DRAFT_CANCEL, Permission.DRAFT_READ},
    Permission.PUBLISH: {Permission.DRAFT_SUBMIT, Permission.DRAFT_READ},
}

WHOLE_ACCOUNT = "account"
CUSTOM, NEVER = "custom", "never"


_FIELD_OF = {
    "description-taken": "description",
    "description-unusable": "description",
    "expiry-passed": "expires_on",
    "versions-unreadable": "versions",
    "versions-unfit": "versions",
}


class TokenForm(PageForm):
    """Description, scope, end of life."""

    description = forms.CharField(
        max_length=MAX_DESCRIPTION,
        label="Description",
        help_text="Where will this token be kept? For example: release workflow of sampleproject.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"required": "Say where this token will be kept, so that you recognise it later."},
    )
    permissions = forms.MultipleChoiceField(
        label="What may it do?",
        help_text="The least first. Choose no more than the program needs; another one gets a token of its own.",
        widget=forms.CheckboxSelectMultiple,
        choices=[
            (Permission.READ_HISTORY.value, "Read the history of the project"),
            (Permission.READ_MEMBERS.value, "See who has which role"),
            (Permission.DRAFT_READ.value, "See drafts, and install from them: what tests of a release need"),
            (
                Permission.DRAFT_UPLOAD.value,
                "Drafts only: what it uploads waits in a draft until that is published",
            ),
            (Permission.DRAFT_REPLACE.value, "Replace and delete files of drafts, and cancel drafts"),
            (Permission.PUBLISH.value, "Publish drafts, where the project leaves that to programs"),
            (Permission.UPLOAD.value, "Upload files, which are published at once; it may use drafts as well"),
            (Permission.YANK.value, "Yank releases and files, and take that back"),
            (Permission.INVITE.value, "Invite maintainers and approvers, and take invitations back"),
        ],
        error_messages={"required": "Choose what the token is for; release workflows need drafts or uploads."},
    )
    scope = forms.ChoiceField(
        label="For which project?",
        widget=forms.RadioSelect,
        error_messages={
            "required": "Choose a project, or the whole account.",
            "invalid_choice": "You have no right to upload to that project any more; choose something else.",
        },
    )
    versions = forms.CharField(
        label="For which versions?",
        required=False,
        max_length=MAX_SPECIFIER,
        help_text="A set as installers read it, such as >=2,<3 for everything from 2 on and before 3. Empty: all.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    expiry = forms.ChoiceField(
        label="How long may it work?",
        widget=forms.RadioSelect,
        choices=[
            ("7", "7 days"),
            ("30", "30 days"),
            ("90", "90 days"),
            ("365", "1 year"),
            (CUSTOM, "Until the end of a day I choose"),
            (NEVER, "Until I revoke it"),
        ],
        error_messages={"required": "Choose how long the token works."},
    )
    expires_on = forms.DateField(
        label="Last day (UTC), if you choose one",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        error_messages={"invalid": "Write the date as year-month-day, such as 2027-01-31."},
    )

    def __init__(self, *args: Any, projects: list[Project], now: datetime, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._projects = {project.normalized_name: project for project in projects}
        self._now = now
        scope = self.fields["scope"]
        assert isinstance(scope, forms.ChoiceField)  # noqa: S101 - declared above
        scope.choices = [
            *((f"project:{project.normalized_name}", project.name) for project in projects),
            (WHOLE_ACCOUNT, "The whole account"),
        ]

    def project_choices(self) -> list[BoundWidget]:
        """The radio buttons of projects: least scope first."""
        return self._radios()[:-1]

    def account_choice(self) -> BoundWidget:
        """The radio button that has to be looked for."""
        return self._radios()[-1]

    def chose_account(self) -> bool:
        return bool(self["scope"].value() == WHOLE_ACCOUNT)

    def _radios(self) -> list[BoundWidget]:
        field: BoundField = self["scope"]
        return list(field)

    def refuse(self, error: DomainError) -> None:
        """Show the sentence at the field that its code is about."""
        self.refusal = error
        self.add_error(_FIELD_OF.get(error.code), error.sentence)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        chosen = cleaned.get("scope", WHOLE_ACCOUNT)
        cleaned["project"] = self._projects.get(chosen.removeprefix("project:"))
        cleaned["permissions"] = self._permissions(cleaned)
        cleaned["expires_at"] = self._end(cleaned)
        return cleaned

    def _permissions(self, cleaned: dict[str, Any]) -> frozenset[Permission]:
        chosen = frozenset(map(Permission, cleaned.get("permissions", ())))
        if {Permission.UPLOAD, Permission.DRAFT_UPLOAD} <= chosen:
            self.add_error("permissions", "Uploading files publishes them: choose that or drafts only, not both.")
        return chosen.union(*(more for box, more in BOXES.items() if box in chosen))

    def _end(self, cleaned: dict[str, Any]) -> datetime | None:
        match cleaned.get("expiry"):
            case None | "never":
                return None
            case "custom":
                return self._end_of_day(cleaned)
            case days:
                return self._now + timedelta(days=int(days))

    def _end_of_day(self, cleaned: dict[str, Any]) -> datetime | None:
        day = cleaned.get("expires_on")
        if day is None:
            if "expires_on" not in self.errors:
                self.add_error("expires_on", "Choose the last day on which the token works.")
            return None
        if not self._now.date() <= day < self._now.date().replace(year=self._now.year + 50, day=1):
            self.add_error("expires_on", "Choose today or a later day, at most 50 years from now.")
            return None
        return datetime.combine(day + timedelta(days=1), time(), UTC)
