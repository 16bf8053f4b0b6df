"""PostgreSQL's processes, watched from beside: the CPU time of all of them, and how far its log has come."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

import psutil
import psycopg

from bench.growth.cost import Sample

_EVERY_S = 0.25


class PostgresWatch:
    """Samples of the PostgreSQL on this machine that serves an address."""

    def __init__(self, database_url: str) -> None:
        self._connection = psycopg.connect(database_url, autocommit=True)
        self._server = cast("psutil.Process", psutil.Process(self._connection.info.backend_pid).parent())
        self.samples: list[Sample] = []

    def look(self) -> Sample:
        """Now. A process that has ended meanwhile counts among what the server's children took."""
        (wal,) = cast("tuple[int]", self._connection.execute(_WAL).fetchone())
        own = self._server.cpu_times()
        cpu = own.user + own.system + own.children_user + own.children_system
        for process in self._server.children():
            with contextlib.suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                cpu += times.user + times.system
        return Sample(time.monotonic(), cpu, float(wal))

    def close(self) -> None:
        """Leave the server."""
        self._connection.close()


_WAL = "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint"


@contextmanager
def watching(database_url: str) -> Iterator[list[Sample]]:
    """Watch during the block, four times a second; gives the list of samples, which is whole after the block."""
    watch = PostgresWatch(database_url)
    ended = threading.Event()
    samples = watch.samples
    samples.append(watch.look())

    def sample() -> None:
        while not ended.wait(_EVERY_S):
            samples.append(watch.look())

    thread = threading.Thread(target=sample, name="watch")
    thread.start()
    try:
        yield samples
    finally:
        ended.set()
        thread.join()
        samples.append(watch.look())
        watch.close()
