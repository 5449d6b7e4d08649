"""The examples in the documentation narrow real tokens as they say."""

from __future__ import annotations

import contextlib
import io
import re
from uuid import UUID

import pytest

from accounts.models import User
from indexsite import env
from indexsite.actors import Actor, Permission
from indexsite.requirements import NewDraft, scope
from releases.models import Project
from tests.support import cast
from tests.support.tokens import basic, request_with, token_of
from tokens.authentication import TokenCredential, authenticate
from tokens.macaroons.caveats import RESERVED_TAGS, decode
from tokens.macaroons.wire import MacaroonError

pytestmark = pytest.mark.django_db

PAGE = (env.BASE_DIR / "docs/api.md").read_text()
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


class Draft:
    """What the requirements read of a draft's row."""

    def __init__(self, project: Project, version: str, public_id: str) -> None:
        self.project, self.normalized_version, self.public_id = project, version, UUID(public_id)


def narrowed_by(example: str, secret: str) -> Actor:
    assert "idx-…" in example
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(example.replace("idx-…", secret), "docs/api.md", "exec"), {})
    return authenticate(request_with(basic(printed.getvalue().strip())))


@pytest.fixture
def sampleproject(alice: User) -> Project:
    return cast.ProjectFactory(name="sampleproject", owner=alice)


def test_a_token_for_one_build(alice: User, sampleproject: Project) -> None:
    actor = narrowed_by(EXAMPLES[0], token_of(alice).secret())
    upload = scope(Permission.UPLOAD)
    assert upload(actor, sampleproject) is None
    assert upload(actor, cast.ProjectFactory(name="otherlib", owner=alice)) is not None


def test_a_token_for_the_jobs_of_a_matrix(alice: User, sampleproject: Project) -> None:
    actor = narrowed_by(EXAMPLES[1], token_of(alice).secret())
    mine, other = "6f1c1b0e-0000-4000-8000-000000000001", "6f1c1b0e-0000-4000-8000-000000000002"
    good = Draft(sampleproject, "2.1", mine)
    assert isinstance(actor.credential, TokenCredential)
    assert actor.credential.is_drafts_only
    allowed = {permission for permission in Permission if scope(permission)(actor, good) is None}
    assert allowed == {Permission.DRAFT_UPLOAD}
    fill = scope(Permission.DRAFT_UPLOAD)
    for bad in (
        Draft(sampleproject, "3", mine),
        Draft(sampleproject, "2.1", other),
        NewDraft(sampleproject, "2.1"),
        sampleproject,
    ):
        assert fill(actor, bad) is not None
    assert len(EXAMPLES) == 2


def test_every_restriction_and_permission_is_in_the_tables() -> None:
    """A row of the table for each tag that is understood, and the code span of each permission."""
    told = {int(tag) for tag in re.findall(r"^\| `\[(\d+)", PAGE, re.MULTILINE)}
    understood = set()
    for tag in range(256):
        try:
            decode([tag])
        except MacaroonError as error:
            if "does not know" in error.reason or "proof" in error.reason:
                continue
        understood.add(tag)
    assert told == understood
    assert not told & RESERVED_TAGS.keys()
    for permission in set(Permission) - {Permission.READ_ACCOUNT}:
        assert f"`{permission}`" in PAGE
