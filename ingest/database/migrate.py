"""Migrating the database, and asking whether it is migrated."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, text

from ingest.database.connection import connect
from ingest.database.retention import Range, maintain
from ingest.errors import MigrationsMissing

_MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK = 0x6F726466  # any constant: two processes never migrate at the same time


def migrate(database_url: str, tables: Iterable[Range]) -> None:
    """Bring the database to this version's tables, with partitions for now. Does nothing when it is there already."""
    engine = create_engine(sqlalchemy_url(database_url))
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": _LOCK})
            connection.commit()
            command.upgrade(_config(connection), "head")
            connection.commit()
    finally:
        engine.dispose()
    with connect(database_url) as plain, plain.transaction():
        maintain(plain, tables, datetime.now(UTC))


def check_migrated(database_url: str) -> None:
    """Raises MigrationsMissing when the tables are not those of this version."""
    engine = create_engine(sqlalchemy_url(database_url))
    try:
        with engine.connect() as connection:
            found = MigrationContext.configure(connection).get_current_revision()
            expected = ScriptDirectory.from_config(_config(connection)).get_current_head()
    finally:
        engine.dispose()
    if found != expected:
        raise MigrationsMissing(found, expected or "")


def sqlalchemy_url(database_url: str) -> str:
    """The same address for SQLAlchemy, which names its driver in the scheme."""
    return database_url.replace("postgresql://", "postgresql+psycopg://", 1)


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["connection"] = connection
    return config
