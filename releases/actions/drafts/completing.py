"""Completing a file of a draft: its bytes are put together, judged, and kept or refused for good."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from django.db import DataError, transaction

from indexsite import audit, limits, storage
from indexsite.actors import Actor
from indexsite.audit import drafts as events
from indexsite.errors import DomainError
from indexsite.limits import Limit
from indexsite.policies import Action, require
from releases import description
from releases.actions import releasing
from releases.actions.drafts.files import ALGORITHMS, FileClosed, insist_pending, locked_file
from releases.actions.drafts.standing import event_of
from releases.models import Draft, DraftFile, DraftFileState, DraftPart, PackageType
from releases.upload import Hashes, ParsedUpload, parse_file

_READ = 1 << 20


def complete_file(*, actor: Actor, file: DraftFile, at: datetime) -> DraftFile:
    """Judge the received bytes: the file is completed then, or in error, for good. Safe to repeat.

    Raises:
        FileClosed: it was canceled, or no bytes have come.
        DraftClosed, PermissionRefused: as the name says.
        LimitReached: too many files by this account.
    """
    require(actor, Action.DRAFT_UPLOAD, file.draft)
    limits.consume(Limit.UPLOAD_USER, str(actor.person.pk), at=at)
    if file.state in {DraftFileState.COMPLETED, DraftFileState.ERROR}:
        return file
    parts = list(file.parts.all())
    path = storage.incoming() / f"{uuid.uuid4().hex}.draft"
    try:
        outcome = _judge(file, parts, path)
        return _complete(actor, file, [part.pk for part in parts], outcome, at)
    finally:
        path.unlink(missing_ok=True)


@dataclass(frozen=True)
class _Outcome:
    """What became of the bytes: what is known of them, or the sentence why they cannot be used."""

    hashes: Hashes | None = None
    parsed: ParsedUpload | None = None
    about: dict[str, Any] | None = None
    metadata_sha256: str = ""
    problem: str = ""


def _judge(file: DraftFile, parts: list[DraftPart], path: Path) -> _Outcome:
    hashes, digests = _assemble(file, parts, path)
    if hashes.size != file.claimed_size:
        return _Outcome(problem=f"{hashes.size} bytes came and {file.claimed_size} were announced.")
    for name, digest in digests.items():
        if file.claimed_hashes[name] != digest:
            return _Outcome(problem=f"The {name} digest of the bytes is another one than was announced.")
    try:
        parsed = parse_file(path, filename=file.filename, hashes=hashes)
    except DomainError as error:
        return _Outcome(problem=error.sentence)
    html = description.render(parsed.description, parsed.description_content_type)
    about = asdict(releasing.About.of(parsed, html))
    return _Outcome(hashes, parsed, about, releasing.store_blobs(path, hashes, parsed.metadata_bytes))


def _assemble(file: DraftFile, parts: list[DraftPart], path: Path) -> tuple[Hashes, dict[str, str]]:
    """All bytes in one file, and their digests by every algorithm that was announced."""
    ours = {"md5": hashlib.md5(usedforsecurity=False), "sha256": hashlib.sha256()}
    blake2 = hashlib.blake2b(digest_size=32)
    theirs = {
        name: hashlib.new(name, usedforsecurity=False) for name in ALGORITHMS.intersection(file.claimed_hashes)
    }
    size = 0
    with path.open("xb") as whole:
        for part in parts:
            with storage.open_blob(part.sha256) as blob:
                size += _copy(blob, whole, [*ours.values(), blake2, *theirs.values()])
    hashes = Hashes(ours["md5"].hexdigest(), ours["sha256"].hexdigest(), blake2.hexdigest(), size)
    return hashes, {name: digest.hexdigest() for name, digest in theirs.items()}


def _copy(source: BinaryIO, target: BinaryIO, digests: list[Any]) -> int:
    size = 0
    while chunk := source.read(_READ):
        target.write(chunk)
        size += len(chunk)
        for digest in digests:
            digest.update(chunk)
    return size


def _complete(actor: Actor, file: DraftFile, parts: list[int], outcome: _Outcome, at: datetime) -> DraftFile:
    try:
        with transaction.atomic():
            return _settle(actor, file, parts, outcome, at)
    except DataError:
        with transaction.atomic():
            problem = "Its metadata holds a value that cannot be stored; shorten it or remove control characters."
            return _settle(actor, file, parts, _Outcome(problem=problem), at)


def _settle(actor: Actor, file: DraftFile, parts: list[int], outcome: _Outcome, at: datetime) -> DraftFile:
    file = locked_file(actor, Action.DRAFT_UPLOAD, file)
    if file.state in {DraftFileState.COMPLETED, DraftFileState.ERROR}:
        return file  # the same request, twice
    insist_pending(file)
    if not parts:
        raise FileClosed("No bytes of this file have come; send them first.")
    if list(file.parts.values_list("pk", flat=True)) != parts:
        raise FileClosed("Other bytes of this file came at this moment; complete it again.")
    problem = outcome.problem or (outcome.parsed and second_sdist(file.draft, outcome.parsed.package_type)) or ""
    file.completed_at = at
    if problem:
        file.state, file.notice = DraftFileState.ERROR, problem[:500]
        file.save()
        audit.record(
            actor, event_of(events.DraftFileRefused, file.draft, filename=file.filename, notice=file.notice)
        )
        return file
    _fill(file, outcome)
    file.state = DraftFileState.COMPLETED
    file.save()
    file.parts.all().delete()
    audit.record(
        actor,
        event_of(events.DraftFileAdded, file.draft, filename=file.filename, sha256=file.sha256, size=file.size),
    )
    return file


def second_sdist(draft: Draft, package_type: str) -> str:
    """Why a file of this type is one too many; "" if it is not."""
    if package_type != PackageType.SDIST:
        return ""
    others = draft.files.filter(package_type=PackageType.SDIST, state=DraftFileState.COMPLETED)
    return "The draft has a source distribution already." if others.exists() else ""


def _fill(file: DraftFile, outcome: _Outcome) -> None:
    hashes, parsed = outcome.hashes, outcome.parsed
    assert hashes is not None  # noqa: S101 - there is no problem
    assert parsed is not None  # noqa: S101
    file.size, file.md5, file.sha256, file.blake2_256 = hashes.size, hashes.md5, hashes.sha256, hashes.blake2_256
    file.package_type, file.python_version = parsed.package_type, parsed.python_version
    file.requires_python = parsed.requires_python
    file.metadata_sha256, file.about = outcome.metadata_sha256, outcome.about or {}
