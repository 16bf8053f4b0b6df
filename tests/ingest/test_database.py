"""A transaction is kept whole or not at all, and the next one works, whichever way its statements are sent."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ingest.database.connection import Database, Refused, connect

pytestmark = pytest.mark.stack

INSERT = "INSERT INTO kept (number) VALUES (%s)"


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    with connect(database_url) as connection:
        connection.execute("CREATE TABLE kept (number int NOT NULL)")
    made = Database(database_url)
    yield made
    made.close()


def kept(database: Database) -> list[int]:
    with database.transaction() as connection:
        return [number for (number,) in connection.execute("SELECT number FROM kept ORDER BY number")]


@pytest.fixture(params=["transaction", "pipelined_transaction"])
def transaction(database: Database, request: pytest.FixtureRequest):
    return getattr(database, request.param)


def test_a_transaction_is_kept(database: Database, transaction):
    """What a batch writes is there once its block has ended."""
    with transaction() as connection:
        connection.execute(INSERT, (1,))
        connection.execute(INSERT, (2,))
    assert kept(database) == [1, 2]


def test_a_transaction_that_ends_with_an_error_leaves_nothing(database: Database, transaction):
    """An error of our own takes back what was sent before it, and the connection serves the next batch."""
    with pytest.raises(LookupError), transaction() as connection:
        connection.execute(INSERT, (1,))
        raise LookupError
    with transaction() as connection:
        connection.execute(INSERT, (2,))
    assert kept(database) == [2]


@pytest.mark.parametrize("follows", [True, False], ids=["in the midst", "at the end"])
def test_a_refused_statement_is_told_although_nobody_asked(database: Database, transaction, follows: bool):
    """A refused row is told before the batch counts as committed, also when it is the last one sent."""
    with pytest.raises(Refused, match="NotNullViolation"), transaction() as connection:
        connection.execute(INSERT, (1,))
        connection.execute(INSERT, (None,))
        if follows:
            connection.execute(INSERT, (2,))
    assert kept(database) == []
    with transaction() as connection:
        connection.execute(INSERT, (3,))
    assert kept(database) == [3]


def test_a_batch_inside_a_transaction_is_kept_or_not_with_it(database: Database, transaction):
    """A rebuild decides batch after batch in one transaction: none of them is kept when the last one differs."""
    with pytest.raises(LookupError), database.transaction() as outer:
        with transaction() as connection:
            connection.execute(INSERT, (1,))
        with pytest.raises(Refused), transaction() as connection:
            connection.execute(INSERT, (None,))
        assert outer.execute("SELECT count(*) FROM kept").fetchall() == [(1,)], "the refused one alone is gone"
        raise LookupError
    assert kept(database) == []


def test_how_many_rows_a_statement_changed_is_known_at_once(database: Database):
    """A repair sees that a position was moved under its hands before it goes on."""
    with database.transaction() as connection:
        assert connection.execute(INSERT, (1,)).rowcount == 1
        assert connection.execute("UPDATE kept SET number = 2 WHERE number = 7").rowcount == 0
