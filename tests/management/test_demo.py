"""`manage.py demo`: the same object every time, on demo databases only, and a clock that moves."""

import dataclasses
import json
import subprocess
import sys
import zipfile
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import load_der_private_key
from django.conf import settings
from django.core.management import CommandError, call_command
from django.test import Client
from django_otp.oath import totp

from accounts.models import User
from indexsite import clock
from indexsite.management.commands.demo import duration
from indexsite.models import AuditEvent, SiteFact
from mfa.models import has_factor
from releases.models import File, Project, Role
from tests.support import cast, people
from tests.support.authenticators import SoftKey, unb64
from tokens.models import Token

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _demo_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "ENV", dataclasses.replace(settings.ENV, demo=True))


@pytest.fixture(autouse=True)
def _clock_forgets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "_offset", timedelta())
    monkeypatch.setattr(clock, "_read_at", float("-inf"))


def demo(*arguments: str) -> str:
    out = StringIO()
    call_command("demo", *arguments, stdout=out)
    return out.getvalue()


def told() -> dict[str, Any]:
    object_: dict[str, Any] = json.loads(demo("--json"))
    return object_


def basic(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_every_run_prints_the_same_object() -> None:
    assert told() == told()


@pytest.mark.django_db(transaction=True)  # PostgreSQL empties no table with checks that wait for the commit
def test_two_databases_have_nothing_secret_in_common() -> None:
    first = told()["users"]["alice"]
    SiteFact.objects.filter(name="demo").update(value={"salt": "of another database", "complete": True})
    call_command("flush", interactive=False, verbosity=0)
    second = told()["users"]["alice"]
    assert first["password"] != second["password"]
    assert first["totp_secret"] != second["totp_secret"]
    assert not set(first["recovery_codes"]) & set(second["recovery_codes"])


def test_what_it_tells_is_true() -> None:
    data = told()
    assert data["site_url"] == settings.SITE_URL
    for name, facts in data["users"].items():
        user = User.objects.get(username=name)
        assert user.check_password(facts["password"])
        assert has_factor(user) is ("totp_secret" in facts) is (name not in {"carol", "dave"})
        assert facts["email"] == user.email
        assert ("security_key" in facts) is ("totp_secret" in facts)
        roles = Role.objects.filter(user=user).values_list("project__name", "kind")
        assert sorted(roles) == sorted(facts["projects"].items())
    assert len(data["users"]["alice"]["recovery_codes"]) == 8


def test_the_security_key_signs_in(client: Client) -> None:
    """Loaded into an authenticator as it is printed; printed again, it counts on from where it is."""
    for count in (1, 2):
        facts = told()["users"]["bob"]["security_key"]
        assert facts["sign_count"] == count - 1
        assert facts["rp_id"] == settings.OTP_WEBAUTHN_RP_ID
        key = SoftKey(
            credential_id=unb64(facts["credential_id"]),
            handle=unb64(facts["user_handle"]),
            private=load_der_private_key(unb64(facts["private_key"]), None),
            counter=facts["sign_count"],
        )
        options = client.post("/account/login/passkey/options/").json()
        assert client.post("/account/login/passkey/", {"credential": key.get(options)})["Location"] == "/account/"
        client.post("/account/logout/")


def test_each_project_has_two_releases_with_an_sdist_and_a_wheel() -> None:
    assert sorted(told()["projects"]) == ["critlib", "davelib", "sampleproject"]
    for name in told()["projects"]:
        project = Project.objects.get(name=name)
        kinds = File.objects.filter(release__project=project).values_list("release__version", "package_type")
        assert len(set(kinds)) == 4
        assert {kind for _, kind in kinds} == {"sdist", "bdist_wheel"}
        assert project.releases.filter(created_at__lt=clock.now()).count() == 2


@pytest.mark.parametrize(
    ("name", "status"),
    [("account", 200), ("project", 200), ("stage_only", 200), ("expired", 403), ("revoked", 403)],
)
def test_each_token_is_what_it_is_called(name: str, status: int, client: Client) -> None:
    token = told()["tokens"][name]
    assert token.startswith("idx-")
    assert client.get("/api/v1/token/", headers=basic(token)).status_code == status


def test_one_token_publishes_and_the_other_gathers_drafts(client: Client) -> None:
    tokens = told()["tokens"]
    whole = client.get("/api/v1/token/", headers=basic(tokens["project"])).json()
    assert [project["name"] for project in whole["projects"]] == ["sampleproject"]
    assert {"upload", "draft:create", "draft:upload", "release:publish"} < set(whole["permissions"])
    part = client.get("/api/v1/token/", headers=basic(tokens["stage_only"])).json()
    assert [project["name"] for project in part["projects"]] == ["critlib"]
    assert part["permissions"] == [
        "account:read", "draft:create", "draft:preview", "draft:read", "draft:submit", "draft:upload",
    ]  # fmt: skip


def test_a_demo_from_before_there_was_a_token_gets_it() -> None:
    before = told()["tokens"]
    Token.objects.filter(description="demo stage_only").delete()
    after = told()["tokens"]
    assert {name for name in after if after[name] != before[name]} == {"stage_only"}
    assert Token.objects.filter(user__username="alice").count() == len(after)


def test_a_used_recovery_code_is_left_out(client: Client) -> None:
    alice = told()["users"]["alice"]
    spent = alice["recovery_codes"][2]
    client.post("/account/login/", {"username": "alice", "password": alice["password"]})
    answer = client.post("/account/second-factor/", {"code": spent})
    assert answer["Location"] == "/account/confirm-sign-in/"
    client.post(people.mailed_link(alice["email"]))  # a code is spent when the sign-in succeeds
    left = told()["users"]["alice"]["recovery_codes"]
    assert left == [code for code in alice["recovery_codes"] if code != spent]


def test_an_interrupted_creation_is_finished_by_the_next_run(monkeypatch: pytest.MonkeyPatch) -> None:
    from indexsite.management.demo import site

    def interrupted(*arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(site, "_roles", interrupted)
        with pytest.raises(KeyboardInterrupt):
            demo()
    assert told()["users"]["bob"]["projects"] == {"sampleproject": "maintainer", "critlib": "approver"}
    assert Role.objects.filter(user__username="bob").count() == 2
    assert AuditEvent.objects.filter(name="account.created", about_label="alice").count() == 1


def test_a_database_in_use_is_left_alone() -> None:
    cast.person("grace")
    with pytest.raises(CommandError, match=r"^This database is in use and holds no demo; .*\.$"):
        demo("--json")
    assert User.objects.count() == 1
    assert not SiteFact.objects.exists()


def test_without_debug_or_demo_nothing_is_created(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "ENV", dataclasses.replace(settings.ENV, demo=False, debug=False))
    with pytest.raises(CommandError, match=r"^Demo data needs DEBUG=1 or DEMO=1"):
        demo()
    assert not User.objects.exists()


def test_the_clock_moves_for_everybody() -> None:
    demo()
    before = clock.now()
    assert "The site's clock now shows" in demo("--advance", "7d")
    assert timedelta(days=7) <= clock.now() - before < timedelta(days=7, minutes=5)
    demo("--advance", "90m")
    assert clock.now() - before >= timedelta(days=7, minutes=90)


@pytest.mark.parametrize("text", ["", "7", "d", "-7d", "0d", "7y", "1.5h", "1000000d", "7d "])
def test_what_is_no_duration_is_refused(text: str) -> None:
    from argparse import ArgumentTypeError

    with pytest.raises(ArgumentTypeError, match="is not a duration such as"):
        duration(text)


def test_the_code_of_an_authenticator_is_printed() -> None:
    import base64

    secret = base64.b32decode(told()["users"]["alice"]["totp_secret"])
    codes = {f"{totp(secret):06d}"}
    printed = demo("--totp", "alice").strip()
    codes.add(f"{totp(secret):06d}")
    assert printed in codes


@pytest.mark.parametrize("name", ["carol", "nobody"])
def test_who_has_no_authenticator_has_no_code(name: str) -> None:
    with pytest.raises(CommandError, match=f"Nobody called '{name}' has an authenticator here."):
        demo("--totp", name)


def test_the_examples_are_distributions_that_work(tmp_path: Path) -> None:
    demo("--examples", str(tmp_path / "examples"))
    paths = sorted((tmp_path / "examples").iterdir())
    assert [path.name for path in paths] == [
        "first_steps-1.0-py3-none-any.whl",
        "first_steps-1.0.tar.gz",
        "first_steps-1.1-py3-none-any.whl",
        "first_steps-1.1.tar.gz",
    ]
    wheel = next(path for path in paths if path.name == "first_steps-1.0-py3-none-any.whl")
    assert zipfile.ZipFile(wheel).testzip() is None
    shown = subprocess.run(
        [sys.executable, "-c", "import first_steps; print(first_steps.greeting())"],
        env={"PYTHONPATH": str(wheel)},
        capture_output=True,
        text=True,
    )
    assert shown.stdout == "Hello from first-steps 1.0!\n"
