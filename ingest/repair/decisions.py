"""When something was decided, and which journal row carries it: asks the database."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from consumers.kafka_source import PartitionKey
from ingest.database import journal
from ingest.database.connection import Connection, Database
from ingest.database.journal import JournalRow
from ingest.repair.trail import RecordId, record_id
from ingest.repair.true_order import Cause
from producers.journal_records import unpack

_DECIDED_AT: Final = """
SELECT extract(epoch FROM recorded_at)::float8 FROM journal WHERE topic = %s AND partition = %s AND sequence = %s
"""
_LAST_DECIDED: Final = """
SELECT extract(epoch FROM coalesce(
    (SELECT max(recorded_at) FROM journal WHERE topic = %(topic)s AND partition = %(partition)s),
    (SELECT max(recorded_at) FROM outcomes WHERE topic = %(topic)s AND partition = %(partition)s),
    to_timestamp(0)))::float8
"""
_LAST_READ: Final = """
SELECT extract(epoch FROM coalesce(
    (SELECT max(recorded_at) FROM journal
     WHERE topic = %(topic)s AND partition = %(partition)s AND base_offset < next_offset),
    (SELECT max(recorded_at) FROM outcomes WHERE topic = %(topic)s AND partition = %(partition)s)))::float8
"""
_ROW_OF_EVENT: Final = """
SELECT sequence FROM journal WHERE topic = %s AND partition = %s AND base_offset <= %s AND next_offset > %s
"""
_WITH_EVENT: Final = """
SELECT topic, partition, sequence FROM journal
WHERE topic = %s AND partition = %s AND ((base_offset <= %s AND next_offset > %s)
   OR (base_offset = next_offset AND base_offset > %s)) ORDER BY sequence
"""
_SINCE_EVENT: Final = """
SELECT j.topic, j.partition, j.sequence FROM journal AS j
WHERE j.recorded_at >= (SELECT min(recorded_at) FROM outcomes WHERE topic = %s AND partition = %s AND raw_offset = %s)
ORDER BY j.recorded_at, j.topic, j.partition, j.sequence
"""
_NOT_DECIDED: Final = """
SELECT p.next_offset, ARRAY(SELECT raw_offset FROM parked AS w WHERE w.topic = p.topic AND w.partition = p.partition)
FROM positions AS p WHERE p.topic = %s AND p.partition = %s
"""


def decided_at(database: Database, row: JournalRow) -> float:
    """When a journal row was written, in the database's seconds since the epoch."""
    with database.transaction() as connection:
        found = connection.execute(_DECIDED_AT, (row.topic, row.partition, row.sequence)).fetchone()
    return float(found[0]) if found else 0.0


def last_decided(connection: Connection, key: PartitionKey) -> float:
    """When the partition's newest decision was made, by the journal or, where that is gone, by the outcomes; else 0."""
    row = connection.execute(_LAST_DECIDED, {"topic": key[0], "partition": key[1]}).fetchone()
    return float(row[0]) if row else 0.0


def last_read(connection: Connection, key: PartitionKey) -> float | None:
    """When the newest raw event of the partition was decided, parked ones that ended since aside; None: not known."""
    row = connection.execute(_LAST_READ, {"topic": key[0], "partition": key[1]}).fetchone()
    return float(row[0]) if row and row[0] is not None else None


def carrier_of(connection: Connection, record: RecordId, cause: Cause) -> JournalRow | None:
    """The journal row that has an output record; None when the journal does not have it.

    It is a row of the event's own partition, unless the event was parked: then it may be one of the partition that
    brought its order.
    """
    key, offset = cause
    for statement, asked in ((_WITH_EVENT, (*key, offset, offset, offset)), (_SINCE_EVENT, (*key, offset))):
        for number in connection.execute(statement, asked).fetchall():
            row = journal.one(connection, *number)
            if row is not None and any(record_id(one) == record for one in unpack(row.records)):
                return row
    return None


def was_rolled_back(connection: Connection, cause: Cause, committed_offset: int | None) -> bool:
    """Whether the output of an event that no journal row has is of a decision that the database did not keep.

    It is when the event is not decided, or when its journal row is still there: then any later row of it would be, too.
    It is not where the group's stable committed offset lies behind an event that is not decided, or is not known: then
    the database may be behind Kafka.
    """
    key, offset = cause
    position = connection.execute(_NOT_DECIDED, key).fetchone()
    if position is not None and offset >= position[0]:
        return committed_offset is not None and committed_offset <= offset
    return connection.execute(_ROW_OF_EVENT, (*key, offset, offset)).fetchone() is not None


def newest_unknown(connection: Connection, key: PartitionKey, caused: Iterable[tuple[RecordId, Cause]]) -> int | None:
    """The newest raw offset with a visible output that no decision of the database explains; None without any.

    Not decided is what lies at the position or behind it, and what is parked. An output of the same offset in an
    earlier log of the topic is known by its journal row.
    """
    row = connection.execute(_NOT_DECIDED, key).fetchone()
    next_offset, parked = (row[0], frozenset(row[1])) if row else (0, frozenset())
    doubtful = [(record, cause) for record, cause in caused if cause.offset >= next_offset or cause.offset in parked]
    for record, cause in sorted(doubtful, key=lambda one: -one[1].offset):
        if carrier_of(connection, record, cause) is None:
            return cause.offset
    return None
