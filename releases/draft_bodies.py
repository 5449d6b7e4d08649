"""Drafts as the bodies of PEP 694: which links lead somewhere, and what this actor may see of them."""

from __future__ import annotations

from urllib.parse import quote

from django.conf import settings
from django.urls import reverse

from indexsite.actors import Actor
from indexsite.policies import Action, may
from releases import upload2
from releases.actions.drafts.files import CHUNKS, MECHANISMS
from releases.actions.drafts.receiving import offset_of
from releases.actions.drafts.standing import files_of, review_address
from releases.models import Draft, DraftFile, DraftFileState, DraftState, digest_of
from releases.queries_approvals import approvals_of
from releases.upload2 import Body, FileFacts, SessionFacts, SessionFile


def session_of(actor: Actor, draft: Draft) -> Body:
    """The publishing session, for somebody who may read it."""
    files = files_of(draft)
    token = draft.token if _is_shown_to(actor, draft) else ""
    links = {"session": session_address(draft)}
    if draft.is_editable:
        links |= {name: _address(f"upload2_{name}", draft.public_id) for name in ("upload", "publish", "extend")}
    if token:
        links["stage"] = stage_address(token)
    facts = SessionFacts(
        links=links,
        mechanisms=MECHANISMS,
        token=token,
        expires_at=draft.expires_at,
        status=draft.wire_state,
        files={file.filename: _listed(file, token) for file in files},
        notices=_notices(draft),
        about=_about(draft, files, token),
    )
    return upload2.session_body(facts)


def file_of(file: DraftFile) -> Body:
    """One file upload."""
    draft = file.draft
    links = {"file-upload-session": file_address(file), "publishing-session": session_address(draft)}
    is_open = draft.is_editable and file.state == DraftFileState.PENDING
    if is_open:
        links["complete"] = _address("upload2_complete", file.public_id)
    mechanism: Body = {"identifier": file.mechanism}
    if is_open:
        mechanism["file_url"] = _address("upload2_bytes", file.public_id)
        mechanism["attestations_url"] = _address("upload2_attestations", file.public_id)
        if file.mechanism == CHUNKS:
            mechanism["offset"] = offset_of(file)
    facts = FileFacts(
        links=links,
        status=file.state,
        expires_at=draft.expires_at,
        mechanism=mechanism,
        notices=[file.notice] if file.notice else [],
        about=_about_file(file),
    )
    return upload2.file_body(facts)


def session_address(draft: Draft) -> str:
    """Where the status of the session is."""
    return _address("upload2_session", draft.public_id)


def file_address(file: DraftFile) -> str:
    """Where the status of the file upload is."""
    return _address("upload2_file", file.public_id)


def stage_address(token: str) -> str:
    """The simple index of the draft alone: calculable from the token, as PEP 694 wants it."""
    return f"{settings.SITE_URL}/stage/{token}/simple/"


def overlay_address(token: str) -> str:
    """The draft over all that is published here."""
    return f"{settings.SITE_URL}/stage/{token}/overlay/"


def _address(name: str, public_id: object) -> str:
    return settings.SITE_URL + reverse(name, args=[public_id])


def _is_shown_to(actor: Actor, draft: Draft) -> bool:
    # The policy asks for a project: one that was only reserved is gone with its draft.
    return draft.is_live and bool(may(actor, Action.DRAFT_PREVIEW, draft))


def _listed(file: DraftFile, token: str) -> SessionFile:
    if file.draft.state == DraftState.PUBLISHED:
        path = f"{file.sha256[:2]}/{file.sha256[2:4]}/{file.sha256[4:]}/{quote(file.filename)}"
        link = f"{settings.SITE_URL}/files/{path}"
    elif token:
        link = f"{settings.SITE_URL}/stage/{token}/files/{quote(file.filename)}"
    else:
        # As unguessable, and it opens nothing to those who may not see the preview.
        link = file_address(file)
    return SessionFile(
        status=file.state, link=link, notices=[file.notice] if file.notice else [], about=_about_file(file)
    )


def _about_file(file: DraftFile) -> Body:
    """What the PEP has no key for: without it nobody could compare what the server has with what they built."""
    about: Body = {"file-upload-session": file_address(file), "uploaded-by": file.created_by.username}
    if file.credential:
        about["uploaded-with"] = file.credential
    if file.sha256:
        about |= {"size": file.size, "hashes": {"sha256": file.sha256, "blake2_256": file.blake2_256}}
    if file.attestations:
        about["attestations"] = len(file.attestations)
    return about


def _about(draft: Draft, files: list[DraftFile], token: str) -> Body:
    about: Body = {
        "name": draft.name,
        "version": draft.version,
        "review": review_address(draft),
        "digest": draft.digest or digest_of(files),
    }
    if draft.project is not None:
        about["publishing"] = draft.project.publishing
        approvals = approvals_of(draft)
        about["approvals"] = {"given": approvals.given, "needed": approvals.needed}
    if draft.publish_at is not None:
        about["publish-at"] = upload2.timestamp(draft.publish_at)
    return about | ({"overlay": overlay_address(token)} if token else {})


def _notices(draft: Draft) -> list[str]:
    if draft.state == DraftState.REVIEW:
        return [f"People are asked to look at this draft at {review_address(draft)}"]
    return [draft.notice] if draft.notice else []
