"""Questions to Kafka that only reports ask: how many brokers there are, and what the group has committed.

Asked by a consumer that never joins its group. It asks from the calling thread alone, so that it is never
taken down by a thread of its own, as an admin client can be.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Final, Self, TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from consumers.kafka_source import Committed, PartitionKey
from ingest.errors import BrokerAway
from ingest.kafka_client import TIMEOUT_S, quiet, why
from ingest.worker.receipt import LogBounds

T = TypeVar("T")

_SOON: Final = frozenset(
    {
        KafkaError.NOT_COORDINATOR,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    }
)
"""A group's coordinator says so while it starts, and while it moves."""
_PAUSE_S: Final = 0.2


class Cluster:
    """Asks the brokers, changes nothing, closed at the end of `with`. Raises BrokerAway when none answers."""

    def __init__(self, bootstrap_servers: str, group_id: str) -> None:
        self._servers = bootstrap_servers
        self._complaints: list[KafkaError] = []
        self._consumer = Consumer(
            {
                **quiet(bootstrap_servers, self._complaints),
                "group.id": group_id,
                "enable.auto.commit": False,
                # Else the answer waits for a worker's transaction under way.
                "isolation.level": "read_uncommitted",
            }
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._consumer.close()

    def broker_count(self) -> int:
        """How many brokers the cluster has now."""
        return len(self._answer(lambda: self._consumer.list_topics(timeout=TIMEOUT_S)).brokers)

    def committed(self, partitions: Iterable[PartitionKey]) -> dict[PartitionKey, Committed]:
        """What the group has committed, by partition."""
        asked = [TopicPartition(*key) for key in partitions]
        if not asked:
            return {}
        found = self._answer(lambda: self._consumer.committed(asked, timeout=TIMEOUT_S))
        for refused in (p.error for p in found if p.error is not None):
            raise BrokerAway(self._servers, refused.str())
        return {
            (p.topic, p.partition): Committed(p.offset if p.offset >= 0 else None, p.metadata or None) for p in found
        }

    def bounds(self, partitions: Iterable[PartitionKey]) -> dict[PartitionKey, LogBounds]:
        """First and next offset of each partition's log, transactions under way included."""
        return {key: LogBounds(*self._watermarks(key)) for key in partitions}

    def _watermarks(self, key: PartitionKey) -> tuple[int, int]:
        partition = TopicPartition(*key)
        return self._answer(lambda: self._consumer.get_watermark_offsets(partition, timeout=TIMEOUT_S))

    def _answer(self, ask: Callable[[], T]) -> T:
        until = time.monotonic() + TIMEOUT_S
        while True:
            try:
                return ask()
            except KafkaException as error:
                if error.args[0].code() not in _SOON or time.monotonic() > until:
                    raise BrokerAway(self._servers, why(self._consumer, self._complaints, error)) from error
                time.sleep(_PAUSE_S)
