"""Staff are made by two: proposed, confirmed by another, a day later carried out; and how the first two begin."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command, load_command_class
from django.db import IntegrityError, connections, transaction

from accounts.actions import staff as acts
from accounts.models import StaffChange, StaffKind, StaffRole, User
from indexsite import clock
from indexsite.models import AuditEvent
from tests.support import cast
from tests.support.people import browser, letters, letters_to

pytestmark = pytest.mark.django_db

STAFF = "/admin/staff/"
PROPOSE = "/admin/staff/propose/"
SECURITY = {"username": "erin", "role": "security", "reason": "Knows the ropes"}


@pytest.fixture
def sven(db: None) -> User:
    return cast.staff("sven", StaffKind.SECURITY)


@pytest.fixture
def audra(db: None) -> User:
    return cast.staff("audra", StaffKind.AUDITOR)


@pytest.fixture
def erin(db: None) -> User:
    """Fit for the staff: she has a key."""
    erin = cast.person("erin")
    cast.add_key(erin)
    return erin


def trail() -> list[str]:
    return list(AuditEvent.objects.filter(name__startswith="staff.").order_by("pk").values_list("name", flat=True))


def roles_of(user: User) -> set[str]:
    user.refresh_from_db()
    assert user.is_staff is user.staff_roles.exists()
    return set(user.staff_roles.values_list("kind", flat=True))


def propose(by: User, user: User, role: str = "security") -> str:
    """Through the page; returns the proposal's address."""
    answer = browser(by).post(PROPOSE, {"username": user.username, "role": role, "reason": "Knows the ropes"})
    assert answer.status_code == 302, answer.text
    return f"{STAFF}proposal/{StaffChange.objects.latest('pk').pk}/"


def a_day_passes() -> None:
    acts.tend(at=clock.now() + timedelta(hours=24, seconds=1))


# -- from proposal to role ----------------------------------------------------------------------------------


def test_two_people_and_a_day_make_a_third(audra: User, sven: User, erin: User) -> None:
    page = propose(audra, erin)
    assert roles_of(erin) == set()
    browser(sven).post(page, {"act": "confirm"})
    acts.tend(at=clock.now() + timedelta(hours=23))
    assert roles_of(erin) == set()
    assert browser(erin).get(STAFF).status_code == 403

    a_day_passes()

    assert roles_of(erin) == {"security"}
    assert browser(erin).get(STAFF).status_code == 200
    assert trail() == ["staff.proposed", "staff.confirmed", "staff.granted"]
    for person in (audra, sven, erin):
        subjects = [letter.subject for letter in letters_to(person.email) if "Staff: " in letter.subject]
        assert subjects == ["Staff: erin proposed", "Staff: erin joins in 24 hours", "Staff: erin joined"]
    confirmed = letters_to(erin.email)[1].body
    assert "sven confirmed the role Security for erin, proposed by audra" in confirmed
    assert "Knows the ropes" in confirmed
    assert "erin has the staff role security, proposed by audra, confirmed by sven." in (
        browser(erin).get("/account/history/").text
    )
    assert StaffRole.objects.get(user=erin).change is not None
    a_day_passes()
    assert trail().count("staff.granted") == 1


def test_nobody_is_two_people(sven: User, erin: User) -> None:
    page = propose(sven, erin)
    answer = browser(sven).post(page, {"act": "confirm"})
    assert answer.status_code == 403
    assert "somebody else has to confirm it" in answer.text
    assert "somebody else has to confirm it" in browser(sven).get(page).text
    a_day_passes()
    assert roles_of(erin) == set()


def test_whom_it_is_about_does_not_confirm(audra: User) -> None:
    nora = cast.staff("nora", StaffKind.SECURITY)
    page = propose(audra, nora, "auditor")
    assert browser(nora).post(page, {"act": "confirm"}).status_code == 403
    assert trail() == ["staff.proposed"]


def test_nobody_proposes_themselves(audra: User) -> None:
    answer = browser(audra).post(PROPOSE, {**SECURITY, "username": "audra"})
    assert answer.status_code == 403
    assert not StaffChange.objects.exists()


def test_only_security_confirms(audra: User, sven: User, mona: User, erin: User) -> None:
    page = propose(audra, erin)
    assert browser(mona).post(page, {"act": "confirm"}).status_code == 403
    assert "Your staff role does not include this." in browser(mona).get(page).text
    assert trail() == ["staff.proposed"]


@pytest.mark.parametrize("when", ["proposed", "confirmed"])
def test_any_one_of_them_stops_it(audra: User, sven: User, mona: User, erin: User, when: str) -> None:
    page = propose(audra, erin)
    if when == "confirmed":
        browser(sven).post(page, {"act": "confirm"})
    mona_browser = browser(mona)
    assert mona_browser.post(page, {"act": "stop", "reason": " "}).status_code == 400

    assert mona_browser.post(page, {"act": "stop", "reason": "Never heard of them"}).status_code == 302

    a_day_passes()
    assert roles_of(erin) == set()
    assert trail()[-1] == "staff.stopped"
    assert "Never heard of them" in letters_to(erin.email)[-1].body
    again = mona_browser.post(page, {"act": "stop", "reason": "Again"})
    assert again.status_code == 409
    assert "This proposal is over" in again.text


def leave(user: User) -> None:
    StaffRole.objects.filter(user=user).delete()
    User.objects.filter(pk=user.pk).update(is_staff=False)


@pytest.mark.parametrize(
    ("who", "reason"),
    [
        ("audra", "audra, who proposed it, is no longer on the staff"),
        ("sven", "sven, who confirmed it, no longer has the security role"),
        ("erin", "the account has no security key"),
    ],
)
def test_it_lapses_when_one_of_the_three_is_no_longer_who_they_were(
    audra: User, sven: User, erin: User, who: str, reason: str
) -> None:
    browser(sven).post(propose(audra, erin), {"act": "confirm"})
    user = User.objects.get(username=who)
    leave(user)
    if user == erin:
        cast.lose_factors(erin)

    a_day_passes()

    assert roles_of(erin) == set()
    assert trail()[-1] == "staff.lapsed"
    assert reason in letters_to(erin.email)[-1].body


def test_what_nobody_confirms_lapses(audra: User, sven: User, erin: User) -> None:
    page = propose(audra, erin)
    acts.tend(at=clock.now() + timedelta(days=7, seconds=1))
    assert browser(sven).post(page, {"act": "confirm"}).status_code == 302
    assert trail() == ["staff.proposed", "staff.lapsed"]


@pytest.mark.parametrize(
    ("username", "status", "sentence"),
    [
        ("nobody", 400, "There is no account nobody"),
        ("dave", 400, "the account has no security key"),
        ("late", 400, "the account has no verified e-mail address"),
        ("sven", 409, "sven has this role already"),
    ],
)
def test_whom_one_cannot_propose(
    audra: User, sven: User, dave: User, username: str, status: int, sentence: str
) -> None:
    cast.person("late", verified=False)
    answer = browser(audra).post(PROPOSE, {**SECURITY, "username": username})
    assert answer.status_code == status
    assert sentence in answer.text
    assert "Knows the ropes" in answer.text
    assert not StaffChange.objects.exists()


def test_one_proposal_per_person_and_role(audra: User, sven: User, erin: User) -> None:
    propose(audra, erin)
    assert "proposed for this role already" in browser(sven).post(PROPOSE, SECURITY).text
    propose(sven, erin, "auditor")
    assert StaffChange.objects.count() == 2


def test_strangers_superusers_and_plain_staff_do_none_of_it(
    sven: User, audra: User, alice: User, erin: User
) -> None:
    page = propose(audra, erin)
    root = cast.staff("root", is_superuser=True)
    plain = cast.staff("plain")
    for user in (None, alice, root, plain):
        client = browser(user)
        for path, form in (
            (PROPOSE, SECURITY),
            (page, {"act": "confirm"}),
            (page, {"act": "stop", "reason": "x"}),
            (f"{STAFF}member/sven/security/", {"reason": "x"}),
        ):
            answer = client.post(path, form)
            assert answer.status_code == (302 if user is None else 403), (user, path)
    assert trail() == ["staff.proposed"]
    assert roles_of(sven) == {"security"}


# -- and back ------------------------------------------------------------------------------------------------


def test_a_role_is_taken_at_once_and_the_last_one_closes_the_console(sven: User, audra: User) -> None:
    answer = browser(sven).post(f"{STAFF}member/audra/auditor/", {"reason": "Has moved on"})
    assert answer.status_code == 302
    assert roles_of(audra) == set()
    assert trail() == ["staff.removed"]
    assert "Has moved on" in letters_to(audra.email)[-1].body
    assert browser(audra).get(STAFF).status_code == 403


def test_one_may_give_up_a_role_but_not_take_a_colleagues(audra: User, mona: User) -> None:
    assert browser(audra).post(f"{STAFF}member/mona/moderator/", {"reason": "x"}).status_code == 403
    assert browser(mona).post(f"{STAFF}member/mona/moderator/", {"reason": "Enough"}).status_code == 302
    assert roles_of(mona) == set()


def test_two_of_security_stay(sven: User) -> None:
    nora = cast.staff("nora", StaffKind.SECURITY)
    answer = browser(sven).post(f"{STAFF}member/nora/security/", {"reason": "x"})
    assert answer.status_code == 409
    assert "Two people of the security role must stay" in answer.text
    assert roles_of(nora) == {"security"}


# -- the beginning ------------------------------------------------------------------------------------------


def bootstrap(*usernames: str) -> str:
    out = StringIO()
    call_command("bootstrap_staff", *usernames, stdout=out)
    return out.getvalue()


def test_the_first_two_begin_by_command_once(alice: User, bob: User) -> None:
    cast.add_key(alice)
    cast.add_key(bob)
    assert "alice and bob have the staff role security" in bootstrap("alice", "Bob")
    assert roles_of(alice) == roles_of(bob) == {"security"}
    assert trail() == ["staff.founded", "staff.founded"]
    assert {letter.to[0] for letter in letters()} == {alice.email, bob.email}
    with pytest.raises(CommandError, match="This site has its staff"):
        bootstrap("alice", "bob")
    # Nor after all of them have gone: whoever gets a shell later does not begin anew unnoticed.
    StaffRole.objects.all().delete()
    with pytest.raises(CommandError, match="This site has its staff"):
        bootstrap("alice", "bob")


@pytest.mark.parametrize(
    ("usernames", "sentence"),
    [
        (("alice", "ALICE"), "Name two different accounts"),
        (("alice", "nobody"), "There is no account nobody"),
        (("alice", "dave"), "dave cannot join the staff: the account has no security key"),
    ],
)
def test_whoever_cannot_begin(alice: User, dave: User, usernames: tuple[str, str], sentence: str) -> None:
    cast.add_key(alice)
    with pytest.raises(CommandError, match=sentence):
        bootstrap(*usernames)
    assert roles_of(alice) == set()
    assert trail() == []


@pytest.mark.asvs("6.3.2")
def test_djangos_own_way_in_is_closed(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "close_all", lambda: None)  # the test's own connection stays
    arguments = ["manage.py", "createsuperuser", "--noinput", "--username", "eve", "--email", "eve@example.org"]
    with pytest.raises(SystemExit, match="1"):
        load_command_class("indexsite", "createsuperuser").run_from_argv(arguments)
    assert "Staff are made by two" in capsys.readouterr().err
    assert not User.objects.exists()


# -- what the database holds by itself ----------------------------------------------------------------------


def test_the_database_knows_that_two_are_needed(alice: User, bob: User, carol: User) -> None:
    at = clock.now()
    change = {
        "user": carol,
        "role": "security",
        "reason": "x",
        "proposed_by": alice,
        "proposed_at": at,
        "expires_at": at,
    }
    confirmed = {"confirmed_at": at, "due_at": at, "state": "confirmed"}
    for wrong in (
        {**change, "proposed_by": carol},
        {**change, **confirmed, "confirmed_by": alice},
        {**change, **confirmed, "confirmed_by": carol},
        {**change, "state": "confirmed"},
        {**change, "state": "done"},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            StaffChange.objects.create(**wrong)
    with pytest.raises(IntegrityError), transaction.atomic():
        StaffRole.objects.create(user=carol, kind=StaffKind.SECURITY, granted_at=at)
