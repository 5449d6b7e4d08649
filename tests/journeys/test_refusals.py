"""What a person reads when an upload is refused: the sentence, in twine's plain output, without `--verbose`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support import clients, distributions
from tests.support.clients import Desk
from tests.support.site import Site

# Two people whom no page of the site could bring about: each held a working token, then lost what it needs.
PREPARE = """
import json
from allauth.account.models import EmailAddress
from accounts.models import User
from indexsite import clock
from releases.models import Project, Role
from tokens.models import Token

told = {}
for name, project in (("dave", "davelib"), ("bob", "sampleproject")):
    user = User.objects.get(username=name)
    facts = {"user": user, "description": "left over"}
    token, _ = Token.objects.get_or_create(**facts, defaults={"created_at": clock.now()})
    told[name] = token.secret()
EmailAddress.objects.filter(user__username="bob").update(verified=False)
print(json.dumps(told))
"""


@dataclass(frozen=True)
class Given:
    """What the refusals are made of."""

    demo: dict[str, Any]
    others: dict[str, str]

    @property
    def token(self) -> str:
        text: str = self.demo["tokens"]["account"]
        return text


@dataclass(frozen=True)
class Refusal:
    """One way to be refused: how twine signs in, what it uploads, and words of the sentence it prints."""

    name: str
    password: Callable[[Given], str]
    says: tuple[str, ...]
    username: str = "__token__"
    project: str = "sampleproject"
    version: str = "9.0"


REFUSALS = (
    Refusal("wrong token", lambda given: "idx-nothing-like-a-token", ("403", "token is malformed")),
    Refusal("altered token", lambda given: altered(given.token), ("403", "unknown here or was altered")),
    Refusal("wrong username", lambda given: given.token, ("403", "user name __token__"), username="alice"),
    Refusal(
        "token of another project",
        lambda given: given.demo["tokens"]["project"],
        ("403", "This token"),
        project="critlib",
    ),
    Refusal("expired token", lambda given: given.demo["tokens"]["expired"], ("403", "expired")),
    Refusal("revoked token", lambda given: given.demo["tokens"]["revoked"], ("403", "was revoked")),
    Refusal("no verified address", lambda given: given.others["bob"], ("403", "no verified e-mail address")),
    Refusal(
        "no second factor",
        lambda given: given.others["dave"],
        ("403", "must set up a second factor"),
        project="davelib",
    ),
    Refusal(
        "password",
        lambda given: given.demo["users"]["alice"]["password"],
        ("403", "Passwords cannot upload"),
        username="alice",
    ),
    Refusal("no role", lambda given: given.token, ("403", "has no right"), project="davelib"),
    Refusal("used file name", lambda given: given.token, ("400", "File already exists"), version="1.0"),
)


@pytest.fixture(scope="module")
def given(site: Site, demo: dict[str, Any]) -> Given:
    return Given(demo, site.script(PREPARE))


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: refusal.name)
def test_twine_shows_the_sentence_of_a_refusal(refusal: Refusal, given: Given, site: Site, desk: Desk) -> None:
    before = site.files_of(refusal.project)
    path: Path = distributions.make_wheel(refusal.project, refusal.version).write(desk.directory)
    result = desk.run(
        clients.program("twine"), "upload", "--non-interactive", "--repository-url", site.upload_url,
        "-u", refusal.username, "-p", refusal.password(given), path,
    )  # fmt: skip
    assert result.status != 0
    for words in refusal.says:
        assert words in result.output
    assert site.files_of(refusal.project) == before


def altered(token: str) -> str:
    """The token with one letter of its signature changed."""
    position = len(token) - 10
    return token[:position] + ("A" if token[position] != "A" else "B") + token[position + 1 :]
