"""Every periodic job of the site, one table. The worker queues what is due by the site's clock."""

from __future__ import annotations

from datetime import timedelta

from indexsite.task_backend import Periodic

JOBS: tuple[Periodic, ...] = (
    Periodic("audit-seal", "indexsite.tasks.seal_audit", timedelta(minutes=1)),
    Periodic("audit-seal-late", "indexsite.tasks.seal_late_audit", timedelta(hours=6)),
    Periodic("audit-check", "indexsite.tasks.check_audit", timedelta(days=1)),
    Periodic("audit-head-mail", "indexsite.tasks.mail_audit_head", timedelta(days=1)),
    Periodic("limits-sweep", "indexsite.tasks.sweep_limits", timedelta(hours=1)),
    Periodic("tasks-sweep", "indexsite.tasks.sweep_tasks", timedelta(days=1)),
    Periodic("sign-ins-sweep", "accounts.tasks.sweep_sign_ins", timedelta(days=1)),
    Periodic("sessions-sweep", "indexsite.tasks.sweep_sessions", timedelta(days=1)),
    Periodic("simple-root", "releases.tasks.refresh_root", timedelta(minutes=1)),
    Periodic("downloads-fold", "releases.tasks.fold_downloads", timedelta(minutes=1)),
    Periodic("deletions-purge", "releases.tasks.purge_deleted", timedelta(minutes=15)),
    Periodic("drafts", "releases.tasks.tend_drafts", timedelta(minutes=1)),
    Periodic("webhooks", "releases.tasks.tend_webhooks", timedelta(minutes=1)),
    Periodic("policy-changes", "releases.tasks.tend_policy_changes", timedelta(minutes=1)),
    Periodic("transfers", "releases.tasks.tend_transfers", timedelta(minutes=1)),
    Periodic("token-reminders", "tokens.tasks.remind_of_ends", timedelta(hours=1)),
    Periodic("staff-changes", "accounts.tasks.tend_staff_changes", timedelta(minutes=1)),
    Periodic("recoveries", "recovery.tasks.tend_recoveries", timedelta(minutes=1)),
    Periodic("recoveries-figures", "recovery.tasks.count_figures", timedelta(minutes=5)),
    Periodic("recoveries-forget", "recovery.tasks.forget_recoveries", timedelta(days=1)),
    Periodic("blobs-sweep", "releases.tasks.sweep_blobs", timedelta(days=1)),
)
