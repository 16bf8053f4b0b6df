"""A database that knows nothing may start on new output topics only: what others hold may be its own, forgotten.

A wrong DATABASE_URL, or a database that was lost, looks like a first deployment when the group has no receipt either.
Everything in the raw logs would be published a second time.
"""

from __future__ import annotations

from collections.abc import Iterable

from ingest.database import positions
from ingest.database.connection import Connection
from ingest.database.output_ends import OutputEnd
from ingest.errors import Cause, PartitionHalted
from ingest.worker.partition import PartitionKey


def unknown_outputs(
    connection: Connection, before: Iterable[OutputEnd], now: Iterable[OutputEnd]
) -> tuple[OutputEnd, ...]:
    """The output logs that were written to, if the database has neither a position nor a memory of any of them.

    `before` is what the database remembers of them; `now` has to be asked before `connection` reads: another worker
    has its position before it publishes.
    """
    remembered = {one.topic_id for one in before if one.end}
    written = tuple(one for one in now if one.end)
    if any(one.topic_id in remembered for one in written):
        return ()
    return written if written and not positions.sequences(connection) else ()


def halt(key: PartitionKey, database: str, written: Iterable[OutputEnd]) -> PartitionHalted:
    """What a raw partition stops with; `database`: `host:port/database`."""
    topics = ", ".join(sorted({one.topic for one in written}))
    return PartitionHalted(
        *key, Cause.DATABASE_NEW,
        known=f"records were published to {topics}; the database {database} has no position of any raw partition, and "
        "the group no receipt of this one: is it the wrong database, was it lost, or are the topics shared with "
        "another deployment?",
        safe="nothing was decided, published or committed",
        first="is DATABASE_URL or ORDERGATE_GROUP_ID wrong, correct it and start again",
    )  # fmt: skip
