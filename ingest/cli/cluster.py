"""Questions to Kafka that only reports ask: how many brokers there are, and what the group has committed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]  # its own typing hides it

from consumers.kafka_source import Committed
from ingest.errors import BrokerAway
from ingest.worker.receipt import LogBounds

_TIMEOUT_S = 10.0
_EARLIEST: OffsetSpec = OffsetSpec.earliest()  # type: ignore[no-untyped-call]
_LATEST: OffsetSpec = OffsetSpec.latest()  # type: ignore[no-untyped-call]


class Cluster:
    """Asks the brokers; changes nothing. Every method raises BrokerAway when none answers."""

    def __init__(self, bootstrap_servers: str) -> None:
        self._servers = bootstrap_servers
        self._client = AdminClient({"bootstrap.servers": bootstrap_servers, "log_level": 0})

    def broker_count(self) -> int:
        """How many brokers the cluster has now."""
        return len(self._result(self._client.describe_cluster(request_timeout=_TIMEOUT_S)).nodes)

    def committed(self, group_id: str) -> dict[tuple[str, int], Committed]:
        """What the group has committed, by partition."""
        asked = [ConsumerGroupTopicPartitions(group_id)]
        (future,) = self._client.list_consumer_group_offsets(asked, request_timeout=_TIMEOUT_S).values()
        try:
            found = future.result()
        except KafkaException as error:
            if error.args[0].code() == KafkaError.GROUP_ID_NOT_FOUND:
                return {}
            raise BrokerAway(self._servers, error.args[0].str()) from error
        return {
            (p.topic, p.partition): Committed(p.offset if p.offset >= 0 else None, p.metadata or None)
            for p in found.topic_partitions
        }

    def bounds(self, partitions: Iterable[tuple[str, int]]) -> dict[tuple[str, int], LogBounds]:
        """First and next offset of each partition's log, transactions under way not counted."""
        keys = list(partitions)
        low, high = self._offsets(keys, _EARLIEST), self._offsets(keys, _LATEST)
        return {key: LogBounds(low[key], high[key]) for key in keys}

    def _offsets(self, keys: list[tuple[str, int]], spec: OffsetSpec) -> dict[tuple[str, int], int]:
        if not keys:
            return {}
        asked = {TopicPartition(*key): spec for key in keys}
        futures = self._client.list_offsets(asked, request_timeout=_TIMEOUT_S)
        return {(p.topic, p.partition): self._result(future).offset for p, future in futures.items()}

    def _result(self, future: Any) -> Any:
        try:
            return future.result()
        except KafkaException as error:
            raise BrokerAway(self._servers, error.args[0].str()) from error
