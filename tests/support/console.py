"""Every address of the staff console, asked for by everybody: who sees what, as a table for the documentation."""

from __future__ import annotations

from collections.abc import Iterator

from django.test import Client

from accounts.models import StaffKind, User
from recovery.models import CaseState, SavedView
from tests.support import cast, people, recovery
from tests.support.addresses import Address, addresses

# Who asks. Staff without a role and a superuser are no visitors, and see no more.
ASKERS: dict[str, tuple[StaffKind, ...] | None] = {
    "visitor": None,
    "member": (),
    "staff, no role": (),
    "superuser": (),
    **{kind.label: (kind,) for kind in StaffKind},
}
MARKS = {200: "sees", 302: "door", 303: "door", 403: "no", 404: "nothing", 405: "button", 409: "sees"}
HEAD = """\
# Who sees what in the console

Made by `make reference` from the addresses themselves: each is asked for by somebody of each kind, who has
proved an app and no key, with a case, a project and an account that are there. **sees**: the page opens. **no**:
refused before anything is looked up. **door**: led to sign in, to prove a security key, or to another page.
**nothing**: there is no such thing. **button**: takes a press of another page's button, and shows nothing. What
a page lets its reader *do* is in [who may do what](permissions.md).

"""


def console_addresses() -> list[Address]:
    return [address for address in addresses() if address.route.startswith("admin/")]


def fill() -> dict[str, object]:
    """Things that addresses of the console name; what is not here is asked for by a number that nothing has."""
    owner = recovery.veteran("olga")
    project = cast.ProjectFactory(name="sampleproject", owner=owner)
    case = recovery.stored_case(owner, CaseState.QUEUED)
    keeper = cast.staff("keeper", StaffKind.SUPPORT_1)
    view = SavedView.objects.create(person=keeper, name="mine", query="tab=mine")
    return {
        "name": project.name,
        "username": owner.username,
        "role": StaffKind.MODERATOR.value,
        "case": case.pk,
        "view": view.pk,
    }


def path_of(address: Address, things: dict[str, object]) -> str:
    values: dict[str, object] = {name: things.get(name, 987_654) for name in address.parameters}
    if "<uuid:pk>" in address.route:
        values["pk"] = things["case"]
    elif "queue/view/" in address.route:
        values["pk"] = things["view"]
    return address.path(values)


def browsers() -> Iterator[tuple[str, Client]]:
    for number, (who, kinds) in enumerate(ASKERS.items()):
        if kinds is None:
            yield who, people.browser()
        elif who == "member":
            yield who, people.browser(cast.person("member"))
        else:
            user: User = cast.staff(f"asker{number}", *kinds, is_superuser=who == "superuser")
            yield who, people.browser(user)


def render() -> str:
    """The table as Markdown, from a database that is empty before."""
    things = fill()
    heard = {
        who: [client.get(path_of(address, things)).status_code for address in console_addresses()]
        for who, client in browsers()
    }
    lines = [f"| Address | {' | '.join(heard)} |", "|---" * (len(heard) + 1) + "|"]
    for row, address in enumerate(console_addresses()):
        answers = (MARKS.get(statuses[row], str(statuses[row])) for statuses in heard.values())
        lines.append(f"| `{address.route}` | {' | '.join(answers)} |")
    return HEAD + "\n".join(lines) + "\n"
