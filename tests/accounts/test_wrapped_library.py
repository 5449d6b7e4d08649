"""allauth's private parts stay behind one module, and its own letters and words never get out."""

import re
from pathlib import Path

import pytest
from allauth.account.adapter import get_adapter
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from accounts.models import User
from indexsite.errors import PermissionRefused
from tests.support import people

PRIVATE = re.compile(r"^\s*(?:from|import) allauth\.[\w.]*(?:internal|stages|account\.utils)", re.MULTILINE)


def test_one_module_imports_what_is_private() -> None:
    apps = ("accounts", "mfa", "indexsite", "tokens", "releases", "recovery")
    found = {
        str(path.relative_to(settings.BASE_DIR))
        for app in apps
        for path in Path(settings.BASE_DIR, app).rglob("*.py")
        if PRIVATE.search(path.read_text())
    }
    assert found == {"accounts/allauth_internals.py"}


def test_allauth_mails_nothing_itself() -> None:
    with pytest.raises(ImproperlyConfigured):
        get_adapter().send_mail("account/email/unknown_account", "a@example.org", {})
    get_adapter().send_notification_mail("account/email/password_changed", User())


@pytest.mark.django_db
def test_a_closed_account_is_turned_away_by_the_stages_too(carol: User, rf) -> None:
    carol.is_active = False
    with pytest.raises(PermissionRefused, match="closed"):
        get_adapter().respond_user_inactive(rf.get("/"), carol)
    assert get_adapter().get_reauthentication_methods(carol)[0]["url"] == "/account/second-factor/"
    assert people.browser().get("/account/inactive/").status_code == 404
