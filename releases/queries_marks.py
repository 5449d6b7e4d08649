"""What a release may say of its review: which of its files came from drafts, and how many had agreed to those."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from releases.models import File, ReviewMark


@dataclass(frozen=True)
class MarkedFiles:
    """Files of one release that came from one draft, and its mark."""

    mark: ReviewMark
    files: list[File]


@dataclass(frozen=True)
class Review:
    """How the files of a release came into it. A mark speaks for its own files, never for those added later.

    Attributes:
        file_count: of the release as it is now; deleted ones are not among them.
        drafts: in the order of their publishing; only those that still have a file.
    """

    file_count: int
    drafts: list[MarkedFiles]

    @property
    def staged_count(self) -> int:
        """How many files came from drafts."""
        return sum(len(draft.files) for draft in self.drafts)

    @property
    def direct_count(self) -> int:
        """How many were published by an upload of their own."""
        return self.file_count - self.staged_count

    @property
    def is_whole(self) -> bool:
        """Every file came from a draft."""
        return self.staged_count == self.file_count > 0

    @property
    def is_partial(self) -> bool:
        return 0 < self.staged_count < self.file_count

    @property
    def approvals(self) -> int:
        """What can be said of all its files: the fewest approvals that any of them has."""
        return min((draft.mark.approvals for draft in self.drafts), default=0) if self.is_whole else 0

    @property
    def headline(self) -> str:
        """One line about all its files, where they were approved; "" else."""
        if not self.approvals:
            return ""
        return f"Staged, approved by {self.approvals} {'person' if self.approvals == 1 else 'people'}"


def review_of(files: Iterable[File]) -> Review:
    """Of all files of one release, read with `select_related("review_mark")`; asks nothing then."""
    count, drafts = 0, dict[int, MarkedFiles]()
    for file in files:
        count += 1
        if file.review_mark is not None:
            drafts.setdefault(file.review_mark.pk, MarkedFiles(file.review_mark, [])).files.append(file)
    in_order = sorted(drafts.values(), key=lambda draft: (draft.mark.published_at, draft.mark.pk))
    return Review(file_count=count, drafts=in_order)
