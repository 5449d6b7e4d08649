"""One file of a legacy upload: published at once or put into a draft, as was asked and as its project has it."""

from __future__ import annotations

from datetime import datetime

from indexsite.actors import Actor
from releases.actions.drafts.staging import Staged, stage_parsed
from releases.actions.publish import IncomingFile, PublishResult, parse, publish_parsed
from releases.models import Project, find_project, is_secret_from


def upload_file(
    *, actor: Actor, incoming: IncomingFile, for_a_draft: bool, at: datetime
) -> PublishResult | Staged:
    """Publish or stage the file. Where review is required and uploads become drafts, nothing is published.

    Args:
        for_a_draft: the address, the form or the token says that it is for a draft.

    Raises: as `publish_file` and `stage_parsed`.
    """
    parsed = parse(incoming)
    project = find_project(parsed.normalized_name)
    if for_a_draft or _stages(actor, project):
        return stage_parsed(actor, incoming, parsed, project, at)
    return publish_parsed(actor, incoming, parsed, project, at)


def _stages(actor: Actor, project: Project | None) -> bool:
    """A switch of the rules between this question and the lock is seen under the lock, where it is a refusal."""
    if project is None or not project.publishing_policy.stages_uploads:
        return False
    # To a stranger an unpublished name is a new one, whatever its members have decided.
    return project.deletion_id is not None or not is_secret_from(actor.user, project)
