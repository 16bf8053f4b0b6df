"""Orders that are about to be read are fetched from disk while the events that will change them are still mapped.

Of a table that is larger than memory a batch needs pages from all over it, and waits for each. A second connection asks
for them first, and throws away what it gets: it makes no difference but for where the pages are when the batch reads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import psycopg
import structlog
from psycopg.pq import ConnStatus
from psycopg.pq.abc import PGconn

from ingest.database.connection import Connection, connect

log = structlog.get_logger()

# The sum needs the rows, and not only the index. Why the index is not to be followed: see statements.py.
_FETCH = b"SELECT sum(canonical_version) FROM orders WHERE order_id = ANY(string_to_array($1, ',')::uuid[])"
_BITMAP_SCANS = "SET enable_indexscan = off"
_TRY_AGAIN_S = 60.0


class ReadAhead:
    """One question under way at a time; only the opening of its connection is waited for. For one thread."""

    def __init__(self, url: str, monotonic: Callable[[], float]) -> None:
        self._url = url
        self._monotonic = monotonic
        self._connection: Connection | None = None
        self._closed_until = 0.0

    def expect(self, orders: Iterable[str]) -> None:
        """These orders are read soon. While PostgreSQL is busy with earlier ones they are not fetched.

        Raises nothing: what is wrong with the database is told to whoever reads the orders.
        """
        if self._monotonic() < self._closed_until:
            return
        try:
            connection = self._open().pgconn
            if _is_idle(connection):
                connection.send_query_params(_FETCH, [",".join(orders).encode()])
        except psycopg.Error as error:
            log.info("read_ahead_paused", reason=str(error).strip())
            self.close()
            self._closed_until = self._monotonic() + _TRY_AGAIN_S

    def close(self) -> None:
        """Drop the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _open(self) -> Connection:
        if self._connection is None:
            self._connection = connect(self._url)
            self._connection.execute(_BITMAP_SCANS)
        return self._connection


def _is_idle(connection: PGconn) -> bool:
    """Whether the last question is answered. Raises psycopg.OperationalError for a lost connection."""
    connection.consume_input()
    if connection.status != ConnStatus.OK:
        raise psycopg.OperationalError("the connection is lost")
    while not connection.is_busy():
        if connection.get_result() is None:
            return True
    return False


def no_read_ahead(_orders: Iterable[str]) -> None:
    """For whoever reads few orders, or has no disk to wait for."""
