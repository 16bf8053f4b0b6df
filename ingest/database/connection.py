"""The worker's connection to PostgreSQL: one, opened when needed, thrown away at the first doubt."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

import psycopg
from psycopg import errors
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import TransactionStatus

from ingest.database.columns import register

Connection = psycopg.Connection[tuple[Any, ...]]
Cursor = psycopg.Cursor[tuple[Any, ...]]

_APPLICATION = "ordergate"
_BEGIN, _COMMIT = "BEGIN", "COMMIT"
_LOST = (psycopg.OperationalError, psycopg.InterfaceError)
_AGAIN = (errors.SerializationFailure, errors.DeadlockDetected, errors.LockNotAvailable)


class DatabaseLost(Exception):
    """The connection broke. Whether the transaction was committed is unknown: only recovery can tell."""


class TryAgain(Exception):
    """The transaction was rolled back because of another one: decided again, it will see that one's rows."""


class Refused(Exception):
    """PostgreSQL refuses what was written; the transaction was rolled back. Some event of the batch is why."""

    def __init__(self, error: psycopg.Error) -> None:
        place = ".".join(filter(None, (error.diag.table_name, error.diag.column_name or error.diag.constraint_name)))
        super().__init__(type(error).__name__)
        self.reason = f"{type(error).__name__} {place}".strip()
        self.sqlstate = error.sqlstate or ""


class DatabaseUnfit(Exception):
    """PostgreSQL answers and will not do what this version needs: read-only, tables missing, no permission."""


class PartitionsMissing(Exception):
    """A time-ranged table has no partition for now; the transaction was rolled back."""


class Database:
    """Transactions on one connection. Not for use by several threads at once."""

    def __init__(self, url: str, open_connection: Callable[[str], Connection] | None = None) -> None:
        """`open_connection` opens one in place of `connect`; it raises psycopg.OperationalError, too."""
        self._url = url
        self._connect = open_connection or connect
        self._connection: Connection | None = None

    @property
    def address(self) -> str:
        """Host, port and database, without credentials."""
        parts = urlsplit(self._url)
        return f"{parts.hostname}:{parts.port or 5432}{parts.path}"

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """One transaction; committed when the block ends.

        Raises DatabaseLost (unknown whether committed), TryAgain (rolled back, another transaction was first),
        PartitionsMissing (rolled back, a table needs its next partition) or Refused (rolled back, the data is at
        fault), DatabaseUnfit (rolled back, the database is at fault).
        """
        with self._errors_told():
            connection = self._open()
            with connection.transaction():
                yield connection

    @contextmanager
    def pipelined_transaction(self) -> Iterator[Connection]:
        """The same in fewer round trips: libpq's pipeline mode, for statements whose answers are fetched or not needed.

        A statement is sent and not waited for until an answer is fetched: what fails is told then, or at the end; and
        `rowcount` is not known before.
        """
        with self._errors_told():
            connection = self._open()
            if connection.info.transaction_status is not TransactionStatus.IDLE:
                with connection.transaction():  # a savepoint in the one that is open
                    yield connection
                return
            # Not psycopg's own block, which waits for the answer to BEGIN, and once more before COMMIT.
            try:
                with connection.pipeline():
                    connection.execute(_BEGIN)
                    yield connection
                    connection.execute(_COMMIT)
            except BaseException:
                _roll_back(connection)
                raise

    @contextmanager
    def _errors_told(self) -> Iterator[None]:
        try:
            yield
        except (*_AGAIN, errors.UniqueViolation) as error:
            raise TryAgain(type(error).__name__) from error
        except errors.CheckViolation as error:
            # PostgreSQL reports a missing partition as a check violation that names no constraint.
            if error.diag.constraint_name is None:
                raise PartitionsMissing from error
            raise Refused(error) from error
        except (errors.DataError, errors.IntegrityError, errors.ProgramLimitExceeded) as error:
            raise Refused(error) from error
        except (psycopg.ProgrammingError, psycopg.InternalError, psycopg.NotSupportedError) as error:
            raise DatabaseUnfit(f"{type(error).__name__} (SQLSTATE {error.sqlstate})") from error
        except _LOST as error:
            self.close()
            raise DatabaseLost(str(error).strip()) from error

    def close(self) -> None:
        """Drop the connection; the next transaction opens a new one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _open(self) -> Connection:
        if self._connection is None:
            self._connection = self._connect(self._url)
        return self._connection


def _roll_back(connection: Connection) -> None:
    """End what is left of a failed transaction. That the connection is lost was told already."""
    with suppress(psycopg.Error):
        connection.rollback()


def connect(url: str, timeout_s: int = 5) -> Connection:
    """A connection with the settings that the guarantees need, after those of the URL.

    Raises psycopg.OperationalError.
    """
    given = conninfo_to_dict(url).get("options") or ""
    connection = psycopg.connect(
        url,
        connect_timeout=timeout_s,
        application_name=_APPLICATION,
        autocommit=True,
        # A frozen process must not keep its locks: another one has to take its partitions over.
        options=f"{given} -c lock_timeout=10s -c statement_timeout=30s -c idle_in_transaction_session_timeout=30s",
        # A dead peer is noticed within 15 s even when it closes no connection.
        keepalives_idle=5,
        keepalives_interval=5,
        keepalives_count=2,
        tcp_user_timeout=15_000,
    )
    register(connection)
    return connection
