"""What is closed off, deleted or was never published, looked for at every public address there is.

Each thing bears a word that stands in its name, its owner's name, its summary, description and author. The answer
to a question about it must not have the word in it, beyond what was asked, and must be the answer to the same
question about something that never was.
"""

from __future__ import annotations

import gzip
import hashlib
import html
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client, RequestFactory

from accounts.models import MembershipKind, User
from indexsite import clock, wsgi
from indexsite.actors import Permission
from releases.actions.lifecycle import deleting, purging, status
from releases.models import File, ProhibitedProjectName, Project, Release, RoleKind
from tests.support import cast, organizations, projects
from tests.support.addresses import Address, addresses
from tests.support.distributions import core_metadata, make_wheel
from tests.support.people import browser, without_secrets_of_the_form
from tests.support.tokens import basic
from tests.support.transfers import offer
from tests.support.uploads import token_for, upload

# Walks every page; each has tests of its own on both.
pytestmark = pytest.mark.django_db

JSON = "application/vnd.pypi.simple.v1+json"

# Public addresses that show nothing of any project or person, and why. One that is new and shows nothing of what
# is published belongs here, with its reason; one that shows something is tried with what is hidden by itself.
SHOWS_NOTHING = {
    "admin/login/": "leads to the sign-in page",
    "admin/logout/": "leads to the sign-out page",
    "admin/password_change/": "leads to the password page",
    "help/": "text",
    "help/problems/": "text",
    "security/": "text",
    ".well-known/security.txt": "text",
    "account/login/": "a form",
    "account/signup/": "a form",
    "account/logout/": "a form",
    "account/verify/": "a form for who is signing up",
    "account/password/reset/": "a form",
    "account/password/reset/new/": "a form for whoever has a link",
    "account/password/reset/<str:uid>/<str:token>/": "leads to that form",
    "account/second-factor/": "a form for who is signing in",
    "account/second-factor/options/": "a challenge for a key",
    "account/login/passkey/": "takes the answer of a key",
    "account/login/passkey/options/": "a challenge for a key",
    ".well-known/webauthn": "origins of this site",
    "account/confirm-sign-in/": "a form for who is signing in",
    "account/confirm-sign-in/<str:token>/": "a form for whoever has a link",
    "recovery/": "a form",
    "recovery/open/<str:token>/": "a button for whoever has a link and asked in this browser",
    "recovery/status/<uuid:pk>/": "a request, for the browser that made it",
    "recovery/status/<uuid:pk>/withdraw/": "a button, for the browser that made the request",
    "recovery/status/<uuid:pk>/evidence/<str:code>/": "a form, for the browser that made the request",
    "account/recovery/<uuid:pk>/browser/": "a button, for the browser that made the request",
    "recovery/mailbox/<str:token>/": "a button for whoever has a link and asked in this browser",
    "recovery/enrol/<str:token>/": "forms for whoever has a link and asked in this browser",
    "recovery/enrol/<str:token>/key/options/": "a challenge for a key",
    "account/not-me/<str:token>/": "an event of one's own account, for whoever has a link",
    "recovery/cancel/<str:token>/": "a recovery of one's own account, or a co-owner's, for whoever has a link",
    "recovery/policy/": "text and numbers",
    "recovery/policy.json": "text and numbers",
    "healthz": "says that the process is up",
    "readyz": "says whether the site works",
    "metrics": "numbers, for machines inside",
    "simple": "leads to the proper spelling",
    "simple/<str:name>": "leads to the proper spelling",
    "api/v1/projects/<str:name>/invitations/<int:pk>/": "only deletes",
    "api/v1/projects/<str:name>/releases/<str:version>/yank/": "only changes",
    "api/v1/projects/<str:name>/files/<str:filename>/yank/": "only changes",
    "legacy/": "says how to upload",
    "legacy": "says how to upload",
    "draft/legacy/": "says how to upload",
    "draft/legacy": "says how to upload",
    "upload/2.0/": "only begins drafts",
    "upload/2.0/session/<uuid:public_id>/": "a draft, by a token with a right to it",
    "upload/2.0/session/<uuid:public_id>/publish/": "only changes",
    "upload/2.0/session/<uuid:public_id>/extend/": "only changes",
    "upload/2.0/session/<uuid:public_id>/upload/": "only changes",
    "upload/2.0/file/<uuid:public_id>/": "a file of a draft, by a token with a right to it",
    "upload/2.0/file/<uuid:public_id>/bytes/": "how much of a file has come, by a token with a right to it",
    "upload/2.0/file/<uuid:public_id>/attestations/": "only changes",
    "upload/2.0/file/<uuid:public_id>/complete/": "only changes",
    "^stage/(?P<tokens>[\\w+-]+)/(?P<view>simple|overlay)/$": "a draft, for whoever has its token",
    "^stage/(?P<tokens>[\\w+-]+)/(?P<view>simple|overlay)/(?P<name>[^/]+)/$": "the same",
    "^stage/(?P<tokens>[\\w-]+)/files/(?P<filename>[^/]+)$": "the same",
    "api/v1/": "addresses of the API",
    "api/v1/schema/": "the API's own description",
    "api/v1/docs/": "the API's own description",
    "api/v1/<path:rest>": "says that there is nothing",
}
# A name in quarantine is explained to those who have it installed, with the operators' reason; so it is no secret.
EXPLAINS_QUARANTINE = {"project/<str:name>/", "project/<str:name>/<str:version>/"}
KNOWS_QUARANTINE = EXPLAINS_QUARANTINE | {"api/v1/token/", "api/v1/token"}


@dataclass
class Thing:
    """Something to look for: what fills an address with it or with something that never was, and its marks."""

    word: str
    values: dict[str, object]
    nothing: dict[str, object]
    marks: set[str] = field(default_factory=set)
    is_quarantined: bool = False


GHOST: dict[str, object] = {
    "name": "yeti-lib",
    "version": "77.7.7",
    "filename": "yeti_lib-77.7.7-py3-none-any.whl",
    "username": "yetikeeper",
    "sha256": hashlib.sha256(b"yeti").hexdigest(),
    "pk": 987_654,
    "uid": "eWV0aQ",
    "token": "yeti-token",
    "code": "password",
    "public_id": "6f1c1b0e-0000-4000-8000-000000000009",
    "tokens": "a-token",
    "view": "overlay",
}


def expanded(values: dict[str, object]) -> dict[str, object]:
    digest = str(values["sha256"])
    return {**values, "aa": digest[:2], "bb": digest[2:4], "rest": digest[4:]}


# -- the things -------------------------------------------------------------------------------------------------


def publish(word: str, *, version: str, to: Project | None = None, owner: User | None = None) -> Thing:
    """A wheel on a project of its own, or on `to`."""
    owner = owner or cast.person(f"{word}keeper")
    name = to.name if to is not None else f"{word.title()}.Lib"
    metadata = core_metadata(
        name=name,
        version=version,
        summary=f"{word} summary",
        description=f"Tells of {word}.",
        headers=[("Author", f"{word} author")],
    )
    wheel = make_wheel(name, version, metadata=metadata)
    assert upload(wheel, token_for(owner)).status_code == 200
    file = File.objects.select_related("release__project").get(filename=wheel.filename)
    asked = {
        "name": file.release.project.normalized_name,
        "version": version,
        "filename": file.filename,
        "sha256": file.sha256,
        "username": owner.username,
        "pk": file.release.project_id,
        "uid": "MQ",
        "token": "a-token",
        "code": "password",
        "public_id": "6f1c1b0e-0000-4000-8000-000000000009",
        "tokens": "a-token",
        "view": "overlay",
    }
    kept = {"name": asked["name"], "username": asked["username"]} if to is not None else {}
    marks = {word, version, file.sha256, file.metadata_sha256}
    return Thing(word, expanded(asked), expanded(GHOST | kept), marks)


def never_published(word: str) -> Thing:
    """A name that is registered and has never had a file."""
    project = cast.ProjectFactory(name=f"{word.title()}.Lib", owner=cast.person(f"{word}keeper"))
    return Thing(
        word,
        expanded(GHOST | {"name": project.normalized_name, "username": f"{word}keeper"}),
        expanded(GHOST),
        {word},
    )


def person_in_waiting(word: str, project: Project) -> Thing:
    """Somebody who is about to have to do with what is published."""
    kept = {"name": project.normalized_name}
    return Thing(word, expanded(GHOST | kept | {"username": word}), expanded(GHOST | kept), {word})


def delete_project(thing: Thing) -> None:
    project = Project.objects.get(normalized_name=thing.values["name"])
    deleting.delete_project(actor=owner_of(project), project=project, at=clock.now())


def delete_release(thing: Thing) -> None:
    release = Release.objects.get(version=thing.values["version"])
    deleting.delete_release(actor=owner_of(release.project), release=release, at=clock.now())


def delete_file(thing: Thing) -> None:
    file = File.objects.get(filename=thing.values["filename"])
    deleting.delete_file(actor=owner_of(file.release.project), file=file, at=clock.now())


def owner_of(project: Project) -> Any:
    return cast.actor(User.objects.get(roles__project=project, roles__kind=RoleKind.OWNER))


@pytest.fixture
def published(mona: User) -> Thing:
    """What everybody may see: the yardstick."""
    return publish("sparrow", version="11.3.5")


@pytest.fixture
def hidden(published: Thing, mona: User, erin: User) -> list[Thing]:
    """One of each kind."""
    project = Project.objects.get(normalized_name="sparrow-lib")
    owner = User.objects.get(username="sparrowkeeper")
    gone = [
        publish("heron", version="21.3.5"),
        publish("plover", version="22.3.5", to=project, owner=owner),
        publish("osprey", version="23.3.5", to=project, owner=owner),
    ]
    recent = [
        publish("dunlin", version="31.3.5"),
        publish("merlin", version="32.3.5", to=project, owner=owner),
        publish("petrel", version="33.3.5", to=project, owner=owner),
    ]
    for things in (gone, recent):
        for thing, delete in zip(things, (delete_project, delete_release, delete_file), strict=True):
            delete(thing)
        if things is gone:
            assert purging.purge_deleted(at=clock.now() + timedelta(hours=24, minutes=1)) == 3
    closed = publish("kestrel", version="41.3.5")
    closed_and_gone = publish("gannet", version="42.3.5")
    delete_project(closed_and_gone)
    unseen, unseen_and_closed = never_published("bittern"), never_published("wigeon")
    for thing in (closed, closed_and_gone, unseen_and_closed):
        with_deleted = Project.with_deleted.get(normalized_name=thing.values["name"])
        status.quarantine_project(
            actor=cast.actor(mona), project=with_deleted, reason="It steals.", at=clock.now()
        )
    closed.is_quarantined = True
    ProhibitedProjectName.objects.create(name="curlew-lib", reason="curlew asked for it")
    prohibited = Thing("curlew", expanded(GHOST | {"name": "curlew-lib"}), expanded(GHOST), {"curlew"})
    for_whom = [cast.person(word) for word in ("dotterel", "avocet")]
    projects.invite(owner, project, "dotterel", RoleKind.OWNER)
    offer(owner, project, "avocet")
    organizations.join(organizations.organization("whimbrel", managers=[owner]), erin, MembershipKind.MANAGER)
    waiting = [person_in_waiting(user.username, project) for user in for_whom]
    group = person_in_waiting("whimbrel", project)
    return [*gone, *recent, closed, closed_and_gone, unseen, unseen_and_closed, prohibited, *waiting, group]


# -- asking -----------------------------------------------------------------------------------------------------

type Ask = Callable[[str, dict[str, str]], HttpResponse]


@dataclass(frozen=True)
class Question:
    """Path with query, headers, and the words in it: an answer may repeat them."""

    path: str
    headers: dict[str, str]
    words: tuple[str, ...]


def questions(address: Address, values: dict[str, object], word: str) -> list[Question]:
    """All ways to ask at the address."""
    path = address.path(values)
    words = tuple(str(values[name]) for name in address.parameters if name not in {"aa", "bb"})
    plain = Question(path, {}, words)
    if path.startswith("/simple"):
        zipped = {"Accept": JSON, "Accept-Encoding": "gzip"}
        return [plain, Question(path, zipped, words), Question(f"{path}?format={JSON}", {}, words)]
    if path.startswith("/files/"):
        return [plain, Question(f"{path}.metadata", {}, words)]
    if path == "/search/":
        return [plain, Question(f"{path}?q={word}", {}, (word,))]
    if path.startswith("/api/v1/token"):
        return [plain, Question(f"{path}?project={values['name']}", {}, (str(values["name"]),))]
    return [plain]


class Answers:
    """What one asker hears, each question asked once."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._heard: dict[tuple[str, str], tuple[int, str]] = {}

    def to(self, question: Question) -> tuple[int, str]:
        """Status, and all that is said but the words of the question; text in lower case."""
        key = (question.path, str(question.headers))
        if key not in self._heard:
            response = self._ask(question.path, question.headers)
            self._heard[key] = response.status_code, self._told(response)
        status, told = self._heard[key]
        for word in sorted(question.words, key=len, reverse=True):
            if len(word) > 3:  # shorter ones are in the page anyway
                told = told.replace(word.lower(), "ASKED")
        return status, told

    @staticmethod
    def _told(response: HttpResponse) -> str:
        body = response.getvalue()
        if response.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        # Files are compressed: what tells them is their digest.
        digest = hashlib.sha256(body).hexdigest() if "Content-Disposition" in response else ""
        text = without_secrets_of_the_form(html.unescape(body.decode("latin-1")))
        return f"{response.get('Location', '')}\n{text}\n{digest}".lower()


def asking(client: Client) -> Ask:
    return lambda path, headers: client.get(path, headers=headers)


def with_token(user: User) -> Ask:
    secret = token_for(user, permissions=list(Permission))
    return asking(Client(headers={"Authorization": basic(secret)}))


def in_front_of_django(path: str, headers: dict[str, str]) -> HttpResponse:
    """As the thin layer answers; it says "Django" where it does not."""
    environ = RequestFactory(headers=headers).get(path).environ
    begun: list[Any] = []

    def django(environ: Any, start_response: Any) -> list[bytes]:
        start_response("299 Django", [])
        return [b"Django"]

    body = wsgi.thin(django)(environ, lambda status, headers, *_: begun.extend([status, headers]))
    return HttpResponse(b"".join(body), status=int(begun[0][:3]), headers=dict(begun[1]))


@dataclass
class Asker:
    """One who asks at the addresses that `concern` says."""

    answers: Answers
    concern: Callable[[str], bool]


def askers(user: User) -> list[Asker]:
    """A visitor, and the person: signed in, by token, and as installers are answered in front of Django."""
    programs = ("/simple", "/^files/", "/legacy", "/pypi/", "/rss/")
    return [
        Asker(Answers(asking(Client())), lambda route: True),
        Asker(Answers(with_token(user)), lambda route: route.startswith("/api/")),
        Asker(Answers(in_front_of_django), lambda route: route.startswith(programs)),
        Asker(Answers(asking(browser(user))), lambda route: not route.startswith(("/api/", *programs))),
    ]


PUBLIC = [address for address in addresses() if address.is_public]


def test_the_published_is_found_wherever_anything_is_shown(published: Thing, mallory: User) -> None:
    owner = User.objects.get(username="sparrowkeeper")
    program = Asker(Answers(with_token(owner)), lambda route: route.startswith("/api/"))
    shown = {
        address.route
        for asker in (*askers(mallory), program)
        for address in PUBLIC
        if asker.concern(f"/{address.route}") and any(leaks(asker.answers, address, published))
    }

    assert {address.route for address in PUBLIC} - shown == set(SHOWS_NOTHING)


def test_the_hidden_is_found_nowhere(published: Thing, hidden: list[Thing], mallory: User) -> None:
    found = []
    for asker in askers(mallory):
        for address in PUBLIC:
            if asker.concern(f"/{address.route}"):
                found += [leak for thing in hidden for leak in leaks(asker.answers, address, thing)]

    assert found == []


def leaks(answers: Answers, address: Address, thing: Thing) -> Iterator[tuple[str, str, str]]:
    """Answers that tell of the thing, or that there is more to it than to something that never was."""
    asked = questions(address, thing.values, thing.word)
    for question, of_nothing in zip(asked, questions(address, thing.nothing, "yeti"), strict=True):
        status, told = answers.to(question)
        if thing.is_quarantined and address.route in KNOWS_QUARANTINE:
            assert ("it steals." in told) == (address.route in EXPLAINS_QUARANTINE)
            assert status != 200 or "?project=" not in question.path
            told = told.replace(f"{thing.word}.lib", "")
        elif (status, told) != answers.to(of_nothing):
            yield thing.word, question.path, first_difference(told, answers.to(of_nothing)[1])
        for mark in sorted(thing.marks):
            if mark in told:
                yield thing.word, question.path, mark


def first_difference(told: str, expected: str) -> str:
    at = next((n for n, pair in enumerate(zip(told, expected, strict=False)) if len(set(pair)) > 1), 0)
    return f"{told[at : at + 80]!r}, not {expected[at : at + 80]!r}"
