"""The audit trail is written with the act or not at all; there is one clock."""

import dataclasses
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from indexsite import audit, clock
from indexsite.actors import SITE, VISITOR, Permission
from indexsite.models import AppendOnlyError, AuditEvent, SiteFact
from tests.support import cast

pytestmark = pytest.mark.django_db


@pytest.fixture
def _demo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "ENV", dataclasses.replace(settings.ENV, demo=True))
    monkeypatch.setattr(clock, "_read_at", float("-inf"))
    monkeypatch.setattr(clock, "_offset", timedelta())


@pytest.mark.django_db(transaction=True)
def test_an_event_outside_a_transaction_is_refused() -> None:
    with pytest.raises(RuntimeError, match="inside the transaction of the act"):
        audit.record(SITE, audit.EmailAdded(email="x"))

    assert not AuditEvent.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_an_event_of_a_rolled_back_act_is_not_there() -> None:
    with transaction.atomic():
        audit.record(SITE, audit.EmailAdded(email="x"))
        transaction.set_rollback(True)

    assert not AuditEvent.objects.exists()


def test_an_event_keeps_labels_and_reads_as_a_sentence(alice: User, bob: User) -> None:
    row = audit.record(cast.actor(alice), audit.RoleGranted(about=bob, project="sampleproject", role="maintainer"))

    assert (row.actor_label, row.about_label, row.credential_label) == ("alice", "bob", "web session")
    assert (row.address, row.client) == ("127.0.0.1", "tests")
    assert audit.sentence(row) == "bob became maintainer of sampleproject."
    assert str(row).endswith("alice role.granted")


def test_a_row_of_another_version_still_reads() -> None:
    newer = AuditEvent(name="something.new", data={})
    older = AuditEvent(name="token.created", data={"scope": "everything"})

    assert audit.sentence(newer) == "something.new"
    assert audit.sentence(older) == 'Token "?" was created for everything.'


def test_the_orm_refuses_to_change_or_remove_an_event() -> None:
    row = audit.record(VISITOR, audit.EmailAdded(email="x"))

    for change in (
        row.save,
        row.delete,
        AuditEvent.objects.all().delete,
        lambda: AuditEvent.objects.update(name="other"),
    ):
        with pytest.raises(AppendOnlyError):
            change()


def test_every_event_has_a_name_and_a_sentence_of_its_own_fields() -> None:
    assert len(audit.VOCABULARY) > 15
    for name, kind in audit.VOCABULARY.items():
        own = {field.name for field in dataclasses.fields(kind)} | {"actor"}
        assert name.count(".") == 1
        kind.sentence.format_map(dict.fromkeys(own, ""))


def test_the_site_and_visitors_pass_no_permission() -> None:
    assert SITE.credential.refusal(Permission.UPLOAD, None) is not None
    assert VISITOR.credential.refusal(Permission.UPLOAD, None) is not None
    assert (SITE.label, VISITOR.label) == ("the site", "nobody")
    assert not SITE.is_interactive


def test_the_clock_of_a_production_site_cannot_be_moved() -> None:
    SiteFact.objects.create(name=clock.OFFSET_FACT, value=86_400)

    assert abs(clock.now() - timezone.now()) < timedelta(seconds=5)


@pytest.mark.usefixtures("_demo")
def test_the_clock_of_a_demo_moves_forward_for_everyone() -> None:
    assert clock.offset() == timedelta()
    clock.advance(timedelta(days=7))
    clock.advance(timedelta(hours=1))

    assert clock.offset() == timedelta(days=7, hours=1)
    assert clock.now() - timezone.now() > timedelta(days=7)
    assert SiteFact.objects.get().value == timedelta(days=7, hours=1).total_seconds()
