"""Acts of moderation in the staff console: each page shows what the act does, asks for a reason, and calls it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from packaging.utils import canonicalize_name

from accounts import usernames
from accounts.actions import freezing, limiting
from accounts.actions import prohibiting as usernames_acts
from accounts.forms import PageForm, StaffReasonForm
from accounts.models import ProhibitedAddress, ProhibitedUsername, User
from accounts.pages import answer, show_form
from indexsite import clock
from indexsite.admin_site import console_page
from indexsite.errors import InvalidInput, NotFound
from indexsite.http import actor_of
from indexsite.limits import Limit
from indexsite.policies import Action, may, require
from releases.actions.lifecycle import prohibiting, reporting, status
from releases.forms_lifecycle import (
    ClearLimitForm,
    LeakForm,
    LimitLookUpForm,
    LookUpForm,
    ProhibitedNameForm,
    VerdictForm,
)
from releases.models import MalwareReport, PolicyChange, ProhibitedProjectName, Project, ProjectStatus, Verdict
from tokens.actions.leaks import report_leak

_PAGE_LENGTH = 50


@console_page(Action.CONSOLE_ENTER)
def overview(request: HttpRequest) -> HttpResponse:
    """What is closed off now, and the way to the next one; to each what their role is for."""
    actor = actor_of(request)
    frozen = User.objects.exclude(frozen_at=None).order_by("username")
    quarantined = Project.with_deleted.filter(status=ProjectStatus.QUARANTINED)
    form = LookUpForm(request.POST if request.method == "POST" else None, initial={"kind": "project"})
    if form.is_valid():
        name = form.cleaned_data["name"]
        if form.cleaned_data["kind"] == "project":
            return redirect("moderate_project", canonicalize_name(name.replace("/", "")))
        return redirect("moderate_account", usernames.canonical(name.replace("/", "")))
    return show_form(
        request,
        "moderation/overview.html",
        form,
        title="Moderation",
        may_judge=bool(may(actor, Action.MALWARE_JUDGE)),
        waiting=MalwareReport.objects.open().count() if may(actor, Action.MALWARE_JUDGE) else 0,
        may_agree=bool(may(actor, Action.POLICY_CHANGE_AGREE_AS_STAFF)),
        policy_changes=PolicyChange.objects.waiting().lacking_second().count(),
        may_prohibit=bool(may(actor, Action.NAME_PROHIBIT)),
        may_clear=bool(may(actor, Action.LIMIT_CLEAR)),
        may_take_leaks=bool(may(actor, Action.LEAK_REPORT)),
        quarantined=quarantined if may(actor, Action.PROJECT_QUARANTINE) else None,
        frozen=frozen if may(actor, Action.ACCOUNT_FREEZE) else None,
    )


@console_page(Action.PROJECT_QUARANTINE)
def project(request: HttpRequest, name: str) -> HttpResponse:
    """Into quarantine, or out of it."""
    found = Project.with_deleted.filter(normalized_name=canonicalize_name(name)).first()
    if found is None:
        raise NotFound(f"There is no project {name}.")
    actor = actor_of(request)
    is_in = found.status == ProjectStatus.QUARANTINED

    def act(data: dict[str, Any]) -> None:
        wanted = _pressed(request, {"quarantine": status.quarantine_project, "end": status.end_quarantine})
        wanted(actor=actor, project=found, reason=data["reason"], at=clock.now())

    form = StaffReasonForm(request.POST or None, said_to="Everybody reads it; name nobody.")
    return answer(
        request,
        "moderation/project.html",
        form,
        act=act,
        done=f"{found.name} has left quarantine." if is_in else f"{found.name} is in quarantine.",
        onward=reverse("moderation"),
        parent=True,
        title=f"Project {found.name}",
        project=found,
        is_in=is_in,
    )


@console_page(Action.ACCOUNT_FREEZE)
def account(request: HttpRequest, username: str) -> HttpResponse:
    """Freeze an account, or lift it."""
    found = User.objects.filter(username=usernames.canonical(username)).first()
    if found is None:
        raise NotFound(f"There is no account {username}.")
    actor = actor_of(request)
    require(actor, Action.ACCOUNT_FREEZE, found)
    is_frozen = found.frozen_at is not None

    def act(data: dict[str, Any]) -> None:
        freeze = partial(freezing.freeze_account, at=clock.now())
        wanted = _pressed(request, {"freeze": freeze, "unfreeze": freezing.unfreeze_account})
        wanted(actor=actor, user=found, reason=data["reason"])

    return answer(
        request,
        "moderation/account.html",
        StaffReasonForm(request.POST or None, said_to="The person reads it."),
        act=act,
        done=f"{found.username} is no longer frozen." if is_frozen else f"{found.username} is frozen.",
        onward=reverse("moderation"),
        parent=True,
        title=f"Account {found.username}",
        account=found,
        is_frozen=is_frozen,
    )


@console_page(Action.NAME_PROHIBIT)
def names(request: HttpRequest) -> HttpResponse:
    """The lists of names that nobody may take, and a change to them."""
    actor = actor_of(request)

    def act(data: dict[str, Any]) -> None:
        acts: dict[tuple[str, str], Callable[..., None]] = {
            ("project", "prohibit"): prohibiting.prohibit_project_name,
            ("project", "allow"): prohibiting.allow_project_name,
            ("user", "prohibit"): usernames_acts.prohibit_username,
            ("user", "allow"): usernames_acts.allow_username,
            ("address", "prohibit"): usernames_acts.prohibit_address,
            ("address", "allow"): usernames_acts.allow_address,
        }
        acts[data["kind"], data["act"]](actor=actor, name=data["name"], reason=data["reason"])

    return answer(
        request,
        "moderation/names.html",
        ProhibitedNameForm(request.POST or None, initial={"act": "prohibit"}),
        act=act,
        done="The list is changed.",
        onward="moderate_names",
        cancel=reverse("moderation"),
        parent=True,
        title="Prohibited names and addresses",
        project_names=ProhibitedProjectName.objects.order_by("name"),
        user_names=ProhibitedUsername.objects.order_by("name"),
        addresses=ProhibitedAddress.objects.order_by("pattern"),
    )


@console_page(Action.MALWARE_JUDGE)
def reports(request: HttpRequest) -> HttpResponse:
    """What was reported as malware, the longest waiting first; what is answered, the latest first."""
    is_over = request.GET.get("state") == "over"
    rows = MalwareReport.objects.select_related("project", "reporter", "judged_by")
    rows = rows.exclude(verdict="").order_by("-judged_at", "-pk") if is_over else rows.open().order_by("pk")
    page = Paginator(rows, _PAGE_LENGTH).get_page(request.GET.get("page"))
    return show_form(
        request,
        "moderation/reports.html",
        PageForm(),
        parent=True,
        title="Reports",
        page_obj=page,
        is_over=is_over,
    )


@console_page(Action.MALWARE_JUDGE)
def report(request: HttpRequest, pk: int) -> HttpResponse:
    """One report, and its answer."""
    found = MalwareReport.objects.select_related("project", "reporter", "judged_by").filter(pk=pk).first()
    if found is None:
        raise NotFound("There is no such report.")
    actor = actor_of(request)

    def act(data: dict[str, Any]) -> None:
        reporting.judge(
            actor=actor, pk=pk, verdict=Verdict(data["verdict"]), reason=data["reason"], at=clock.now()
        )

    return answer(
        request,
        "moderation/report.html",
        VerdictForm(request.POST or None),
        act=act,
        done="Answered; the reporter is told.",
        onward=reverse("moderate_reports"),
        parent=True,
        title=f"Report of {found.project.name}",
        report=found,
        may_judge=may(actor, Action.MALWARE_JUDGE, found),
    )


@console_page(Action.LEAK_REPORT)
def leaks(request: HttpRequest) -> HttpResponse:
    """Paste what was found: every token of this site in it is revoked."""
    form = LeakForm(request.POST or None)
    if form.is_valid():
        data = form.cleaned_data
        try:
            leak = report_leak(actor=actor_of(request), text=data["text"], reason=data["reason"], at=clock.now())
        except InvalidInput as error:
            form.refuse(error)
        else:
            messages.success(request, f"Tokens of this site found: {leak.found}; revoked now: {leak.revoked}.")
            return redirect("moderate_leaks")
    return show_form(
        request, "moderation/leaks.html", form, parent=True, title="Leaked tokens", cancel=reverse("moderation")
    )


@console_page(Action.LIMIT_CLEAR)
def limits(request: HttpRequest) -> HttpResponse:
    """Who is held up by which limit, and letting them go on."""
    actor, at = actor_of(request), clock.now()
    asked = LimitLookUpForm(request.GET if "name" in request.GET else None, initial={"kind": "account"})
    context: dict[str, Any] = {"parent": True, "title": "Limits", "asked": asked}
    if not asked.is_valid():
        return show_form(request, "moderation/limits.html", PageForm(), beside=asked, **context)
    subject = {"kind": asked.cleaned_data["kind"], "name": asked.cleaned_data["name"]}
    used = limiting.look_up(actor=actor, **subject, at=at)

    def act(data: dict[str, Any]) -> None:
        limit = Limit(data["limit"])
        limiting.clear(actor=actor, **subject, limit=limit, reason=data["reason"], at=at)

    return answer(
        request,
        "moderation/limits.html",
        ClearLimitForm(request.POST or None, used=used),
        act=act,
        done="Forgotten; they can go on.",
        onward=request.get_full_path(),
        cancel=reverse("moderate_limits"),
        used=used,
        **subject,
        **context,
    )


def _pressed(request: HttpRequest, acts: dict[str, Callable[..., None]]) -> Callable[..., None]:
    """The act whose button was pressed: of two colleagues at the same page the second must not undo the first."""
    if (wanted := acts.get(request.POST.get("act", ""))) is None:
        raise InvalidInput("It is not clear what to do; press the button below.")
    return wanted
