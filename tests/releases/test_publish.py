"""One upload, from form to rows, bytes, page, letter and trail."""

import hashlib
import json
from pathlib import Path

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from indexsite import clock, storage
from indexsite.models import AuditEvent
from releases.actions.publish import IncomingFile, PublishResult, publish_file
from releases.models import (
    File,
    ProhibitedProjectName,
    Project,
    ProjectStatus,
    Release,
    Role,
    RoleKind,
    SimplePage,
    UsedFilename,
)
from releases.upload import Hashes
from tests.support import cast
from tests.support.distributions import Distribution, core_metadata, make_sdist, make_wheel
from tests.support.letters import delivered, said
from tests.support.published import refresh
from tests.support.uploads import blobs, nothing_changes, token_for, upload

pytestmark = pytest.mark.django_db


def trail() -> list[str]:
    return [event.name for event in AuditEvent.objects.order_by("pk") if event.name != "token.used"]


def listed(project: str) -> list[str]:
    page = SimplePage.objects.get(name=project)
    return [file["filename"] for file in json.loads(bytes(page.json))["files"]]


def publish(user: User, distribution: Distribution, directory: Path) -> PublishResult:
    """Past HTTP, for what HTTP cannot see."""
    path = storage.incoming() / f"test-{distribution.filename}"
    path.write_bytes(distribution.content)
    hashes = Hashes(distribution.md5, distribution.sha256, distribution.blake2_256, len(distribution.content))
    incoming = IncomingFile(path, distribution.filename, distribution.fields(), hashes)
    return publish_file(actor=cast.actor(user), incoming=incoming, at=clock.now())


def test_the_page_after_an_upload_is_the_page_of_the_rows(alice: User, files_dir: Path) -> None:
    secret = token_for(alice)
    for wheel in (make_wheel(version="1.0"), make_wheel(version="2.0")):
        assert upload(wheel, secret).status_code == 200
    Release.objects.filter(version="1.0").update(yanked_at=clock.now(), yanked_reason="too slow")

    assert upload(make_wheel(version="1.0", tag="cp313-none-any"), secret).status_code == 200

    pages = SimplePage.objects.filter(name="sampleproject").values("serial", "html", "json")
    uploaded = pages.get()
    refresh(Project.objects.get())
    assert pages.get() == uploaded
    assert len(listed("sampleproject")) == 3


def test_an_upload_asks_the_database_little_and_the_same_for_any_project(
    alice: User, files_dir: Path, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    secret = token_for(alice)
    for version in ("1.0", "2.0", "3.0"):
        upload(make_wheel(version=version), secret)

    # Transactions included; the letter and the events of a new release come on top once in each release.
    with django_assert_max_num_queries(29):
        assert upload(make_wheel(version="3.0", tag="cp313-none-any"), secret).status_code == 200


def test_the_first_file_makes_project_release_and_owner(alice: User, files_dir: Path, mail_dir: Path) -> None:
    wheel = make_wheel("Sample.Project", "1.0")

    response = upload(wheel, token_for(alice))

    assert response.status_code == 200, response.content
    assert "sample_project-1.0-py3-none-any.whl" in response.text
    project = Project.objects.get()
    assert (project.name, project.normalized_name) == ("Sample.Project", "sample-project")
    role = Role.objects.get()
    assert (role.user, role.project, role.kind) == (alice, project, RoleKind.OWNER)
    release = Release.objects.get()
    assert (release.version, release.summary) == ("1.0", "A sample project")
    assert "<h1" in release.description_html
    file = File.objects.get()
    assert (file.filename, file.size, file.sha256) == (wheel.filename, len(wheel.content), wheel.sha256)
    assert (file.md5, file.blake2_256) == (wheel.md5, wheel.blake2_256)
    assert (file.package_type, file.python_version) == ("bdist_wheel", "py3")
    assert (file.uploaded_by, file.uploaded_with) == (alice, "twine/7.0.0 tests")
    assert UsedFilename.objects.get().filename == wheel.filename
    with storage.open_blob(wheel.sha256) as stored:
        assert stored.read() == wheel.content
    with storage.open_blob(file.metadata_sha256) as stored:
        assert stored.read() == wheel.metadata
    assert file.metadata_sha256 == hashlib.sha256(wheel.metadata).hexdigest()
    assert len(blobs(files_dir)) == 2
    assert listed("sample-project") == [wheel.filename]
    assert b"sample-project" in bytes(SimplePage.objects.get(name="").html)
    assert trail() == ["project.created", "role.granted", "release.created", "file.published"]
    event = AuditEvent.objects.get(name="file.published")
    assert (event.actor, event.project) == (alice, "sample-project")
    assert event.data == {
        "version": "1.0",
        "filename": wheel.filename,
        "sha256": wheel.sha256,
        "size": len(wheel.content),
    }
    assert project.last_serial == event.pk
    (letter,) = delivered(mail_dir)
    assert (letter["To"], letter["Subject"]) == ("alice@example.org", "Sample.Project is registered")
    assert "/manage/project/sample-project/" in said(letter)


def test_a_new_release_is_told_to_owners_and_maintainers_once(
    alice: User, bob: User, erin: User, mail_dir: Path
) -> None:
    project = cast.ProjectFactory(name="sampleproject", owner=alice, maintainer=bob)
    cast.grant(erin, project, RoleKind.APPROVER)
    secret = token_for(bob, project)

    assert upload(make_sdist(version="2.0"), secret).status_code == 200
    assert upload(make_wheel(version="2.0"), secret).status_code == 200

    letters = delivered(mail_dir)
    assert sorted(letter["To"] for letter in letters) == ["alice@example.org", "bob@example.org"]
    assert {letter["Subject"] for letter in letters} == {"sampleproject 2.0 is published"}
    assert "bob" in said(letters[0])
    assert trail() == ["release.created", "file.published", "file.published"]
    assert sorted(listed("sampleproject")) == ["sampleproject-2.0-py3-none-any.whl", "sampleproject-2.0.tar.gz"]
    assert Release.objects.count() == 1


def test_an_unverified_address_gets_no_letters(alice: User, mail_dir: Path) -> None:
    project = cast.ProjectFactory(name="sampleproject", owner=alice)
    project.roles.create(
        user=cast.person("newcomer", verified=False), kind="maintainer", granted_at=timezone.now()
    )

    upload(make_wheel(), token_for(alice))

    assert [letter["To"] for letter in delivered(mail_dir)] == ["alice@example.org"]


def test_the_same_bytes_again_change_nothing(alice: User, files_dir: Path) -> None:
    secret = token_for(alice)
    upload(make_wheel(), secret)

    with nothing_changes(files_dir):
        response = upload(make_wheel(), secret)

    assert response.status_code == 200
    assert "nothing changed" in response.text


def test_other_bytes_under_a_used_name_are_refused(alice: User, files_dir: Path) -> None:
    secret = token_for(alice)
    upload(make_wheel(), secret)

    with nothing_changes(files_dir):
        response = upload(make_wheel(files={"sampleproject/__init__.py": b"evil = True\n"}), secret)

    assert response.status_code == 400
    assert response.reason_phrase.startswith("File already exists")
    assert response.json()["detail"] == response.reason_phrase
    assert response.json()["code"] == "file-exists"


@pytest.mark.parametrize("same_bytes", [True, False])
def test_a_deleted_file_name_never_comes_back(alice: User, files_dir: Path, *, same_bytes: bool) -> None:
    secret = token_for(alice)
    upload(make_wheel(), secret)
    File.objects.all().delete()
    files = {"sampleproject/__init__.py": b"again = True\n"}

    with nothing_changes(files_dir):
        response = upload(make_wheel() if same_bytes else make_wheel(files=files), secret)

    assert response.status_code == 400
    assert response.reason_phrase.startswith("File already exists")
    assert "deleted" in response.reason_phrase


def test_a_file_name_stays_used_when_its_project_is_gone(alice: User, bob: User, files_dir: Path) -> None:
    upload(make_wheel(), token_for(alice))
    Project.objects.all().delete()

    with nothing_changes(files_dir):
        response = upload(make_wheel(files={"sampleproject/__init__.py": b"\n"}), token_for(bob))

    assert response.status_code == 400
    assert response.reason_phrase.startswith("File already exists")


def test_equal_bytes_may_have_two_names(alice: User, files_dir: Path) -> None:
    secret = token_for(alice)
    wheel = make_wheel(tag="py3-none-any")
    twin = make_wheel(tag="py3-none-any", filename="sampleproject-1.0-1-py3-none-any.whl", content=wheel.content)

    assert upload(wheel, secret).status_code == 200
    assert upload(twin, secret).status_code == 200

    assert File.objects.values_list("sha256", flat=True).distinct().count() == 1
    assert File.objects.count() == 2
    assert len(blobs(files_dir)) == 2


def test_later_files_do_not_change_what_the_release_says(alice: User) -> None:
    secret = token_for(alice)
    upload(make_sdist(metadata=core_metadata(summary="The first word")), secret)
    later = core_metadata(summary="Another word", description="hijacked", headers=[("Requires-Python", ">=3.9")])

    assert upload(make_wheel(metadata=later), secret).status_code == 200

    release = Release.objects.get()
    assert release.summary == "The first word"
    assert "hijacked" not in release.description + release.description_html
    assert release.requires_python == ""
    assert File.objects.get(package_type="bdist_wheel").requires_python == ">=3.9"


def test_spellings_of_one_version_are_one_release(alice: User) -> None:
    secret = token_for(alice)

    assert upload(make_wheel(version="1.0"), secret).status_code == 200
    assert upload(make_wheel(version="1.0.0"), secret).status_code == 200

    assert Release.objects.get().version == "1.0"
    assert File.objects.count() == 2


def test_a_release_has_one_source_distribution(alice: User, files_dir: Path) -> None:
    secret = token_for(alice)
    upload(make_sdist(version="1.0"), secret)

    with nothing_changes(files_dir):
        response = upload(make_sdist(version="1.0.0"), secret)

    assert response.status_code == 400
    assert "sampleproject-1.0.tar.gz" in response.reason_phrase
    assert response.json()["code"] == "second-sdist"


def test_an_old_source_distribution_gets_no_metadata_sibling(alice: User) -> None:
    upload(make_sdist(metadata=core_metadata(metadata_version="2.1")), token_for(alice))

    assert File.objects.get().metadata_sha256 == ""


def test_a_closed_project_takes_no_files(alice: User, files_dir: Path) -> None:
    cast.ProjectFactory(name="sampleproject", owner=alice, status=ProjectStatus.ARCHIVED)

    with nothing_changes(files_dir):
        response = upload(make_wheel(), token_for(alice))

    assert response.status_code == 403
    assert "archived" in response.reason_phrase


def test_a_full_project_says_how_much_room_is_left(
    alice: User, files_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cast.ProjectFactory(name="sampleproject", owner=alice)
    monkeypatch.setattr("indexsite.limits.MAX_PROJECT_BYTES", 100)

    with nothing_changes(files_dir):
        response = upload(make_wheel(), token_for(alice))

    assert response.status_code == 400
    assert response.json()["code"] == "project-full"


@pytest.mark.parametrize("name", ["os", "Urllib", "importlib", "distutils", "requirements.txt", "setup_py"])
def test_names_of_python_itself_are_reserved(alice: User, files_dir: Path, name: str) -> None:
    with nothing_changes(files_dir):
        response = upload(make_wheel(name), token_for(alice))

    assert response.status_code == 400
    assert response.json()["code"] == "name-of-python"


def test_a_prohibited_name_is_refused_without_saying_why(alice: User, files_dir: Path) -> None:
    from releases.models import ProhibitedProjectName

    ProhibitedProjectName.objects.create(name="acme-internal", reason="asked for by ACME's lawyers")

    with nothing_changes(files_dir):
        response = upload(make_wheel("ACME_internal"), token_for(alice))

    assert response.status_code == 400
    assert response.reason_phrase == "The name 'ACME_internal' is not available here; choose another name."


@pytest.mark.parametrize("lookalike", ["co1our", "coIour", "c0lour", "col-our", "C.O.L.O.U.R"])
def test_a_lookalike_of_a_project_is_refused(alice: User, bob: User, files_dir: Path, lookalike: str) -> None:
    cast.ProjectFactory(name="colour", owner=alice)

    with nothing_changes(files_dir):
        response = upload(make_wheel(lookalike), token_for(bob))

    assert response.status_code == 400
    assert response.json()["code"] == "name-confusable"
    assert "'colour'" not in response.reason_phrase


def test_a_stranger_learns_that_a_name_is_taken_and_nothing_more(alice: User, bob: User, files_dir: Path) -> None:
    cast.ProjectFactory(name="sampleproject", owner=alice, last_serial=1)

    with nothing_changes(files_dir):
        response = upload(make_wheel(), token_for(bob))

    assert response.status_code == 403
    assert response.reason_phrase == "User 'bob' has no right to do this on project 'sampleproject'."


def test_a_name_held_without_a_release_is_refused_as_a_prohibited_one(
    alice: User, bob: User, files_dir: Path
) -> None:
    cast.ProjectFactory(name="sampleproject", owner=alice)
    ProhibitedProjectName.objects.create(name="prohibited", reason="Asked for by its company.")

    with nothing_changes(files_dir):
        held, prohibited = (upload(make_wheel(name), token_for(bob)) for name in ("sampleproject", "prohibited"))

    assert held.status_code == prohibited.status_code == 400
    said = "The name 'X' is not available here; choose another name."
    assert held.reason_phrase.replace("sampleproject", "X") == said
    assert prohibited.reason_phrase.replace("prohibited", "X") == said
    assert upload(make_wheel(), token_for(alice)).status_code == 200


def test_new_projects_are_limited(alice: User, files_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from indexsite.limits import LIMITS, Limit, Rate

    monkeypatch.setitem(LIMITS, Limit.PROJECT_CREATE_USER, Rate(1, 3600, "Too many new projects by this account"))
    secret = token_for(alice)
    assert upload(make_wheel("first"), secret).status_code == 200

    with nothing_changes(files_dir):
        response = upload(make_wheel("second"), secret)

    assert response.status_code == 429
    assert int(response["Retry-After"]) > 0
    assert upload(make_wheel("first", "2.0"), secret).status_code == 200


def test_uploads_are_limited_before_the_body_is_read(
    alice: User, files_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from indexsite.limits import LIMITS, Limit, Rate

    monkeypatch.setitem(LIMITS, Limit.UPLOAD_USER, Rate(1, 3600, "Too many uploads by this account"))
    secret = token_for(alice)
    assert upload(make_wheel(version="1"), secret).status_code == 200
    monkeypatch.setattr("releases.api_legacy.received", None)

    with nothing_changes(files_dir):
        assert upload(make_wheel(version="2"), secret).status_code == 429


def test_refused_files_count_as_uploads(alice: User, files_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from indexsite.limits import LIMITS, Limit, Rate

    secret = token_for(alice)
    monkeypatch.setitem(LIMITS, Limit.UPLOAD_USER, Rate(2, 3600, "Too many uploads by this account"))
    with nothing_changes(files_dir):
        for _ in range(2):
            assert upload(make_wheel(content=b"no wheel"), secret).status_code == 400
        assert upload(make_wheel(content=b"no wheel"), secret).status_code == 429


def test_metadata_that_the_database_cannot_hold_is_the_clients_fault(alice: User, files_dir: Path) -> None:
    long = core_metadata(version="1.0", headers=[("Requires-Python", ", ".join(f"!=3.{n}" for n in range(90)))])

    response = upload(make_wheel(metadata=long), token_for(alice))

    assert response.status_code == 400
    assert not Release.objects.exists()


def test_both_spellings_of_the_address_answer_without_redirect(alice: User) -> None:
    secret = token_for(alice)

    assert upload(make_wheel(version="1.0"), secret, path="/legacy/").status_code == 200
    assert upload(make_wheel(version="2.0"), secret, path="/legacy").status_code == 200


@pytest.mark.parametrize("path", ["/legacy", "/legacy/"])
def test_looking_at_the_upload_address_says_what_it_is_for(client: Client, path: str) -> None:
    response = client.get(path)

    assert response.status_code == 405
    assert response["Allow"] == "POST"
    assert "twine upload" in response.text


@pytest.mark.parametrize("path", ["/legacy/+simple/sampleproject/", "/legacy/%2Bsimple/Sample.Project/"])
def test_the_files_of_a_project_are_listed_below_the_upload_address(
    alice: User, client: Client, path: str
) -> None:
    wheel = make_wheel("Sample.Project" if "Sample" in path else "sampleproject")
    upload(wheel, token_for(alice))

    response = client.get(path, headers={"Accept": "application/json"})

    assert response.status_code == 200
    assert response["Content-Type"].startswith("text/html")
    assert f">{wheel.filename}</a>" in response.text
    assert client.get("/legacy/+simple/unknown/").status_code == 404
