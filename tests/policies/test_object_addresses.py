"""Every address that names something, tried by everybody it is not for: the refusal, and nothing written.

The addresses are those of the URLconf: one that is new has no row in the table, and the first test fails.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from allauth.usersessions.models import UserSession
from django.db import transaction
from django.http import HttpResponse
from django.test import Client

from accounts.actions import organization_invitations, staff
from accounts.models import MembershipKind, SigningKey, StaffKind, User
from accounts.signatures import KeyKind
from indexsite import clock
from indexsite.actors import Permission
from indexsite.checks import policy_of
from indexsite.models import AuditEvent
from mfa.models import SecurityKey
from recovery.models import CaseState, SavedView
from releases.actions import critical
from releases.actions.lifecycle import deleting, yanking
from releases.actions.webhooks import add_webhook
from releases.models import Deletion, Draft, ListChange, MalwareReport, Project, Release, Webhook
from tests.support import cast, drafts, organizations, projects, recovery
from tests.support.addresses import addresses
from tests.support.database import changed_since, contents
from tests.support.distributions import make_wheel
from tests.support.object_acts import (
    ACTS,
    FOREIGN_BODIES,
    LOOKS_FIRST,
    ONES_OWN,
    SESSIONS,
    SET_UP,
    SIGN_IN,
    UPLOADS,
    Act,
)
from tests.support.people import browser
from tests.support.policy_changes import weaker
from tests.support.recovery import stored_case
from tests.support.tokens import basic, token_of
from tests.support.transfers import offer
from tests.support.uploads import token_for, upload
from tokens.models import Token

pytestmark = pytest.mark.django_db

DETOURS = {SIGN_IN, SET_UP, "302 /account/second-factor/"}
GUARDED = {
    address.route: address
    for address in addresses()
    if (policy := policy_of(address.view)) is None or policy.kind != "public"
}


def test_every_guarded_address_is_tried() -> None:
    assert set(GUARDED) == set(ACTS) | ONES_OWN | UPLOADS | SESSIONS


# -- the stage --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Someone:
    """A browser, and a token that may do all that tokens may."""

    browser: Client
    secret: str = ""

    def tries(self, act: Act, route: str, values: dict[str, str]) -> str:
        """Status, and where a redirect leads."""
        is_api = route.startswith("api/")
        named = values | {name: value.format(**values) for name, value in act.values.items()}
        body = {name: value.format(**values) for name, value in (act.body or {}).items()}
        headers = {"Authorization": basic(self.secret)} if is_api and self.secret else {}
        as_json = {"content_type": "application/json"} if is_api and act.method != "get" else {}
        send = getattr(self.browser, act.method)
        return outcome(send(GUARDED[route].path(named), body, headers=headers, **as_json))


def outcome(response: HttpResponse) -> str:
    where = response.get("Location", "").partition("?")[0]
    return f"{response.status_code} {where}".strip()


def someone(user: User) -> Someone:
    token = token_of(user, description="all", permissions=list(Permission))
    # Used a moment ago: that it is used is not written down again.
    Token.objects.filter(pk=token.pk).update(last_used_at=clock.now())
    return Someone(browser(user), token.secret())


@dataclass(frozen=True)
class Stage:
    """Who asks, who may, and what fills the addresses."""

    askers: dict[str, Someone]
    rights: dict[str, Someone]
    values: dict[str, str]


@pytest.fixture
def stage(
    monkeypatch: pytest.MonkeyPatch, alice: User, bob: User, dave: User, mallory: User, mona: User, sven: User
) -> Stage:
    """alice owns the projects and manages acme and empty; so does dave, who has no factor; bob helps."""
    monkeypatch.setattr("tokens.authentication._USE_INTERVAL", timedelta(hours=1))  # not within these tests
    frank, trudy = cast.person("frank"), cast.person("trudy")
    for fit in (frank, trudy):
        cast.add_key(fit)
    acme, _empty = (
        organizations.organization(name, managers=[alice, dave], members=[bob]) for name in ("acme", "empty")
    )
    core = organizations.team(acme, "core", bob)
    project, rocket = (
        cast.ProjectFactory(name=name, owner=alice, maintainer=bob) for name in ("sampleproject", "rocket")
    )
    for each in (project, rocket):
        cast.grant(dave, each)
    organizations.give(project, acme)
    team_role = organizations.team_role(core, project)
    upload_versions(alice)
    cast.ProjectFactory(name="of-trudy", owner=trudy)
    organizations.organization("others", managers=[trudy])
    actor, at = cast.actor(alice), clock.now()
    joining = organization_invitations.invite_to_organization(
        actor=actor, organization=acme, whom="frank", kind=MembershipKind.MEMBER, at=at
    )
    proposal = staff.propose(
        actor=cast.actor(mona), username="frank", role=StaffKind.AUDITOR, reason="Asked for.", at=at
    )
    lena, lars = (cast.staff(name, StaffKind.CURATOR) for name in ("lena", "lars"))
    listing = critical.propose(
        actor=cast.actor(lars), name="rocket", change=ListChange.JOIN, reason="Asked for.", at=at
    )
    root, audra = cast.staff("root", is_superuser=True), cast.staff("audra", StaffKind.AUDITOR)
    desk = cast.staff("desk", *StaffKind, totp=False)
    case = stored_case(recovery.veteran("claimed"), CaseState.QUEUED)
    rights = {
        "owner": alice,
        "frank": frank,
        "moderator": mona,
        "security": sven,
        "curator": lena,
        "auditor": audra,
        "desk": desk,
    }
    askers = {"stranger": mallory, "elsewhere": trudy, "suspended": dave, "maintainer": bob, "staff": root}
    values = {
        "name": "sampleproject",
        "version": "1.0",
        "filename": "sampleproject-1.0-py3-none-any.whl",
        "yanked": "sampleproject-2.0-py3-none-any.whl",
        "username": "bob",
        "team": "core",
        "url": "nothing",
        "invitation": projects.invite(alice, project, "frank").pk,
        "joining": joining.pk,
        "team_pk": core.pk,
        "team_role": team_role.pk,
        "deletion": Deletion.objects.get().pk,
        "draft": draft_of(alice).public_id,
        "webhook": webhook_of(alice, project).public_id,
        "transfer": offer(alice, rocket, "frank").pk,
        "policy_change": weaker(project, asked_by=bob).pk,
        "proposal": proposal.pk,
        "listing": listing.pk,
        "report": reported(bob, project).pk,
        "role": StaffKind.MODERATOR.value,
        "signing_key": signing_key(alice).pk,
        "token": token_of(alice, description="own").pk,
        "key": key_of(alice).pk,
        "session": UserSession.objects.filter(user=alice).latest("pk").pk,
        "scope": f"project:{project.pk}",
        "event": AuditEvent.objects.latest("pk").pk,
        "case": stored_case(alice, CaseState.EVIDENCE).pk,
        "desk_case": case.pk,
        "view": SavedView.objects.create(person=desk, name="mine", query="tab=mine").pk,
    }
    nobody, with_cookies_alone = Someone(Client()), Someone(browser(alice))
    return Stage(
        {"visitor": nobody, "cookie": with_cookies_alone, **{who: someone(user) for who, user in askers.items()}},
        {who: someone(user) for who, user in rights.items()},
        {name: str(value) for name, value in values.items()},
    )


def draft_of(owner: User) -> Draft:
    """4.0 of the sample, with a wheel in it."""
    actor = drafts.by_token(owner, description="drafts")
    draft = drafts.begin(actor, version="4.0")
    drafts.add(actor, draft, make_wheel(version="4.0"))
    return draft


def webhook_of(owner: User, project: Project) -> Webhook:
    url = "https://hooks.example.org/0"
    return add_webhook(actor=cast.actor(owner), project=project, url=url, at=clock.now())[0]


def reported(by: User, project: Project) -> MalwareReport:
    return MalwareReport.objects.create(project=project, reporter=by, text="It steals.", reported_at=clock.now())


def signing_key(owner: User) -> SigningKey:
    at = clock.now()
    return SigningKey.objects.create(
        user=owner, kind=KeyKind.SSH, fingerprint="SHA256:x", text="ssh-ed25519 x", name="Laptop", nonce="x",
        added_at=at, proved_at=at,
    )  # fmt: skip


def key_of(user: User) -> SecurityKey:
    if not SecurityKey.objects.filter(user=user).exists():
        cast.add_key(user)
    return SecurityKey.objects.get(user=user)


def upload_versions(owner: User) -> None:
    """1.0 is there, 2.0 and its file are yanked, 3.0 was deleted a moment ago."""
    secret, actor, at = token_for(owner), cast.actor(owner), clock.now()
    for version in ("1.0", "2.0", "3.0"):
        assert upload(make_wheel(version=version), secret).status_code == 200
    yanked, deleted = (Release.objects.get(version=version) for version in ("2.0", "3.0"))
    yanking.yank_release(actor=actor, release=yanked, reason="", at=at)
    yanking.yank_file(actor=actor, file=yanked.files.get(), reason="", at=at)
    deleting.delete_release(actor=actor, release=deleted, at=at)


# -- trying -----------------------------------------------------------------------------------------------------


def test_whoever_may_do_it_can(stage: Stage) -> None:
    """So that what is sent below is what would do it."""
    before, wrong = contents(), []
    for route, acts in ACTS.items():
        for act in acts:
            if not act.right:
                continue
            who = stage.rights[act.right]
            cookies = copy(who.browser.cookies)
            undo = transaction.savepoint_create()
            heard = who.tries(act, route, stage.values)
            has_written = not act.writes or bool(changed_since(before))
            transaction.savepoint_rollback(undo)
            who.browser.cookies = cookies
            if heard[0] not in "23" or heard in DETOURS or not has_written:
                wrong.append((route, act.method, heard, has_written))

    assert wrong == []


def test_nobody_else_gets_through(stage: Stage) -> None:
    wrong = []
    for name, who in stage.askers.items():
        before = contents()
        for route, acts in ACTS.items():
            for act in acts:
                if (expected := act.answers.get(name)) is None:
                    continue
                heard = who.tries(act, route, stage.values)
                if heard != expected:
                    wrong.append((name, route, act.method, heard, expected))
        if name not in {"maintainer", "cookie", "visitor"}:
            for path, body in FOREIGN_BODIES:
                sent = {field: text.format(**stage.values) for field, text in body.items()}
                assert who.browser.post(path, sent).status_code < 500
        wrong += [(name, table) for table in changed_since(before)]

    assert wrong == []
    assert UserSession.objects.filter(pk=stage.values["session"]).exists()


def test_those_outside_cannot_tell_a_thing_from_none(stage: Stage) -> None:
    nothing = dict.fromkeys(stage.values, "987654") | {"name": "no-such-thing"}
    nothing["token"] = nothing["desk_case"] = nothing["draft"] = nothing["webhook"] = (
        "00000000-0000-4000-8000-000000000000"
    )
    wrong = []
    for name in ("visitor", "stranger", "elsewhere", "staff"):
        for route, acts in ACTS.items():
            for act in acts:
                if (expected := act.answers.get(name)) is None or route in LOOKS_FIRST:
                    continue
                aside = replace(act, values={key: text for key, text in act.values.items() if "{" in text})
                if (heard := stage.askers[name].tries(aside, route, nothing)) != expected:
                    wrong.append((name, route, act.method, heard, expected))

    assert wrong == []


def test_what_is_anothers_does_not_pass_through_ones_own(stage: Stage) -> None:
    trudy, wrong, before = stage.askers["elsewhere"], [], contents()
    for route, acts in ACTS.items():
        if not route.startswith(("manage/", "api/")) or len(GUARDED[route].parameters) < 2:
            continue
        own = {"name": "others" if "/organization/" in route else "of-trudy"}
        for act in acts:
            heard = trudy.tries(replace(act, values=act.values | own), route, stage.values)
            if heard != "404":
                wrong.append((route, act.method, heard))

    assert wrong == []
    assert changed_since(before) == set()


def test_uploads_are_taken_from_uploaders_alone(stage: Stage) -> None:
    before = contents()
    for name, who in stage.askers.items():
        for path in UPLOADS if name != "maintainer" else ():
            refused = upload(make_wheel(version="9.0"), who.secret, path=f"/{path}", client=who.browser)
            assert refused.status_code == 403, name

    assert changed_since(before) == set()
    for number, path in enumerate(UPLOADS):
        wheel = make_wheel(version=f"9.{number}")
        assert upload(wheel, stage.rights["owner"].secret, path=f"/{path}").status_code == 200
