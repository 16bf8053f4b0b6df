"""The memory of how far the output logs reached: a log never gets shorter, unless it lost records."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from ingest.database.columns import Integers, Texts
from ingest.database.connection import Connection


class OutputEnd(NamedTuple):
    """An output partition's log, and its next offset."""

    topic: str
    partition: int
    topic_id: str
    end: int


_READ = "SELECT topic, partition, topic_id, end_offset FROM output_ends ORDER BY topic, partition"
_REMEMBER = """
INSERT INTO output_ends AS e (topic, partition, topic_id, end_offset, updated_at)
SELECT u.*, now() FROM unnest(%b::text[], %b::int[], %b::text[], %b::bigint[]) AS u ORDER BY 1, 2
ON CONFLICT (topic, partition) DO UPDATE SET end_offset = excluded.end_offset, updated_at = now()
WHERE e.topic_id = excluded.topic_id AND e.end_offset < excluded.end_offset
"""
_FORGET = "DELETE FROM output_ends"


def read(connection: Connection) -> list[OutputEnd]:
    """What was remembered last."""
    return [OutputEnd(*row) for row in connection.execute(_READ)]


def remember(connection: Connection, ends: Iterable[OutputEnd]) -> None:
    """Remember ends that lie further on; a log that is shorter or another one changes nothing."""
    rows = list(ends)
    if rows:
        topics, partitions, ids, offsets = zip(*rows, strict=True)
        connection.execute(_REMEMBER, (Texts(topics), Integers(partitions), Texts(ids), Integers(offsets)))


def replace(connection: Connection, ends: Iterable[OutputEnd]) -> None:
    """Remember the ends as they are now, whatever was remembered: the loss is repaired."""
    connection.execute(_FORGET)
    remember(connection, ends)
