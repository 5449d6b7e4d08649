"""What changes while the bytes of an upload come in counts as it is when the rows are written."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.utils import timezone

from accounts.models import User
from indexsite import storage
from releases.models import File, Project, Release, Role, UsedFilename
from tests.support import cast
from tests.support.distributions import make_wheel
from tests.support.uploads import token_for, upload

pytestmark = pytest.mark.django_db

type Meanwhile = Callable[[Callable[[], object]], None]


@pytest.fixture
def meanwhile(files_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Meanwhile:
    """Something happens after the first look at the rights and before the transaction."""

    def happen(event: Callable[[], object]) -> None:
        put_all = storage.put_all

        def put_and_happen(blobs: list[tuple[Path, str]]) -> None:
            put_all(blobs)
            event()

        monkeypatch.setattr(storage, "put_all", put_and_happen)

    return happen


def test_a_role_that_is_withdrawn(alice: User, bob: User, meanwhile: Meanwhile) -> None:
    cast.ProjectFactory(name="sampleproject", owner=alice, maintainer=bob)
    meanwhile(lambda: Role.objects.filter(user=bob).delete())
    response = upload(make_wheel("sampleproject"), token_for(bob))
    assert response.status_code == 403
    assert "no right to do this" in response.reason_phrase
    assert not Release.objects.exists()


@pytest.mark.parametrize("registered", [True, False])
def test_an_account_that_is_frozen(alice: User, meanwhile: Meanwhile, *, registered: bool) -> None:
    if registered:
        cast.ProjectFactory(name="sampleproject", owner=alice)
    meanwhile(lambda: User.objects.filter(pk=alice.pk).update(is_active=False, frozen_at=timezone.now()))
    response = upload(make_wheel("sampleproject"), token_for(alice))
    assert response.status_code == 403
    assert "This account is frozen" in response.reason_phrase
    assert not File.objects.exists()
    assert Project.objects.exists() is registered


def test_a_file_name_that_is_taken(alice: User, meanwhile: Meanwhile) -> None:
    wheel = make_wheel("sampleproject")
    taken = {"sha256": "0" * 64, "project_name": "sampleproject", "used_at": timezone.now()}
    meanwhile(lambda: UsedFilename.objects.get_or_create(filename=wheel.filename, defaults=taken))
    response = upload(wheel, token_for(alice))
    assert response.status_code == 400
    assert "File already exists" in response.reason_phrase
    assert not Project.objects.exists()
