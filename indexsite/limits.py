"""Every quota and rate limit, one table."""

from __future__ import annotations
