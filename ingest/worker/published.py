"""Which journal rows are known to be published, of this worker's partitions and of others': the hand-over's memory."""

from __future__ import annotations

from ingest.state import Carrier
from ingest.worker.partition import PartitionKey


class PublishedRows:
    """Only ever learns; a row once published stays published."""

    def __init__(self) -> None:
        self._newest: dict[PartitionKey, int] = {}

    def learn(self, partition: PartitionKey, sequence: int) -> None:
        """Row `sequence` of a partition, and every one before it, is published."""
        if sequence > self._newest.get(partition, -1):
            self._newest[partition] = sequence

    def covers(self, carrier: Carrier) -> bool:
        """Whether a journal row is known to be published."""
        return self._newest.get((carrier.topic, carrier.partition), -1) >= carrier.sequence
