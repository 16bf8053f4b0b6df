"""The memory of schema ids: the registry is asked once at start, and a restart goes on while it is away."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import structlog

from ingest.database.connection import Connection, Database
from ingest.errors import RegistryAway

log = structlog.get_logger()

_READ = """
SELECT record, schema_id FROM schema_ids
WHERE (record, fingerprint) IN (SELECT * FROM unnest(%b::text[], %b::text[]))
"""
_REMEMBER = """
INSERT INTO schema_ids (record, fingerprint, schema_id, recorded_at)
SELECT u.*, now() FROM unnest(%b::text[], %b::text[], %b::int[]) AS u
ON CONFLICT (record) DO UPDATE SET fingerprint = excluded.fingerprint, schema_id = excluded.schema_id,
       recorded_at = excluded.recorded_at
"""


def remember(connection: Connection, ids: Mapping[str, int], fingerprints: Mapping[str, str]) -> None:
    """Keep the ids of these records, each with the fingerprint of the schema it was given for."""
    names = sorted(ids)
    connection.execute(_REMEMBER, (names, [fingerprints[n] for n in names], [ids[n] for n in names]))


def remembered(connection: Connection, fingerprints: Mapping[str, str]) -> dict[str, int]:
    """The ids kept for exactly these schemas; a changed schema has none."""
    names = sorted(fingerprints)
    return dict(connection.execute(_READ, (names, [fingerprints[n] for n in names])).fetchall())


def resolve(
    database: Database, ask_registry: Callable[[], dict[str, int]], fingerprints: Mapping[str, str]
) -> dict[str, int]:
    """Every record's schema id: from the registry, and remembered; from memory while the registry is away.

    Raises SchemasUnresolved when the registry lacks one, RegistryAway when it is away and not all are remembered.
    """
    try:
        ids = ask_registry()
    except RegistryAway:
        with database.transaction() as connection:
            known = remembered(connection, fingerprints)
        if set(known) != set(fingerprints):
            raise
        log.warning("registry_away", using="schema ids remembered in the database")
        return known
    with database.transaction() as connection:
        remember(connection, ids, fingerprints)
    return ids
