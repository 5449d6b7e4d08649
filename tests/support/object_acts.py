"""What can be done at the addresses that name something: with what, by whom, and what everybody else hears."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

SIGN_IN, SET_UP = "302 /account/login/", "302 /account/security/"
ASKERS = ("visitor", "stranger", "elsewhere", "suspended", "maintainer", "staff")
SAMPLE, ROCKET, ACME = {"name": "sampleproject"}, {"name": "rocket"}, {"name": "acme"}

type Answers = Mapping[str, str]


def _answers(*answers: str, **others: str) -> Answers:
    return {**dict(zip(ASKERS, answers, strict=False)), **others}


# What each asker hears. Who is not in the row may do it.
OWNERS = _answers(SIGN_IN, "404", "404", SET_UP, "403", "404")
MEMBERS = _answers(SIGN_IN, "404", "404", SET_UP, staff="404")
ANY_MEMBER = _answers(SIGN_IN, "404", "404", staff="404")
ONE_PERSON = _answers(SIGN_IN, "404", "404", "404", "404", "404")
# Whoever would gain a right is asked for the factor first, and learns nothing by it.
ONE_PERSON_WITH_FACTOR = {**ONE_PERSON, "suspended": SET_UP}
MODERATORS = _answers(SIGN_IN, "403", "403", "403", "403", "403")
ALL_STAFF = _answers(SIGN_IN, "403", "403", "403", "403")
OWNERS_TOKEN = _answers("401", "404", "404", "403", "403", "404", cookie="401")
MEMBERS_TOKEN = _answers("401", "404", "404", "403", staff="404", cookie="401")

# One's own: addresses that name nothing, so that there is nothing of others to ask for.
ONES_OWN = {
    "account/freeze/", "account/letters/",
    "account/", "account/history/", "account/sessions/", "account/signing-keys/", "account/close/",
    "account/email/", "account/password/",
    "account/second-factor/resume/", "account/security/", "account/security/codes/", "account/security/totp/",
    "account/security/add/", "account/security/mailbox/",
    "account/security/keys/", "account/security/keys/add/", "account/security/keys/add/options/",
    "account/invitations/", "account/recovery/", "account/vouch/",
    "account/tokens/", "account/tokens/create/", "account/tokens/revoke-all/", "manage/projects/",
    "manage/organizations/", "manage/organizations/create/", "api/v1/projects/", "api/v1/token/", "api/v1/token",
}  # fmt: skip
UPLOADS = {"legacy/", "legacy", "draft/legacy/", "draft/legacy"}
# What tests/conformance tries with tokens of everybody.
SESSIONS = {
    "upload/2.0/", "upload/2.0/session/<uuid:public_id>/",
    "upload/2.0/session/<uuid:public_id>/publish/", "upload/2.0/session/<uuid:public_id>/extend/",
    "upload/2.0/session/<uuid:public_id>/upload/", "upload/2.0/file/<uuid:public_id>/",
    "upload/2.0/file/<uuid:public_id>/bytes/", "upload/2.0/file/<uuid:public_id>/attestations/",
    "upload/2.0/file/<uuid:public_id>/complete/",
}  # fmt: skip
# That there is such a thing is no secret to those who hear of it: all staff see the list of proposals and roles.
LOOKS_FIRST = {
    "admin/staff/proposal/<int:pk>/",
    "admin/staff/member/<str:username>/<str:role>/",
    "admin/staff/factors/<str:username>/",
}
# What could be sent to one's own addresses to reach what is another's.
FOREIGN_BODIES: list[tuple[str, dict[str, str]]] = [
    ("/account/sessions/", {"session": "{session}"}),
    ("/account/email/", {"act": "remove", "email": "alice@example.org"}),
    ("/account/email/", {"act": "primary", "email": "alice@example.org"}),
    ("/account/close/", {"username": "alice"}),
    ("/account/recovery/", {"act": "stop", "case": "{case}"}),
    ("/account/recovery/", {"act": "dispute", "case": "{case}"}),
    ("/account/vouch/", {"username": "alice", "has_spoken": "on"}),
    ("/account/vouch/", {"act": "take-back", "username": "bob"}),
    ("/account/tokens/create/", {"description": "x", "permissions": "upload", "scope": "{scope}", "expiry": "7"}),
]


@dataclass(frozen=True)
class Act:
    """One way to ask at an address.

    Attributes:
        values: what fills the address, beside `Stage.values`.
        body: what is sent; "{word}" stands for one of those values.
        right: who may do it.
        writes: whether that changes anything.
    """

    answers: Answers
    values: dict[str, str] = field(default_factory=dict)
    body: dict[str, str] | None = None
    method: str = "post"
    right: str = "owner"

    @property
    def writes(self) -> bool:
        return self.method != "get" and self.body is not None


def page(answers: Answers, values: dict[str, str], *, right: str = "owner") -> list[Act]:
    return [Act(answers, values, method="get", right=right)]


def form(answers: Answers, values: dict[str, str], *, right: str = "owner", **body: str) -> list[Act]:
    return [*page(answers, values, right=right), *button(answers, values, right=right, **body)]


def button(answers: Answers, values: dict[str, str], *, right: str = "owner", **body: str) -> list[Act]:
    return [Act(answers, values, body, right=right)]


def call(method: str, answers: Answers, values: dict[str, str], **body: str) -> Act:
    return Act(answers, values, body, method=method)


_PROJECT, _ORGANIZATION, _API = (
    "manage/project/<str:name>/",
    "manage/organization/<str:name>/",
    "api/v1/projects/<str:name>/",
)
_RELEASE, _FILE = f"{_PROJECT}releases/<str:version>/", f"{_PROJECT}files/<str:filename>/"
_YANKED = SAMPLE | {"version": "2.0", "filename": "{yanked}"}
_CRITICAL = "admin/critical/"
_PEOPLE, _STAFF = f"{_PROJECT}people/", "admin/moderation/"

_DESK = "admin/recovery/case/<uuid:pk>/"
_CASE = {"pk": "{desk_case}"}


def _draft_acts() -> dict[str, list[Act]]:
    """What is done to the draft of `Stage.values`, which can still change."""
    draft, named = "manage/draft/<uuid:public_id>/", {"public_id": "{draft}"}
    return {
        f"{_PROJECT}drafts/": page(MEMBERS, SAMPLE),
        draft: page(MEMBERS, named),
        f"{draft}files/<str:filename>": page(MEMBERS, named | {"filename": "sampleproject-4.0-py3-none-any.whl"}),
        f"{draft}files.zip": page(MEMBERS, named),
        f"{draft}hand-in/": form(MEMBERS, named),
        f"{draft}return/": page(MEMBERS, named),
        f"{draft}publish/": page(MEMBERS, named),
        f"{draft}cancel/": page(MEMBERS, named),
        # Approvers approve, and neither owners nor maintainers; who may release, the policies' tests say.
        f"{draft}approve/": page(OWNERS, named, right=""),
        f"{draft}approve/options/": button(OWNERS, named, right="", digest="x"),
        f"{draft}withdraw/": [*page(MEMBERS, named), *button(MEMBERS, named, right="")],
        f"{draft}release/": page(MEMBERS, named),
        f"{draft}release/options/": button(MEMBERS, named, right="", digest="x"),
        f"{draft}schedule/": page(MEMBERS, named),
        f"{draft}unschedule/": [*page(MEMBERS, named), *button(MEMBERS, named, right="")],
        f"{draft}evidence/": page(MEMBERS, named),
        f"{draft}preview/": form(MEMBERS, named),
    }


def _desk_acts() -> dict[str, list[Act]]:
    """What is done to the case of `Stage.values`, which waits in the queue; most acts take one of one's own."""
    tried = {
        "take": form(MODERATORS, _CASE, right="desk", reason=""),
        "note": form(MODERATORS, _CASE, right="desk", text="x"),
        "unmask": form(MODERATORS, _CASE, right="desk", reason="x"),
        "dispute": form(MODERATORS, _CASE, right="desk", reason="x"),
    }
    shown = (
        "release",
        "ask",
        "message",
        "reject",
        "escalate",
        "merge",
        "bounce",
        "settle",
        "glass",
        "confirm-glass",
    )
    return {
        _DESK: page(MODERATORS, _CASE, right="desk"),
        f"{_DESK}approve/": page(MODERATORS, _CASE, right="desk"),
        # Nobody works on it, so that nobody's sign of life is taken.
        f"{_DESK}heartbeat/": button(MODERATORS, _CASE, right=""),
        **{f"{_DESK}{code}/": acts for code, acts in tried.items()},
        **{
            f"{_DESK}{code}/": [
                *page(MODERATORS, _CASE, right="desk"),
                *button(MODERATORS, _CASE, right="", reason="x"),
            ]
            for code in shown
        },
    }


ACTS: dict[str, list[Act]] = {
    **_desk_acts(),
    "admin/recovery/queue/": form(MODERATORS, {}, right="desk", name="x"),
    "admin/recovery/queue/next/": button(MODERATORS, {}, right="desk", act="next"),
    "admin/recovery/queue/view/<int:pk>/drop/": button(MODERATORS, {"pk": "{view}"}, right="desk", act="drop"),
    _PROJECT: page(MEMBERS, SAMPLE),
    f"{_PROJECT}releases/": page(MEMBERS, SAMPLE),
    f"{_PROJECT}tokens/": page(MEMBERS, SAMPLE),
    f"{_PROJECT}settings/": page(MEMBERS, SAMPLE),
    f"{_PROJECT}history/": page(MEMBERS, SAMPLE),
    _RELEASE: page(MEMBERS, SAMPLE),
    f"{_RELEASE}delete/": form(OWNERS, SAMPLE, typed="1.0"),
    f"{_RELEASE}yank/": form(OWNERS, SAMPLE, reason="Broken."),
    f"{_RELEASE}unyank/": form(OWNERS, _YANKED),
    f"{_FILE}delete/": form(OWNERS, SAMPLE, typed="{filename}"),
    f"{_FILE}yank/": form(OWNERS, SAMPLE, reason="Broken."),
    f"{_FILE}unyank/": form(OWNERS, _YANKED),
    f"{_PROJECT}settings/status/": form(OWNERS, SAMPLE, status="archived", reason="Done."),
    f"{_PROJECT}settings/delete/": form(OWNERS, SAMPLE, typed="sampleproject"),
    "manage/deletion/<int:pk>/undo/": form(OWNERS, {"pk": "{deletion}"}),
    **_draft_acts(),
    _PEOPLE: page(MEMBERS, SAMPLE),
    f"{_PEOPLE}invite/": form(OWNERS, SAMPLE, invitee="mallory", kind="owner"),
    f"{_PEOPLE}invitations/<int:pk>/": button(OWNERS, SAMPLE | {"pk": "{invitation}"}, act="revoke"),
    f"{_PEOPLE}leave/": form(ANY_MEMBER, SAMPLE, act="leave"),
    f"{_PEOPLE}member/<str:username>/": form(OWNERS, SAMPLE, act="remove"),
    f"{_PEOPLE}teams/": form(OWNERS, SAMPLE, team="{team_pk}", kind="owner"),
    f"{_PEOPLE}teams/<int:pk>/": form(OWNERS, SAMPLE | {"pk": "{team_role}"}, act="take"),
    f"{_PROJECT}settings/webhooks/": form(OWNERS, SAMPLE, url="https://hooks.example.org/1"),
    f"{_PROJECT}settings/webhooks/<uuid:public_id>/": form(OWNERS, SAMPLE | {"public_id": "{webhook}"}),
    f"{_PROJECT}transfer/": form(OWNERS, SAMPLE, receiver="mallory", typed="sampleproject"),
    f"{_PROJECT}transfer/cancel/": button(OWNERS, ROCKET),
    f"{_PROJECT}settings/publishing/": form(OWNERS, SAMPLE, publishing="required-explicit", approvals="0"),
    f"{_PROJECT}settings/publishing/stop/": button(OWNERS, SAMPLE),
    f"{_PROJECT}settings/publishing/<int:pk>/agree/": button(OWNERS, SAMPLE | {"pk": "{policy_change}"}),
    "manage/transfer/<int:pk>/": page(ONE_PERSON, {"pk": "{transfer}"}, right="frank"),
    "manage/transfer/<int:pk>/accept/": button(ONE_PERSON_WITH_FACTOR, {"pk": "{transfer}"}, right="frank"),
    "manage/transfer/<int:pk>/decline/": button(ONE_PERSON, {"pk": "{transfer}"}, right="frank"),
    "account/invitations/project/<int:pk>/": [
        *page(ONE_PERSON, {"pk": "{invitation}"}, right="frank"),
        *button(ONE_PERSON_WITH_FACTOR, {"pk": "{invitation}"}, right="frank", act="accept"),
        *button(ONE_PERSON, {"pk": "{invitation}"}, right="frank", act="decline"),
    ],
    "account/invitations/organization/<int:pk>/": [
        *button(ONE_PERSON_WITH_FACTOR, {"pk": "{joining}"}, right="frank", act="accept"),
        *button(ONE_PERSON, {"pk": "{joining}"}, right="frank", act="decline"),
    ],
    "account/signing-keys/<int:pk>/": page(ONE_PERSON, {"pk": "{signing_key}"}),
    "account/signing-keys/<int:pk>/remove/": form(ONE_PERSON, {"pk": "{signing_key}"}),
    "account/security/keys/<int:pk>/": [
        *form(ONE_PERSON, {"pk": "{key}"}, act="rename", name="another"),
        *button(ONE_PERSON, {"pk": "{key}"}, act="remove", typed="blue"),
    ],
    "account/tokens/<uuid:pk>/revoke/": form(ONE_PERSON, {"pk": "{token}"}),
    _ORGANIZATION: page(MEMBERS, ACME),
    f"{_ORGANIZATION}history/": page(MEMBERS, ACME),
    f"{_ORGANIZATION}teams/<str:team>/": page(MEMBERS, ACME),
    f"{_ORGANIZATION}leave/": form(ANY_MEMBER, ACME),
    f"{_ORGANIZATION}invite/": form(OWNERS, ACME, whom="mallory", kind="manager"),
    f"{_ORGANIZATION}invitations/<int:pk>/": button(OWNERS, ACME | {"pk": "{joining}"}, act="revoke"),
    f"{_ORGANIZATION}members/<str:username>/": form(OWNERS, ACME, act="remove"),
    f"{_ORGANIZATION}teams/create/": form(OWNERS, ACME, name="another"),
    f"{_ORGANIZATION}teams/<str:team>/change/": button(OWNERS, ACME, act="delete"),
    f"{_ORGANIZATION}delete/": form(OWNERS, {"name": "empty"}, typed="empty"),
    _STAFF: page(ALL_STAFF, {}, right="moderator"),
    f"{_STAFF}names/": form(
        MODERATORS, {}, right="moderator", kind="project", act="prohibit", name="x", reason="y"
    ),
    f"{_STAFF}reports/": page(MODERATORS, {}, right="moderator"),
    f"{_STAFF}report/<int:pk>/": form(
        MODERATORS, {"pk": "{report}"}, right="moderator", verdict="malware", reason="y"
    ),
    f"{_STAFF}policy-changes/": page(MODERATORS, {}, right="moderator"),
    f"{_STAFF}policy-change/<int:pk>/": [
        *page(MODERATORS, {"pk": "{policy_change}"}, right="moderator"),
        # After 14 days, where there is one owner alone: test_policy_changes.
        *button(MODERATORS, {"pk": "{policy_change}"}, right="", reason="y"),
    ],
    f"{_STAFF}limits/": page(MODERATORS, {}, right="moderator"),
    f"{_STAFF}leaks/": form(MODERATORS, {}, right="moderator", text="x", reason="y"),
    # Whoever can be answered may report what everybody may see.
    "project/<str:name>/report/": form(_answers(SIGN_IN), SAMPLE, right="frank", text="It steals."),
    f"{_STAFF}project/<str:name>/": form(MODERATORS, SAMPLE, right="moderator", act="quarantine", reason="y"),
    f"{_STAFF}account/<str:username>/": form(MODERATORS, {}, right="moderator", act="freeze", reason="y"),
    _CRITICAL: page(MODERATORS, {}, right="curator"),
    f"{_CRITICAL}queue/": page(MODERATORS, {}, right="moderator"),
    f"{_CRITICAL}propose/": form(MODERATORS, {}, right="curator", name="other", change="join", reason="y"),
    f"{_CRITICAL}proposal/<int:pk>/": [
        *form(MODERATORS, {"pk": "{listing}"}, right="curator", reason="y"),
        *button(MODERATORS, {"pk": "{listing}"}, right="curator", act="agree"),
    ],
    "admin/staff/": page(ALL_STAFF, {}, right="moderator"),
    "admin/staff/propose/": form(MODERATORS, {}, right="moderator", username="trudy", role="auditor", reason="y"),
    "admin/staff/proposal/<int:pk>/": [
        *page(ALL_STAFF, {"pk": "{proposal}"}, right="moderator"),
        *button(MODERATORS, {"pk": "{proposal}"}, right="moderator", reason="y"),
        *button(MODERATORS, {"pk": "{proposal}"}, right="security", act="confirm"),
    ],
    "admin/staff/factors/<str:username>/": form(MODERATORS, {"username": "mona"}, right="security", reason="y"),
    "admin/staff/member/<str:username>/<str:role>/": form(
        MODERATORS, {"username": "mona"}, right="security", reason="y"
    ),
    "admin/recovery/figures/": page(MODERATORS, {}, right="security"),
    "admin/": page(ALL_STAFF, {}, right="moderator"),
    "admin/(?P<url>.*)$": page(ALL_STAFF, {}, right=""),
    "admin/look-up/": form(MODERATORS, {}, right="moderator", kind="email", name="alice@example.org"),
    "admin/look-up/account/<str:username>/": page(MODERATORS, {}, right="moderator"),
    "admin/look-up/project/<str:name>/": page(MODERATORS, SAMPLE, right="moderator"),
    "admin/audit/": form(MODERATORS, {}, right="auditor", format="csv", reason="y"),
    "admin/audit/seals/": form(MODERATORS, {}, right="auditor", x="y"),
    "admin/audit/event/<int:number>/": form(MODERATORS, {"number": "{event}"}, right="auditor", reason="y"),
    f"{_API}members/": [Act(MEMBERS_TOKEN, SAMPLE, method="get")],
    f"{_API}history/": [Act(MEMBERS_TOKEN, SAMPLE, method="get")],
    f"{_API}invitations/": [
        Act(OWNERS_TOKEN, SAMPLE, method="get"),
        call("post", OWNERS_TOKEN, SAMPLE, invitee="mallory", role="maintainer"),
    ],
    f"{_API}invitations/<int:pk>/": [call("delete", OWNERS_TOKEN, SAMPLE | {"pk": "{invitation}"})],
    f"{_API}releases/<str:version>/yank/": [
        call("put", OWNERS_TOKEN, SAMPLE, reason="Broken."),
        call("delete", OWNERS_TOKEN, _YANKED),
    ],
    f"{_API}files/<str:filename>/yank/": [
        call("put", OWNERS_TOKEN, SAMPLE, reason="Broken."),
        call("delete", OWNERS_TOKEN, _YANKED),
    ],
}
