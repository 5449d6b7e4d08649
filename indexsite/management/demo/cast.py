"""Who and what the demo shows, as tables."""

from __future__ import annotations

from dataclasses import dataclass, field

from indexsite.management.demo.archives import Package
from releases.models import RoleKind


@dataclass(frozen=True)
class Person:
    """One account. `has_factors`: TOTP and recovery codes."""

    username: str
    roles: dict[str, RoleKind] = field(default_factory=dict)
    has_factors: bool = True
    is_superuser: bool = False

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
# For the reader to upload.
EXAMPLES = (
    _package("first-steps", "1.0", "Something to upload.", "Uploaded with twine."),
    _package("first-steps", "1.1", "Something to upload.", "Uploaded with uv."),
)
