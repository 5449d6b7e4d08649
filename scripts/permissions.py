"""Renders the policy table and all its answers into docs/: `make reference` writes, tests find them stale."""

import inspect
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "permissions.md"
ANSWERS = ROOT / "docs" / "permissions-answers.md"

HEAD = """\
# Who may do what

Made from `indexsite/policies.py` and the requirements it names by `make reference`; do not edit it by hand.

Every act has one row of requirements. All of them must hold, and the first that does not hold is the one the
person reads. An act without a row is denied.

| Act | Requires, in this order |
|---|---|
"""


def render() -> str:
    """The page as Markdown."""
    from indexsite.policies import RULES

    rows = (
        f"| `{action}` | {'; '.join(describe(requirement) for requirement in requirements)} |"
        for action, requirements in sorted(RULES.items())
    )
    legend = {name_of(requirement): requirement for requirements in RULES.values() for requirement in requirements}
    meanings = (f"`{name}`\n: {meaning(requirement)}\n" for name, requirement in sorted(legend.items()))
    return HEAD + "\n".join(rows) + "\n\n## What the requirements mean\n\n" + "\n".join(meanings)


def name_of(requirement: Callable) -> str:
    """`signed_in`, or `role` for what `role(...)` returned."""
    return requirement.__qualname__.split(".")[0]


def describe(requirement: Callable) -> str:
    """`signed_in`, or `role (owner, maintainer)` with the arguments that `role()` was given."""
    bound = inspect.getclosurevars(requirement).nonlocals.values()
    values = [str(item) for value in bound for item in (value if isinstance(value, tuple) else (value,))]
    return f"`{name_of(requirement)}`" + (f" ({', '.join(values)})" if values else "")


def meaning(requirement: Callable) -> str:
    """First paragraph of the docstring of the requirement, or of the function that made it."""
    made_by = inspect.getmodule(requirement)
    source = getattr(made_by, name_of(requirement))
    text = inspect.getdoc(source) or name_of(requirement).replace("_", " ").capitalize() + "."
    return " ".join(text.split("\n\n")[0].split())


def main() -> None:
    import django

    sys.path.insert(0, str(ROOT))
    with tempfile.TemporaryDirectory() as directory:
        os.environ["SECRET_KEY"] = "reading the policy table needs no secret, and this one is kept nowhere"
        os.environ["DATABASE_URL"] = f"sqlite:///{directory}/index.sqlite3"
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "indexsite.settings")
        django.setup()
        PAGE.write_text(render())
        ANSWERS.write_text(render_answers())


def render_answers() -> str:
    """Everybody's answers, from a database made for it."""
    from django.core.management import call_command

    from tests.support import matrix

    call_command("migrate", verbosity=0)
    return matrix.render(matrix.build())


if __name__ == "__main__":
    main()
