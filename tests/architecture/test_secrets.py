"""Whatever must not be guessed comes from the generator for secrets."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
APPS = ("accounts", "indexsite", "mfa", "recovery", "releases", "tokens")
# The demonstration's people and secrets are the same on every machine, by contract.
EXCEPT = "indexsite/management/demo/"


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    return found


@pytest.mark.asvs("6.5.3", "6.4.1")
def test_no_module_takes_chance_from_elsewhere() -> None:
    modules = {
        str(path.relative_to(ROOT)): imports(path)
        for app in APPS
        for path in (ROOT / app).rglob("*.py")
        if not str(path.relative_to(ROOT)).startswith(EXCEPT)
    }
    assert [name for name, found in modules.items() if found & {"random", "numpy"}] == []
    makers = {name for name, found in modules.items() if "secrets" in found}
    assert {"mfa/recovery_codes.py", "mfa/totp.py", "mfa/actions/first_factor.py", "accounts/stages.py"} <= makers
