"""Claimants at the pages of a recovery, each in a browser of their own."""

from __future__ import annotations

from django.http import HttpResponse
from django.test import Client

from recovery.models import Evidence, RecoveryCase
from tests.support.people import mailed_link

START = "/recovery/"


def ask(client: Client, name: str, mailbox: str, **fields: str) -> HttpResponse:
    """Fill in the form."""
    return client.post(START, {"username": name, "email": mailbox, "reason": "lost-factor", **fields})


def asked(client: Client, name: str, mailbox: str, **fields: str) -> RecoveryCase:
    """Ask; the case that comes of it."""
    response = ask(client, name, mailbox, **fields)
    assert response.status_code == 302, response.content
    return RecoveryCase.objects.get(pk=response["Location"].strip("/").rpartition("/")[2])


def link_in(mailbox: str) -> str:
    """The path of the latest mailed link."""
    return mailed_link(mailbox)


def open_request(client: Client, name: str, mailbox: str, **fields: str) -> RecoveryCase:
    """Ask, read the letter, open its link and press the button."""
    case = asked(client, name, mailbox, **fields)
    response = client.post(link_in(mailbox))
    assert response.status_code == 302, response.content
    case.refresh_from_db()
    return case


def status_path(case: RecoveryCase) -> str:
    return f"/recovery/status/{case.pk}/"


def path_of(case: RecoveryCase, step: str) -> str:
    """The page of a step of the request."""
    return f"{status_path(case)}{step}/"


def evidence_path(case: RecoveryCase, code: str) -> str:
    """The page of one kind of evidence."""
    return f"/account/recovery/{case.pk}/browser/" if code == "browser" else path_of(case, f"evidence/{code}")


def offered_of(case: RecoveryCase) -> list[Evidence]:
    """What was offered beyond the mailbox that the case was opened with."""
    return [row for row in case.evidence.order_by("pk") if row.reference != case.mailbox]
