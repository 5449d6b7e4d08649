"""Acts of the staff: quarantine, frozen accounts, prohibited names; through the console's pages."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.test import Client

from accounts.models import StaffKind, User
from indexsite.models import AuditEvent
from releases.models import Project
from tests.releases.test_status import STATUS
from tests.support import cast
from tests.support.distributions import make_wheel
from tests.support.lifecycle import sampleproject, serial, simple_json
from tests.support.people import browser, letters_to, signed_in_as
from tests.support.uploads import nothing_changes, token_for, upload

pytestmark = pytest.mark.django_db

PROJECT = "/admin/moderation/project/sampleproject/"
ACCOUNT = "/admin/moderation/account/alice/"
NAMES = "/admin/moderation/names/"
PAGES = ["/admin/moderation/", PROJECT, ACCOUNT, NAMES]


@pytest.fixture
def project(alice: User, bob: User) -> Project:
    return sampleproject(alice, bob)


def trail() -> list[str]:
    wanted = ["project.quarantined", "project.quarantine-ended", "account.frozen", "account.unfrozen"]
    rows = AuditEvent.objects.filter(name__in=[*wanted, "name.prohibited", "name.allowed"]).order_by("pk")
    return list(rows.values_list("name", flat=True))


# -- quarantine ---------------------------------------------------------------------------------------------


def test_quarantine_hides_a_project_and_its_end_brings_back_what_it_was(
    alice: User, bob: User, mona: User, project: Project, client: Client
) -> None:
    browser(alice).post(STATUS, {"status": "deprecated", "reason": "Use another one."})
    before, last = simple_json(), serial()
    url = before["files"][0]["url"]
    mona_browser = browser(mona)

    mona_browser.post(PROJECT, {"act": "quarantine", "reason": "Reported to steal secrets"})

    for path in ("/simple/sampleproject/", "/pypi/sampleproject/json", "/project/sampleproject/", url):
        assert client.get(path).status_code == 404, path
    assert simple_json("/simple/")["projects"] == []
    for member in (alice, bob):
        assert signed_in_as(browser(member)) == member.username
        assert browser(member).get("/manage/project/sampleproject/").status_code == 200
        (letter,) = (letter for letter in letters_to(member.email) if "in quarantine" in letter.subject)
        assert "Reported to steal secrets" in letter.body
        assert "mona" not in letter.body
    assert upload(make_wheel(version="2.0"), token_for(alice)).status_code == 403
    assert "mona" not in browser(alice).get("/manage/project/sampleproject/settings/").text

    mona_browser.post(PROJECT, {"act": "end", "reason": "Looked into, nothing found"})

    after = simple_json()
    assert after["meta"].pop("_last-serial") > last
    before["meta"].pop("_last-serial")
    assert after == before
    project.refresh_from_db()
    assert (project.status, project.status_reason) == ("deprecated", "Use another one.")
    assert (project.status_before, project.status_reason_before) == ("", "")
    assert trail() == ["project.quarantined", "project.quarantine-ended"]


def test_a_deleted_project_in_quarantine_stays_deleted(alice: User, mona: User, project: Project) -> None:
    browser(alice).post("/manage/project/sampleproject/settings/delete/", {"typed": "sampleproject"})
    mona_browser = browser(mona)
    mona_browser.post(PROJECT, {"act": "quarantine", "reason": "Evidence"})
    mona_browser.post(PROJECT, {"act": "end", "reason": "Over"})

    assert not Project.objects.exists()
    assert Client().get("/simple/sampleproject/").status_code == 404


# -- frozen accounts ----------------------------------------------------------------------------------------


@pytest.mark.asvs("7.4.2", "7.4.5")
def test_a_frozen_account_does_nothing_and_loses_nothing(
    alice: User, mona: User, project: Project, client: Client
) -> None:
    alice_browser, secret, mona_browser = browser(alice), token_for(alice), browser(mona)

    mona_browser.post(ACCOUNT, {"act": "freeze", "reason": "Its password was sold"})

    assert signed_in_as(alice_browser) == ""
    for response in (
        upload(make_wheel(version="2.0"), secret),
        client.get("/api/v1/token/", headers={"Authorization": f"Bearer {secret}"}),
    ):
        assert response.status_code == 403
        assert response.json()["code"] == "account-frozen"
        assert "nothing in it is lost" in response.reason_phrase
    wrong = browser().post("/account/login/", {"username": "alice", "password": "wrong"})
    right = browser().post("/account/login/", {"username": "alice", "password": cast.PASSWORD})
    assert (wrong.status_code, right.status_code) == (400, 403)
    assert "frozen" not in wrong.text
    assert "This account is frozen" in right.text
    assert client.get("/simple/sampleproject/").status_code == 200
    assert client.get("/user/alice/").status_code == 404
    (letter,) = (letter for letter in letters_to(alice.email) if "is frozen" in letter.subject)
    assert "Its password was sold" in letter.body

    mona_browser.post(ACCOUNT, {"act": "unfreeze", "reason": "The owner has a new one"})

    assert upload(make_wheel(version="2.0"), secret).status_code == 200
    assert signed_in_as(browser(alice)) == "alice"
    assert trail() == ["account.frozen", "account.unfrozen"]


def test_a_sign_in_under_way_ends_with_the_freeze(alice: User, mona: User) -> None:
    half_in = browser()
    half_in.post("/account/login/", {"username": "alice", "password": cast.PASSWORD})
    browser(mona).post(ACCOUNT, {"act": "freeze", "reason": "Stolen"})

    half_in.post("/account/second-factor/", {"code": cast.totp_code(alice)})

    assert signed_in_as(half_in) == ""


def test_unfreezing_does_not_open_a_closed_account(alice: User, mona: User) -> None:
    mona_browser = browser(mona)
    mona_browser.post(ACCOUNT, {"act": "freeze", "reason": "Stolen"})
    User.objects.filter(pk=alice.pk).update(closed_at=alice.date_joined)

    mona_browser.post(ACCOUNT, {"act": "unfreeze", "reason": "Over"})

    alice.refresh_from_db()
    assert (alice.is_active, alice.frozen_at) == (False, None)


def test_nobody_freezes_themselves_and_only_security_freezes_staff(mona: User, sven: User) -> None:
    other = cast.staff("milo", StaffKind.MODERATOR)
    for actor, target, status in [(mona, mona, 403), (sven, sven, 403), (mona, other, 403), (sven, other, 302)]:
        page = f"/admin/moderation/account/{target.username}/"
        response = browser(actor).post(page, {"act": "freeze", "reason": "x"})
        assert response.status_code == status, (actor, target)
    assert trail() == ["account.frozen"]


def test_the_second_of_two_colleagues_does_not_undo_the_first(alice: User, mona: User, project: Project) -> None:
    """Both have the page open; a double click sends the form twice as well."""
    for page, act, other in [(PROJECT, "quarantine", "end"), (ACCOUNT, "freeze", "unfreeze")]:
        first, second = browser(mona), browser(mona)
        for client in (first, second):
            assert f'name="act" value="{act}"' in client.get(page).text
        assert first.post(page, {"act": act, "reason": "Reported"}).status_code == 302

        response = second.post(page, {"act": act, "reason": "Reported to me too"})

        assert "already" in response.text
        assert "Reported to me too" in response.text
        assert f'name="act" value="{other}"' in response.text
        assert "press the button below" in second.post(page, {"reason": "Reported"}).text
    assert trail() == ["project.quarantined", "account.frozen"]


# -- names --------------------------------------------------------------------------------------------------


def test_a_prohibited_project_name_is_refused_in_every_spelling(alice: User, mona: User) -> None:
    mona_browser = browser(mona)
    form = {"kind": "project", "name": "Sample.Project", "reason": "Asked for by lawyers"}
    mona_browser.post(NAMES, form | {"act": "prohibit"})

    response = upload(make_wheel("sample_project"), token_for(alice))
    assert response.status_code == 400
    assert response.json()["code"] == "name-prohibited"
    assert "lawyers" not in response.text

    mona_browser.post(NAMES, form | {"act": "allow"})
    assert upload(make_wheel("sample_project"), token_for(alice)).status_code == 200
    assert trail() == ["name.prohibited", "name.allowed"]


def test_a_prohibited_user_name_is_as_if_taken(mona: User) -> None:
    mona_browser = browser(mona)
    form = {"kind": "user", "name": "Nobel", "reason": "A trade mark"}
    sign_up = {"username": "nobel", "email": "n@example.org", "password1": cast.PASSWORD}
    mona_browser.post(NAMES, form | {"act": "prohibit"})
    assert "This name is not available" in browser().post("/account/signup/", sign_up).text

    mona_browser.post(NAMES, form | {"act": "allow"})
    assert browser().post("/account/signup/", sign_up).status_code == 302


@pytest.mark.parametrize(("kind", "name"), [("project", "-x-"), ("user", "a b"), ("project", "x" * 201)])
def test_what_is_no_name_is_not_put_on_the_list(mona: User, kind: str, name: str) -> None:
    response = browser(mona).post(NAMES, {"act": "prohibit", "kind": kind, "name": name, "reason": "x"})
    assert response.status_code == 400
    assert trail() == []


def test_what_is_there_already_or_not_at_all_is_said(mona: User) -> None:
    mona_browser = browser(mona)
    for act in ("allow", "prohibit", "prohibit"):
        answer = mona_browser.post(NAMES, {"act": act, "kind": "project", "name": "bad", "reason": "x"})
    assert answer.status_code == 409
    assert trail() == ["name.prohibited"]


# -- who may ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES)
def test_the_pages_ask_first_and_have_a_reason(
    alice: User, mona: User, project: Project, files_dir: Path, page: str
) -> None:
    mona_browser = browser(mona)
    with nothing_changes(files_dir):
        assert mona_browser.get(page).status_code == 200
        assert mona_browser.post(page, {"reason": " "}).status_code == 400


@pytest.mark.parametrize("page", PAGES)
def test_nobody_else_moderates(alice: User, bob: User, project: Project, page: str) -> None:
    root = cast.staff("root", is_superuser=True)
    auditor = cast.staff("audra", StaffKind.AUDITOR)
    former = cast.staff("former", StaffKind.MODERATOR)
    User.objects.filter(pk=former.pk).update(is_staff=False)
    form = {"act": "prohibit", "kind": "project", "name": "x", "reason": "mine"}
    for person in (None, bob, root, auditor, former):
        response = browser(person).post(page, form)
        if page == PAGES[0] and person == auditor:
            continue  # the way to the acts; each of them refuses
        assert response.status_code == (302 if person is None else 403), (person, page)
    assert trail() == []


def test_the_rest_of_the_staff_do_not_read_whom_moderators_act_against(
    alice: User, mona: User, sven: User, project: Project
) -> None:
    mona_browser = browser(mona)
    mona_browser.post(PROJECT, {"act": "quarantine", "reason": "Secret project"})
    mona_browser.post(ACCOUNT, {"act": "freeze", "reason": "Secret account"})
    curator = cast.staff("lena", StaffKind.CURATOR)
    for user, sees_project, sees_account in [
        (mona, True, True),
        (sven, False, True),
        (curator, False, False),
    ]:
        text = browser(user).get("/admin/moderation/").text
        assert ("Secret project" in text, "Secret account" in text) == (sees_project, sees_account), user
