"""Parked events to decide on: their patience has ended, or their order has come by another partition."""

from __future__ import annotations

from ingest.database import statements
from ingest.database.connection import Database
from ingest.database.unit_of_work import parked_event
from ingest.state import ParkedEvent
from ingest.worker.partition import PartitionKey

AT_ONCE = 500
LOOK_AGAIN_US = 5_000_000
"""How long a parked event waits until it is looked at again: its order may have come by another partition."""


def read_overdue(database: Database, key: PartitionKey, now: int) -> tuple[list[ParkedEvent], int | None, int]:
    """The due events of a partition (at most AT_ONCE, oldest first), when to look again, and how many are parked.

    Instants in microseconds; None when nothing will be parked any more once these are decided.
    """
    with database.transaction() as connection:
        rows = connection.execute(statements.READ_OVERDUE, (*key, now, AT_ONCE)).fetchall()
        later = connection.execute(statements.NEXT_DEADLINE, (now, *key)).fetchone()
    overdue = [parked_event(row) for row in rows]
    next_deadline, parked = later or (None, 0)
    if overdue:
        return overdue, now + LOOK_AGAIN_US, parked
    return [], min(next_deadline, now + LOOK_AGAIN_US) if next_deadline is not None else None, parked
