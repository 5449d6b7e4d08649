"""Drafts as their makers gather them, past HTTP: every step is the action that a client's request calls."""

from __future__ import annotations

import hashlib
import uuid
from typing import Any

from accounts.models import User
from indexsite import clock, storage
from indexsite.actors import Actor
from releases.actions.drafts.beginning import begin_draft
from releases.actions.drafts.completing import complete_file
from releases.actions.drafts.files import WHOLE, begin_file
from releases.actions.drafts.receiving import Received, receive_part, receive_whole
from releases.models import Draft, DraftFile
from releases.upload import Hashes
from tests.support import cast
from tests.support.distributions import Distribution, make_wheel
from tests.support.tokens import token_of
from tokens.authentication import TokenCredential


def by_token(user: User, **options: Any) -> Actor:
    """The person's pipeline: an actor with a token made with these options."""
    options.setdefault("description", f"token {user.tokens.count() + 1}")
    token = token_of(user, **options)
    return Actor(user=user, credential=TokenCredential(token, token.understood_caveats()), client="twine/7")


def begin(actor: Actor, name: str = "sampleproject", version: str = "1.0") -> Draft:
    return begin_draft(actor=actor, name=name, version=version, at=clock.now())


def announce(actor: Actor, draft: Draft, distribution: Distribution, **fields: Any) -> DraftFile:
    """Announce the file; `fields` change what is said of it."""
    said: dict[str, Any] = {
        "filename": distribution.filename,
        "size": len(distribution.content),
        "hashes": {"sha256": distribution.sha256},
        "mechanism": WHOLE,
        **fields,
    }
    return begin_file(actor=actor, draft=draft, at=clock.now(), **said)


def received(content: bytes) -> Received:
    """These bytes, as they lie in the incoming directory when a request was read."""
    path = storage.incoming() / f"{uuid.uuid4().hex}.test"
    path.write_bytes(content)
    hashes = Hashes(
        md5=hashlib.md5(content, usedforsecurity=False).hexdigest(),
        sha256=hashlib.sha256(content).hexdigest(),
        blake2_256=hashlib.blake2b(content, digest_size=32).hexdigest(),
        size=len(content),
    )
    return Received(path, hashes)


def send(actor: Actor, file: DraftFile, content: bytes) -> DraftFile:
    return receive_whole(actor=actor, file=file, received=received(content))


def send_part(actor: Actor, file: DraftFile, content: bytes, *, offset: int) -> DraftFile:
    return receive_part(actor=actor, file=file, offset=offset, received=received(content))


def add(actor: Actor, draft: Draft, distribution: Distribution) -> DraftFile:
    """Announce, send and complete a file."""
    file = announce(actor, draft, distribution)
    send(actor, file, distribution.content)
    return complete_file(actor=actor, file=file, at=clock.now())


def gathered(actor: Actor, *distributions: Distribution, name: str = "sampleproject") -> Draft:
    """A draft of version 1.0 with these files in it, or with one wheel."""
    draft = begin(actor, name)
    for distribution in distributions or (make_wheel(name),):
        add(actor, draft, distribution)
    return Draft.objects.get(pk=draft.pk)


def again(draft: Draft) -> Draft:
    """The draft as it is now."""
    return Draft.objects.select_related("project", "created_by").get(pk=draft.pk)


def in_browser(user: User) -> Actor:
    """The person, who has just proved to be there."""
    return cast.actor(user)
