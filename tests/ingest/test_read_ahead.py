"""What a large batch reads is read ahead: the disk is asked for many pages at once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from ingest.database.connection import Database, connect
from ingest.database.migrate import migrate
from ingest.database.retention import ranges
from ingest.database.unit_of_work import UnitOfWork
from ingest.state import BatchState

pytestmark = pytest.mark.stack
DAY = timedelta(days=1)

GUESTS = """
INSERT INTO guests
SELECT lpad(to_hex(n), 32, '0')::uuid, n, 1, NULL, 'raw', 0, 1, now() FROM generate_series(1, 20000) AS n
"""
SCANS = """
SELECT idx_tup_read, idx_tup_fetch FROM pg_stat_user_indexes WHERE indexrelname = 'pk_guests'
"""


def guest_id(number: int) -> str:
    return f"00000000-0000-0000-0000-{number:012x}"


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """Guests in the order of their keys: PostgreSQL would rather follow the index than read ahead."""
    migrate(database_url, ranges(journal=DAY, outcomes=DAY, findings=DAY, event_ids=DAY))
    with connect(database_url) as connection:
        connection.execute(GUESTS)
        connection.execute("VACUUM ANALYZE guests")
    made = Database(database_url)
    yield made
    made.close()


@pytest.mark.parametrize("transaction", ["transaction", "pipelined_transaction"])
@pytest.mark.parametrize(("count", "ahead"), [(10, False), (200, True)])
def test_many_rows_are_read_ahead(database: Database, database_url: str, transaction: str, count: int, ahead: bool):
    """A batch on a table larger than memory waits for the disk as a whole, and not for each of its rows in turn."""
    wanted = [guest_id(n) for n in range(20_000, 20_000 - count * 7, -7)]
    for _ in range(8):  # more often than until a plan is kept
        state = BatchState()
        with getattr(database, transaction)() as connection:
            UnitOfWork(connection, DAY).read_guests(state, wanted)
            assert connection.execute("SHOW enable_indexscan").fetchone() == ("on",), "for what comes after"
        assert list(state.guests) == sorted(wanted)
        assert [row.guest.version for row in state.guests.values()] == [int(key[-12:], 16) for key in sorted(wanted)]
    with database.transaction() as connection:
        connection.execute("SELECT pg_stat_force_next_flush()")
    with connect(database_url) as connection:
        read, one_by_one = connection.execute(SCANS).fetchone() or (0, 0)
    assert read >= 8 * count
    assert (one_by_one == 0) == ahead
