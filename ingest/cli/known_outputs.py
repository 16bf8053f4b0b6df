"""What the database knows of the output topics: one that knows nothing must not stand before outputs of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from ingest.cli.deployment import reading
from ingest.cli.looked import Looked, Verdict
from ingest.database import output_ends, positions
from ingest.database.output_ends import OutputEnd
from ingest.errors import Cause, MigrationsMissing
from ingest.kafka_admin import KafkaAdmin
from ingest.settings import Settings
from ingest.worker.new_database import unknown_outputs
from producers.topics import OUTPUT_TOPICS

_AREA: Final = "outputs"


def known_outputs(given: Settings) -> Iterator[Looked]:
    """Whether workers would halt every partition, as the database may have forgotten what it published.

    Nothing of a database without tables: it knows nothing yet. Raises DatabaseAway or BrokerAway.
    """
    with KafkaAdmin(given.kafka_bootstrap_servers) as admin:
        # Asked first: a worker has its position before it publishes.
        ends = admin.ends([topic.name for topic in OUTPUT_TOPICS])
    try:
        with reading(given) as connection:
            unknown = unknown_outputs(connection, output_ends.read(connection), ends)
            known = len(positions.sequences(connection))
    except MigrationsMissing:
        return
    yield judged_outputs(given.database_address, unknown, known)


def judged_outputs(database: str, unknown: Iterable[OutputEnd], known: int) -> Looked:
    """`unknown`: output logs with records of which the database knows nothing; `known`: its raw partitions."""
    if topics := sorted({one.topic for one in unknown}):
        return Looked(
            _AREA, database, Verdict.UNSAFE,
            f"it knows no raw partition, and there are records in {', '.join(topics)}",
            "it may be the wrong database, or what is left of a lost one: workers halt every partition "
            f"({Cause.DATABASE_NEW}) rather than publish everything a second time",
            "correct DATABASE_URL, or bring the database back; else `ordergate recover` shows the ways out, and "
            "changes nothing without --apply",
        )  # fmt: skip
    found = f"it knows {known} raw partitions" if known else "it is new, and no record before it is unexplained"
    return Looked(_AREA, database, Verdict.OK, found)
