"""Who and what the demo shows, as tables."""

from __future__ import annotations

from dataclasses import dataclass, field

from accounts.models import StaffKind
from indexsite.management.demo.archives import Package
from releases.models import RoleKind


@dataclass(frozen=True)
class Person:
    """One account. `has_factors`: TOTP, a passkey and recovery codes."""

    username: str
    roles: dict[str, RoleKind] = field(default_factory=dict)
    has_factors: bool = True
    is_superuser: bool = False
    staff_roles: tuple[StaffKind, ...] = ()

    @property
    def email(self) -> str:
        return f"{self.username}@example.org"


CAST = (
    Person("alice", {"sampleproject": RoleKind.OWNER, "critlib": RoleKind.OWNER}),
    Person("bob", {"sampleproject": RoleKind.MAINTAINER, "critlib": RoleKind.APPROVER}),
    Person("erin", {"critlib": RoleKind.APPROVER}),
    Person("frank", {"critlib": RoleKind.APPROVER}),
    Person("carol", has_factors=False),
    # Owner without a factor: his rights are suspended, and he shows what that looks like.
    Person("dave", {"davelib": RoleKind.OWNER}, has_factors=False),
    Person(
        "gina",
        dict.fromkeys(("greetings-cli", "greetings-gui", "greetings-free", "old-greetings"), RoleKind.OWNER),
    ),
    Person("hugo"),
    Person("tina", staff_roles=(StaffKind.SUPPORT_1,)),
    Person("theo", staff_roles=(StaffKind.SUPPORT_2,)),
    Person("sven", staff_roles=(StaffKind.SECURITY,)),
    Person("lena", staff_roles=(StaffKind.CURATOR,)),
    # Nothing gets on the critical list by one curator.
    Person("lars", staff_roles=(StaffKind.CURATOR,)),
    Person("audra", staff_roles=(StaffKind.AUDITOR,)),
    Person("mona", staff_roles=(StaffKind.MODERATOR,)),
    Person("root", is_superuser=True),
)

_README = """\
# {name}

{summary}

```python
>>> from {module} import greeting
>>> greeting()
'Hello from {name} {version}!'
```

## What is new in {version}

- {news}

| Supported | Since |
|-----------|-------|
| Python 3.9 and later | 1.0 |

Read more in the [documentation](https://example.org/docs).
"""


def _package(name: str, version: str, summary: str, news: str, *requires_dist: str) -> Package:
    readme = _README.format(name=name, module=name.replace("-", "_"), version=version, summary=summary, news=news)
    return Package(name, version, summary, readme, requires_dist)


PACKAGES = (
    _package("sampleproject", "1.0", "A sample project that greets you.", "The first release."),
    _package("sampleproject", "1.1", "A sample project that greets you.", "It greets more warmly."),
    _package("critlib", "2.0", "A library that many others need.", "Support for Python 3.13."),
    _package("critlib", "2.1", "A library that many others need.", "Half the memory."),
    _package("davelib", "0.1", "Dave's first library.", "It exists."),
    _package("davelib", "0.2", "Dave's first library.", "It greets.", "sampleproject>=1.0"),
)
# What gina publishes. `greetings` goes to her organisation, so that nobody has a role of their own on it.
GREETINGS = (
    _package("greetings", "1.0", "Greets a whole room.", "The first release."),
    _package("greetings", "1.1", "Greets a whole room.", "It greets on Mondays, too."),
    _package("greetings-cli", "0.1", "Greetings for the command line.", "It exists."),
    _package("greetings-gui", "0.1", "Greetings in a window.", "It exists."),
    _package("greetings-free", "0.1", "Greetings for nothing.", "It exists."),
    _package("old-greetings", "0.9", "Greets one person at a time.", "The last release."),
)
# Of greetings: the first is being gathered, the last waits for a decision.
DRAFTS = (
    _package("greetings", "1.2", "Greets a whole room.", "It greets on Tuesdays, too."),
    _package("greetings", "2.0", "Greets a whole building.", "It greets through walls."),
)
# For the reader to upload.
EXAMPLES = (
    _package("first-steps", "1.0", "Something to upload.", "Uploaded with twine."),
    _package("first-steps", "1.1", "Something to upload.", "Uploaded with uv."),
)
