"""Whatever goes wrong while `ordergate recover` runs is told with its reason, and with what to do."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from psycopg.errors import LockNotAvailable, QueryCanceled

from ingest.cli import recover
from ingest.database.connection import Database, PartitionsMissing
from ingest.errors import DatabaseAway, OrdergateError


class Server:
    """A connection whose transactions fail with this error."""

    def __init__(self, error: psycopg.Error) -> None:
        self._error = error

    def transaction(self) -> Any:
        raise self._error

    def close(self) -> None:
        """Nothing to close."""


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch):
    """Gives what a person is told when this happens during the command."""
    given = SimpleNamespace(
        database_url=SimpleNamespace(get_secret_value=lambda: "postgresql://db/ordergate"),
        database_address="db:5432/ordergate",
    )
    monkeypatch.setattr(recover, "settings", lambda: given)
    monkeypatch.setattr(recover, "require_migrated", lambda _given: None)

    class Looker:
        def __init__(self, _given: object, database: Database) -> None:
            self.database = database

        def __enter__(self) -> Looker:
            return self

        def __exit__(self, *_error: object) -> None:
            """Nothing to close."""

    monkeypatch.setattr(recover, "Looker", Looker)

    def of(error: Exception) -> OrdergateError:
        with pytest.raises(OrdergateError) as caught, recover._recovery(None) as recovery:
            if isinstance(error, psycopg.Error):
                recovery._database._connect = lambda _url: Server(error)  # type: ignore[assignment,return-value]  # the part of it that is used
                with recovery._database.transaction():
                    pass
            raise error
        return caught.value

    return of


@pytest.mark.parametrize("error", [QueryCanceled("canceling statement due to statement timeout"), LockNotAvailable()])
def test_a_statement_that_takes_too_long_is_no_database_that_is_away(told, error):
    """Nobody starts a server that runs: what has to be done is to let it finish."""
    assert "did not finish a step in time" in told(error).what


def test_a_database_that_is_away_is_told_as_such(told):
    """A connection that breaks is another thing than a statement that is cut off."""
    assert isinstance(told(psycopg.OperationalError("gone")), DatabaseAway)


def test_a_table_without_room_is_told_as_such(told):
    """Nobody looks for what keeps the database busy when a table lacks its partition for now."""
    of = told(PartitionsMissing())
    assert "has no partition" in of.what and "ordergate migrate" in of.do
