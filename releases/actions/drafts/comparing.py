"""Comparing a draft that was handed in with the release before it: once, in the worker, and kept.

Archives are read here and not where pages are made: a large draft would hold up a thread of the server each time
somebody looks at it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.tasks import task

from indexsite import clock, storage
from releases.models import Draft, DraftFile, DraftFileState, DraftReport, DraftState, File, PackageType, Release
from releases.models.drafts import STATUS_KEPT
from releases.review import Question, Report, Source, Uploader, baseline, review


def ask_for_comparison(draft: Draft) -> None:
    """Have the worker compare the draft as it was handed in, if the transaction commits."""
    compare_draft.enqueue(draft=draft.pk, digest=draft.digest)


@task()
def compare_draft(*, draft: int, digest: str) -> None:
    compare(draft, digest=digest, at=clock.now())


def compare(pk: int, *, digest: str, at: datetime) -> bool:
    """Compare the draft and keep the report; whether that was to be done.

    Not a second time, and not when the draft is in review with another digest, or not any more.

    Raises:
        BlobMissing: a file cannot be read; the queue tries again.
    """
    draft = _in_review(pk, digest)
    if draft is None or draft.reports.filter(digest=digest).exists():
        return False
    report = review(_question(draft))
    return _keep(pk, digest, report, at)


@transaction.atomic
def _keep(pk: int, digest: str, report: Report, at: datetime) -> bool:
    draft = _in_review(pk, digest)
    if draft is None:
        return False
    draft.reports.exclude(digest=digest).delete()
    DraftReport.objects.get_or_create(
        draft=draft,
        digest=digest,
        defaults={"previous": report.previous, "body": report.as_json(), "made_at": at},
    )
    return True


def forget_reports(*, at: datetime) -> int:
    """Delete the reports on canceled drafts, and on those that ended longer than `STATUS_KEPT` ago; how many."""
    canceled = DraftReport.objects.filter(draft__state=DraftState.CANCELED)
    old = DraftReport.objects.filter(draft__ended_at__lt=at - STATUS_KEPT)
    return canceled.delete()[0] + old.delete()[0]


def _in_review(pk: int, digest: str) -> Draft | None:
    return Draft.objects.filter(pk=pk, digest=digest, state=DraftState.REVIEW).select_related("project").first()


def _question(draft: Draft) -> Question:
    files = list(draft.files.filter(state=DraftFileState.COMPLETED).select_related("created_by"))
    published = Release.objects.filter(project=draft.project_id, files__deletion=None, files__isnull=False)
    previous = baseline(draft.version, set(published.values_list("version", flat=True)))
    before = File.objects.filter(release__project=draft.project_id, release__version=previous)
    has_sdist = any(file.package_type == PackageType.SDIST for file in files)
    beside = File.objects.filter(
        release__project=draft.project_id,
        release__normalized_version=draft.normalized_version,
        package_type=PackageType.SDIST,
    )
    return Question(
        files=_sources(files),
        before=_sources(before),
        previous=previous,
        uploaders=_uploaders(draft, files),
        published_sdist=None if has_sdist else next(iter(_sources(beside)), None),
    )


def _sources(files: Iterable[DraftFile | File]) -> list[Source]:
    return [_source(file) for file in files]


def _source(file: DraftFile | File) -> Source:
    digest = file.sha256
    return Source(file.filename, file.package_type, file.size, lambda: storage.open_blob(digest))


def _uploaders(draft: Draft, files: Iterable[DraftFile]) -> list[Uploader]:
    people = {file.created_by_id: file.created_by for file in files}
    known = set(
        File.with_deleted.filter(release__project=draft.project_id, uploaded_by__in=people)
        .values_list("uploaded_by", flat=True)
        .distinct()
    )
    return [
        Uploader(person.username, is_new=pk not in known)
        for pk, person in sorted(people.items(), key=lambda item: item[1].username)
    ]
