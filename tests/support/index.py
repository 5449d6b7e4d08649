"""Rows of the index as tests of reading pages want them: releases and files without an upload."""

import hashlib
from datetime import datetime
from typing import Any

from packaging.utils import canonicalize_version

from indexsite import clock
from releases.models import File, PackageType, Project, Release


def release(project: Project, version: str, *, at: datetime | None = None, **fields: Any) -> Release:
    """One release without files."""
    return Release.objects.create(
        project=project,
        version=version,
        normalized_version=canonicalize_version(version),
        created_at=at or clock.now(),
        **fields,
    )


def sdist(release: Release, *, at: datetime | None = None, size: int = 1000) -> File:
    """A row for the release's sdist; its digests are of the name, its bytes are nowhere."""
    filename = f"{release.project.normalized_name.replace('-', '_')}-{release.version}.tar.gz"
    return File.objects.create(
        release=release,
        filename=filename,
        package_type=PackageType.SDIST,
        python_version="source",
        size=size,
        md5=hashlib.md5(filename.encode(), usedforsecurity=False).hexdigest(),
        sha256=hashlib.sha256(filename.encode()).hexdigest(),
        blake2_256=hashlib.blake2b(filename.encode(), digest_size=32).hexdigest(),
        uploaded_at=at or clock.now(),
    )
