"""Whether the database has the tables that this code expects."""

from __future__ import annotations

from django.db import connection
from django.db.migrations.executor import MigrationExecutor


def pending_migrations() -> int:
    """How many migrations are not applied yet.

    Raises:
        django.db.utils.OperationalError: the database cannot be reached.
    """
    executor = MigrationExecutor(connection)
    return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
