"""The journal: the bytes of every batch's output, per partition, kept until long after they are published."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from ingest.database import statements as sql
from ingest.database.columns import columns
from ingest.database.connection import Connection


class JournalRow(NamedTuple):
    """The output of one partition in one batch. Equal offsets: no raw event was read (parked events ended)."""

    topic: str
    partition: int
    sequence: int
    base_offset: int
    next_offset: int
    record_count: int
    records: bytes


_AFTER = """
SELECT topic, partition, sequence, base_offset, next_offset, record_count, records FROM journal
WHERE topic = %b AND partition = %b AND sequence > %b ORDER BY sequence
"""
_ONE = """
SELECT topic, partition, sequence, base_offset, next_offset, record_count, records FROM journal
WHERE topic = %b AND partition = %b AND sequence = %b
"""


def append(connection: Connection, rows: Iterable[JournalRow]) -> None:
    """Add rows, in the batch's own transaction."""
    parameters = columns(sql.INSERT_JOURNAL, rows)
    if parameters:
        connection.execute(sql.INSERT_JOURNAL, parameters)


def after(connection: Connection, topic: str, partition: int, sequence: int) -> list[JournalRow]:
    """The rows newer than `sequence`, oldest first."""
    return [JournalRow(*row) for row in connection.execute(_AFTER, (topic, partition, sequence))]


def one(connection: Connection, topic: str, partition: int, sequence: int) -> JournalRow | None:
    """The row of that number; None when the journal does not have it."""
    row = connection.execute(_ONE, (topic, partition, sequence)).fetchone()
    return JournalRow(*row) if row else None
