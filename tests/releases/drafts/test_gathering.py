"""A draft from its first request on: names, files, bytes, and that nobody else sees anything of it."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from django.test import Client

from accounts.models import User
from indexsite import clock
from indexsite.errors import InvalidInput, NotFound, PermissionRefused
from indexsite.models import AuditEvent
from releases.actions.drafts.beginning import begin_draft, extend_draft, renew_preview
from releases.actions.drafts.completing import complete_file
from releases.actions.drafts.ending import cancel_draft, tend
from releases.actions.drafts.files import CHUNKS, FileClosed, FileExistsInDraft, MechanismUnknown, remove_file
from releases.actions.drafts.receiving import OffsetWrong, attach
from releases.actions.drafts.standing import DraftClosed, DraftExists, find_draft
from releases.models import (
    Draft,
    DraftFile,
    DraftFileState,
    DraftState,
    Project,
    Role,
    SimplePage,
    UsedFilename,
    draft_id_in,
)
from releases.models.drafts import FIRST_LIFE, LIFE, LONGEST_LIFE, MAX_RESERVED_NAMES, STATUS_KEPT
from releases.sweeping import named
from tests.support import cast
from tests.support.distributions import make_sdist, make_wheel
from tests.support.drafts import add, again, announce, begin, by_token, gathered, in_browser, send, send_part
from tests.support.uploads import token_for, upload

pytestmark = pytest.mark.django_db

PUBLIC_PAGES = (
    "/project/sampleproject/",
    "/project/sampleproject/1.0/",
    "/simple/sampleproject/",
    "/pypi/sampleproject/json",
    "/pypi/sampleproject/1.0/json",
    "/rss/project/sampleproject/releases.xml",
)


def trail() -> list[str]:
    return [event.name for event in AuditEvent.objects.order_by("pk")]


@pytest.fixture
def project(alice: User, bob: User) -> Project:
    project = cast.ProjectFactory(name="sampleproject", owner=alice, maintainer=bob)
    upload(make_wheel(version="0.1"), token_for(alice, project))
    return Project.objects.get()


# -- names ----------------------------------------------------------------------------------------------------


def test_a_new_name_is_reserved_and_nobody_sees_it(alice: User, bob: User, files_dir: Path) -> None:
    pages = {page: Client().get(page) for page in (*PUBLIC_PAGES, "/search/?q=sampleproject", "/user/alice/")}

    draft = gathered(by_token(alice), make_wheel())

    project = Project.objects.get()
    assert draft.reserves_name
    assert Role.objects.get().user == alice
    assert draft.expires_at - draft.created_at - FIRST_LIFE < timedelta(seconds=1)
    assert trail() == ["project.reserved", "role.granted", "draft.begun", "draft.file-added"]
    for page, before in pages.items():
        after = Client().get(page)
        assert (after.status_code, "sampleproject-1.0" in after.text) == (before.status_code, False), page
    assert not SimplePage.objects.exists()
    assert not UsedFilename.objects.exists()
    # A stranger hears what anybody hears of a name that is not to be had.
    with pytest.raises(InvalidInput, match="not available here"):
        begin(by_token(bob), version="2.0")
    refusal = upload(make_wheel(), token_for(bob))
    assert (refusal.status_code, refusal.json()["code"]) == (400, "name-prohibited")
    with pytest.raises(PermissionRefused):
        find_draft(actor=in_browser(bob), public_id=draft.public_id)
    assert project.last_serial == 0


def test_whoever_gives_a_first_draft_up_gives_the_name_back(alice: User, bob: User) -> None:
    draft = gathered(by_token(alice))

    cancel_draft(actor=in_browser(alice), draft=draft, reason="not now", at=clock.now())

    assert not Project.with_deleted.exists()
    ended = again(draft)
    assert (ended.state, ended.notice, ended.project) == (DraftState.CANCELED, "not now", None)
    assert trail()[-2:] == ["draft.canceled", "project.reservation-ended"]
    # Whoever began it still learns how it ended; somebody else has the name by now, and learns nothing.
    assert find_draft(actor=in_browser(alice), public_id=draft.public_id).state == DraftState.CANCELED
    with pytest.raises(NotFound):
        find_draft(actor=in_browser(bob), public_id=draft.public_id)
    begin(by_token(bob))


def test_nobody_keeps_many_names(alice: User) -> None:
    for number in range(MAX_RESERVED_NAMES):
        begin(by_token(alice), f"name-{number}")

    with pytest.raises(Exception, match="names for first releases already"):
        begin(by_token(alice), "one-more")

    assert not Project.objects.filter(normalized_name="one-more").exists()


@pytest.mark.parametrize(
    ("name", "version", "code"),
    [("a b", "1.0", "invalid-name"), ("é", "1.0", "invalid-name"), ("fine", "one", "invalid-version"),
     ("fine", "1.0+local", "invalid-version"), ("sys", "1.0", "name-of-python")],
)  # fmt: skip
def test_names_and_versions_that_cannot_be_are_refused(alice: User, name: str, version: str, code: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        begin(by_token(alice), name, version)

    assert refused.value.code == code
    assert not Draft.objects.exists()


def test_a_version_has_one_live_draft_however_it_is_spelled(alice: User, project: Project) -> None:
    first = begin(by_token(alice), version="1.0")

    with pytest.raises(DraftExists) as refused:
        begin(by_token(alice), "Sample.Project".replace(".", ""), version="1.0.0")
    assert refused.value.draft == first

    cancel_draft(actor=in_browser(alice), draft=first, at=clock.now())
    second = begin(by_token(alice), version="1.0.0")
    assert second.public_id != first.public_id
    assert second.token != first.token


def test_who_has_no_right_on_the_project_begins_nothing_and_learns_of_no_draft(
    alice: User, carol: User, erin: User, project: Project
) -> None:
    draft = begin(by_token(alice))
    cast.grant(erin, project, "approver")
    cast.add_totp(carol)

    for stranger in (carol, erin):
        with pytest.raises(PermissionRefused) as refused:
            begin(by_token(stranger))
        assert refused.value.code == "no-role"
    with pytest.raises(PermissionRefused):
        find_draft(actor=in_browser(carol), public_id=draft.public_id)
    # Approvers look, and change nothing.
    assert find_draft(actor=in_browser(erin), public_id=draft.public_id) == draft
    with pytest.raises(PermissionRefused):
        announce(in_browser(erin), draft, make_wheel())


# -- files ----------------------------------------------------------------------------------------------------


def test_a_file_is_announced_sent_and_completed(alice: User, project: Project, files_dir: Path) -> None:
    actor, wheel = by_token(alice), make_wheel()
    draft = begin(actor)
    file = announce(actor, draft, wheel, hashes={"sha256": wheel.sha256, "blake2b": "00" * 64})
    assert complete_file(actor=actor, file=send(actor, file, wheel.content), at=clock.now()).notice == (
        "The blake2b digest of the bytes is another one than was announced."
    )
    remove_file(actor=actor, file=file)

    added = add(actor, draft, wheel)

    assert added.state == DraftFileState.COMPLETED
    assert (added.sha256, added.blake2_256, added.size) == (wheel.sha256, wheel.blake2_256, len(wheel.content))
    assert (added.credential, added.created_by) == (actor.credential.label, alice)
    assert added.about["summary"] == "A sample project"
    assert named((wheel.sha256, added.metadata_sha256)) == {wheel.sha256, added.metadata_sha256}
    assert trail()[-4:] == ["draft.begun", "draft.file-refused", "draft.file-removed", "draft.file-added"]
    assert complete_file(actor=actor, file=added, at=clock.now()) == added  # the answer was lost; asked again
    assert Counter(trail())["draft.file-added"] == 1


@pytest.mark.parametrize(
    ("change", "kind", "said"),
    [
        ({"filename": "other-1.0-py3-none-any.whl"}, InvalidInput, "is not of project"),
        ({"filename": "sampleproject-2.0-py3-none-any.whl"}, InvalidInput, "is not of version"),
        ({"filename": "sampleproject.exe"}, InvalidInput, "neither a wheel"),
        ({"size": 0}, InvalidInput, "from 1 byte"),
        ({"size": 1 << 40}, InvalidInput, "from 1 byte"),
        ({"hashes": {}}, InvalidInput, "at least one digest"),
        ({"hashes": {"crc": "00"}}, InvalidInput, "not known here"),
        ({"hashes": {"sha256": "0" * 64, "crc": "00"}}, InvalidInput, "not known here"),
        ({"hashes": {"sha256": "00"}}, InvalidInput, "64 hexadecimal digits"),
        ({"hashes": {"sha256": "g" * 64}}, InvalidInput, "64 hexadecimal digits"),
        ({"mechanism": "carrier-pigeon"}, MechanismUnknown, "not offered here"),
    ],
)
def test_what_cannot_be_published_is_not_announced(
    alice: User, project: Project, change: dict[str, object], kind: type[Exception], said: str
) -> None:
    draft = begin(by_token(alice))

    with pytest.raises(kind, match=said):
        announce(by_token(alice), draft, make_wheel(), **change)

    assert not DraftFile.objects.exists()


def test_a_name_is_taken_by_what_is_there_and_by_what_was_published(alice: User, project: Project) -> None:
    actor, wheel = by_token(alice), make_wheel()
    draft = begin(actor)
    file = announce(actor, draft, wheel)

    with pytest.raises(FileExistsInDraft):
        announce(actor, draft, wheel)
    remove_file(actor=actor, file=file)
    announce(actor, draft, wheel)

    old = begin(actor, version="0.1")
    with pytest.raises(Exception, match="File already exists") as refused:
        announce(actor, old, make_wheel(version="0.1"))
    assert refused.value.code == "file-exists"


def test_a_broken_file_ends_in_error_and_another_try_is_another_row(alice: User, project: Project) -> None:
    actor, wheel = by_token(alice), make_wheel()
    draft = begin(actor)
    file = announce(actor, draft, wheel)
    send(actor, file, b"\0" * len(wheel.content))

    broken = complete_file(actor=actor, file=file, at=clock.now())

    assert broken.state == DraftFileState.ERROR
    assert "sha256" in broken.notice
    with pytest.raises(FileClosed):
        send(actor, file, wheel.content)
    remove_file(actor=actor, file=file)
    assert add(actor, draft, wheel).state == DraftFileState.COMPLETED
    assert DraftFile.objects.count() == 2


def test_large_files_come_in_parts_and_go_on_where_the_line_was_cut(alice: User, project: Project) -> None:
    actor, wheel = by_token(alice), make_wheel()
    draft = begin(actor)
    file = announce(actor, draft, wheel, mechanism=CHUNKS)
    one, two, three = wheel.content[:100], wheel.content[100:150], wheel.content[150:]

    send_part(actor, file, one, offset=0)
    with pytest.raises(OffsetWrong) as refused:
        send_part(actor, file, three, offset=150)
    assert refused.value.offset == 100
    send_part(actor, file, two, offset=100)
    send_part(actor, file, two, offset=100)  # the answer was lost; sent again
    with pytest.raises(OffsetWrong):
        send_part(actor, file, b"other bytes", offset=100)
    send_part(actor, file, three, offset=150)
    with pytest.raises(InvalidInput, match="has more"):
        send_part(actor, file, b"!", offset=len(wheel.content))

    completed = complete_file(actor=actor, file=file, at=clock.now())

    assert (completed.state, completed.sha256) == (DraftFileState.COMPLETED, wheel.sha256)
    assert not completed.parts.exists()
    with pytest.raises(FileClosed):
        send_part(actor, file, b"late", offset=0)


def test_too_few_bytes_are_an_error(alice: User, project: Project) -> None:
    actor, wheel = by_token(alice), make_wheel()
    file = announce(actor, begin(actor), wheel, mechanism=CHUNKS)
    with pytest.raises(FileClosed, match="No bytes"):
        complete_file(actor=actor, file=file, at=clock.now())
    send_part(actor, file, wheel.content[:10], offset=0)

    assert complete_file(actor=actor, file=file, at=clock.now()).notice.startswith("10 bytes came")


def test_attestations_come_before_completion_and_change_the_digest(alice: User, project: Project) -> None:
    actor, wheel = by_token(alice), make_wheel()
    file = announce(actor, begin(actor), wheel)
    good = {"version": 1, "verification_material": {}, "envelope": {}}
    with pytest.raises(InvalidInput, match="PEP 740"):
        attach(actor=actor, file=file, attestations=[{"version": 2}])

    attach(actor=actor, file=file, attestations=[good])

    send(actor, file, wheel.content)
    completed = complete_file(actor=actor, file=file, at=clock.now())
    assert completed.attestations == [good]
    assert len(completed.attestation_digest) == 64
    with pytest.raises(FileClosed):
        attach(actor=actor, file=file, attestations=[])


# -- time -----------------------------------------------------------------------------------------------------


def test_a_draft_is_extended_as_far_as_allowed_and_never_back(alice: User, project: Project) -> None:
    actor = by_token(alice)
    draft = begin(actor)
    assert draft.expires_at.microsecond == 0
    assert timedelta() <= draft.expires_at - draft.created_at - LIFE < timedelta(seconds=1)
    before = draft.expires_at

    assert extend_draft(actor=actor, draft=draft, seconds=3600, at=clock.now()).expires_at == before + timedelta(
        hours=1
    )
    assert extend_draft(actor=actor, draft=draft, seconds=-5000, at=clock.now()).expires_at == before + timedelta(
        hours=1
    )
    far = extend_draft(actor=actor, draft=draft, seconds=10**12, at=clock.now()).expires_at
    assert timedelta() <= far - draft.created_at - LONGEST_LIFE < timedelta(seconds=1)


def test_what_expires_is_canceled_and_forgotten_after_a_month(alice: User, project: Project) -> None:
    draft = gathered(by_token(alice))
    wheel = DraftFile.objects.get().sha256

    assert tend(at=draft.expires_at - timedelta(seconds=1)) == 0
    assert tend(at=draft.expires_at) == 1

    ended = again(draft)
    assert (ended.state, ended.notice) == (DraftState.CANCELED, "Its time was over.")
    assert DraftFile.objects.get().state == DraftFileState.CANCELED
    assert named((wheel,)) == set()
    event = AuditEvent.objects.get(name="draft.canceled")
    assert (event.actor, event.actor_label) == (None, "the site")
    assert Project.objects.filter(pk=project.pk).exists()
    with pytest.raises(DraftClosed):
        add(by_token(alice), draft, make_sdist())

    tend(at=draft.expires_at + STATUS_KEPT + timedelta(seconds=1))
    assert not Draft.objects.exists()
    assert not DraftFile.objects.exists()


# -- the preview ----------------------------------------------------------------------------------------------


def test_the_preview_token_opens_this_draft_until_it_is_renewed(alice: User, project: Project) -> None:
    draft, other = begin(by_token(alice), version="1.0"), begin(by_token(alice), version="2.0")
    old = draft.token

    assert draft_id_in(old) == draft.public_id
    assert draft.is_opened_by(old)
    assert not other.is_opened_by(old)
    assert not draft.is_opened_by(old[:-1] + ("A" if old[-1] != "A" else "B"))
    for forged in ("", "x", "\u00e9" * 43, other.token[:22] + old[22:]):
        assert draft_id_in(forged) != draft.public_id or not draft.is_opened_by(forged)

    renewed = renew_preview(actor=in_browser(alice), draft=draft)

    assert renewed.token != old
    assert not renewed.is_opened_by(old)
    assert renewed.is_opened_by(renewed.token)


def test_a_preview_outlives_a_change_of_the_site_key(alice: User, project: Project, settings: object) -> None:
    draft = begin(by_token(alice))
    old = draft.token

    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another key of the site, as long as one has to be, and more"

    assert draft.token != old
    assert draft.is_opened_by(old)
    assert draft.is_opened_by(draft.token)


# -- tokens ---------------------------------------------------------------------------------------------------


def test_a_token_does_with_drafts_what_it_was_made_for(alice: User, project: Project) -> None:
    reader = by_token(alice, permissions=["draft:read"])
    draft = gathered(by_token(alice))

    assert find_draft(actor=reader, public_id=draft.public_id) == draft
    for refused in (
        lambda: begin(reader, version="3.0"),
        lambda: announce(reader, draft, make_sdist()),
        lambda: remove_file(actor=reader, file=draft.files.get()),
        lambda: cancel_draft(actor=reader, draft=draft, at=clock.now()),
        lambda: renew_preview(actor=reader, draft=draft),
    ):
        with pytest.raises(PermissionRefused) as error:
            refused()
        assert error.value.code == "credential-scope"
    assert again(draft).state == DraftState.OPEN
    assert begin_draft(actor=by_token(alice), name="sampleproject", version="3.0", at=clock.now()).is_live
