"""`ordergate migrate`: the database's tables."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import OperationalError

from ingest.assembly import retention_ranges
from ingest.cli.deployment import reachable_database, settings
from ingest.cli.terminal import say
from ingest.database.migrate import check_migrated
from ingest.database.migrate import migrate as migrate_database
from ingest.settings import Settings


def migrate() -> None:
    """Bring the tables to this version."""
    given = settings()
    prepare(given)
    say(f"ordergate: the database at {given.database_address} has the tables of this version")


def prepare(given: Settings) -> None:
    """Bring the tables to this version, silently. Raises DatabaseAway."""
    with _reachable(given):
        migrate_database(given.database_url.get_secret_value(), retention_ranges(given))


def require_migrated(given: Settings) -> None:
    """Raises MigrationsMissing when the tables are not those of this version, or DatabaseAway."""
    with _reachable(given):
        check_migrated(given.database_url.get_secret_value())


@contextmanager
def _reachable(given: Settings) -> Iterator[None]:
    with reachable_database(given):
        try:
            yield
        except OperationalError as error:
            # SQLAlchemy wraps the driver's error.
            raise (error.orig or error) from error
