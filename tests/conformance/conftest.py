"""An index to talk to, and who talks: the owner of a project with one release, a colleague, and a stranger."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django import test

from accounts.models import User
from indexsite.actors import Permission
from releases.models import Project
from tests.conformance.client import Answer, Client, answer_of
from tests.support import cast
from tests.support.distributions import Distribution, make_sdist, make_wheel
from tests.support.tokens import token_of
from tests.support.uploads import token_for

type Maker = Callable[..., Client]


ROOT = "http://testserver/upload/2.0/"


def in_process(method: str, url: str, content: bytes | None, headers: dict[str, str]) -> Answer:
    """The transport without a socket: nothing that the client knows is different."""
    sender = test.Client(enforce_csrf_checks=True, raise_request_exception=False)
    content_type = headers.pop("content-type", "")
    response = sender.generic(method, url, content or b"", content_type=content_type, headers=headers)
    return answer_of(response.status_code, response.headers, response.getvalue())


@pytest.fixture
def client_of(db: None) -> Maker:
    """Makes clients that know this index's root and a token."""

    def make(user: User | None, *permissions: Permission) -> Client:
        token = "" if user is None else token_for(user)
        if user is not None and permissions:
            token = token_of(user, description="narrow", permissions=permissions).secret()
        return Client(ROOT, token, in_process)

    return make


@pytest.fixture
def sampleproject(alice: User, bob: User) -> Project:
    """alice owns it, bob helps."""
    return cast.ProjectFactory(name="sampleproject", owner=alice, maintainer=bob, last_serial=1)


@pytest.fixture
def client(client_of: Maker, alice: User, sampleproject: Project) -> Client:
    """The owner's, with a token that may do all that tokens may."""
    return client_of(alice)


@pytest.fixture
def stranger(client_of: Maker, mallory: User) -> Client:
    return client_of(mallory)


@pytest.fixture
def colleague(client_of: Maker, bob: User) -> Client:
    return client_of(bob)


@pytest.fixture
def drafter(client_of: Maker, alice: User) -> Client:
    """The owner's token for drafts only."""
    return client_of(
        alice,
        Permission.DRAFT_CREATE,
        Permission.DRAFT_UPLOAD,
        Permission.DRAFT_SUBMIT,
        Permission.DRAFT_READ,
        Permission.DRAFT_CANCEL,
        Permission.DRAFT_REPLACE,
    )


@pytest.fixture
def session(client: Client) -> Answer:
    return client.create("sampleproject", "1.0").expect(201)


@pytest.fixture
def wheel() -> Distribution:
    return make_wheel("sampleproject", "1.0")


@pytest.fixture
def sdist() -> Distribution:
    return make_sdist("sampleproject", "1.0")
