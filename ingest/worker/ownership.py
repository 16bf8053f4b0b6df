"""The partitions a worker owns: what the group gives and takes, and how a partition is let go."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import structlog

from ingest.database import positions
from ingest.database.connection import Database, DatabaseLost, Refused, TryAgain
from ingest.worker.partition import OwnedPartition, PartitionKey, Phase

log = structlog.get_logger()


class Ownership:
    """Told by the source of every change, inside its `read`: no batch is under way then."""

    def __init__(self, database: Database, forget_metrics: Callable[[PartitionKey], None]) -> None:
        self._database = database
        self._forget_metrics = forget_metrics
        self.partitions: dict[PartitionKey, OwnedPartition] = {}

    def __iter__(self) -> Iterator[OwnedPartition]:
        return iter(self.partitions.values())

    def assigned(self, partitions: Sequence[PartitionKey]) -> None:
        """New partitions start in recovery."""
        for key in partitions:
            self.partitions[key] = OwnedPartition(key)
        log.info("partitions_assigned", partitions=[f"{topic}/{number}" for topic, number in partitions])

    def revoked(self, partitions: Sequence[PartitionKey]) -> None:
        """Let partitions go after draining: all that was decided is published, so the next owner need not wait."""
        self._release([self.partitions.pop(key) for key in partitions if key in self.partitions])
        for key in partitions:
            self._forget_metrics(key)
        log.info("partitions_revoked", partitions=[f"{topic}/{number}" for topic, number in partitions])

    def lost(self, partitions: Sequence[PartitionKey]) -> None:
        """Another member owns them already: nothing may be written for them any more."""
        for key in partitions:
            self.partitions.pop(key, None)
            self._forget_metrics(key)
        log.warning("partitions_lost", partitions=[f"{topic}/{number}" for topic, number in partitions])

    def doubt(self) -> None:
        """Send every partition that is not halted through recovery."""
        for partition in self:
            partition.doubt()

    def _release(self, partitions: Sequence[OwnedPartition]) -> None:
        certain = [p for p in partitions if p.phase is Phase.RUNNING and p.published_sequence == p.sequence]
        if not certain:
            return
        try:
            with self._database.transaction() as connection:
                for partition in sorted(certain, key=lambda p: p.key):
                    positions.release(connection, *partition.key, partition.epoch)
        except (DatabaseLost, TryAgain, Refused):
            # Left unreleased: the next owner ends this worker's transaction first, and finds none.
            log.warning("partitions_not_released", reason="database_away")
