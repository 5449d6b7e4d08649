"""How a project's releases become public: the modes, and what the database itself holds to."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction

from accounts.models import User
from releases.models import MAX_APPROVALS, Project, Publishing, PublishingPolicy
from tests.support import cast

pytestmark = pytest.mark.django_db


def test_a_project_publishes_at_once_unless_its_owners_decide_otherwise(alice: User) -> None:
    project: Project = cast.ProjectFactory(name="fresh", owner=alice)
    assert project.publishing_policy == PublishingPolicy(
        mode=Publishing.OPTIONAL, approvals=0, four_eyes=False, approve_by_code=False, version=1
    )
    assert not project.publishing_policy.is_review_required


@pytest.mark.parametrize(
    ("mode", "required", "stages"),
    [(Publishing.OPTIONAL, False, False), (Publishing.EXPLICIT, True, False), (Publishing.AUTO, True, True)],
)
def test_a_mode_says_what_becomes_of_an_upload(mode: Publishing, *, required: bool, stages: bool) -> None:
    policy = PublishingPolicy(mode=mode, approvals=0, four_eyes=False, approve_by_code=False, version=1)
    assert (policy.is_review_required, policy.stages_uploads) == (required, stages)


@pytest.mark.parametrize(
    "columns",
    [
        {"publishing": Publishing.OPTIONAL, "approvals": 1},
        {"publishing": Publishing.AUTO, "approvals": MAX_APPROVALS + 1},
        {"publishing": "whatever", "approvals": 0},
    ],
)
def test_no_project_asks_for_approvals_that_an_upload_could_walk_past(
    alice: User, columns: dict[str, object]
) -> None:
    project: Project = cast.ProjectFactory(name="strict", owner=alice)
    with pytest.raises(IntegrityError), transaction.atomic():
        Project.objects.filter(pk=project.pk).update(**columns)
    Project.objects.filter(pk=project.pk).update(publishing=Publishing.EXPLICIT, approvals=MAX_APPROVALS)
