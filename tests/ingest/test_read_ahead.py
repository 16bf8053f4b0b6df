"""What a large batch reads is read ahead: the disk is asked for many pages at once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import psycopg
import pytest

from ingest.database import read_ahead
from ingest.database.connection import Connection, Database, connect
from ingest.database.migrate import migrate
from ingest.database.read_ahead import ReadAhead
from ingest.database.retention import ranges
from ingest.database.unit_of_work import UnitOfWork
from ingest.state import BatchState
from tests.integration.deployment import wait_until

pytestmark = pytest.mark.stack
DAY = timedelta(days=1)

GUESTS = """
INSERT INTO guests
SELECT lpad(to_hex(n), 32, '0')::uuid, n, 1, NULL, 'raw', 0, 1, now() FROM generate_series(1, 20000) AS n
"""
SCANS = """
SELECT idx_tup_read, idx_tup_fetch FROM pg_stat_user_indexes WHERE indexrelname = 'pk_guests'
"""


def uuid_of(number: int) -> str:
    return f"00000000-0000-0000-0000-{number:012x}"


@pytest.fixture
def tables(database_url: str) -> str:
    """A database with Ordergate's tables; its URL."""
    migrate(database_url, ranges(journal=DAY, outcomes=DAY, findings=DAY, event_ids=DAY))
    return database_url


@pytest.fixture
def database(tables: str) -> Iterator[Database]:
    """Guests in the order of their keys: PostgreSQL would rather follow the index than read ahead."""
    with connect(tables) as connection:
        connection.execute(GUESTS)
        connection.execute("VACUUM ANALYZE guests")
    made = Database(tables)
    yield made
    made.close()


@pytest.mark.parametrize("transaction", ["transaction", "pipelined_transaction"])
@pytest.mark.parametrize(("count", "ahead"), [(10, False), (200, True)])
def test_many_rows_are_read_ahead(database: Database, tables: str, transaction: str, count: int, ahead: bool):
    """A batch on a table larger than memory waits for the disk as a whole, and not for each of its rows in turn."""
    wanted = [uuid_of(n) for n in range(20_000, 20_000 - count * 7, -7)]
    for _ in range(8):  # more often than until a plan is kept
        state = BatchState()
        with getattr(database, transaction)() as connection:
            UnitOfWork(connection, DAY).read_guests(state, wanted)
            assert connection.execute("SHOW enable_indexscan").fetchone() == ("on",), "for what comes after"
        assert list(state.guests) == sorted(wanted)
        assert [row.guest.version for row in state.guests.values()] == [int(key[-12:], 16) for key in sorted(wanted)]
    with database.transaction() as connection:
        connection.execute("SELECT pg_stat_force_next_flush()")
    with connect(tables) as connection:
        read, one_by_one = connection.execute(SCANS).fetchone() or (0, 0)
    assert read >= 8 * count
    assert (one_by_one == 0) == ahead


ORDERS = """
INSERT INTO orders SELECT lpad(to_hex(n), 32, '0')::uuid, 'web', 'eu', n, n, 1, 1, 1, 1, '', '', 'OPEN', 'PAID', 'NONE',
  '', 'raw', 0, 1, now() FROM generate_series(1, 20000) AS n
"""
LOOKED_UP = """
SELECT idx_tup_read FROM pg_stat_user_indexes WHERE indexrelname = 'pk_orders'
"""
WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'orders'::regclass"
ALL = [uuid_of(number) for number in range(1, 20_001)]


class Ahead:
    """Reads ahead, on its own clock."""

    def __init__(self, url: str) -> None:
        self.now = 0.0
        self.url = url
        self.asks = ReadAhead(url, lambda: self.now)

    def expect_until_fetched(self, orders: list[str]) -> None:
        """Ask now and then until they have been fetched; a server process tells so late, or when it ends."""

        def fetched() -> bool:
            self.asks.expect(orders)
            self.now += 61
            with connect(self.url) as connection:
                return (connection.execute(LOOKED_UP).fetchone() or (0,))[0] >= len(orders)

        wait_until(fetched, 20, "the orders were fetched")


@pytest.fixture
def ahead(tables: str) -> Iterator[Ahead]:
    with connect(tables) as connection:
        connection.execute(ORDERS)
        connection.execute("VACUUM ANALYZE orders")
    made = Ahead(tables)
    yield made
    made.asks.close()


def test_expected_orders_are_fetched(ahead: Ahead):
    """Their pages are in the database's memory before the batch asks for them."""
    ahead.expect_until_fetched(ALL[::400])


def test_expecting_waits_for_nothing(ahead: Ahead, tables: str):
    """While the database is busy, nothing piles up and nobody waits; it is asked again once it has answered."""
    with connect(tables) as blocker, blocker.transaction():
        blocker.execute("LOCK orders IN ACCESS EXCLUSIVE MODE")
        for _ in range(3):
            ahead.asks.expect(ALL)
        wait_until(lambda: blocker.execute(WAITING).fetchone() == (1,), 5, "the first one alone waits for the lock")
    ahead.expect_until_fetched(ALL[::400])


def test_a_connection_that_is_lost_is_opened_again_later(ahead: Ahead, tables: str):
    """Reading ahead fails in silence, and tries again after a while."""
    ahead.asks.expect(ALL[:5])
    with connect(tables) as other:
        other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
            "AND pid <> pg_backend_pid()"
        )
    ahead.expect_until_fetched(ALL[::400])


def test_a_database_that_is_away_is_not_asked_for_a_while(monkeypatch: pytest.MonkeyPatch):
    """Mapping goes on at its own pace when the database is gone; the batch itself tells so."""
    tried: list[str] = []

    def refuse(url: str) -> Connection:
        tried.append(url)
        raise psycopg.OperationalError("refused")

    monkeypatch.setattr(read_ahead, "connect", refuse)
    ahead = Ahead("postgresql://localhost/none")
    for seconds in (0, 30, 29, 2, 1):
        ahead.now += seconds
        ahead.asks.expect(ALL[:5])
    assert len(tried) == 2, "at first, and after a minute"
