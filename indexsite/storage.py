"""Blobs by sha256 over local disk or S3: `put_once`, `open_blob`, `url`. Stored bytes never change."""

from __future__ import annotations
