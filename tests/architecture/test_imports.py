"""The layers in pyproject.toml cover every module, and awkward libraries stay behind one module each.

`lint-imports` proves the contracts themselves; these tests prove that nothing slips past them.
"""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from indexsite.env import BASE_DIR

APPS = ("indexsite", "accounts", "mfa", "tokens", "releases", "recovery")
# Outside the layers: only Django itself imports these.
UNLAYERED = re.compile(r"^(\w+|\w+\.apps|\w+\.migrations(\..*)?|indexsite\.settings)$")


def modules() -> Iterator[tuple[str, Path]]:
    for app in APPS:
        for path in (BASE_DIR / app).rglob("*.py"):
            parts = path.relative_to(BASE_DIR).with_suffix("").parts
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def layered() -> set[str]:
    contracts = tomllib.loads((BASE_DIR / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (layers,) = (contract["layers"] for contract in contracts if contract["type"] == "layers")
    return {name for layer in layers for name in re.findall(r"[\w.]+", layer)}


def test_every_module_has_its_layer() -> None:
    names = layered()

    loose = [
        module
        for module, _ in modules()
        if not UNLAYERED.match(module)
        and not any(module == name or module.startswith(f"{name}.") for name in names)
    ]

    assert loose == [], "name these in the layers of pyproject.toml"


def test_the_contracts_hold() -> None:
    done = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"],
        cwd=BASE_DIR,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("private", "only"),
    [
        # Private parts, which may change with any release: hence the tight pin.
        (r"allauth(\.\w+)*\.(internal|stages)(\.|$)", {"accounts.allauth_internals"}),
        (r"django_q(\.|$)", {"indexsite.task_backend"}),
        (r"django_otp_webauthn(\.|$)", {"mfa.models", "mfa.ceremonies"}),
        (r"(allauth|django_otp)(\.\w+)*\.signals(\.|$)|allauth\.mfa(\.|$)", set()),
    ],
)
def test_awkward_parts_of_libraries_are_imported_by_one_module_of_ours(private: str, only: set[str]) -> None:
    users = {module for module, path in modules() if any(re.match(private, name) for name in imports(path))}

    assert users <= only


def test_there_are_no_signals_of_our_own() -> None:
    users = [
        module for module, path in modules() if any(name.startswith("django.dispatch") for name in imports(path))
    ]

    assert users == []


def test_no_module_is_named_after_nothing() -> None:
    assert [m for m, _ in modules() if m.rpartition(".")[2] in {"utils", "helpers", "common", "misc"}] == []


def test_no_module_grows_out_of_sight() -> None:
    too_long = {
        module: lines
        for module, path in modules()
        if "migrations" not in module and (lines := len(path.read_text().splitlines())) > 420
    }

    assert too_long == {}


WRITES_STAFF = re.compile(
    r"StaffRole(\(|\.objects\.(create|bulk_create|get_or_create|update_or_create))|is_(staff|superuser)=(True|False|bool)"
)


def test_staff_are_made_in_one_place() -> None:
    """DESIGN: no other code writes these rows; the demo and the columns themselves are the exceptions."""
    allowed = {"accounts.actions.staff", "accounts.models.staff", "accounts.models.people"}
    found = {
        name
        for name, path in modules()
        if WRITES_STAFF.search(path.read_text()) and not name.startswith("indexsite.management.demo")
    }
    assert "accounts.actions.staff" in found
    assert {name for name in found if ".migrations" not in name} <= allowed
