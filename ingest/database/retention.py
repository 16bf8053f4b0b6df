"""Time-ranged tables: partitions made ahead, and dropped as a whole when their time is over.

Dropping costs the same however many rows a partition has. A journal partition is dropped only when every row in it
is known to be published: what Kafka may still need is kept, however old.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog
from psycopg import sql

from ingest.database.connection import Connection, Database

log = structlog.get_logger()

_LOCK = 0x6F726465  # any constant: one process at a time makes and drops partitions
_EVERY_S = 600.0
_AHEAD = 3
_STAMP = "%Y%m%d%H"


@dataclass(frozen=True, slots=True)
class Range:
    """How one table is divided, and how long it is kept."""

    table: str
    period: timedelta
    keep: timedelta


_EXISTING = """
SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = to_regclass(%s) ORDER BY c.relname
"""
_UNPUBLISHED = sql.SQL(
    "SELECT 1 FROM {partition} j LEFT JOIN positions p USING (topic, partition) "
    "WHERE j.sequence > coalesce(p.published_sequence, -1) LIMIT 1"
)


def ranges(journal: timedelta, outcomes: timedelta, findings: timedelta, event_ids: timedelta) -> list[Range]:
    """The divided tables, each kept for as long as it is told."""
    return [
        Range("journal", timedelta(hours=6), journal),
        Range("outcomes", timedelta(days=1), outcomes),
        Range("findings", timedelta(days=1), findings),
        Range("event_ids", timedelta(days=7), event_ids),
    ]


def maintain(connection: Connection, tables: Iterable[Range], now: datetime) -> list[str]:
    """Make the partitions of now and the next few periods; drop those past their time. Gives the dropped."""
    if connection.execute("SELECT pg_try_advisory_xact_lock(%s)", (_LOCK,)).fetchone() != (True,):
        return []
    dropped: list[str] = []
    for table in tables:
        existing = {row[0] for row in connection.execute(_EXISTING, (table.table,))}
        start = _floor(now, table.period)
        for ahead in range(_AHEAD + 1):
            _create(connection, table, start + ahead * table.period, existing)
        for name in sorted(existing):
            begin = datetime.strptime(name.rpartition("_")[2], _STAMP).replace(tzinfo=UTC)
            if begin + table.period + table.keep <= now and _may_go(connection, table, name):
                connection.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(name)))
                dropped.append(name)
    return dropped


class Retention:
    """Keeps the partitions in step with time, now and then, from the worker's loop."""

    def __init__(self, tables: list[Range], monotonic: Callable[[], float], now: Callable[[], int]) -> None:
        self._tables = tables
        self._monotonic = monotonic
        self._now = now
        self._next = float("-inf")

    def due_now(self) -> None:
        """A partition was missing: look at once."""
        self._next = float("-inf")

    def keep_up(self, database: Database) -> bool:
        """Make and drop partitions if it is time to; gives whether it was."""
        if self._monotonic() < self._next:
            return False
        now = datetime.fromtimestamp(self._now() / 1_000_000, UTC)
        with database.transaction() as connection:
            dropped = maintain(connection, self._tables, now)
        self._next = self._monotonic() + _EVERY_S
        if dropped:
            log.info("partitions_dropped", tables=dropped)
        return True


def _create(connection: Connection, table: Range, begin: datetime, existing: set[str]) -> None:
    name = f"{table.table}_{begin.strftime(_STAMP)}"
    if name in existing:
        return
    connection.execute(
        sql.SQL("CREATE TABLE {} PARTITION OF {} FOR VALUES FROM ({}) TO ({})").format(
            sql.Identifier(name), sql.Identifier(table.table),
            sql.Literal(begin.isoformat()), sql.Literal((begin + table.period).isoformat()),
        )
    )  # fmt: skip


def _may_go(connection: Connection, table: Range, name: str) -> bool:
    if table.table != "journal":
        return True
    unpublished = connection.execute(_UNPUBLISHED.format(partition=sql.Identifier(name))).fetchone()
    return unpublished is None


def _floor(now: datetime, period: timedelta) -> datetime:
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    return epoch + (now - epoch) // period * period
