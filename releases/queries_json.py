"""What the JSON API says of a project, assembled from rows in three queries."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.db.models import Exists, OuterRef

from releases.models import File, Project, Release
from releases.queries import latest_of
from releases.queries_marks import Review, review_of

# Core metadata that is one string in `info`; absent is "" where clients expect text, None where they expect null.
_TEXT = ("author", "author_email", "home_page", "keywords", "license", "maintainer", "maintainer_email")
_NULLABLE = ("download_url", "license_expression")


def project_document(project: Project, *, version: str | None = None) -> dict[str, Any] | None:
    """The document of a project, or of one of its releases.

    Args:
        version: normalised; None means the latest release, and adds `releases`.

    Returns:
        JSON-ready, in the shape that existing clients of `/pypi/<name>/json` read; None without such a release.
    """
    has_files = Exists(File.objects.filter(release=OuterRef("pk")))
    releases = list(project.releases.filter(has_files).defer("description_html"))
    if version is None:
        chosen = latest_of(releases)
    else:
        chosen = next((release for release in releases if release.normalized_version == version), None)
    if chosen is None:
        return None
    files: dict[int, list[dict[str, Any]]] = {release.pk: [] for release in releases}
    wanted = releases if version is None else [chosen]
    by_pk = {release.pk: release for release in wanted}
    # Deleted ones too, and left out here: else SQLite walks through all files of the index that are not deleted.
    rows = File.with_deleted.filter(release__in=wanted).select_related("review_mark")
    present = [file for file in rows.order_by("uploaded_at", "pk") if file.deletion_id is None]
    for file in present:
        files[file.release_id].append(_file(file, by_pk[file.release_id]))
    document: dict[str, Any] = {
        "info": _info(project, chosen),
        "last_serial": project.last_serial,
        "urls": files[chosen.pk],
        "vulnerabilities": [],
        # Ours, and named so: no other index has it.
        "_indexsite": {"review": _review(review_of(file for file in present if file.release_id == chosen.pk))},
    }
    if version is None:
        in_order = sorted(releases, key=lambda release: release.parsed_version)
        document["releases"] = {release.version: files[release.pk] for release in in_order}
    return document


def _info(project: Project, release: Release) -> dict[str, Any]:
    fields = release.metadata
    page = f"{settings.SITE_URL}/project/{project.normalized_name}/"
    urls = dict(_labelled(line) for line in fields.get("project_url", []))
    return {
        "name": project.name,
        "version": release.version,
        "summary": release.summary,
        "description": release.description,
        "description_content_type": release.description_content_type or None,
        "requires_python": release.requires_python or None,
        **{key: _text(fields.get(key)) for key in _TEXT},
        **{key: _text(fields.get(key)) or None for key in _NULLABLE},
        "classifiers": fields.get("classifier", []),
        "dynamic": fields.get("dynamic") or None,
        "license_files": fields.get("license_file") or None,
        "platform": ", ".join(fields.get("platform", [])) or None,
        "provides_extra": fields.get("provides_extra") or None,
        "requires_dist": fields.get("requires_dist") or None,
        "project_urls": urls or None,
        "package_url": page,
        "project_url": page,
        "release_url": f"{page}{release.version}/",
        "bugtrack_url": None,
        "docs_url": None,
        # Counted nowhere here; -1 is what clients know as "no figure".
        "downloads": {"last_day": -1, "last_month": -1, "last_week": -1},
        "yanked": release.is_yanked,
        "yanked_reason": release.yanked_reason or None,
    }


def _file(file: File, release: Release) -> dict[str, Any]:
    yanked = file.yank_shown(release)
    return {
        "comment_text": None,
        "digests": {"blake2b_256": file.blake2_256, "md5": file.md5, "sha256": file.sha256},
        "downloads": -1,
        "filename": file.filename,
        "has_sig": False,
        "md5_digest": file.md5,
        "packagetype": file.package_type,
        "python_version": file.python_version,
        "requires_python": file.requires_python or None,
        "size": file.size,
        "upload_time": file.uploaded_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S"),
        "upload_time_iso_8601": _iso(file.uploaded_at),
        "url": f"{settings.SITE_URL}/files/{file.path}",
        "yanked": yanked is not None,
        "yanked_reason": yanked or None,
    }


def _review(review: Review) -> dict[str, Any]:
    return {
        "files": review.file_count,
        "staged": review.staged_count,
        "drafts": [
            {
                "files": [file.filename for file in draft.files],
                "published_at": _iso(draft.mark.published_at),
                "approvals": draft.mark.approvals,
                "policy": {
                    "mode": draft.mark.publishing,
                    "approvals": draft.mark.approvals_needed,
                    "four_eyes": draft.mark.four_eyes,
                    "approve_by_code": draft.mark.approve_by_code,
                    "version": draft.mark.policy_version,
                },
            }
            for draft in review.drafts
        ],
    }


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _text(value: Any) -> str:
    """Keywords come as a list in the JSON form of core metadata; clients expect them joined."""
    return ",".join(value) if isinstance(value, list) else str(value or "")


def _labelled(line: str) -> tuple[str, str]:
    label, _, url = line.partition(",")
    return label.strip(), url.strip()
