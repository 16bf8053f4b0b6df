"""What repairs write to the database: positions moved, gaps noted, and rows of an earlier log put aside."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from psycopg import sql

from consumers.kafka_source import PartitionKey
from ingest.database import journal, positions
from ingest.database.connection import Connection
from ingest.database.journal import JournalRow
from ingest.database.positions import Fence
from ingest.database.unit_of_work import parked_event
from ingest.errors import OrdergateError
from ingest.repair.journal_gap import NoteGap
from ingest.repair.raw_log import SkipGap, StartAnew
from ingest.state import ParkedEvent
from ingest.worker.receipt import LogBounds
from producers.journal_records import pack

_NOTE_GAP = """
INSERT INTO gaps (topic, partition, topic_id, first_offset, next_offset, reason, recorded_at)
SELECT u.*, now() FROM (VALUES (%s::text, %s::int, %s::text, %s::bigint, %s::bigint, %s::text))
       AS u(topic, partition, topic_id, first_offset, next_offset, reason)
WHERE NOT EXISTS (SELECT FROM gaps AS g WHERE (g.topic, g.partition, g.topic_id, g.first_offset, g.next_offset,
                  g.reason) = (u.topic, u.partition, u.topic_id, u.first_offset, u.next_offset, u.reason))
"""
_MOVE = """
UPDATE positions SET topic_id = %s, next_offset = %s, sequence = %s, published_sequence = %s, updated_at = now()
WHERE topic = %s AND partition = %s AND epoch = %s AND next_offset = %s
"""
_WAITING = """
SELECT topic, partition, raw_offset, key, value, headers, timestamp_ms, timestamp_type, order_id::text,
       (extract(epoch FROM deadline) * 1000000)::bigint
FROM parked WHERE topic = %s AND partition = %s AND raw_offset >= %s ORDER BY raw_offset
"""
_BEFORE_A_NEW_DATABASE: Final = "taken for done when a new database began at the log's end"
_ARCHIVED: Final = ("outcomes", "findings", "quarantine")


class TakenOver(OrdergateError):
    """Stop the workers: one of them has taken the partition over during its repair."""

    def __init__(self, partition: str) -> None:
        super().__init__(
            f"{partition} was taken over during its repair",
            known="a worker has raised its epoch, or moved its position",
            safe="the database was not changed by this step",
            do=f"stop all workers, then run `ordergate recover {partition}` again",
        )


def take_time(connection: Connection) -> None:
    """No statement of this transaction is cut off: a repair may move the rows of days, and nobody waits for it."""
    connection.execute("SET LOCAL statement_timeout = 0")


def note_gap(connection: Connection, key: PartitionKey, topic_id: str, step: NoteGap) -> None:
    """Remember an accepted loss, once however often its repair is cut off and done again."""
    connection.execute(_NOTE_GAP, (*key, topic_id, step.first_offset, step.next_offset, step.reason))


def skip_gap(connection: Connection, key: PartitionKey, fence: Fence, step: SkipGap) -> None:
    """Move a position over events that are gone: a journal row without records joins what is before and behind.

    Raises TakenOver with nothing changed.
    """
    take_time(connection)
    sequence = fence.sequence + 1
    journal.append(connection, [JournalRow(*key, sequence, step.start, step.end, 0, pack([]))])
    moved = connection.execute(
        _MOVE,
        (fence.topic_id, step.end, sequence, fence.published_sequence, *key, fence.epoch, step.start),
    )
    if moved.rowcount != 1:
        raise TakenOver(f"{key[0]}/{key[1]}")
    reason = "removed from the log before they were read"
    connection.execute(_NOTE_GAP, (*key, fence.topic_id, step.start, step.end, reason))


def go_on_at_ends(connection: Connection, logs: Iterable[tuple[PartitionKey, str, LogBounds]]) -> None:
    """Give a new database its positions, at the ends of these logs (partition, topic id, bounds).

    Raises TakenOver when there are positions already.
    """
    for topic, partition in positions.sequences(connection):
        raise TakenOver(f"{topic}/{partition}")
    for key, topic_id, bounds in logs:
        positions.create(connection, *key, topic_id, bounds.high)
        if bounds.low < bounds.high:
            note_gap(connection, key, topic_id, NoteGap(bounds.low, bounds.high, _BEFORE_A_NEW_DATABASE))


def waiting(connection: Connection, key: PartitionKey, first: int) -> list[ParkedEvent]:
    """Parked events from a raw offset on."""
    return [parked_event(row) for row in connection.execute(_WAITING, (*key, first)).fetchall()]


def start_anew(
    connection: Connection, key: PartitionKey, fence: Fence, step: StartAnew, at: int, sequence: int
) -> None:
    """Put the rows of the earlier log aside, and move the position into the new one; everything is published.

    `at` and `sequence` are those of the position now. Raises TakenOver with nothing changed.
    """
    take_time(connection)
    aside = f"{key[0]}@{fence.topic_id}.{fence.epoch}"
    for table in _ARCHIVED:
        statement = sql.SQL("UPDATE {} SET topic = %s WHERE topic = %s AND partition = %s AND raw_offset >= %s")
        connection.execute(statement.format(sql.Identifier(table)), (aside, *key, step.archived_from))
    moved = connection.execute(_MOVE, (step.topic_id, step.offset, sequence, sequence, *key, fence.epoch, at))
    if moved.rowcount != 1:
        raise TakenOver(f"{key[0]}/{key[1]}")
    if step.gap is not None:
        note_gap(connection, key, fence.topic_id, step.gap)
