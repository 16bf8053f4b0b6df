"""The database is what its tables say, and time-ranged tables are made ahead and dropped whole."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

from ingest.database.connection import Database, PartitionsMissing, connect
from ingest.database.migrate import check_migrated, migrate, sqlalchemy_url
from ingest.database.retention import maintain, ranges
from ingest.database.tables import metadata
from ingest.errors import MigrationsMissing

pytestmark = pytest.mark.stack

DAY = timedelta(days=1)
TABLES = ranges(journal=2 * DAY, outcomes=30 * DAY, findings=30 * DAY, event_ids=7 * DAY)


def partitions(url: str, table: str) -> set[str]:
    with connect(url) as connection:
        rows = connection.execute(
            "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
            " WHERE i.inhparent = to_regclass(%s)", (table,)
        )  # fmt: skip
        return {name for (name,) in rows}


def test_migrations_build_exactly_the_tables(database_url: str):
    """Whoever reads tables.py knows the database: nothing is missing and nothing is more."""
    migrate(database_url, TABLES)
    engine = create_engine(sqlalchemy_url(database_url))
    with engine.connect() as connection:
        ours = MigrationContext.configure(
            connection,
            opts={"include_name": lambda name, kind, _parent: kind != "table" or name in metadata.tables},
        )
        assert compare_metadata(ours, metadata) == []
    engine.dispose()
    check_migrated(database_url)
    migrate(database_url, TABLES)


def test_migrations_leave_the_room_that_the_tables_ask_for(database_url: str):
    """Updates of a large table stay cheap: migrations set the storage parameters too, which Alembic cannot compare."""
    migrate(database_url, TABLES)
    asked = {
        table.name: {f"{name}={value}" for name, value in table.dialect_options["postgresql"]["with"].items()}
        for table in metadata.tables.values()
        if table.dialect_options["postgresql"]["with"]
    }
    with connect(database_url) as connection:
        rows = connection.execute(
            "SELECT relname, reloptions FROM pg_class WHERE relkind = 'r' AND reloptions IS NOT NULL"
            " AND relnamespace = 'public'::regnamespace"
        ).fetchall()
    assert {name: set(options) for name, options in rows} == asked != {}


def test_an_empty_database_is_refused(database_url: str):
    """A worker does not start on a database that was never migrated."""
    with pytest.raises(MigrationsMissing, match="ordergate migrate"):
        check_migrated(database_url)


def test_what_is_past_its_time_is_dropped_and_what_comes_next_is_there(database_url: str):
    """After a month the old outcomes are gone at once, and the next days have their partitions."""
    migrate(database_url, TABLES)
    now = datetime.now(UTC)
    before = partitions(database_url, "outcomes")
    with connect(database_url) as connection, connection.transaction():
        dropped = maintain(connection, TABLES, now + 40 * DAY)
    after = partitions(database_url, "outcomes")
    assert before <= set(dropped)
    assert not before & after and len(after) == 4


def journal_row(url: str, sequence: int, published: int) -> None:
    with connect(url) as connection:
        connection.execute(
            "INSERT INTO positions VALUES ('t', 0, 'id', 1, %s, %s, %s, NULL, true, now())"
            " ON CONFLICT (topic, partition) DO UPDATE SET published_sequence = excluded.published_sequence",
            (sequence, sequence, published),
        )
        if not connection.execute("SELECT 1 FROM journal").fetchone():
            connection.execute("INSERT INTO journal VALUES ('t', 0, %s, 0, 1, 0, '', now())", (sequence,))


def test_a_journal_partition_with_an_unpublished_row_is_never_dropped(database_url: str):
    """What Kafka may still need stays, however old; once it is published it goes."""
    migrate(database_url, TABLES)
    later = datetime.now(UTC) + 10 * DAY
    journal_row(database_url, 5, published=4)
    with connect(database_url) as connection, connection.transaction():
        maintain(connection, TABLES, later)
        assert connection.execute("SELECT count(*) FROM journal").fetchone() == (1,)
    journal_row(database_url, 5, published=5)
    with connect(database_url) as connection, connection.transaction():
        maintain(connection, TABLES, later)
        assert connection.execute("SELECT count(*) FROM journal").fetchone() == (0,)


def test_a_missing_partition_is_told_apart_from_bad_data(database_url: str):
    """A table that was not kept up costs a moment of upkeep, not the events of a batch."""
    migrate(database_url, TABLES)
    database = Database(database_url)
    with pytest.raises(PartitionsMissing), database.transaction() as connection:
        connection.execute("INSERT INTO event_ids VALUES ('x', now() + interval '1 year')")
    database.close()
