"""Bytes of a file in a draft, in one piece or several, and what comes with them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import transaction

from indexsite import storage
from indexsite.actors import Actor
from indexsite.errors import Conflict
from indexsite.policies import Action, require
from releases.actions.drafts.files import CHUNKS, WHOLE, FileClosed, insist_pending, locked_file
from releases.actions.drafts.standing import insist_editable, unusable
from releases.models import DraftFile, DraftPart
from releases.upload import Hashes

MAX_ATTESTATIONS = 8
MAX_ATTESTATION_BYTES = 64 * 1024  # of all of them together, as JSON
# A line that is cut makes a part; so many cuts no upload has.
MAX_PARTS = 1000


class OffsetWrong(Conflict):
    """The bytes do not follow those that are here. `offset` is where they have to begin."""

    code = "wrong-offset"

    def __init__(self, offset: int) -> None:
        super().__init__(f"The next byte that is missing is number {offset}; send the bytes from there.")
        self.offset = offset


@dataclass(frozen=True)
class Received:
    """Bytes as they came: `path` is a temporary blob in `storage.incoming()`, consumed on success."""

    path: Path
    hashes: Hashes


def expect_bytes(*, actor: Actor, file: DraftFile, mechanism: str) -> int:
    """Ask before a byte is read; how many bytes there may be.

    Raises:
        FileClosed, DraftClosed, NotAuthenticated, PermissionRefused: nothing is wanted from this actor, or now.
    """
    require(actor, Action.DRAFT_UPLOAD, file.draft)
    insist_editable(file.draft)
    insist_pending(file)
    if file.mechanism != mechanism:
        raise FileClosed(f"This file was announced for the mechanism {file.mechanism}; send it that way.")
    return file.claimed_size


def receive_whole(*, actor: Actor, file: DraftFile, received: Received) -> DraftFile:
    """Take all bytes of the file at once; sent again before completion, they take the place of the earlier ones.

    Raises:
        FileClosed: the upload is over, or goes by another mechanism.
        DraftClosed, PermissionRefused: as the name says.
    """
    expect_bytes(actor=actor, file=file, mechanism=WHOLE)
    storage.put_once(received.path, sha256=received.hashes.sha256)
    return _keep(actor, file, 0, received.hashes)


def receive_part(*, actor: Actor, file: DraftFile, offset: int, received: Received) -> DraftFile:
    """Take the next bytes of a file that comes in parts. One that is here already is answered as if it came now.

    Raises:
        OffsetWrong: they do not begin where those that are here end.
        FileClosed, DraftClosed, PermissionRefused: as for `receive_whole`.
    """
    expect_bytes(actor=actor, file=file, mechanism=CHUNKS)
    storage.put_once(received.path, sha256=received.hashes.sha256)
    return _keep(actor, file, offset, received.hashes)


@transaction.atomic
def _keep(actor: Actor, file: DraftFile, offset: int, hashes: Hashes) -> DraftFile:
    file = locked_file(actor, Action.DRAFT_UPLOAD, file)
    insist_pending(file)
    if file.mechanism == WHOLE:
        file.parts.all().delete()
    here = offset_of(file)
    if offset != here:
        same = file.parts.filter(start=offset, size=hashes.size, sha256=hashes.sha256)
        if same.exists():  # its answer was lost on the way
            return file
        raise OffsetWrong(here)
    if file.parts.count() >= MAX_PARTS:
        raise FileClosed(f"A file comes in at most {MAX_PARTS} parts; delete it and send larger ones.")
    if here + hashes.size > file.claimed_size:
        raise unusable(
            f"The file was announced with {file.claimed_size} bytes and has more; begin it again.", "size-mismatch"
        )
    DraftPart.objects.create(file=file, start=offset, size=hashes.size, sha256=hashes.sha256)
    return file


def offset_of(file: DraftFile) -> int:
    """How many bytes are here."""
    return sum(file.parts.values_list("size", flat=True))


@transaction.atomic
def attach(*, actor: Actor, file: DraftFile, attestations: list[dict[str, Any]]) -> DraftFile:
    """Keep attestations (PEP 740) with the file; they come before it is completed, and the last ones count.

    They are bound to the file by the draft digest and are not verified yet.

    Raises:
        InvalidInput: too many, too large, or no attestation objects.
        FileClosed, DraftClosed, PermissionRefused: as the name says.
    """
    if len(attestations) > MAX_ATTESTATIONS:
        raise unusable(f"A file has at most {MAX_ATTESTATIONS} attestations.", "invalid-attestations")
    for one in attestations:
        if (
            not isinstance(one, dict)
            or one.get("version") != 1
            or not {"verification_material", "envelope"} <= one.keys()
        ):
            raise unusable(
                "Each attestation is an object with version 1, verification_material and envelope (PEP 740).",
                "invalid-attestations",
            )
    text = json.dumps(attestations, ensure_ascii=False)
    if len(text) > MAX_ATTESTATION_BYTES:
        raise unusable(
            f"The attestations of a file have at most {MAX_ATTESTATION_BYTES // 1024} KB.", "invalid-attestations"
        )
    if "\\u0000" in text or not _is_unicode(text):
        raise unusable("The attestations have characters that cannot be stored.", "invalid-attestations")
    file = locked_file(actor, Action.DRAFT_UPLOAD, file)
    insist_pending(file)
    file.attestations = attestations
    file.save(update_fields=["attestations"])
    return file


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair
        return False
    return True
