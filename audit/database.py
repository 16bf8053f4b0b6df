"""What the database says was decided: positions and outcomes, as one snapshot, read and never changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import psycopg

from audit.errors import NotAudited
from audit.facts import Outcome
from audit.violation import Position

Key = tuple[str, int]
"""Topic and partition of a raw log."""

_AT_ONCE: Final = 10_000
_EVER: Final = 1 << 62
_POSITIONS: Final = "SELECT topic, partition, next_offset, sequence FROM positions WHERE topic = ANY(%s)"
_OUTCOMES: Final = """
SELECT topic, partition, raw_offset, outcome, uuid_send(order_id), canonical_version, outputs,
       (extract(epoch FROM recorded_at) * 1000)::bigint
FROM outcomes WHERE topic = %s AND partition = %s AND raw_offset >= %s AND raw_offset < %s
"""
_OUTCOME: Final = "SELECT outcome FROM outcomes WHERE topic = %s AND partition = %s AND raw_offset = %s"
# Outcomes are dropped by whole table partitions: the oldest that is left says since when all are there.
_SINCE: Final = """
SELECT (extract(epoch FROM min(substring(bounds FROM $$FROM \\('([^']+)'\\)$$)::timestamptz)) * 1000)::bigint
FROM (SELECT pg_get_expr(c.relpartbound, c.oid) AS bounds FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
      WHERE i.inhparent = 'outcomes'::regclass) AS partitions
"""
# A topic's name has no `@`: what has one is kept of a former log. The names are few: each is found by one step in the
# index, where DISTINCT would read every row.
_FORMER: Final = """
WITH RECURSIVE names (name) AS (
    SELECT min(topic) FROM outcomes
    UNION ALL SELECT (SELECT min(topic) FROM outcomes WHERE topic > name) FROM names WHERE name IS NOT NULL
)
SELECT split_part(topic, '@', 1), partition, min(raw_offset), max(raw_offset) + 1 FROM outcomes
WHERE topic IN (SELECT name FROM names WHERE strpos(name, '@') > 0 AND split_part(name, '@', 1) = ANY(%s))
GROUP BY 1, 2
"""


@dataclass(frozen=True, slots=True)
class Decided:
    """A row of the positions."""

    next_offset: int
    sequence: int


class Snapshot:
    """The database at one instant."""

    def __init__(self, connection: psycopg.Connection[tuple[Any, ...]], raw_topics: Iterable[str]) -> None:
        self._connection = connection
        topics = list(raw_topics)
        rows = connection.execute(_POSITIONS, (topics,)).fetchall()
        self.positions: dict[Key, Decided] = {(row[0], row[1]): Decided(row[2], row[3]) for row in rows}
        since = connection.execute(_SINCE).fetchone()
        self.outcomes_since_ms: int = since[0] or 0 if since else 0
        former = connection.execute(_FORMER, (topics,)).fetchall()
        self.former: dict[Key, range] = {(row[0], row[1]): range(row[2], row[3]) for row in former}
        """The offsets decided in former logs of each partition, as far as their outcomes are kept."""

    def outcomes(self, spans: Mapping[Key, tuple[int, int | None]]) -> Iterator[Outcome]:
        """The outcomes of each partition from its first offset to below its second (None: all)."""
        for key, (first, end) in spans.items():
            with self._connection.cursor("audit", binary=True) as cursor:
                cursor.itersize = _AT_ONCE
                cursor.execute(_OUTCOMES, (*key, first, _EVER if end is None else end))
                yield from map(Outcome._make, cursor)


@contextmanager
def snapshot(url: str, raw_topics: Iterable[str]) -> Iterator[Snapshot]:
    """The database as it is now, for as long as the block lasts. Raises NotAudited."""
    with _connected(url) as connection:
        connection.execute("SET TRANSACTION READ ONLY, ISOLATION LEVEL REPEATABLE READ")
        yield Snapshot(connection, raw_topics)


def still_parked(url: str, positions: Iterable[Position]) -> set[Position]:
    """Those of the raw events that wait even now. Raises NotAudited."""
    with _connected(url) as connection:
        connection.execute("SET TRANSACTION READ ONLY")
        return {one for one in positions if ("PARKED",) in connection.execute(_OUTCOME, tuple(one)).fetchall()}


@contextmanager
def _connected(url: str) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    parts = urlsplit(url)
    address = f"{parts.hostname}:{parts.port or 5432}{parts.path}"
    try:
        with psycopg.connect(url, connect_timeout=5, application_name="ordergate-audit") as connection:
            yield connection
    except psycopg.OperationalError as error:
        raise NotAudited(
            f"PostgreSQL at {address} does not answer", known=str(error).strip(),
            do="start PostgreSQL or correct DATABASE_URL, then audit again",
        ) from error  # fmt: skip
    except psycopg.Error as error:
        raise NotAudited(
            f"PostgreSQL at {address} does not tell what was decided",
            known=f"{type(error).__name__} (SQLSTATE {error.sqlstate})",
            do="let DATABASE_URL name the database of these workers, and a role that may read positions and outcomes",
        ) from error  # fmt: skip
