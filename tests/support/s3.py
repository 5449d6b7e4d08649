"""Fixtures for a store behind a real S3-protocol server; import both where they are used."""

import dataclasses
import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from indexsite.env import StorageUrl

_NUMBERS = itertools.count()


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    from moto.server import ThreadedMotoServer  # takes a moment to import, and most runs need none

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3_bucket(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """An empty bucket, and the site's settings pointing at it."""
    import boto3

    endpoint = request.getfixturevalue("s3_endpoint")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    bucket = f"blobs-{next(_NUMBERS)}"
    boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1").create_bucket(Bucket=bucket)
    where = StorageUrl("s3", bucket=bucket, endpoint=endpoint, region="us-east-1")
    monkeypatch.setattr(settings, "ENV", dataclasses.replace(settings.ENV, storage_url=where))
    monkeypatch.setattr(settings, "VAR_DIR", tmp_path)
    return bucket
