"""Files of a draft for those who decide about it: one by one, or all in one zip that is made while it is sent."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence

from django.utils.http import content_disposition_header

from indexsite import storage
from indexsite.errors import NotFound
from releases import serving
from releases.models import Draft, DraftFile, DraftFileState
from releases.queries_review import MAX_ZIP_BYTES
from releases.serving import SAFE_FILE, Answer, Ask

_PRIVATE = {"Cache-Control": "private, no-store", "Referrer-Policy": "no-referrer"}
_READ = 256 << 10
_STAMP = (1980, 1, 1, 0, 0, 0)


def file(draft: Draft, filename: str, ask: Ask) -> Answer:
    """One file, as an attachment.

    Raises:
        NotFound: the draft is over, or has no such file.
    """
    found = next((one for one in _files(draft) if one.filename == filename), None)
    if found is None:
        raise NotFound("The draft has no such file, or is over.", code="no-such-file")
    headers = SAFE_FILE | {
        "Accept-Ranges": "bytes",
        "Content-Type": "application/octet-stream",
        "Content-Disposition": content_disposition_header(as_attachment=True, filename=filename) or "",
    }
    # Through us also where the store could be asked directly: its links outlive the right to read.
    answer = serving.bytes_of(found.sha256, headers, ask, size=found.size)
    return Answer(answer.status, answer.headers | _PRIVATE, answer.body)


def all_files(draft: Draft) -> tuple[dict[str, str], Iterator[bytes]]:
    """All files in one zip: headers and the bytes, which are made as they are taken.

    Raises:
        NotFound: the draft is over, has no files, or too much of them for one zip.
    """
    files = _files(draft)
    if not files or sum(one.size for one in files) > MAX_ZIP_BYTES:
        raise NotFound("There is no zip of this draft; fetch its files one by one.", code="no-such-file")
    name = f"{draft.normalized_name}-{draft.normalized_version}-draft.zip"
    headers = SAFE_FILE | _PRIVATE
    headers["Content-Disposition"] = content_disposition_header(as_attachment=True, filename=name) or ""
    return headers, zipped([(one.filename, one.sha256) for one in files])


def zipped(files: Sequence[tuple[str, str]]) -> Iterator[bytes]:
    """A zip of these blobs, (name, sha256), stored as they are; memory holds one piece of one of them."""
    sink = _Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as archive:
        for name, sha256 in files:
            entry = zipfile.ZipInfo(name, _STAMP)
            with archive.open(entry, "w") as target, storage.open_blob(sha256) as blob:
                while piece := blob.read(_READ):
                    target.write(piece)
                    yield sink.taken()
    yield sink.taken()


class _Sink:
    """What `zipfile` writes to: a stream without a way back, so sizes come after each member."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, piece: bytes, /) -> int:
        self._pieces.append(bytes(piece))
        return len(piece)

    def flush(self) -> None:
        pass

    def close(self) -> None:
        pass

    def taken(self) -> bytes:
        """What was written since the last time."""
        taken, self._pieces = b"".join(self._pieces), []
        return taken


def _files(draft: Draft) -> list[DraftFile]:
    if not draft.is_live:
        return []
    return list(draft.files.filter(state=DraftFileState.COMPLETED).order_by("filename"))
