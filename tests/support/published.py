"""Published files as rows and blobs, without the upload path: for tests of reading."""

import hashlib
from datetime import UTC, datetime

from django.db import transaction

from indexsite import storage
from releases.actions import pages
from releases.models import File, PackageType, Project, Release, UsedFilename
from tests.support import cast

AT = datetime(2026, 3, 4, 5, 6, 7, 80_000, tzinfo=UTC)


def publish(
    project: Project,
    version: str = "1.0",
    *,
    content: bytes = b"wheel",
    metadata: bytes | None = b"Metadata-Version: 2.4\n",
    requires_python: str = "",
    tag: str = "py3-none-any",
) -> File:
    """One wheel of the project, stored, committed and on its page."""
    with transaction.atomic():
        release, _ = Release.objects.get_or_create(
            project=project, normalized_version=version, defaults={"version": version, "created_at": AT}
        )
        filename = f"{project.normalized_name.replace('-', '_')}-{version}-{tag}.whl"
        file = File.objects.create(
            release=release,
            filename=filename,
            package_type=PackageType.WHEEL,
            python_version="py3",
            size=len(content),
            md5=hashlib.md5(content, usedforsecurity=False).hexdigest(),
            sha256=store(content),
            blake2_256=hashlib.blake2b(content, digest_size=32).hexdigest(),
            requires_python=requires_python,
            metadata_sha256="" if metadata is None else store(metadata),
            uploaded_at=AT,
        )
        UsedFilename.objects.create(
            filename=filename, sha256=file.sha256, project_name=project.normalized_name, used_at=AT
        )
        project.last_serial += 1
        project.save(update_fields=["last_serial"])
        pages.refresh_project(project)
    return file


def store(content: bytes) -> str:
    digest = hashlib.sha256(content).hexdigest()
    path = storage.incoming() / digest
    path.write_bytes(content)
    storage.put_once(path, sha256=digest)
    return digest


def project(name: str = "sampleproject", **fields: object) -> Project:
    """A registered project whose (empty) page exists."""
    made = cast.ProjectFactory(name=name, **fields)
    refresh(made)
    return made


def refresh(project: Project) -> None:
    with transaction.atomic():
        pages.refresh_project(project)
