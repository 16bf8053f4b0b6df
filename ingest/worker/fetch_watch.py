"""Whether the Kafka client still fetches what the raw logs have.

librdkafka 2.16 may drop what it is told about a partition when it tells itself something at the same time, as in a
rebalance: the partition stays paused, or is never fetched, and no call fails (confluentinc/librdkafka#2190, #5591).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from consumers.kafka_source import KafkaSource
from ingest.worker.partition import OwnedPartition, PartitionKey, Phase

_EVERY_S = 10.0


@dataclass(frozen=True, slots=True)
class _Look:
    """What was seen of a partition; offsets are -1 where nobody asked."""

    read_to: int
    end: int = -1
    tried: int = -1
    """The log's end when `read_to` was started from anew: only a record behind it is a reason to do so again."""


class FetchWatch:
    """Starts reading anew where a record has been in the log for a while and was not given."""

    def __init__(
        self, source: KafkaSource, partitions: Iterable[OwnedPartition], monotonic: Callable[[], float]
    ) -> None:
        self._source = source
        self._partitions = partitions
        self._monotonic = monotonic
        self._looks: dict[PartitionKey, _Look] = {}
        self._next = float("-inf")

    def look_now_and_then(self) -> list[PartitionKey]:
        """Look if it is time to; gives the partitions that are read anew. Raises BrokerSilent."""
        if self._monotonic() < self._next:
            return []
        self._next = self._monotonic() + _EVERY_S
        before, self._looks = self._looks, {}
        stalled = []
        for partition in self._partitions:
            if partition.phase is not Phase.RUNNING or partition.waits_for is not None:
                continue
            look = before.get(partition.key)
            if look is None or look.read_to != partition.read_to:
                self._looks[partition.key] = _Look(partition.read_to)
                continue
            end, tried = self._source.watermarks(partition.key)[1], look.tried
            if look.end > max(look.read_to, tried):
                # The end may also be that of a transaction, which gives no record: then once was enough.
                self._source.start_anew(partition.key, partition.read_to)
                tried = end
                stalled.append(partition.key)
            self._looks[partition.key] = _Look(look.read_to, end, tried)
        return stalled
