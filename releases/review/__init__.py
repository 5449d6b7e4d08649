"""What a draft changes, for those who decide about it: its files against those of the release before.

Pure: archives are read as streams within `ReviewLimits`; nothing is unpacked to disk and nothing in them is run.
What comes out is plain data, which pages escape.
"""

from releases.review.archives import Archive, Budget, Source, counterpart
from releases.review.checks import CHECKS, Check, Finding, Verdict, judge
from releases.review.comparing import FileReport
from releases.review.limits import ReviewLimits
from releases.review.reviewing import Question, Report, Uploader, baseline, review

__all__ = [
    "CHECKS",
    "Archive",
    "Budget",
    "Check",
    "FileReport",
    "Finding",
    "Question",
    "Report",
    "ReviewLimits",
    "Source",
    "Uploader",
    "Verdict",
    "baseline",
    "counterpart",
    "judge",
    "review",
]
