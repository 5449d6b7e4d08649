"""alice and bob own `rocket`; erin maintains it; frank is who it may go to; acme is managed by mona."""

from __future__ import annotations

import pytest

from accounts.models import Organization, User
from releases.models import Project
from tests.support import cast
from tests.support.organizations import organization


@pytest.fixture
def frank(db: None) -> User:
    return cast.person("frank")


@pytest.fixture
def mona(db: None) -> User:
    return cast.person("mona")


@pytest.fixture
def acme(mona: User) -> Organization:
    return organization("acme", managers=[mona])


@pytest.fixture
def rocket(alice: User, bob: User, erin: User) -> Project:
    project = cast.ProjectFactory(name="rocket", owner=alice, maintainer=erin)
    cast.grant(bob, project)
    return project
