"""How the demo's people act: through the same actions as everybody, from a browser in which they are signed in."""

from __future__ import annotations

import hashlib
from datetime import datetime
from pathlib import Path

from accounts.models import User
from indexsite import clock, storage
from indexsite.actors import Actor, SessionCredential
from indexsite.management.demo.archives import Package
from mfa.models import AuthenticatorApp, SecurityKey
from releases.actions.drafts.completing import complete_file
from releases.actions.drafts.files import WHOLE, begin_file
from releases.actions.drafts.receiving import Received, receive_whole
from releases.actions.publish import IncomingFile, publish_file
from releases.models import Draft
from releases.upload import Hashes


def publish(package: Package, owner: User, *, at: datetime) -> None:
    """Upload sdist and wheel."""
    actor = at_browser(owner)
    for path in package.write(storage.incoming()):
        is_wheel = path.suffix == ".whl"
        form = {
            ":action": ["file_upload"],
            "protocol_version": ["1"],
            "metadata_version": ["2.4"],
            "name": [package.name],
            "version": [package.version],
            "filetype": ["bdist_wheel" if is_wheel else "sdist"],
            "pyversion": ["py3" if is_wheel else "source"],
        }
        publish_file(
            actor=actor,
            incoming=IncomingFile(path=path, filename=path.name, form=form, hashes=_hashes(path)),
            at=at,
        )
        path.unlink(missing_ok=True)


def gather(package: Package, draft: Draft, *, actor: Actor, at: datetime) -> None:
    """Add sdist and wheel to a draft."""
    for path in package.write(storage.incoming()):
        hashes = _hashes(path)
        file = begin_file(
            actor=actor,
            draft=draft,
            filename=path.name,
            size=hashes.size,
            hashes={"sha256": hashes.sha256},
            mechanism=WHOLE,
            at=at,
        )
        receive_whole(actor=actor, file=file, received=Received(path, hashes))
        complete_file(actor=actor, file=file, at=at)


def _hashes(path: Path) -> Hashes:
    content = path.read_bytes()
    return Hashes(
        md5=hashlib.md5(content, usedforsecurity=False).hexdigest(),
        sha256=hashlib.sha256(content).hexdigest(),
        blake2_256=hashlib.blake2b(content, digest_size=32).hexdigest(),
        size=len(content),
    )


def at_browser(user: User) -> Actor:
    """The person, having just proved who they are."""
    now = clock.now()
    device = SecurityKey.objects.filter(user=user).first() or AuthenticatorApp.objects.filter(user=user).first()
    return Actor(
        user=user,
        credential=SessionCredential(),
        factor=device.persistent_id if device is not None else "",
        factor_at=now if device is not None else None,
        reauthenticated_at=now,
        client="manage.py demo",
    )
