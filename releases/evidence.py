"""Evidence files: what was signed about a draft, to be kept elsewhere and checked without the database.

A file proves that the keys in it have signed what it says, and that nothing in it was altered. Whose keys they are
stands in the audit trail, by the digest of each evidence.
"""

from __future__ import annotations

import json
from typing import Any

from django.conf import settings

from mfa.assertions import KeptSignature, SignatureBroken
from releases.models import Draft, DraftFileState, SignedStatement, SigningFactor
from releases.models.drafts import digest_of_rows
from releases.statements import Evidence, Statement, Unreadable, challenge_of, unb64

FORMAT = "indexsite-approvals-1"
_KEYS = {"format", "site", "project", "version", "draft", "draft_digest", "files", "statements"}
_FILE_KEYS = {"filename", "size", "sha256", "attestation_digest"}


def evidence_file(draft: Draft) -> bytes:
    """All that stands for the draft as it is, or as it was published."""
    rows = SignedStatement.objects.live().filter(draft=draft, draft_digest=draft.digest) if draft.digest else []
    files = draft.files.exclude(state=DraftFileState.CANCELED).order_by("filename")
    told = {
        "format": FORMAT,
        "site": settings.SITE_URL,
        "project": draft.normalized_name,
        "version": draft.version,
        "draft": str(draft.public_id),
        "draft_digest": draft.digest,
        "files": [
            {
                "filename": file.filename,
                "size": file.size,
                "sha256": file.sha256,
                "attestation_digest": file.attestation_digest,
            }
            for file in files
        ],
        "statements": [row.evidence().told() for row in rows],
    }
    return json.dumps(told, indent=2).encode() + b"\n"


def faults_of(content: bytes) -> tuple[list[str], list[str]]:
    """What the file shows, a line per statement, and what is wrong with it; nothing is, where that is empty."""
    try:
        told = json.loads(content)
    except (ValueError, RecursionError):
        return [], ["This is no JSON."]
    if not isinstance(told, dict) or set(told) != _KEYS or told["format"] != FORMAT:
        return [], [f"This is no evidence file of the format {FORMAT}."]
    faults = _faults_of_files(told)
    shown, seen = [], set()
    statements = told["statements"] if isinstance(told["statements"], list) else [None]
    for number, entry in enumerate(statements, 1):
        try:
            said, line = _check(told, entry)
        except (Unreadable, SignatureBroken) as error:
            faults.append(f"Statement {number}: {error}")
            continue
        shown.append(line)
        if (said.act, said.approver) in seen:
            faults.append(f"Statement {number}: {said.approver} says the same twice.")
        seen.add((said.act, said.approver))
    return shown, faults


def _faults_of_files(told: dict[str, Any]) -> list[str]:
    files = told["files"]
    if not isinstance(files, list) or not all(
        isinstance(each, dict) and set(each) == _FILE_KEYS for each in files
    ):
        return ["The list of files cannot be read."]
    try:
        rows = [[each["filename"], each["size"], each["sha256"], each["attestation_digest"]] for each in files]
        found = digest_of_rows(rows)
    except TypeError:
        return ["The list of files cannot be read."]
    return [] if found == told["draft_digest"] else ["The files are not those of the draft digest."]


def _check(told: dict[str, Any], entry: object) -> tuple[Statement, str]:
    evidence, claimed = Evidence.read(entry)
    said = Statement.read(evidence.statement)
    for name in ("site", "project", "version", "draft", "draft_digest"):
        if getattr(said, name) != told[name]:
            raise Unreadable(f"its {name} is another one than the file's.")
    if said.act not in {"approve", "release"}:
        raise Unreadable("it says neither that the draft is approved nor that it is released.")
    line = f"{said.act} by {said.approver} on {evidence.created_at}: {_proof(evidence)}, evidence {claimed}"
    if evidence.digest() != claimed:
        raise Unreadable("its entries are not those of its evidence digest.")
    return said, line


def _proof(evidence: Evidence) -> str:
    if evidence.factor == SigningFactor.APP:
        if evidence.signature or evidence.public_key:
            raise Unreadable("an authenticator app signs nothing, and here is a signature.")
        return "confirmed with an authenticator app, not signed"
    if evidence.factor != SigningFactor.KEY:
        raise Unreadable("it was given with a factor that is not known.")
    kept = KeptSignature(
        client_data=evidence.client_data,
        authenticator_data=evidence.authenticator_data,
        signature=evidence.signature,
        public_key=evidence.public_key,
        credential_sha256=evidence.credential_sha256,
        rp_id=evidence.rp_id,
        origin=evidence.origin,
    )
    kept.check(challenge=unb64(challenge_of(evidence.statement)))
    if kept.algorithm != evidence.algorithm:
        raise SignatureBroken("The algorithm is another one than the key's.")
    return "signed by a key that asked for its owner" if kept.verified_user else "signed by a key"
