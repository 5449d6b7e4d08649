"""Who people are: accounts and their browsers, organisations and teams, invitations, staff."""

from accounts.models.addresses import PAST_ADDRESS_TOLD, PastAddress, holds_address
from accounts.models.invitations import INVITATION_LIFE, Invitation, InvitationState, OrganizationInvitation
from accounts.models.organizations import Membership, MembershipKind, Organization, Team, TeamSeat
from accounts.models.people import (
    USERNAME_MAX_LENGTH,
    USERNAME_PATTERN,
    USERNAME_RE,
    ProhibitedUsername,
    User,
    UserManager,
    get_user,
    has_verified_email,
    note_rights,
)
from accounts.models.places import (
    CONFIRMATION_LIFE,
    DEVICE_LIFE,
    KnownDevice,
    SignInConfirmation,
    known_device,
)
from accounts.models.reports import FREEZE_TIME, MutedNotice, ReportSource, SecurityReport, muting
from accounts.models.signing_keys import MAX_KEYS, PROOF_LIFE, SigningKey
from accounts.models.staff import (
    FACTORS,
    OPEN_STAFF_CHANGE,
    STAFF_DELAY,
    STAFF_PROPOSAL_LIFE,
    StaffChange,
    StaffChangeState,
    StaffKind,
    StaffRole,
    has_staff_role,
    staff_kinds,
)

__all__ = [
    "CONFIRMATION_LIFE",
    "DEVICE_LIFE",
    "FACTORS",
    "FREEZE_TIME",
    "INVITATION_LIFE",
    "MAX_KEYS",
    "OPEN_STAFF_CHANGE",
    "PAST_ADDRESS_TOLD",
    "PROOF_LIFE",
    "STAFF_DELAY",
    "STAFF_PROPOSAL_LIFE",
    "USERNAME_MAX_LENGTH",
    "USERNAME_PATTERN",
    "USERNAME_RE",
    "Invitation",
    "InvitationState",
    "KnownDevice",
    "Membership",
    "MembershipKind",
    "MutedNotice",
    "Organization",
    "OrganizationInvitation",
    "PastAddress",
    "ProhibitedUsername",
    "ReportSource",
    "SecurityReport",
    "SignInConfirmation",
    "SigningKey",
    "StaffChange",
    "StaffChangeState",
    "StaffKind",
    "StaffRole",
    "Team",
    "TeamSeat",
    "User",
    "UserManager",
    "get_user",
    "has_staff_role",
    "has_verified_email",
    "holds_address",
    "known_device",
    "muting",
    "note_rights",
    "staff_kinds",
]
