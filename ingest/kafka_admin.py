"""Topics and broker settings: made by command, checked at start, never made on the way."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

from confluent_kafka import KafkaException, TopicCollection
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # re-exported there without saying so
    AdminClient,
    ConfigResource,
    NewTopic,
    ResourceType,
)

from consumers.channel import Channel
from ingest.errors import BrokerAway, TopicsMissing
from producers.topics import MAX_RECORD_BYTES, OUTPUT_TOPICS

_TIMEOUT_S = 10.0
_DAY_MS = 24 * 3600 * 1000
RAW_CONFIG = {
    "cleanup.policy": "delete",
    "retention.ms": str(30 * _DAY_MS),
    "max.message.bytes": str(MAX_RECORD_BYTES),
}


@dataclass(frozen=True, slots=True)
class TopicState:
    """A topic of ours as the broker has it."""

    name: str
    topic_id: str
    partitions: int
    replication: int


class KafkaAdmin:
    """Asks and tells the brokers. Raises BrokerAway when none answers."""

    def __init__(self, bootstrap_servers: str) -> None:
        self._servers = bootstrap_servers
        self._client = AdminClient(
            {"bootstrap.servers": bootstrap_servers, "metadata.recovery.strategy": "none"}
        )
        self.topic_id = cache(self._topic_id)

    def existing(self, names: Iterable[str]) -> dict[str, TopicState]:
        """Those of the named topics that exist, by name."""
        found: dict[str, TopicState] = {}
        for name, future in self._client.describe_topics(
            TopicCollection(list(names)), request_timeout=_TIMEOUT_S
        ).items():
            try:
                topic = future.result()
            except KafkaException as error:
                if error.args[0].name() == "UNKNOWN_TOPIC_OR_PART":
                    continue
                raise BrokerAway(self._servers, error.args[0].str()) from error
            replication = min(len(partition.replicas) for partition in topic.partitions)
            found[name] = TopicState(name, str(topic.topic_id), len(topic.partitions), replication)
        return found

    def create(self, channels: Sequence[Channel], partitions: int, replication: int) -> list[str]:
        """Create what is missing of the raw topics and the output topics; gives the names created."""
        wanted = [NewTopic(channel.topic, partitions, replication, config=RAW_CONFIG) for channel in channels]
        wanted += [
            NewTopic(topic.name, partitions, replication, config=topic.config()) for topic in OUTPUT_TOPICS
        ]
        existing = self.existing([topic.topic for topic in wanted])
        missing = [topic for topic in wanted if topic.topic not in existing]
        if missing:
            for future in self._client.create_topics(missing, request_timeout=_TIMEOUT_S).values():
                try:
                    future.result()
                except KafkaException as error:
                    if error.args[0].name() != "TOPIC_ALREADY_EXISTS":
                        raise BrokerAway(self._servers, error.args[0].str()) from error
        return [topic.topic for topic in missing]

    def require(self, names: Sequence[str]) -> None:
        """Raises TopicsMissing when one of the topics does not exist."""
        existing = self.existing(names)
        missing = [name for name in names if name not in existing]
        if missing:
            raise TopicsMissing(missing)

    def broker_settings(self) -> dict[str, str]:
        """The effective settings of one broker."""
        try:
            node = next(iter(self._client.list_topics(timeout=_TIMEOUT_S).brokers))
            resource = ConfigResource(ResourceType.BROKER, str(node))
            (future,) = self._client.describe_configs([resource], request_timeout=_TIMEOUT_S).values()
            return {name: entry.value for name, entry in future.result().items() if entry.value is not None}
        except KafkaException as error:
            raise BrokerAway(self._servers, error.args[0].str()) from error

    def topic_settings(self, name: str) -> dict[str, str]:
        """The effective settings of one topic."""
        try:
            resource = ConfigResource(ResourceType.TOPIC, name)
            (future,) = self._client.describe_configs([resource], request_timeout=_TIMEOUT_S).values()
            return {key: entry.value for key, entry in future.result().items() if entry.value is not None}
        except KafkaException as error:
            raise BrokerAway(self._servers, error.args[0].str()) from error

    def _topic_id(self, name: str) -> str:
        existing = self.existing([name])
        if name not in existing:
            raise TopicsMissing([name])
        return existing[name].topic_id
