"""Which event goes out by which letter, and to whom: one row for every event there is.

A row without a letter says why there is none. `mine` marks what is done in an account's own name: its letter
and the history offer "This was not me" for it. Where several people read the letter, the copy of whoever did it
carries the link, and no other.
"""

from __future__ import annotations

from dataclasses import dataclass

# Whom a letter goes to.
EVERY = "every verified address of the person"
GONE_TOO = "every verified address of the person, and the one that goes"
GIVEN = "the address that was typed in"
MEMBERS = "everybody with a role on the project"
UPLOADERS = "owners and maintainers of the project"
ALL_SIDES = "everybody on both sides"
MANAGERS = "managers of the organisation, and whom it is about"
OWNERS = "owners of the project, and whom it is about"
PROJECT_OWNERS = "owners of the project, at every verified address"
ASKED = "whoever is asked"
STAFF = "all staff, and whom it is about"
PAST_TOO = "every address verified now or in the last 180 days, and co-owners where it matters to them"
SECURITY = "the staff of the security role"
SECURITY_AND_OPERATORS = "the staff of the security role, auditors, and the operators in AUDIT_HEADS_TO"


@dataclass(frozen=True)
class Row:
    """One event: the letter's folder below `templates/email/` and its readers, or why nobody is written to."""

    letter: str = ""
    to: str = ""
    why_not: str = ""
    mine: bool = False


def _sent(letter: str, to: str, *, mine: bool = False) -> Row:
    return Row(letter=letter, to=to, mine=mine)


def _silent(why_not: str, *, mine: bool = False) -> Row:
    return Row(why_not=why_not, mine=mine)


_MANAGERS_ARE_TOLD = _sent("organization-news", MANAGERS, mine=True)
_STAFF_ARE_TOLD = _sent("staff-news", STAFF)
_PROTECTION = _sent("policy-news", PROJECT_OWNERS, mine=True)
_BOTH_SIDES = _sent("transfer-news", ALL_SIDES, mine=True)

ROWS: dict[str, Row] = {
    # -- the account
    "account.created": _silent("the code that verifies its address is on the way there"),
    "account.signed-in": _sent("new-sign-in", EVERY, mine=True),
    "account.signed-out": _silent("whoever could have done it could do worse"),
    "account.sign-in-failed": _silent(
        "a letter for each try of a stranger would be the stranger's to send", mine=True
    ),
    "account.sign-in-held": _sent("confirm-sign-in", EVERY, mine=True),
    "account.sign-in-confirmed": _silent("the letter of the same sign-in came before it", mine=True),
    "account.confirmed": _silent("what it was for is told", mine=True),
    "account.mailbox-proved": _silent("the letter with its code came before it", mine=True),
    "account.reported": _sent("account-reported", EVERY),
    "account.freeze-lifted": _sent("freeze-lifted", EVERY, mine=True),
    "account.history-viewed": _silent("it is part of answering people, and the history has it"),
    "account.looked-up": _silent("it is part of answering people, and the history has it"),
    "account.searched": _silent("it is part of answering people, and the history has it"),
    "audit.exported": _silent("it is part of auditing, and the history has it"),
    "audit.address-shown": _silent("it is part of auditing, and the history has it"),
    "limit.cleared": _silent("it lets the person go on, and the history has it"),
    "audit.check-asked": _silent("it changes nothing"),
    "audit.check-failed": _sent("audit-broken", SECURITY_AND_OPERATORS),
    "account.frozen": _sent("account-frozen", EVERY),
    "account.unfrozen": _sent("account-unfrozen", EVERY),
    "account.closed": _sent("account-closed", EVERY),
    "browsers.forgotten": _silent("it opens nothing; the next sign-in is told"),
    "sessions.ended": _silent("it opens nothing; the history has it"),
    "letters.chosen": _sent("letters-chosen", EVERY, mine=True),
    # -- addresses
    "email.added": _sent("email-added", EVERY, mine=True),
    "email.verified": _sent("email-verified", EVERY, mine=True),
    "email.code-failed": _silent("limits end it, and the address is not verified", mine=True),
    "email.removed": _sent("email-removed", GONE_TOO, mine=True),
    "email.primary-changed": _sent("primary-email-changed", EVERY, mine=True),
    # -- password
    "password.changed": _sent("password-changed", EVERY, mine=True),
    "password.reset": _sent("password-changed", EVERY, mine=True),
    "password.reset-requested": _sent("password-reset", GIVEN, mine=True),
    "password.disabled": _sent("password-disabled", EVERY, mine=True),
    # -- factors
    "factor.added": _sent("factor-added", EVERY, mine=True),
    "factor.set-up-failed": _silent("nothing changed; it takes a fresh proof to get there", mine=True),
    "factor.renamed": _sent("factor-renamed", EVERY, mine=True),
    "factor.clone-suspected": _sent("key-set-aside", EVERY, mine=True),
    "factor.removed": _sent("factor-removed", EVERY, mine=True),
    "factor.failed": _sent("factor-guessed", EVERY, mine=True),
    "recovery-codes.generated": _sent("recovery-codes-generated", EVERY, mine=True),
    "recovery-codes.proved": _silent("nothing changed"),
    "recovery-codes.proof-failed": _silent("nothing changed; limits end it", mine=True),
    "recovery-codes.used": _sent("recovery-code-used", EVERY, mine=True),
    "signing-key.added": _sent("signing-key-added", EVERY, mine=True),
    "signing-key.removed": _sent("signing-key-removed", EVERY, mine=True),
    # -- speaking for others
    "vouch.opened": _sent("vouch-opened", EVERY, mine=True),
    "vouch.taken-back": _silent("it gives nothing; the letter of its opening came before it", mine=True),
    # -- tokens
    "token.created": _sent("token-created", EVERY, mine=True),
    "token.revoked": _sent("token-revoked", EVERY),
    "token.leak-reported": _silent("whoever owns one of the tokens is told that it was revoked"),
    # -- projects and releases
    "malware.reported": _silent("the page says that it was received", mine=True),
    "malware.judged": _sent("report-judged", "whoever made the report"),
    "project.created": _sent("project-created", UPLOADERS, mine=True),
    "project.status-changed": _sent("status-changed", UPLOADERS, mine=True),
    "project.looked-up": _silent("it changes nothing, and warns nobody while something is looked into"),
    "project.quarantined": _sent("quarantined", UPLOADERS),
    "project.quarantine-ended": _sent("quarantine-ended", UPLOADERS),
    "release.created": _silent("it comes with its first file"),
    "file.published": _sent("release-published", UPLOADERS, mine=True),
    # -- drafts: nobody sees them but those who work on them
    "project.reserved": _silent("the name is nobody's to see; the letter comes with the first release", mine=True),
    "project.reservation-ended": _silent("nothing was ever seen under the name"),
    "draft.begun": _silent("nothing is public; the letter comes when it is handed in or published", mine=True),
    "draft.file-added": _silent("as for the draft itself", mine=True),
    "draft.file-refused": _silent("the client hears why", mine=True),
    "draft.file-removed": _silent("as for the draft itself", mine=True),
    "draft.extended": _silent("as for the draft itself", mine=True),
    "draft.preview-renewed": _silent("whoever did it has the new address", mine=True),
    "draft.submitted": _sent("draft-submitted", MEMBERS, mine=True),
    "draft.returned": _sent("draft-returned", "whoever began the draft", mine=True),
    "draft.approved": _sent("draft-approved", MEMBERS, mine=True),
    "draft.approval-voided": _silent("nothing is public; the page of the draft says so", mine=True),
    "draft.released": _silent("the letter of the release says so", mine=True),
    "draft.scheduled": _sent("draft-scheduled", MEMBERS, mine=True),
    "draft.unscheduled": _silent("nothing was public; the page of the draft says so", mine=True),
    "draft.published": _silent("the letter of the release says so", mine=True),
    "draft.canceled": _silent("nothing was public", mine=True),
    "webhook.added": _sent("webhook-changed", "owners of the project", mine=True),
    "webhook.removed": _sent("webhook-changed", "owners of the project", mine=True),
    "release.yanked": _sent("yanked", UPLOADERS, mine=True),
    "release.unyanked": _sent("unyanked", UPLOADERS, mine=True),
    "file.yanked": _sent("yanked", UPLOADERS, mine=True),
    "file.unyanked": _sent("unyanked", UPLOADERS, mine=True),
    "deletion.begun": _sent("deleted", UPLOADERS, mine=True),
    "deletion.undone": _sent("undeleted", UPLOADERS, mine=True),
    "deletion.final": _silent("it was announced a day before, with the way back"),
    "critical.proposed": _silent("nothing has changed; a second curator has to agree"),
    "critical.seconded": _silent("nothing has changed; a second curator has to agree"),
    "critical.declined": _silent("nothing has changed"),
    "critical.listed": _sent("critical-list", PROJECT_OWNERS),
    "critical.unlisted": _sent("critical-list", PROJECT_OWNERS),
    "address.prohibited": _silent("whoever has it keeps it, and it may be of somebody who wants no letters"),
    "address.allowed": _silent("whoever has it keeps it"),
    "name.prohibited": _silent("nobody has the name"),
    "name.allowed": _silent("nobody has the name"),
    # -- roles
    "role.granted": _sent("your-role", OWNERS, mine=True),
    "role.removed": _sent("your-role", OWNERS, mine=True),
    "role.left": _sent("your-role", OWNERS, mine=True),
    "role.invited": _sent("project-invitation", ASKED, mine=True),
    "role.invited-again": _sent("project-invitation", ASKED, mine=True),
    "role.invitation-revoked": _sent("project-invitation-revoked", ASKED, mine=True),
    "role.invitation-accepted": _sent("project-people", OWNERS, mine=True),
    "role.invitation-declined": _sent("project-people", OWNERS, mine=True),
    "team-role.granted": _sent("project-people", OWNERS, mine=True),
    "team-role.removed": _sent("project-people", OWNERS, mine=True),
    # -- transfers
    "transfer.offered": _sent("transfer-request", ALL_SIDES, mine=True),
    "transfer.accepted": _BOTH_SIDES,
    "transfer.declined": _BOTH_SIDES,
    "transfer.cancelled": _BOTH_SIDES,
    "transfer.lapsed": _sent("transfer-news", ALL_SIDES),
    "transfer.done": _sent("transfer-news", ALL_SIDES),
    # -- what protects releases
    "policy.changed": _PROTECTION,
    "policy-change.asked": _PROTECTION,
    "policy-change.agreed": _PROTECTION,
    "policy-change.agreed-by-staff": _sent("policy-news", PROJECT_OWNERS),
    "policy-change.stopped": _PROTECTION,
    "policy-change.lapsed": _sent("policy-news", PROJECT_OWNERS),
    "policy-change.done": _sent("policy-news", PROJECT_OWNERS),
    # -- organisations
    "organization.created": _sent("organization-created", EVERY, mine=True),
    "organization.invited": _sent("organization-invitation", ASKED, mine=True),
    "organization.invitation-resent": _sent("organization-invitation", ASKED, mine=True),
    "organization.invitation-revoked": _MANAGERS_ARE_TOLD,
    "organization.invitation-declined": _MANAGERS_ARE_TOLD,
    "organization.deleted": _MANAGERS_ARE_TOLD,
    "organization.joined": _MANAGERS_ARE_TOLD,
    "organization.kind-changed": _MANAGERS_ARE_TOLD,
    "organization.member-removed": _MANAGERS_ARE_TOLD,
    "organization.left": _MANAGERS_ARE_TOLD,
    "organization.team-created": _silent("an empty team has no rights"),
    "organization.team-renamed": _silent("its rights and its people stay"),
    "organization.team-deleted": _MANAGERS_ARE_TOLD,
    "organization.team-joined": _MANAGERS_ARE_TOLD,
    "organization.team-left": _MANAGERS_ARE_TOLD,
    # -- recoveries
    "recovery.opened": _sent("recovery-news", PAST_TOO),
    "recovery.evidence-added": _sent("recovery-news", PAST_TOO),
    "recovery.approved": _silent("with the last approval the date is told"),
    "recovery.dated": _sent("recovery-news", PAST_TOO),
    "recovery.returned": _silent("the next letter has the next date"),
    "recovery.cancelled": _sent("recovery-news", PAST_TOO),
    "recovery.reopened": _sent("recovery-news", PAST_TOO),
    "recovery.disputed": _sent("recovery-news", PAST_TOO),
    "recovery.settled": _silent("what comes of it is told"),
    "recovery.self-resolved": _sent("recovery-news", PAST_TOO),
    "recovery.ended": _sent("recovery-news", PAST_TOO),
    "recovery.executed": _sent("recovery-news", PAST_TOO),
    "recovery.password-set": _silent("it opens nothing before a factor is there"),
    "recovery.enrolled": _silent("the letter about the new factor came with it"),
    "recovery.hold-over": _sent("recovery-news", PAST_TOO),
    "recovery.glass-asked": _sent("recovery-alert", SECURITY),
    "recovery.glass-broken": _sent("recovery-news", PAST_TOO),
    "recovery.paused": _sent("recovery-paused", PAST_TOO),
    "recovery.unpaused": _sent("recovery-paused", PAST_TOO),
    "recovery.asked-for-staff": _sent("recovery-alert", SECURITY),
    "recovery.alert": _sent("recovery-alert", SECURITY),
    "recovery.unmasked": _silent("it is part of answering people, and the history has it"),
    "recovery.notice-bounced": _silent("the address does not take letters"),
    # -- staff
    "staff.founded": _STAFF_ARE_TOLD,
    "staff.proposed": _STAFF_ARE_TOLD,
    "staff.factors-proposed": _STAFF_ARE_TOLD,
    "staff.factors-removed": _STAFF_ARE_TOLD,
    "staff.confirmed": _STAFF_ARE_TOLD,
    "staff.stopped": _STAFF_ARE_TOLD,
    "staff.lapsed": _STAFF_ARE_TOLD,
    "staff.granted": _STAFF_ARE_TOLD,
    "staff.removed": _STAFF_ARE_TOLD,
}

# Letters that answer a question or belong to no event.
WITHOUT_EVENT: dict[str, str] = {
    "verify-email": "carries the code of an address to verify",
    "mailbox-check": "carries the code by which the owner of an account with rights proves the mailbox again",
    "first-factor": "goes beside factor-added, to those who share a project or an organisation with the person",
    "address-in-use": "goes instead of that code, where the address belongs to somebody",
    "password-reset-nobody": "goes instead of a reset link, where nobody has verified the address",
    "recovery-link": "carries the link that opens a recovery, to whatever address was typed",
    "recovery-mailbox": "carries the link to another mailbox in a recovery, to whatever address was typed",
    "recovery-claimant": "tells whoever asked for a recovery how it stands",
    "recovery-enrol": "carries the link to a new factor, at the end of a recovery",
    "token-ends-soon": "goes before a token ends by itself, which is nobody's act",
    "draft-expires": "goes before a draft ends by itself, which is nobody's act",
    "audit-head": "carries the head of the audit trail to the operators",
}

# What somebody may be spared, with the words for it. Everything else is a warning to somebody.
MUTABLE: dict[str, str] = {
    "release-published": "A release of one of your projects was published",
    "unyanked": "A release is no longer yanked",
    "undeleted": "Something deleted was restored",
}


# Names of the events that are done in an account's own name.
MINE = frozenset(name for name, row in ROWS.items() if row.mine)


def events_of(letter: str) -> list[str]:
    """Names of the events that this letter tells of."""
    return [name for name, row in ROWS.items() if row.letter == letter]
