"""Prepared statements answer as the querysets that they were made from."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection, transaction
from django.forms.models import model_to_dict
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from indexsite.prepared import Insert, Param, Rows, Update
from releases.models import Project, Release, UsedFilename, find_project, lock_project
from tests.support import cast
from tests.support.tokens import token_of
from tokens.models import Token

AT = datetime(2026, 11, 21, 12, 30, 15, 123456, tzinfo=UTC)


def columns(row: Any) -> dict[str, Any]:
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}


@pytest.mark.django_db
def test_rows_are_those_of_the_queryset(alice: User, bob: User) -> None:
    by_name = Rows(lambda: User.objects.filter(username=Param("name"), is_active=True))

    found = by_name.first(name="alice")

    assert found == alice
    assert columns(found) == columns(User.objects.get(username="alice"))
    assert by_name.first(name="nobody") is None
    assert [user.username for user in by_name.all(name="bob")] == ["bob"]
    assert by_name.exist(name="bob")
    assert not by_name.exist(name="nobody")


@pytest.mark.django_db
def test_a_row_that_was_read_can_be_changed_and_saved(alice: User) -> None:
    found = Rows(lambda: User.objects.filter(pk=Param("pk"))).first(pk=alice.pk)
    assert found is not None
    found.email = "new@example.org"

    found.save()

    alice.refresh_from_db()
    assert alice.email == "new@example.org"


@pytest.mark.django_db
def test_related_rows_come_along(alice: User, django_assert_num_queries: Any) -> None:
    token = token_of(alice)
    with_user = Rows(lambda: Token.objects.filter(pk=Param("pk", Token._meta.pk)).select_related("user"))

    with django_assert_num_queries(1):
        found = with_user.first(pk=token.pk)
        assert found is not None
        assert found.user == alice

    assert columns(found) == columns(Token.objects.get(pk=token.pk))


@pytest.mark.django_db
def test_fields_left_out_are_read_when_they_are_asked_for(alice: User) -> None:
    project = cast.ProjectFactory(name="sampleproject", owner=alice)
    Release.objects.create(
        project=project, version="1.0", normalized_version="1", created_at=AT, description="long"
    )

    found = Rows(lambda: Release.objects.filter(project=Param("project")).defer("description")).first(
        project=project.pk
    )

    assert found is not None
    assert found.get_deferred_fields() == {"description"}
    assert found.description == "long"


@pytest.mark.django_db
def test_django_composes_the_statement_once(alice: User) -> None:
    made = []
    rows = Rows(lambda: made.append(1) or User.objects.filter(pk=Param("pk")))  # type: ignore[func-returns-value]

    with CaptureQueriesContext(connection) as captured:
        assert rows.first(pk=alice.pk) == rows.first(pk=alice.pk) == alice

    assert made == [1]
    assert len(captured) == 2


@pytest.mark.django_db
def test_an_inserted_row_is_as_if_created(alice: User) -> None:
    insert = Insert(lambda: Release)
    project = cast.ProjectFactory(name="sampleproject", owner=alice)

    row = insert(
        project=project, version="1.0", normalized_version="1", created_at=AT, metadata={"classifiers": ["a", "b"]}
    )

    assert columns(row) == columns(Release.objects.get(pk=row.pk))
    row.summary = "saved again"
    row.save()
    assert Release.objects.get().summary == "saved again"


@pytest.mark.django_db
def test_a_key_that_is_given_is_kept() -> None:
    Insert(lambda: UsedFilename)(filename="a-1.whl", sha256="0" * 64, project_name="a", used_at=AT)

    assert model_to_dict(UsedFilename.objects.get()) == {
        "filename": "a-1.whl",
        "sha256": "0" * 64,
        "project_name": "a",
        "used_at": AT,
    }


@pytest.mark.django_db
def test_an_update_says_how_many_rows_it_met(alice: User) -> None:
    project = cast.ProjectFactory(name="sampleproject", owner=alice)
    update = Update(lambda: Project.objects.filter(pk=Param("pk")), ["last_serial", "created_at"])

    assert update(pk=project.pk, last_serial=7, created_at=AT) == 1
    assert update(pk=0, last_serial=8, created_at=AT) == 0

    project.refresh_from_db()
    assert (project.last_serial, project.created_at) == (7, AT)


@pytest.mark.django_db(transaction=True)
def test_a_lock_needs_a_transaction(alice: User) -> None:
    project = cast.ProjectFactory(name="sampleproject", owner=alice)

    with pytest.raises(transaction.TransactionManagementError):
        lock_project(project.pk)
    with transaction.atomic(), CaptureQueriesContext(connection) as captured:
        assert lock_project(project.pk) == find_project("sampleproject") == project

    if connection.vendor == "postgresql":
        assert captured[0]["sql"].endswith("FOR NO KEY UPDATE")
    with transaction.atomic(), pytest.raises(Project.DoesNotExist):
        lock_project(0)
