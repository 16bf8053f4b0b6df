"""`ordergate migrate`: the database's tables."""

from __future__ import annotations

from ingest.assembly import retention_ranges
from ingest.cli.deployment import reachable_database, settings
from ingest.cli.terminal import say
from ingest.database.migrate import migrate as migrate_database
from ingest.settings import Settings


def migrate() -> None:
    """Bring the tables to this version."""
    given = settings()
    prepare(given)
    say(f"ordergate: the database at {given.database_address} has the tables of this version")


def prepare(given: Settings) -> None:
    """Bring the tables to this version, silently. Raises DatabaseAway."""
    with reachable_database(given):
        migrate_database(given.database_url.get_secret_value(), retention_ranges(given))
