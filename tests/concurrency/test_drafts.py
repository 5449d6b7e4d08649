"""Acts on drafts that meet: each race as it ends, and as it would end without its lock."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import DatabaseError

from accounts.models import User
from indexsite import clock
from indexsite.errors import DomainError
from indexsite.models import AuditEvent
from releases.actions.drafts import beginning, completing, ending, files, publishing
from releases.actions.drafts.standing import DraftExists
from releases.models import Draft, DraftFile, DraftState, File, Project, ReservedFilename, SimplePage
from tests.support import cast
from tests.support.distributions import make_sdist, make_wheel
from tests.support.drafts import add, again, announce, begin, by_token, gathered, in_browser, send
from tests.support.races import SURELY, meet, together, without_locks
from tests.support.uploads import token_for, upload

pytestmark = pytest.mark.django_db(transaction=True)

LOCK = "releases.actions.drafts.standing.lock_project"


@pytest.fixture
def project(alice: User, bob: User) -> Project:
    project = cast.ProjectFactory(name="sampleproject", owner=alice, maintainer=bob)
    upload(make_wheel(version="0.1"), token_for(alice, project))
    return Project.objects.get()


def outcome(act: Callable[[], Any]) -> str:
    """ "done", or the code of the refusal."""
    try:
        act()
    except DomainError as error:
        return error.code
    return "done"


def race(*acts: Callable[[], Any]) -> Counter[str]:
    return Counter(together(*(partial(outcome, act) for act in acts)))


def listed() -> list[str]:
    page = SimplePage.objects.get(name="sampleproject")
    return sorted(file["filename"] for file in json.loads(bytes(page.json))["files"])


def published_files() -> dict[str, str]:
    return dict(File.objects.filter(release__version="1.0").values_list("filename", "sha256"))


def submitted(actor: Any, *distributions: Any) -> Draft:
    draft = gathered(actor, *distributions)
    return publishing.submit_draft(actor=actor, draft=draft, at=clock.now())


def unlocked(patch: pytest.MonkeyPatch) -> None:
    without_locks(patch)
    patch.setattr(LOCK, lambda pk: Project.with_deleted.get(pk=pk))


# -- a file is completed while the draft is published ---------------------------------------------------------


def complete_and_publish(
    alice: User, patch: pytest.MonkeyPatch, *, patience: float = 1
) -> tuple[Draft, Counter[str]]:
    actor, wheel = by_token(alice), make_wheel()
    draft = gathered(actor, make_sdist())
    file = announce(actor, draft, wheel)
    send(actor, file, wheel.content)
    meet(
        patch,
        "releases.actions.drafts.publishing.files_of",
        "releases.actions.drafts.completing._fill",
        patience=patience,
    )
    outcomes = race(
        partial(completing.complete_file, actor=actor, file=file, at=clock.now()),
        partial(publishing.finish_draft, actor=actor, draft=draft, at=clock.now()),
    )
    return again(draft), outcomes


def test_what_is_published_is_what_was_complete_under_the_lock(
    alice: User, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft, _ = complete_and_publish(alice, monkeypatch)

    if draft.state == DraftState.PUBLISHED:
        assert published_files() == dict(draft.files.values_list("filename", "sha256"))
    else:
        assert published_files() == {}
        assert all(file.state == "completed" for file in draft.files.all())


# -- two people press the button ------------------------------------------------------------------------------


def two_buttons(alice: User, bob: User, patch: pytest.MonkeyPatch, *, patience: float = 1) -> Counter[str]:
    draft = submitted(by_token(bob), make_wheel(), make_sdist())
    meet(patch, "releases.actions.drafts.publishing.publish_locked", patience=patience)
    return race(
        *(
            partial(
                publishing.publish_draft, actor=in_browser(user), draft=draft, digest=draft.digest, at=clock.now()
            )
            for user in (alice, bob)
        )
    )


def test_two_buttons_are_one_publication(
    alice: User, bob: User, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert two_buttons(alice, bob, monkeypatch) == {"done": 2}

    names = Counter(AuditEvent.objects.values_list("name", flat=True))
    assert (names["draft.published"], names["file.published"]) == (1, 3)
    assert len(listed()) == 3


def test_without_the_lock_two_buttons_end_in_an_error(
    alice: User, bob: User, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    unlocked(monkeypatch)

    with pytest.raises(DatabaseError):
        two_buttons(alice, bob, monkeypatch, patience=SURELY)


# -- two drafts of one version --------------------------------------------------------------------------------


def two_drafts(alice: User, bob: User, patch: pytest.MonkeyPatch, **options: float) -> list[str]:
    meet(patch, "releases.actions.drafts.beginning._begin", **options)
    return together(
        partial(outcome, partial(begin, by_token(alice), version="1.0")),
        partial(outcome, partial(begin, by_token(bob), version="1.0.0")),
    )


def test_a_version_gets_one_draft(
    alice: User, bob: User, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sorted(two_drafts(alice, bob, monkeypatch, patience=SURELY)) == ["done", DraftExists.code]
    assert Draft.objects.count() == 1


def test_a_name_nobody_has_is_reserved_for_one(alice: User, bob: User, monkeypatch: pytest.MonkeyPatch) -> None:
    assert sorted(two_drafts(alice, bob, monkeypatch, patience=SURELY)) == ["done", "no-role"]

    assert Project.objects.get().roles.get().user == Draft.objects.get().created_by


def test_lookalikes_are_reserved_for_one(alice: User, bob: User, monkeypatch: pytest.MonkeyPatch) -> None:
    meet(monkeypatch, "releases.actions.drafts.beginning._begin", patience=SURELY)

    outcomes = race(partial(begin, by_token(alice), "tool1"), partial(begin, by_token(bob), "tooll"))

    assert outcomes == {"done": 1, "name-confusable": 1}
    assert Project.objects.count() == Draft.objects.count() == 1


# -- a direct upload of a name that the draft has -------------------------------------------------------------


def test_a_name_in_review_is_published_by_the_draft_or_by_nobody(
    alice: User, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel, other = make_wheel(), make_wheel(files={"sampleproject/__init__.py": b"other = 1\n"})
    draft = gathered(by_token(alice), wheel)
    secret = token_for(alice)
    meet(monkeypatch, "releases.actions.publish._commit", "releases.actions.drafts.publishing._submit")

    status, said = together(
        lambda: str(upload(other, secret).status_code),
        partial(outcome, partial(publishing.submit_draft, actor=by_token(alice), draft=draft, at=clock.now())),
    )

    # Whoever came first has the name.
    assert (status, said) in {("200", "filename-conflict"), ("409", "done")}
    assert ReservedFilename.objects.exists() == (said == "done")
    assert (other.sha256 in published_files().values()) == (status == "200")


# -- the end against the beginning ----------------------------------------------------------------------------


def end_and_publish(alice: User, patch: pytest.MonkeyPatch, end: Callable[[Draft], Any]) -> Draft:
    actor = by_token(alice)
    draft = gathered(actor, make_wheel())
    meet(patch, LOCK)
    race(partial(end, draft), partial(publishing.finish_draft, actor=actor, draft=draft, at=clock.now()))
    return again(draft)


def ends_whole(draft: Draft) -> None:
    if draft.state == DraftState.PUBLISHED:
        assert published_files() == dict(draft.files.values_list("filename", "sha256"))
    else:
        assert draft.state == DraftState.CANCELED
        assert published_files() == {}
        assert listed() == ["sampleproject-0.1-py3-none-any.whl"]


def test_canceled_and_published_at_once_ends_as_one_of_them(
    alice: User, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    actor = in_browser(alice)
    ends_whole(
        end_and_publish(
            alice, monkeypatch, lambda draft: ending.cancel_draft(actor=actor, draft=draft, at=clock.now())
        )
    )


def test_expired_and_published_at_once_ends_as_one_of_them(
    alice: User, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends_whole(end_and_publish(alice, monkeypatch, lambda draft: ending.tend(at=draft.expires_at)))


def test_extended_and_expired_at_once_never_moves_the_end_back(
    alice: User, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    actor = by_token(alice)
    draft = gathered(actor, make_wheel())
    meet(monkeypatch, LOCK, "releases.actions.drafts.ending.lock_project")

    race(
        lambda: ending.tend(at=draft.expires_at),
        partial(beginning.extend_draft, actor=actor, draft=draft, seconds=3600, at=clock.now()),
    )

    after = again(draft)
    if after.state == DraftState.OPEN:
        assert after.expires_at == draft.expires_at + timedelta(hours=1)
    else:
        assert (after.state, after.expires_at) == (DraftState.CANCELED, draft.expires_at)


# -- rights that go meanwhile ---------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["role", "token", "project"])
def test_who_loses_the_right_on_the_way_publishes_nothing(
    bob: User, project: Project, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    actor = by_token(bob, description="ci")
    draft = gathered(actor, make_wheel())
    original = publishing.locked

    def lost_before_the_lock(*args: Any, **options: Any) -> Draft:
        if what == "role":
            project.roles.filter(user=bob).delete()
        elif what == "token":
            bob.tokens.update(revoked_at=clock.now())
        else:
            Project.objects.update(status="archived")
        return original(*args, **options)

    monkeypatch.setattr(publishing, "locked", lost_before_the_lock)

    said = outcome(partial(publishing.finish_draft, actor=actor, draft=draft, at=clock.now()))

    assert said == {"role": "no-role", "token": "credential-scope", "project": "project-closed"}[what]
    assert again(draft).state == DraftState.OPEN
    assert published_files() == {}


# -- late bytes and room --------------------------------------------------------------------------------------


def test_late_bytes_reach_no_completed_file(
    alice: User, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    actor, wheel = by_token(alice), make_wheel()
    draft = begin(actor)
    file = announce(actor, draft, wheel)
    send(actor, file, wheel.content)
    meet(monkeypatch, LOCK)

    race(
        partial(completing.complete_file, actor=actor, file=file, at=clock.now()),
        lambda: send(actor, file, b"\0" * len(wheel.content)),
    )

    after = DraftFile.objects.get()
    assert (after.state, after.sha256) in {("completed", wheel.sha256), ("pending", "")}
    if after.state == "pending":  # other bytes came in between: they are judged when somebody completes them
        assert completing.complete_file(actor=actor, file=after, at=clock.now()).state == "error"


def test_two_drafts_share_the_room_of_their_project(
    alice: User, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    actor, one, two = by_token(alice), make_wheel(), make_wheel(version="2.0")
    drafts = [begin(actor, version=version) for version in ("1.0", "2.0")]
    room = project.stored_bytes() + max(len(one.content), len(two.content)) + 10
    monkeypatch.setattr("indexsite.limits.MAX_PROJECT_BYTES", room)
    meet(monkeypatch, LOCK)

    outcomes = race(partial(announce, actor, drafts[0], one), partial(announce, actor, drafts[1], two))

    assert outcomes == {"done": 1, "project-full": 1}


def test_one_name_is_announced_once(alice: User, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    actor, wheel = by_token(alice), make_wheel()
    draft = begin(actor)
    meet(monkeypatch, LOCK)

    assert race(partial(announce, actor, draft, wheel), partial(announce, actor, draft, wheel)) == {
        "done": 1,
        files.FileExistsInDraft.code: 1,
    }


def test_completed_twice_at_once_is_added_once(
    alice: User, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    actor, wheel = by_token(alice), make_wheel()
    file = announce(actor, begin(actor), wheel)
    send(actor, file, wheel.content)
    meet(monkeypatch, "releases.actions.drafts.completing.locked_file")

    complete = partial(completing.complete_file, actor=actor, file=file, at=clock.now())
    assert race(complete, complete) == {"done": 2}
    assert AuditEvent.objects.filter(name="draft.file-added").count() == 1


def test_a_name_published_and_deleted_since_is_refused(alice: User, project: Project) -> None:
    draft = gathered(by_token(alice), make_wheel())
    assert upload(make_wheel(), token_for(alice)).status_code == 200
    File.with_deleted.filter(release__version="1.0").delete()

    said = outcome(partial(publishing.finish_draft, actor=by_token(alice), draft=draft, at=clock.now()))

    assert said == "filename-conflict"
    assert outcome(
        partial(add, by_token(alice), begin(by_token(alice), version="0.1"), make_wheel(version="0.1"))
    ) == ("file-exists")
