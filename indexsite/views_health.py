"""For operators and their machines: is the process up, is the site ready, how much is there."""

from __future__ import annotations

import ipaddress
import logging
import uuid
from collections.abc import Callable

from django.conf import settings
from django.db.models import Sum
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.request import split_domain_port
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.models import User
from indexsite import auditing, counters, storage, task_backend
from indexsite.errors import NotFound
from indexsite.http import client_address, page, public
from indexsite.schema import pending_migrations
from releases.models import File, Project, Release

log = logging.getLogger(__name__)

_FORWARDED = ("Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP")
_LOCAL_HOSTS = ("localhost", "127.0.0.1", "[::1]")


@never_cache
@require_safe
@public("A load balancer signs in nowhere; the answer tells nothing.")
def healthz(request: HttpRequest) -> HttpResponse:
    """The process answers."""
    return HttpResponse("ok\n", content_type="text/plain")


@never_cache
@require_safe
@public("A load balancer signs in nowhere; the answer names parts, never reasons.")
def readyz(request: HttpRequest) -> HttpResponse:
    """Whether this process can do its work: 200, or 503 with the parts that fail (reasons are in the log)."""
    checks: dict[str, Callable[[], None]] = {"database": _migrated, "storage": _storage_writable}
    failing = []
    for part, check in checks.items():
        try:
            check()
        except Exception:
            log.exception("Not ready: %s", part)
            failing.append(part)
    return JsonResponse({"ready": not failing, "failing": failing}, status=503 if failing else 200)


@never_cache
@require_safe
@public("Guarded by network: loopback and STAFF_NETWORKS only.")
def metrics(request: HttpRequest) -> HttpResponse:
    """Figures in the Prometheus text format, for machines inside."""
    if not _is_inside(request):
        return page(request, NotFound("There is no such page; check the address."))
    figures = {
        "accounts": ("Active accounts.", User.objects.filter(is_active=True).count()),
        "projects": ("Projects that visitors see.", Project.objects.visible().count()),
        "releases": ("Releases.", Release.objects.count()),
        "files": ("Published files.", File.objects.count()),
        "file_bytes": ("Bytes of published files.", File.objects.aggregate(sum=Sum("size"))["sum"] or 0),
        "queued_tasks": ("Tasks waiting for a worker.", task_backend.waiting()),
        "audit_findings": ("What is wrong in the audit trail, as it was last looked at.", _audit_findings()),
    }
    lines = [
        f"# HELP indexsite_{name} {text}\n# TYPE indexsite_{name} gauge\nindexsite_{name} {value}\n"
        for name, (text, value) in figures.items()
    ]
    lines += [
        f"# HELP indexsite_{counter}_total {counters.HELP[counter]}\n# TYPE indexsite_{counter}_total counter\n"
        f"indexsite_{counter}_total {value}\n"
        for counter, value in counters.totals().items()
    ]
    return HttpResponse("".join(lines), content_type="text/plain; version=0.0.4; charset=utf-8")


def _audit_findings() -> int:
    last = auditing.last_check()
    return len(last["findings"]) if last is not None else 0


def _migrated() -> None:
    if pending := pending_migrations():
        raise RuntimeError(f"{pending} migrations are not applied.")


def _storage_writable() -> None:
    probe = storage.incoming() / f"ready-{uuid.uuid4().hex}"
    probe.write_bytes(b"")
    probe.unlink()


def _is_inside(request: HttpRequest) -> bool:
    """A local address counts only where no proxy we do not know of stands in between.

    Such a proxy shows by the headers it adds, or by the name of the site, which nobody on this machine has to use.
    """
    address = client_address(request)
    direct = address == request.META.get("REMOTE_ADDR")
    if direct and any(header in request.headers for header in _FORWARDED):
        return False
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    if parsed.is_loopback:
        return split_domain_port(request.get_host())[0] in _LOCAL_HOSTS
    return any(parsed in network for network in settings.ENV.staff_networks)
