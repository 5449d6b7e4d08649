"""Evidence from a repository: a branch that only whoever may write there can push (case 20)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from accounts.models import User
from indexsite import clock
from recovery.actions.evidence import reaching
from recovery.actions.evidence.receiving import Claim
from recovery.assurance import EvidenceClass
from recovery.models import Verdict
from releases.models import Project, Release
from tests.support import cast
from tests.support.claims import aged, offered, points, the_row
from tests.support.gits import GitServer, serving

pytestmark = pytest.mark.django_db

E, K, D, T, P, S, V = EvidenceClass


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GitServer]:
    with serving(tmp_path / "repositories", monkeypatch) as started:
        yield started


def released(project: Project, url: str, *, days: int, version: str = "1.0") -> Release:
    return Release.objects.create(
        project=project,
        version=version,
        normalized_version=version,
        created_at=clock.now() - timedelta(days=days),
        metadata={"project_url": [f"Source, {url}"]},
    )


def demo(owner: User) -> Project:
    project = cast.ProjectFactory(name="demo", owner=owner)
    aged(owner)
    return project


def push(server: GitServer, claim: Claim, path: str) -> None:
    server.make(path)
    branch = reaching.ask_for_repository(claim)
    server.set_reference(path, f"refs/heads/{branch}")


def test_a_branch_in_a_repository_that_old_releases_name_counts(
    owner: User, claim: Claim, server: GitServer
) -> None:
    released(demo(owner), server.url("alice/demo"), days=120)
    push(server, claim, "alice/demo")
    reaching.offer_repository(claim, server.url("alice/demo/issues"))
    assert points(claim) == {E: 20, P: 20}


def test_two_owners_of_repositories_count_twice_and_one_once(owner: User, claim: Claim, server: GitServer) -> None:
    project = demo(owner)
    urls = [server.url(path) for path in ("alice/demo", "alice/other", "org/demo")]
    release = released(project, urls[0], days=120)
    release.metadata = {"project_url": [f"{number}, {url}" for number, url in enumerate(urls)]}
    release.save()
    for path in ("alice/demo", "alice/other"):
        push(server, claim, path)
        reaching.offer_repository(claim, server.url(path))
    assert points(claim)[P] == 20
    push(server, claim, "org/demo")
    reaching.offer_repository(claim, urls[2])
    assert points(claim)[P] == 40


def test_case_20_a_release_of_yesterday_names_nobodys_repository(
    owner: User, claim: Claim, server: GitServer
) -> None:
    """Whoever has stolen a token publishes a release that names their own repository, and pushes there."""
    project = demo(owner)
    released(project, server.url("alice/demo"), days=120)
    released(project, server.url("mallory/demo"), days=1, version="1.1")
    push(server, claim, "mallory/demo")
    reaching.offer_repository(claim, server.url("mallory/demo"))
    assert the_row(claim).verdict == Verdict.FAILED
    # The defence is the age: a hundred days later the same release counts, and nobody stopped it.
    Release.objects.filter(version="1.1").update(created_at=clock.now() - timedelta(days=100))
    reaching.offer_repository(claim, server.url("mallory/demo"))
    assert offered(claim)[-1].verdict == Verdict.PASSED


def test_case_20_a_branch_in_a_fork_is_nothing(owner: User, claim: Claim, server: GitServer) -> None:
    released(demo(owner), server.url("alice/demo"), days=120)
    server.make("alice/demo")
    push(server, claim, "mallory/demo")
    for path in ("mallory/demo", "alice/demo"):
        reaching.offer_repository(claim, server.url(path))
    assert {row.verdict for row in offered(claim)} == {Verdict.FAILED}


def test_a_name_that_the_project_left_long_ago_speaks_for_nobody(
    owner: User, claim: Claim, server: GitServer
) -> None:
    """Anybody may have registered it since."""
    project = demo(owner)
    released(project, server.url("old-name/demo"), days=900)
    released(project, server.url("alice/demo"), days=200, version="2.0")
    push(server, claim, "old-name/demo")
    reaching.offer_repository(claim, server.url("old-name/demo"))
    assert the_row(claim).verdict == Verdict.FAILED


def test_a_repository_of_a_project_one_only_maintains_is_nothing(
    owner: User, claim: Claim, server: GitServer, bob: User
) -> None:
    released(cast.ProjectFactory(name="theirs", owner=bob, maintainer=owner), server.url("bob/theirs"), days=120)
    push(server, claim, "bob/theirs")
    reaching.offer_repository(claim, server.url("bob/theirs"))
    assert the_row(claim).verdict == Verdict.FAILED


def test_a_repository_that_does_not_answer_is_no_evidence(owner: User, claim: Claim, server: GitServer) -> None:
    released(demo(owner), server.url("alice/demo"), days=120)
    reaching.ask_for_repository(claim)
    reaching.offer_repository(claim, server.url("alice/demo"))
    assert the_row(claim).verdict == Verdict.FAILED


@pytest.mark.parametrize("url", ["https://169.254.169.254/a/b", "file:///etc/passwd", "https://evil.example/a/b"])
def test_nothing_but_listed_hosts_is_asked(claim: Claim, server: GitServer, url: str) -> None:
    with pytest.raises(reaching.RepositoryUnusable):
        reaching.offer_repository(claim, url)
    assert server.seen == []
    assert offered(claim) == []
