"""Releases on the pages of a project's members."""

from datetime import timedelta

from accounts.models import User
from indexsite import clock
from tests.support import cast, index, people


def test_members_see_the_latest_release_first(alice: User) -> None:
    project = cast.ProjectFactory(name="sample", owner=alice)
    for days, version in ((30, "1.0"), (20, "1.1"), (10, "0.9.1")):
        at = clock.now() - timedelta(days=days)
        index.sdist(index.release(project, version, at=at), at=at)
    page = people.browser(alice).get("/manage/project/sample/releases/").content.decode()
    assert page.index("0.9.1.tar.gz") < page.index("1.1.tar.gz") < page.index("1.0.tar.gz")
