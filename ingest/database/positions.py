"""The position of each raw partition: what is decided, who decides, and up to where the journal reaches.

The row is the authority on ownership, not the consumer group: a client may believe that it owns a partition long
after it lost it. Raising `epoch` fences every earlier owner; every batch compares and sets epoch, offset and
sequence in one statement.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from ingest.database import statements as sql
from ingest.database.columns import columns
from ingest.database.connection import Connection


class Fenced(Exception):
    """Another process has taken over a partition since this one fenced it."""


@dataclass(frozen=True, slots=True)
class Fence:
    """A position as it was when this process fenced it."""

    epoch: int
    next_offset: int
    sequence: int
    topic_id: str
    previous_owner: str | None
    released: bool
    published_sequence: int
    """Newest journal row known to be published: never more than is published, and it lags."""
    leader_epoch: int | None = None
    """Kafka's, of the newest event that was read when the last batch was decided; None: not known."""


class Advance(NamedTuple):
    """One partition's step in a batch: from `base_offset` to `next_offset`, as row `sequence` + 1."""

    topic: str
    partition: int
    epoch: int
    base_offset: int
    next_offset: int
    sequence: int
    leader_epoch: int | None = None


_CREATE = """
INSERT INTO positions (topic, partition, topic_id, epoch, next_offset, sequence, published_sequence, owner, released,
       updated_at)
VALUES (%b, %b, %b, 0, %b, 0, 0, NULL, true, now()) ON CONFLICT DO NOTHING
"""
_FENCE = """
UPDATE positions AS p SET epoch = p.epoch + 1, owner = %b, released = false, updated_at = now()
FROM (SELECT * FROM positions WHERE topic = %b AND partition = %b FOR UPDATE) AS old
WHERE p.topic = old.topic AND p.partition = old.partition
RETURNING p.epoch, p.next_offset, p.sequence, p.topic_id, old.owner, old.released, p.published_sequence, p.leader_epoch
"""
_RELEASE = """
UPDATE positions SET released = true, published_sequence = sequence, updated_at = now()
WHERE topic = %b AND partition = %b AND epoch = %b
"""
_SEQUENCES = "SELECT topic, partition, sequence FROM positions"
_NOTED_PUBLISHED = "SELECT published_sequence FROM positions WHERE topic = %b AND partition = %b"
_NOTE_PUBLISHED = """
UPDATE positions AS p SET published_sequence = greatest(p.published_sequence, u.sequence)
FROM unnest(%b::text[], %b::int[], %b::bigint[], %b::bigint[]) AS u(topic, partition, epoch, sequence)
WHERE p.topic = u.topic AND p.partition = u.partition AND p.epoch = u.epoch
  AND p.published_sequence < u.sequence
"""


def fence(connection: Connection, topic: str, partition: int, owner: str) -> Fence | None:
    """Take a partition: no earlier owner can commit for it any more. None when it has no row yet."""
    row = connection.execute(_FENCE, (owner, topic, partition)).fetchone()
    return Fence(*row) if row else None


def create(connection: Connection, topic: str, partition: int, topic_id: str, start: int) -> None:
    """Give a partition never seen before its row, starting at raw offset `start`."""
    connection.execute(_CREATE, (topic, partition, topic_id, start))


def release(connection: Connection, topic: str, partition: int, epoch: int) -> None:
    """Say that this owner left with everything published. Does nothing when another one has taken over."""
    connection.execute(_RELEASE, (topic, partition, epoch))


def sequences(connection: Connection) -> dict[tuple[str, int], int]:
    """The newest journal row of every partition that was ever read, by (topic, partition)."""
    return {(topic, partition): sequence for topic, partition, sequence in connection.execute(_SEQUENCES)}


def noted_published(connection: Connection, topic: str, partition: int) -> int:
    """The newest journal row of a partition noted as published: never more than is; 0 without a row."""
    row = connection.execute(_NOTED_PUBLISHED, (topic, partition)).fetchone()
    return row[0] if row else 0


def note_published(connection: Connection, rows: Iterable[tuple[str, int, int, int]]) -> None:
    """Note (topic, partition, epoch, sequence) of rows known to be published, so that they may be dropped one day."""
    parameters = columns(_NOTE_PUBLISHED, rows)
    if parameters:
        connection.execute(_NOTE_PUBLISHED, parameters)


@dataclass(frozen=True, slots=True)
class Locked:
    """Rows that are being locked: what is asked of PostgreSQL after it is answered under their locks."""

    _answer: Iterable[tuple[Any, ...]]
    _expected: Sequence[Advance]

    def must_be_as_expected(self) -> None:
        """Wait for the locks. Raises Fenced when a row is not as its owner left it."""
        found = {
            (topic, partition): (epoch, offset, sequence) for topic, partition, epoch, offset, sequence in self._answer
        }
        for step in self._expected:
            if found.get((step.topic, step.partition)) != (step.epoch, step.base_offset, step.sequence):
                raise Fenced(f"{step.topic}/{step.partition}")


def lock(connection: Connection, expected: Sequence[Advance]) -> Locked:
    """Lock the rows of a batch's partitions, in sorted order."""
    keys = columns(sql.LOCK_POSITIONS, [(step.topic, step.partition) for step in expected])
    return Locked(connection.execute(sql.LOCK_POSITIONS, keys), expected)


def advance(connection: Connection, steps: Iterable[Advance]) -> None:
    """Move positions on. Raises Fenced when one was not where this process left it: nothing may be committed."""
    parameters = columns(sql.ADVANCE_POSITIONS, steps)
    if len(connection.execute(sql.ADVANCE_POSITIONS, parameters).fetchall()) != len(parameters[0]):
        raise Fenced("a position moved under its lock")
