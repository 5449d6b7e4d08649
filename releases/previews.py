"""What is answered under `/stage/`: drafts as an index of their own, and over the index as it is published.

Whoever has the token reads, and needs no other right. So nothing here may be kept, handed on or found: no cache,
no referrer, no robot; and a token that is wrong or dead is answered like one that never was.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.http import content_disposition_header
from packaging.utils import canonicalize_name

from releases import serving
from releases.actions import pages
from releases.models import Draft, DraftFile, DraftFileState, Project, ProjectStatus, SimplePage
from releases.models.drafts import draft_id_in
from releases.serving import SAFE_FILE, SAFE_PAGE, Answer, Ask
from releases.simple import FileEntry, ProjectPage, RootPage, negotiate

# Each costs a few queries; nobody needs more at once.
MAX_DRAFTS = 20

_PRIVATE = {
    "Cache-Control": "private, no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow, noarchive",
}
_NOTHING = "There is nothing at this address; the preview may have ended."


@dataclass(frozen=True)
class Opened:
    """A draft that a token opens."""

    draft: Draft
    token: str

    @property
    def name(self) -> str:
        return self.draft.normalized_name

    @property
    def files(self) -> list[DraftFile]:
        return list(self.draft.files.filter(state=DraftFileState.COMPLETED))

    @property
    def entries(self) -> list[FileEntry]:
        """Its files as a simple page lists them."""
        return [
            FileEntry(
                filename=file.filename,
                url=f"{_path()}/stage/{self.token}/files/{file.filename}",
                sha256=file.sha256,
                size=file.size,
                uploaded_at=file.completed_at or file.created_at,
                version=self.draft.version,
                requires_python=file.requires_python,
                metadata_sha256=file.metadata_sha256,
            )
            for file in self.files
        ]


def root(tokens: str, ask: Ask, *, is_overlay: bool) -> Answer:
    """The list of projects: those of the drafts, and in an overlay all others too."""

    def answer(opened: Sequence[Opened]) -> Answer:
        projects = {one.name: (one.draft.name, one.name, 0) for one in opened}
        if is_overlay:
            published = (
                Project.objects.visible()
                .filter(normalized_name__in=SimplePage.objects.values("name"))
                .values_list("name", "normalized_name", "last_serial")
            )
            projects |= {normalized: (name, normalized, serial) for name, normalized, serial in published}
        listed = [projects[name] for name in sorted(projects)]
        view = "overlay" if is_overlay else "simple"
        page = RootPage(listed, serial=0, root=f"{_path()}/stage/{tokens}/{view}/")
        return _page(page, ask)

    return _opened(tokens, ask, answer)


def project(tokens: str, name: str, ask: Ask, *, is_overlay: bool) -> Answer:
    """A project's page: files of the drafts, and in an overlay the published ones beside them."""

    def answer(opened: Sequence[Opened]) -> Answer:
        normalized = canonicalize_name(name)
        drafts = [one for one in opened if one.name == normalized]
        if not drafts:
            # Other projects are served as published; a preview of a draft alone has none.
            return serving.simple_page(normalized, ask) if is_overlay else _nothing(ask)
        row = drafts[0].draft.project
        published = pages.files_of(row) if is_overlay and row is not None and row.deletion_id is None else []
        # What was published meanwhile under the same name is what installers get.
        names = {entry.filename for entry in published}
        entries = [entry for one in drafts for entry in one.entries if entry.filename not in names]
        return _page(ProjectPage(normalized, [*published, *entries], serial=0), ask)

    return _opened(tokens, ask, answer)


def file(token: str, filename: str, ask: Ask) -> Answer:
    """A file of the draft, or its core metadata for `<filename>.metadata`."""

    def answer(opened: Sequence[Opened]) -> Answer:
        is_metadata = filename.endswith(".metadata")
        files = opened[0].draft.files.filter(
            filename=filename.removesuffix(".metadata"), state=DraftFileState.COMPLETED
        )
        found = files.first() if filename.isprintable() else None
        if found is None or (is_metadata and not found.metadata_sha256):
            return _nothing(ask)
        headers = SAFE_FILE | {
            "Accept-Ranges": "bytes",
            "Content-Type": "text/plain; charset=utf-8" if is_metadata else "application/octet-stream",
            "Content-Disposition": content_disposition_header(as_attachment=True, filename=filename) or "",
        }
        # Through us also where the store could be asked directly: its links outlive the token.
        digest, size = (found.metadata_sha256, None) if is_metadata else (found.sha256, found.size)
        return serving.bytes_of(digest, headers, ask, size=size)

    return _opened(token, ask, answer)


def _opened(tokens: str, ask: Ask, answer: Callable[[Sequence[Opened]], Answer]) -> Answer:
    """What `answer` says of the drafts if every token opens one, and the same for all that do not."""
    named = tokens.split("+")
    opened = [_open(token) for token in named] if len(named) <= MAX_DRAFTS else []
    found = [one for one in opened if one is not None]
    said = answer(found) if found and len(found) == len(named) else _nothing(ask)
    headers = {name: value for name, value in said.headers.items() if name != "Access-Control-Allow-Origin"}
    return Answer(said.status, headers | _PRIVATE, said.body)


def _open(token: str) -> Opened | None:
    """The live draft that the token opens; not of a project that nobody may see."""
    public_id = draft_id_in(token)
    if public_id is None:
        return None
    draft = Draft.objects.live().select_related("project").filter(public_id=public_id).first()
    if draft is None or not draft.is_opened_by(token):
        return None
    if draft.project is None or draft.project.status == ProjectStatus.QUARANTINED:
        return None
    return Opened(draft, token)


def _page(page: RootPage | ProjectPage, ask: Ask) -> Answer:
    kind = negotiate(ask.accept, ask.wanted)
    body = page.render_json() if kind.is_json else page.render_html()
    headers = SAFE_PAGE | {
        "Content-Type": kind.value,
        "Content-Length": str(len(body)),
        "ETag": f'"{hashlib.sha256(body).hexdigest()[:32]}"',
    }
    return Answer(200, headers, body if ask.method == "GET" else b"")


def _nothing(ask: Ask) -> Answer:
    return serving.refusal(ask, 404, _NOTHING)


def _path() -> str:
    """The path below which the site is, mostly none."""
    return urlsplit(settings.SITE_URL).path.rstrip("/")
