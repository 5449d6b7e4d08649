"""How a project's releases become public: at once, or only after people have looked at them and agreed.

A pure table of modes and a value; `releases.models.projects` has the columns. Every change of them raises
`policy_version`, which each approval is bound to.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.db import models

MAX_APPROVALS = 10
# A role or a key counts for approvals once it is that old: whoever takes an account over is seen before.
COUNTS_AFTER = timedelta(hours=72)
# No release is bound to a time farther away.
FARTHEST = timedelta(days=30)


class Publishing(models.TextChoices):
    """Whether a release has to be a draft first, which a person with a key publishes."""

    # A draft is a choice: uploads publish at once, and so may a token whose permission it is.
    OPTIONAL = "optional", "Review is optional"
    # An upload that would publish at once is refused, and told where drafts are.
    EXPLICIT = "required-explicit", "Review is required; other uploads are refused"
    # Such an upload becomes a draft, so that pipelines need no change.
    AUTO = "required-auto", "Review is required; uploads become drafts"


REQUIRED = (Publishing.EXPLICIT, Publishing.AUTO)


@dataclass(frozen=True)
class PublishingPolicy:
    """What a project asks for before a release is public.

    Attributes:
        approvals: how many people have to agree; 0 leaves it to whoever presses Release.
        four_eyes: those whose files are in the draft do not count among them.
        approve_by_code: an authenticator app will do where else a security key is needed.
        version: raised with every change.
    """

    mode: Publishing
    approvals: int
    four_eyes: bool
    approve_by_code: bool
    version: int

    @property
    def is_review_required(self) -> bool:
        """Nothing becomes public here but a draft, and no token publishes one."""
        return self.mode in REQUIRED

    @property
    def stages_uploads(self) -> bool:
        """An upload to the usual address becomes a draft."""
        return self.mode == Publishing.AUTO
