"""What a worker needs before it can start: tables, topics, schemas. Doing it again changes nothing."""

from __future__ import annotations

from collections.abc import Callable

from ingest.cli import migrate, schemas, topics
from ingest.settings import Settings

LOCAL_PARTITIONS = 4


def prepare(given: Settings, report: Callable[[str], None]) -> None:
    """Migrate, create topics, register schemas; `report` gets one line for each."""
    migrate.prepare(given)
    report("the database has its tables")
    created = topics.prepare(given, LOCAL_PARTITIONS, None)
    report(f"{len(created)} topics created" if created else "the topics exist")
    ids = schemas.prepare(given)
    report(f"{len(ids)} schemas are registered")
