"""acme: alice manages it, bob is a member, seated in team builders; it owns `rocket`."""

from __future__ import annotations

import pytest

from accounts.models import Organization, Team, User
from releases.models import Project
from tests.support import cast
from tests.support.organizations import give, organization, team, team_role


@pytest.fixture
def acme(alice: User, bob: User) -> Organization:
    return organization("acme", managers=[alice], members=[bob])


@pytest.fixture
def builders(acme: Organization, bob: User) -> Team:
    return team(acme, "builders", bob)


@pytest.fixture
def rocket(acme: Organization, builders: Team) -> Project:
    """acme's; builders maintain it."""
    project = give(cast.ProjectFactory(name="rocket"), acme)
    team_role(builders, project)
    return project
