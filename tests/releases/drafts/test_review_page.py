"""The review page: made by the worker once, safe to read, for members alone, at a fixed cost."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from indexsite import clock, task_backend
from releases import draft_downloads
from releases.actions.drafts import comparing
from releases.actions.drafts.ending import cancel_draft, tend
from releases.actions.drafts.publishing import publish_draft, return_draft, submit_draft
from releases.models import Draft, DraftReport, Project
from releases.review import ReviewLimits, review
from tests.support import cast
from tests.support.distributions import core_metadata, make_sdist, make_wheel
from tests.support.drafts import add, again, begin, by_token, gathered, in_browser
from tests.support.people import browser
from tests.support.uploads import token_for, upload

pytestmark = pytest.mark.django_db

EVIL = "<script>alert(1)</script>"


@pytest.fixture
def project(alice: User, bob: User, erin: User) -> Project:
    project = cast.ProjectFactory(name="sampleproject", owner=alice, maintainer=bob)
    cast.grant(erin, project, "approver")
    upload(make_wheel(version="0.1"), token_for(alice, project))
    upload(make_sdist(version="0.1"), token_for(alice, project))
    return Project.objects.get()


def handed_in(by: User, *distributions: object, compared: bool = True) -> Draft:
    draft = gathered(by_token(by), *distributions)  # type: ignore[arg-type]
    submit_draft(actor=by_token(by), draft=draft, at=clock.now())
    if compared:
        task_backend.work_off()
    return again(draft)


def shown(client: Client, draft: Draft) -> str:
    return client.get(f"/manage/draft/{draft.public_id}/").text


def test_the_worker_compares_what_was_handed_in_and_the_page_shows_it(
    alice: User, bob: User, erin: User, project: Project
) -> None:
    new = make_wheel(
        files={"sampleproject/__init__.py": b"import os\n", "sampleproject/new.py": b"x = 1\n"},
        metadata=core_metadata(headers=[("Requires-Dist", "reqeusts>=1")]),
    )
    draft = handed_in(bob, new, make_sdist(), compared=False)
    assert "being compared" in shown(browser(erin), draft)
    assert not DraftReport.objects.exists()

    task_backend.work_off()

    text = shown(browser(erin), draft)
    assert "being compared" not in text
    assert "Compared with 0.1" in text
    assert "Dependencies are new, or changed in both directions: reqeusts." in text
    assert "Never published here before: bob." in text
    assert "Modules differ between wheel and source distribution: sampleproject/__init__.py." in text
    assert '<span class="diff__line diff__line--added">+ import os' in text
    assert '<span class="diff__line diff__line--removed">- ANSWER = 42' in text
    report = DraftReport.objects.get()
    assert (report.digest, report.previous) == (draft.digest, "0.1")


def test_what_is_in_the_files_is_text_and_nothing_else(alice: User, project: Project) -> None:
    readme = f"# {EVIL}\n\n<img src=x onerror=alert(1)>\n"
    evil = make_wheel(
        files={
            f"pkg/{EVIL.replace('/', '')}.py": EVIL.encode(),
            "sampleproject/__init__.py": b"'\"><svg onload=x>\n",
        },
        metadata=core_metadata(
            summary=EVIL, description=readme, headers=[("Author", EVIL), ("Keywords", "\u202eevil\u202c")]
        ),
    )
    text = shown(browser(alice), handed_in(alice, evil, make_sdist(files={"README.md": readme.encode()})))

    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert EVIL not in text
    assert "<img src=x" not in text
    assert "<svg onload" not in text
    assert "\u202e" not in text
    assert "⟨U+202E⟩" in text


def test_a_hostile_archive_that_is_published_already_does_not_stop_the_page(
    alice: User, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if limits had been wider once: what cannot be read now is named."""
    monkeypatch.setattr(comparing, "review", lambda question: review(question, ReviewLimits(unpacked=64)))
    text = shown(browser(alice), handed_in(alice, make_wheel(), make_sdist()))

    assert "Not looked at, or not wholly: sampleproject-1.0.tar.gz, sampleproject-1.0-py3-none-any.whl." in text
    assert "too much content" in text


def test_other_files_are_another_comparison(alice: User, bob: User, project: Project) -> None:
    draft = handed_in(bob, make_wheel())
    first = DraftReport.objects.get()
    return_draft(actor=in_browser(alice), draft=draft, reason="Add the source.", at=clock.now())
    add(by_token(bob), again(draft), make_sdist())
    submit_draft(actor=by_token(bob), draft=again(draft), at=clock.now())
    assert "being compared" in shown(browser(alice), draft)

    task_backend.work_off()

    report = DraftReport.objects.get()
    assert report.digest == again(draft).digest != first.digest
    assert comparing.compare(draft.pk, digest=report.digest, at=clock.now()) is False
    assert comparing.compare(draft.pk, digest=first.digest, at=clock.now()) is False


def test_reports_go_with_what_they_are_about(alice: User, bob: User, project: Project) -> None:
    draft = handed_in(bob, make_wheel())
    publish_draft(actor=in_browser(alice), draft=draft, digest=draft.digest, at=clock.now())
    assert "Compared with 0.1" in shown(browser(alice), draft)
    tend(at=clock.now())
    assert DraftReport.objects.exists()
    tend(at=clock.now() + timedelta(days=31))
    assert not DraftReport.objects.exists()


def test_a_canceled_draft_leaves_no_report(alice: User, bob: User, project: Project) -> None:
    draft = handed_in(bob, make_wheel())
    return_draft(actor=in_browser(alice), draft=draft, reason="No.", at=clock.now())
    cancel_draft(actor=in_browser(alice), draft=again(draft), at=clock.now())
    tend(at=clock.now())

    assert not DraftReport.objects.exists()
    assert "Checks" not in shown(browser(alice), draft)


def test_deciders_commands_and_files(alice: User, bob: User, erin: User, project: Project) -> None:
    wheel, sdist = make_wheel(), make_sdist()
    draft = handed_in(bob, wheel, sdist)
    text = shown(browser(erin), draft)

    assert "alice (owner)" in text
    assert "erin (approver)" in text
    assert "bob (" not in text
    where = f"{settings.SITE_URL}/stage/{draft.token}/overlay/"
    assert f"pip install --index-url {where} sampleproject==1.0" in text
    assert f"uv pip install --default-index {where} sampleproject==1.0" in text
    assert "token &quot;token" in text

    page = f"/manage/draft/{draft.public_id}/"
    one = browser(erin).get(f"{page}files/{wheel.filename}")
    assert b"".join(one.streaming_content) == wheel.content  # type: ignore[attr-defined]
    assert one["Cache-Control"] == "private, no-store"
    assert one["Content-Disposition"] == f'attachment; filename="{wheel.filename}"'
    assert "sandbox" in one["Content-Security-Policy"]
    every = browser(erin).get(f"{page}files.zip")
    with zipfile.ZipFile(io.BytesIO(b"".join(every.streaming_content))) as archive:  # type: ignore[attr-defined]
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == {
            wheel.filename: wheel.content,
            sdist.filename: sdist.content,
        }
    assert every["Cache-Control"] == "private, no-store"
    assert browser(erin).get(f"{page}files/other.whl").status_code == 404


def test_files_are_for_members_while_the_draft_lives(
    alice: User, bob: User, mallory: User, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = make_wheel()
    draft = handed_in(bob, wheel)
    page = f"/manage/draft/{draft.public_id}/"
    for path in (f"{page}files/{wheel.filename}", f"{page}files.zip"):
        assert browser(mallory).get(path).status_code == 404
        assert Client().get(path)["Location"].startswith("/account/login/")
    monkeypatch.setattr(draft_downloads, "MAX_ZIP_BYTES", 10)
    assert browser(alice).get(f"{page}files.zip").status_code == 404

    publish_draft(actor=in_browser(alice), draft=draft, digest=draft.digest, at=clock.now())

    assert browser(alice).get(f"{page}files/{wheel.filename}").status_code == 404
    assert "files.zip" not in shown(browser(alice), draft)


def test_the_page_asks_as_much_for_thirty_files_as_for_one(alice: User, bob: User, project: Project) -> None:
    def asked(count: int, version: str) -> int:
        draft = begin(by_token(bob), version=version)
        for number in range(count):
            tag = f"cp3{number + 10}-cp3{number + 10}-win32"
            add(by_token(bob), draft, make_wheel(version=version, tag=tag))
        submit_draft(actor=by_token(bob), draft=again(draft), at=clock.now())
        task_backend.work_off()
        client = browser(alice)
        shown(client, draft)
        with CaptureQueriesContext(connection) as captured:
            shown(client, draft)
        return len(captured)

    assert asked(1, "1.0") == asked(30, "2.0")


def test_visitors_pay_nothing_for_drafts_in_review(alice: User, bob: User, project: Project) -> None:
    pages = [f"/{kind}/sampleproject/{end}" for kind, end in (("project", ""), ("simple", ""), ("pypi", "json"))]

    def asked() -> list[int]:
        counts = []
        for page in pages:
            Client().get(page)
            with CaptureQueriesContext(connection) as captured:
                assert Client().get(page).status_code == 200
            counts.append(len(captured))
        return counts

    before = asked()
    for number in range(10):
        draft = begin(by_token(bob), version=f"3.{number}")
        add(by_token(bob), draft, make_wheel(version=f"3.{number}"))
        submit_draft(actor=by_token(bob), draft=again(draft), at=clock.now())
    task_backend.work_off()

    assert asked() == before


def test_the_report_is_json_that_every_database_takes(alice: User, project: Project) -> None:
    odd = make_wheel(files={"sampleproject/__init__.py": b"x" * 9000 + b"\0\n"})
    handed_in(alice, odd)

    assert "\\u0000" not in json.dumps(DraftReport.objects.get().body)


def test_the_zip_is_made_in_pieces(alice: User, project: Project) -> None:
    content = hashlib.sha256(b"seed").digest() * 40_000
    draft = handed_in(alice, make_wheel(files={"pkg/data.bin": content}))
    file = draft.files.get()

    pieces = [len(piece) for piece in draft_downloads.zipped([(file.filename, file.sha256)])]

    assert max(pieces) < 600_000
