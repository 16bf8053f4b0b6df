"""Parked events whose patience has ended."""

from __future__ import annotations

from ingest.database import statements
from ingest.database.connection import Database
from ingest.database.unit_of_work import parked_event
from ingest.state import ParkedEvent
from ingest.worker.partition import PartitionKey

AT_ONCE = 500


def read_overdue(database: Database, key: PartitionKey, now: int) -> tuple[list[ParkedEvent], int | None]:
    """The overdue events of a partition (at most AT_ONCE, oldest first), and the next deadline after `now`.

    The next deadline is `now` again while more are overdue, None when nothing is parked any more.
    """
    with database.transaction() as connection:
        rows = connection.execute(statements.READ_OVERDUE, (*key, now, AT_ONCE)).fetchall()
        later = connection.execute(statements.NEXT_DEADLINE, (*key, now)).fetchone()
    overdue = [parked_event(row) for row in rows]
    next_deadline = later[0] if later else None
    return overdue, now if len(overdue) == AT_ONCE else next_deadline
