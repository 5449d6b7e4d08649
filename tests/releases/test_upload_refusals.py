"""Every refusal of an upload: its status, its sentence where clients look for it, and no trace anywhere else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client
from django.test.client import encode_multipart

from accounts.models import User
from indexsite import clock
from releases.models import Project, ProjectStatus
from tests.support import cast
from tests.support.distributions import core_metadata, make_sdist, make_wheel
from tests.support.tokens import basic, token_of
from tests.support.uploads import nothing_changes, token_for, upload

pytestmark = pytest.mark.django_db


type Attempt = Callable[[], HttpResponse]


@dataclass(frozen=True)
class Scene:
    """alice owns `sampleproject`, with release 1.0 in it; bob owns `other`; carol and dave have no factor."""

    alice: User
    bob: User
    carol: User
    dave: User
    sampleproject: Project
    other: Project

    def secret(self) -> str:
        """A token of alice for her project."""
        return token_for(self.alice, self.sampleproject)


@pytest.fixture
def scene(alice: User, bob: User, carol: User, dave: User) -> Scene:
    sampleproject = cast.ProjectFactory(name="sampleproject", owner=alice)
    other = cast.ProjectFactory(name="other", owner=bob)
    assert upload(make_wheel(), token_for(alice, sampleproject)).status_code == 200
    return Scene(alice, bob, carol, dave, sampleproject, other)


NEW = make_wheel(version="2.0")


def no_credentials(scene: Scene) -> Attempt:
    return partial(Client(enforce_csrf_checks=True).post, "/legacy/", {"name": "sampleproject"})


def wrong_token(scene: Scene) -> Attempt:
    return partial(upload, NEW, "idx-AAAA")


def altered_token(scene: Scene) -> Attempt:
    secret = scene.secret()
    middle = len(secret) // 2
    return partial(upload, NEW, secret[:middle] + ("A" if secret[middle] != "A" else "B") + secret[middle + 1 :])


def token_of_a_forgotten_row(scene: Scene) -> Attempt:
    token = token_of(scene.alice, project=scene.sampleproject)
    secret = token.secret()
    token.delete()
    return partial(upload, NEW, secret)


def wrong_username(scene: Scene) -> Attempt:
    return partial(upload, NEW, scene.secret(), username="alice")


def other_projects_token(scene: Scene) -> Attempt:
    return partial(upload, NEW, token_for(scene.alice, cast.ProjectFactory(name="second", owner=scene.alice)))


def project_token_for_a_new_name(scene: Scene) -> Attempt:
    return partial(upload, make_wheel("brandnew"), scene.secret())


def expired_token(scene: Scene) -> Attempt:
    yesterday = clock.now() - timedelta(days=1)
    return partial(
        upload, NEW, token_for(scene.alice, scene.sampleproject, life=timedelta(hours=1), created_at=yesterday)
    )


def revoked_token(scene: Scene) -> Attempt:
    token = token_of(scene.alice, project=scene.sampleproject)
    token.revoked_at = clock.now()
    token.save(update_fields=["revoked_at"])
    return partial(upload, NEW, token.secret())


def no_verified_email(scene: Scene) -> Attempt:
    scene.alice.emailaddress_set.update(verified=False)
    return partial(upload, NEW, scene.secret())


def no_verified_email_new_project(scene: Scene) -> Attempt:
    return partial(upload, make_wheel("brandnew"), token_for(cast.person("newcomer", verified=False)))


def no_factor_where_required(scene: Scene) -> Attempt:
    cast.grant(scene.dave, scene.sampleproject)
    return partial(upload, NEW, token_for(scene.dave, scene.sampleproject))


def no_factor_new_project(scene: Scene) -> Attempt:
    return partial(upload, make_wheel("brandnew"), token_for(scene.carol))


def lost_factor(scene: Scene) -> Attempt:
    cast.lose_factors(scene.alice)
    return partial(upload, NEW, scene.secret())


def password(scene: Scene) -> Attempt:
    return partial(upload, NEW, cast.PASSWORD, username="alice")


def closed_account(scene: Scene) -> Attempt:
    secret = scene.secret()
    User.objects.filter(pk=scene.alice.pk).update(is_active=False)
    return partial(upload, NEW, secret)


def no_role(scene: Scene) -> Attempt:
    return partial(upload, NEW, token_for(scene.bob))


def approvers_role(scene: Scene) -> Attempt:
    cast.grant(scene.bob, scene.sampleproject, "approver")
    return partial(upload, NEW, token_for(scene.bob))


def archived_project(scene: Scene) -> Attempt:
    Project.objects.filter(pk=scene.sampleproject.pk).update(status=ProjectStatus.ARCHIVED)
    return partial(upload, NEW, scene.secret())


def file_exists(scene: Scene) -> Attempt:
    return partial(upload, make_wheel(files={"sampleproject/__init__.py": b"other = 1\n"}), scene.secret())


def second_sdist(scene: Scene) -> Attempt:
    upload(make_sdist(version="3.0"), scene.secret())
    return partial(upload, make_sdist(version="3.0.0"), scene.secret())


def wrong_digest(scene: Scene) -> Attempt:
    return partial(upload, NEW, scene.secret(), sha256_digest="0" * 64)


def no_file(scene: Scene) -> Attempt:
    headers = {"Authorization": basic(scene.secret())}
    return partial(Client().post, "/legacy/", NEW.fields(), headers=headers)


def two_files(scene: Scene) -> Attempt:
    files = [SimpleUploadedFile(NEW.filename, NEW.content), SimpleUploadedFile("x.whl", b"x")]
    headers = {"Authorization": basic(scene.secret())}
    return partial(Client().post, "/legacy/", {**NEW.fields(), "content": files}, headers=headers)


def not_multipart(scene: Scene) -> Attempt:
    headers = {"Authorization": basic(scene.secret())}
    return partial(Client().post, "/legacy/", {"name": "x"}, content_type="application/json", headers=headers)


def cut_off(scene: Scene) -> Attempt:
    body = encode_multipart("frontier", {**NEW.fields(), "content": SimpleUploadedFile(NEW.filename, NEW.content)})
    headers = {"Authorization": basic(scene.secret())}
    kind = "multipart/form-data; boundary=frontier"
    return partial(Client().post, "/legacy/", body[:-200], content_type=kind, headers=headers)


def bad_base64(scene: Scene) -> Attempt:
    body = (
        b'--frontier\r\nContent-Disposition: form-data; name="content"; filename="a.whl"\r\n'
        b"Content-Transfer-Encoding: base64\r\n\r\n!!!!\r\n--frontier--\r\n"
    )
    headers = {"Authorization": basic(scene.secret())}
    kind = "multipart/form-data; boundary=frontier"
    return partial(Client().post, "/legacy/", body, content_type=kind, headers=headers)


def no_length(scene: Scene) -> Attempt:
    headers = {"Authorization": basic(scene.secret())}
    return partial(Client().post, "/legacy/", NEW.fields(), headers=headers, CONTENT_LENGTH="")


def chunked(scene: Scene) -> Attempt:
    headers = {"Authorization": basic(scene.secret()), "Transfer-Encoding": "chunked"}
    return partial(Client().post, "/legacy/", NEW.fields(), headers=headers)


def too_many_fields(scene: Scene) -> Attempt:
    return partial(upload, NEW, scene.secret(), classifiers=["x"] * 1100)


def huge_field(scene: Scene) -> Attempt:
    return partial(upload, NEW, scene.secret(), description="x" * 3_000_000)


def not_an_archive(scene: Scene) -> Attempt:
    return partial(upload, make_wheel(version="2.0", content=b"not a zip"), scene.secret())


def another_name_inside(scene: Scene) -> Attempt:
    return partial(
        upload, make_wheel(version="2.0", metadata=core_metadata(name="other", version="2.0")), scene.secret()
    )


def control_characters_in_the_file_name(scene: Scene) -> Attempt:
    return partial(upload, make_wheel(version="2.0", filename="sample\x1b[31m\x07project-2.0.whl"), scene.secret())


def reserved_name(scene: Scene) -> Attempt:
    return partial(upload, make_wheel("asyncio"), token_for(scene.alice))


def lookalike_name(scene: Scene) -> Attempt:
    return partial(upload, make_wheel("samp1eproject"), token_for(scene.bob))


# Each prepares its scene and returns the attempt. Attempt, status, and what the sentence must say.
REFUSALS: list[tuple[Callable[[Scene], Attempt], int, str]] = [
    (no_credentials, 403, "use the user name __token__ and a token from"),
    (wrong_token, 403, "This token is malformed"),
    (altered_token, 403, "This token"),
    (token_of_a_forgotten_row, 403, "This token is not valid"),
    (wrong_username, 403, "a token goes with the user name __token__"),
    (other_projects_token, 403, "it is limited to 'second'"),
    (project_token_for_a_new_name, 403, "it is limited to 'sampleproject'"),
    (expired_token, 403, "expired"),
    (revoked_token, 403, "This token was revoked on"),
    (no_verified_email, 403, "User 'alice' has no verified e-mail address; verify one first."),
    (no_verified_email_new_project, 403, "User 'newcomer' has no verified e-mail address; verify one first."),
    (no_factor_where_required, 403, "User 'dave' must set up a second factor"),
    (no_factor_new_project, 403, "User 'carol' must set up a second factor"),
    (lost_factor, 403, "User 'alice' must set up a second factor"),
    (password, 403, "Passwords cannot upload; create a token at"),
    (closed_account, 403, "This account is closed; ask the operators for help."),
    (no_role, 403, "User 'bob' has no right to do this on project 'sampleproject'."),
    (approvers_role, 403, "User 'bob' has no right to do this on project 'sampleproject'."),
    (archived_project, 403, "Project 'sampleproject' is archived and takes no new files."),
    (file_exists, 400, "File already exists: 'sampleproject-1.0-py3-none-any.whl'"),
    (second_sdist, 400, "has a source distribution already"),
    (wrong_digest, 400, "do not match the field 'sha256_digest'"),
    (no_file, 400, "The upload has no file"),
    (two_files, 400, "more than one file"),
    (cut_off, 400, "The upload was cut off before its end; send it again."),
    (bad_base64, 400, "not a multipart form"),
    (no_length, 411, "need a Content-Length header"),
    (chunked, 411, "chunked bodies are not accepted"),
    (not_multipart, 400, "not a multipart form"),
    (too_many_fields, 400, "too many fields"),
    (huge_field, 413, "form fields beside the file are too large"),
    (not_an_archive, 400, "not a sound zip"),
    (another_name_inside, 400, "belongs to project 'other'"),
    (control_characters_in_the_file_name, 400, "."),
    (reserved_name, 400, "The name 'asyncio' belongs to Python itself"),
    (lookalike_name, 400, "too easily mistaken"),
]


@pytest.mark.parametrize(
    ("prepare", "status", "sentence"), REFUSALS, ids=[prepare.__name__ for prepare, _status, _sentence in REFUSALS]
)
def test_a_refusal_says_why_twice_and_leaves_no_trace(
    prepare: Callable[[Scene], Attempt], status: int, sentence: str, scene: Scene, files_dir: Path
) -> None:
    attempt = prepare(scene)

    with nothing_changes(files_dir):
        response = attempt()

    assert response.status_code == status, response.content
    assert sentence in response.reason_phrase
    assert response["Content-Type"] == "application/problem+json"
    body = response.json()
    assert body["detail"] == response.reason_phrase
    assert body["status"] == status
    assert body["code"]
    assert response.reason_phrase.isascii()
    assert response.reason_phrase.isprintable()
    assert response.reason_phrase.endswith(".")


def test_a_body_above_the_limit_is_refused_before_it_is_read(
    scene: Scene, files_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = scene.secret()
    monkeypatch.setattr("indexsite.limits.MAX_FILE_BYTES", 100)
    monkeypatch.setattr("releases.api_legacy.FORM_ALLOWANCE", 100)
    monkeypatch.setattr("releases.api_legacy.received", None)

    with nothing_changes(files_dir):
        response = upload(NEW, secret)

    assert response.status_code == 413
    assert "the limit for one file here" in response.reason_phrase


def test_a_file_above_the_limit_is_refused_although_the_body_may_pass(
    scene: Scene, files_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = scene.secret()
    monkeypatch.setattr("indexsite.limits.MAX_FILE_BYTES", 100)

    with nothing_changes(files_dir):
        response = upload(NEW, secret)

    assert response.status_code == 413
    assert response.json()["code"] == "file-too-large"


def test_other_files_of_the_form_are_skipped(scene: Scene, files_dir: Path) -> None:
    signature = SimpleUploadedFile("x.asc", b"signature")
    data = {
        **NEW.fields(),
        "gpg_signature": signature,
        "content": SimpleUploadedFile(NEW.filename, NEW.content),
    }

    response = Client().post("/legacy/", data, headers={"Authorization": basic(scene.secret())})

    assert response.status_code == 200
    assert not list((files_dir / "incoming").iterdir())
