"""Whether what a partition's held events wait for has been published, by whichever worker and however long ago.

The receipt in Kafka tells, as long as somebody reads the partition: of a channel that was retired, Kafka drops the
receipts in the end. What PostgreSQL has noted then answers: it lags, and it is never more than is published.
"""

from __future__ import annotations

from collections.abc import Callable

from consumers.kafka_source import KafkaSource, OffsetUnstable, PartitionUnknown
from ingest.database import positions
from ingest.database.connection import Database
from ingest.state import Carrier
from ingest.worker.partition import PartitionKey
from ingest.worker.published import PublishedRows
from ingest.worker.receipt import published_sequence

_ANSWER_S = 0.05
_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 1.0


class HandOvers:
    """Asks about other workers' rows, the longer one is waited for the less often."""

    def __init__(
        self, source: KafkaSource, database: Database, published: PublishedRows, monotonic: Callable[[], float]
    ) -> None:
        self._source = source
        self._database = database
        self._published = published
        self._monotonic = monotonic
        self._pauses: dict[PartitionKey, tuple[float, float]] = {}
        """Partitions asked about in vain: when to ask again, and seconds to wait after that."""

    def is_published(self, carrier: Carrier) -> bool:
        """Whether a row is known to be published; if it is not, its partition is asked about when it is time to.

        Raises BrokerSilent, DatabaseLost or DatabaseUnfit.
        """
        key = (carrier.topic, carrier.partition)
        if not self._published.covers(carrier):
            ask_at, pause = self._pauses.get(key, (float("-inf"), _FIRST_PAUSE_S))
            if self._monotonic() < ask_at:
                return False
            self._published.learn(key, self._ask(key))
            if not self._published.covers(carrier):
                self._pauses[key] = self._monotonic() + pause, min(2 * pause, _LONGEST_PAUSE_S)
                return False
        self._pauses.pop(key, None)
        return True

    def _ask(self, key: PartitionKey) -> int:
        """The newest row of a partition that is known to be published, 0 for none."""
        try:
            sequence = published_sequence(self._source.committed(key, _ANSWER_S, self._monotonic))
        except OffsetUnstable:
            return 0
        except PartitionUnknown:
            sequence = None
        if sequence is not None:
            return sequence
        with self._database.transaction() as connection:
            return positions.noted_published(connection, *key)
