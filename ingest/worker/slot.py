"""Slots: each worker's stable name in its `transactional.id`, leased from PostgreSQL unless one is given.

The lease is a session lock: it ends with the connection. It only spares two workers from taking the same slot; should
both believe they have it, Kafka and the position rows fence one of them.
"""

from __future__ import annotations

import hashlib

import psycopg

from ingest.database.connection import Connection, connect
from ingest.errors import DatabaseAway

MOST_SLOTS = 1024


class SlotLease:
    """Holds a slot until it is closed."""

    def __init__(self, database_url: str, address: str, group_id: str) -> None:
        """Takes the first free slot. Raises DatabaseAway."""
        try:
            self._connection: Connection = connect(database_url)
            self.name = self._take(group_id)
        except psycopg.OperationalError as error:
            raise DatabaseAway(address, str(error).strip()) from error

    def close(self) -> None:
        """Let the slot go."""
        self._connection.close()

    def _take(self, group_id: str) -> str:
        group = int.from_bytes(hashlib.blake2b(group_id.encode(), digest_size=4).digest(), signed=True)
        for slot in range(MOST_SLOTS):
            (taken,) = self._connection.execute("SELECT pg_try_advisory_lock(%s, %s)", (group, slot)).fetchone() or (
                False,
            )
            if taken:
                return str(slot)
        raise RuntimeError(f"all {MOST_SLOTS} slots of group {group_id} are taken")
