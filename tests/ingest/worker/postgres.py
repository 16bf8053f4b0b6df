"""The simulated PostgreSQL with connections that answer at once, for tests of one part of a worker."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus

from ingest.database import retention
from ingest.database.connection import Database
from tests.simulation import statements
from tests.simulation.database import Server
from tests.simulation.database_client import Rows
from tests.simulation.world import World

Refusing = Callable[[str, Sequence[Any]], psycopg.Error | None]
"""Given a statement's name and its columns: the error with which the server answers, None to do as it is told."""


class Connection:
    """A connection that answers at once."""

    def __init__(self, server: Server, refusing: Refusing) -> None:
        self._session = server.connect("test")
        self._refusing = refusing

    def execute(self, query: Any, parameters: Sequence[Any] | None = None, *, prepare: bool | None = None) -> Rows:
        name, attempt = statements.prepare(query, parameters or (), self._session)
        error = self._refusing(name, parameters or ())
        if error is not None:
            raise error
        return Rows(*attempt())

    @property
    def info(self) -> SimpleNamespace:
        """As psycopg, whether a transaction is open."""
        return SimpleNamespace(
            transaction_status=TransactionStatus.INTRANS if self._session.active else TransactionStatus.IDLE
        )

    @contextmanager
    def transaction(self) -> Iterator[None]:
        self._session.begin()
        try:
            yield
        except BaseException:
            self._session.rollback()
            raise
        self._session.commit()

    def rollback(self) -> None:
        self._session.rollback()

    @contextmanager
    def pipeline(self) -> Iterator[None]:
        yield

    def close(self) -> None:
        """Nothing to close."""


def server() -> Server:
    """A server with tables of which no row is too new or too old."""
    made = Server(World(1))
    beginning = datetime(2020, 1, 1, tzinfo=UTC)
    for table in retention.ranges(*[timedelta(days=30)] * 4):
        row = {"table": table.table, "begin": beginning, "end": beginning + timedelta(days=10_000)}
        made.tables["partitions"][table.table,] = row
    return made


def database(of: Server, refusing: Refusing = lambda _name, _columns: None) -> Database:
    """The worker's connection to a server."""
    return Database("postgresql://simulated/ordergate", lambda _url: Connection(of, refusing))  # type: ignore[arg-type, return-value]  # the part of it that is used
