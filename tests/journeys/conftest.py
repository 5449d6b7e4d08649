"""One running site for all journeys of a test process; its demo data; a desk to run clients from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.clients import Desk
from tests.support.site import Site


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.journey)


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The production web server and worker, with the demo data."""
    running = Site(tmp_path_factory.mktemp("site"))
    running.start()
    # At once: whichever journey comes first may sign somebody up, and demo data goes into an empty site only.
    running.demo()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def demo(site: Site) -> dict[str, Any]:
    """What `manage.py demo --json` prints."""
    return site.demo()


@pytest.fixture(scope="session")
def token(demo: dict[str, Any]) -> str:
    """Alice's token for her whole account."""
    text: str = demo["tokens"]["account"]
    return text


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "desk")
