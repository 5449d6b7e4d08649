"""Pages about the site itself: help, what refusals mean, security policy. No domain here, only text."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from indexsite import clock
from indexsite.http import public
from recovery.assurance_policy import POLICY
from recovery.waits import waits

# RFC 9116 asks for a date and advises less than a year ahead; the file is made anew for every request.
SECURITY_TXT_LIFE = timedelta(days=180)


@public("help is for everybody, first of all for those who cannot get in")
def help_page(request: HttpRequest) -> HttpResponse:
    return render(request, "help/index.html", {**_site(), "waits": waits(POLICY)})


@public("every refusal of every client links here")
def help_problems(request: HttpRequest) -> HttpResponse:
    return render(request, "help/problems.html", _site())


@public("reporting a vulnerability needs no account")
def security_page(request: HttpRequest) -> HttpResponse:
    return render(request, "help/security.html", _site())


@public("RFC 9116: for machines and researchers")
def security_txt(request: HttpRequest) -> HttpResponse:
    expires = (clock.now() + SECURITY_TXT_LIFE).strftime("%Y-%m-%dT%H:%M:%SZ")
    lines = [
        f"Contact: mailto:{_mailbox('security')}",
        f"Expires: {expires}",
        "Preferred-Languages: en",
        f"Canonical: {settings.SITE_URL}/.well-known/security.txt",
        f"Policy: {settings.SITE_URL}/security/",
    ]
    return HttpResponse("\n".join(lines) + "\n", content_type="text/plain; charset=utf-8")


def _site() -> dict[str, str]:
    return {
        "site_url": settings.SITE_URL,
        "token_prefix": settings.ENV.token_prefix,
        "security_mailbox": _mailbox("security"),
        "support_mailbox": _mailbox("support"),
    }


def _mailbox(role: str) -> str:
    """The host's mailbox for a role; `security@` is one of RFC 2142's names."""
    return f"{role}@{urlsplit(settings.SITE_URL).hostname}"
