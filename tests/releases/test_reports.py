"""Reports of malware: made on the project's page, answered by a moderator, told to whoever reported."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.db import IntegrityError, transaction

from accounts.models import StaffKind, User
from indexsite import clock
from indexsite.models import AuditEvent
from releases.models import MalwareReport, Project, ProjectStatus
from tests.support import cast
from tests.support.distributions import make_wheel
from tests.support.people import browser, letters_to
from tests.support.uploads import nothing_changes, token_for, upload

pytestmark = pytest.mark.django_db

REPORT, QUEUE = "/project/sampleproject/report/", "/admin/moderation/reports/"
SAW = {"version": "1.0", "text": "setup.py sends\n~/.ssh away."}


@pytest.fixture
def project(alice: User) -> Project:
    assert upload(make_wheel(), token_for(alice)).status_code == 200
    return Project.objects.get()


@pytest.fixture
def report(project: Project, bob: User) -> MalwareReport:
    browser(bob).post(REPORT, SAW)
    return MalwareReport.objects.get()


def page_of(report: MalwareReport) -> str:
    return f"/admin/moderation/report/{report.pk}/"


def trail() -> list[str]:
    rows = AuditEvent.objects.filter(name__startswith="malware.").order_by("pk")
    return list(rows.values_list("name", flat=True))


def test_a_report_waits_for_a_moderator_and_the_owner_hears_nothing(
    alice: User, bob: User, mona: User, project: Project
) -> None:
    heard = len(letters_to(alice.email))
    client = browser(bob)
    assert REPORT in client.get("/project/sampleproject/").text

    response = client.post(REPORT, SAW, follow=True)

    assert "write to you what they found" in response.text
    report = MalwareReport.objects.get()
    assert (report.version, report.text, report.reporter) == ("1.0", SAW["text"], bob)
    assert "setup.py sends" in browser(mona).get(QUEUE).text
    assert "setup.py sends" in browser(mona).get(page_of(report)).text
    assert "Reports of malware waiting: 1" in browser(mona).get("/admin/moderation/").text
    assert len(letters_to(alice.email)) == heard
    assert "malware" not in browser(alice).get("/manage/project/sampleproject/history/").text
    assert trail() == ["malware.reported"]


def test_malware_goes_into_quarantine_and_the_reporter_is_told(
    alice: User, bob: User, mona: User, report: MalwareReport
) -> None:
    browser(mona).post(page_of(report), {"verdict": "malware", "reason": "It steals keys"})

    assert Project.objects.get().status == ProjectStatus.QUARANTINED
    assert browser().get("/simple/sampleproject/").status_code == 404
    (letter,) = (each for each in letters_to(bob.email) if "was answered" in each.subject)
    assert "it is malware" in letter.body
    assert "It steals keys" in letter.body
    assert any("in quarantine" in each.subject for each in letters_to(alice.email))
    mine = browser(bob).get("/account/history/").text
    assert "It steals keys" in mine
    for text in (letter.body, mine, *(each.body for each in letters_to(alice.email))):
        assert "mona" not in text
    assert "bob" not in letters_to(alice.email)[-1].body
    assert trail() == ["malware.reported", "malware.judged"]
    assert "It steals keys" in browser(mona).get(f"{QUEUE}?state=over").text


def test_a_second_report_of_what_is_in_quarantine_is_answered_alike(
    bob: User, erin: User, mona: User, report: MalwareReport
) -> None:
    browser(erin).post(REPORT, SAW)
    second = MalwareReport.objects.get(reporter=erin)
    for each in (report, second):
        response = browser(mona).post(page_of(each), {"verdict": "malware", "reason": "It steals keys"})
        assert response.status_code == 302
    assert AuditEvent.objects.filter(name="project.quarantined").count() == 1


def test_what_is_harmless_stays_as_it_is(bob: User, mona: User, report: MalwareReport) -> None:
    browser(mona).post(page_of(report), {"verdict": "harmless", "reason": "A test double"})

    assert Project.objects.get().status == ProjectStatus.ACTIVE
    assert "it is not" in letters_to(bob.email)[-1].body
    # Answered twice by two open pages, or with a double click.
    again = browser(mona).post(page_of(report), {"verdict": "malware", "reason": "Oh"})
    assert again.status_code == 409
    assert "A colleague has answered" in again.text


def test_nobody_answers_their_own_report_or_one_about_their_project(mona: User, project: Project) -> None:
    other = cast.staff("milo", StaffKind.MODERATOR)
    cast.grant(other, project)
    browser(mona).post(REPORT, SAW)
    page = page_of(MalwareReport.objects.get())
    for user in (mona, other):
        client = browser(user)
        assert "a colleague has to answer it" in client.get(page).text
        assert client.post(page, {"verdict": "harmless", "reason": "Fine"}).status_code == 403
    assert MalwareReport.objects.open().count() == 1


def test_what_a_report_needs_is_said_and_nothing_is_lost(bob: User, report: MalwareReport) -> None:
    client = browser(bob)
    again = client.post(REPORT, {"text": "And it mines coins."})
    assert again.status_code == 409
    assert "And it mines coins." in again.text
    assert client.post(REPORT, {"text": " "}).status_code == 400
    assert client.post(REPORT, {"text": "x" * 4001}).status_code == 400
    assert MalwareReport.objects.count() == 1


def test_a_report_needs_somebody_who_can_be_answered(project: Project, files_dir: Path) -> None:
    nora = cast.person("nora", verified=False, totp=False)
    assert browser().get(REPORT)["Location"].startswith("/account/login/?next=%2Fproject%2F")
    client = browser()
    client.force_login(nora)
    with nothing_changes(files_dir):
        assert client.post(REPORT, SAW).status_code in {302, 403}
    assert not MalwareReport.objects.exists()


def test_there_are_only_so_many_a_day(bob: User, alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    from indexsite import limits

    monkeypatch.setitem(limits.LIMITS, limits.Limit.MALWARE_REPORT_USER, limits.Rate(1, 3600, "Too many reports"))
    for name in ("one", "two"):
        assert upload(make_wheel(name), token_for(alice)).status_code == 200
    statuses = [browser(bob).post(f"/project/{name}/report/", SAW).status_code for name in ("one", "two")]
    assert statuses == [302, 429]


@pytest.mark.parametrize("name", ["hidden", "nothing"])
def test_what_is_not_shown_cannot_be_reported(bob: User, alice: User, name: str) -> None:
    cast.ProjectFactory(name="hidden", owner=alice)
    assert browser(bob).get(f"/project/{name}/report/").status_code == 404
    assert browser(bob).post(f"/project/{name}/report/", SAW).status_code == 404


def test_markup_in_a_report_stays_text(bob: User, mona: User, project: Project) -> None:
    browser(bob).post(REPORT, {"text": "<script>alert(1)</script>"})
    text = browser(mona).get(page_of(MalwareReport.objects.get())).text
    assert "<script>alert(1)" not in text


@pytest.mark.parametrize("kind", [kind for kind in StaffKind if kind != StaffKind.MODERATOR])
def test_the_rest_of_the_staff_do_not_read_reports(report: MalwareReport, kind: StaffKind) -> None:
    client = browser(cast.staff("someone", kind))
    for path in (QUEUE, page_of(report)):
        assert client.get(path).status_code == 403
        assert client.post(path, {"verdict": "harmless", "reason": "x"}).status_code == 403


def test_the_database_keeps_verdicts_with_somebody_else(bob: User, report: MalwareReport) -> None:
    rows = MalwareReport.objects.filter(pk=report.pk)
    for changes, said in [
        ({"verdict": "harmless"}, "malware_verdict_is_somebodys"),
        ({"verdict": "harmless", "judged_by": bob, "judged_at": clock.now()}, "nobody_judges_their_own_report"),
    ]:
        with pytest.raises(IntegrityError, match=said), transaction.atomic():
            rows.update(**changes)
