"""Topics and broker settings: made by command, checked at start, never made on the way."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future, wait
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from confluent_kafka import IsolationLevel, KafkaError, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # re-exported there without saying so
    AdminClient,
    ConfigResource,
    NewTopic,
    OffsetSpec,
    ResourceType,
)

from consumers.channel import Channel
from ingest.database.output_ends import OutputEnd
from ingest.errors import BrokerAway, TopicsMissing
from ingest.kafka_client import TIMEOUT_S, quiet, why
from producers.topics import MAX_RECORD_BYTES, OUTPUT_TOPICS

T = TypeVar("T")

_DAY_MS = 24 * 3600 * 1000
_SOME_MADE: Final = "topics that were made before stay; the same command makes the others"
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
    """Asks and tells the brokers. Raises BrokerAway when none answers.

    Close it, or use it in `with`, and never leave it to the garbage collector: the client's own thread may be
    the one that collects, and a client that is taken down by its own thread ends the process
    (confluent-kafka-python, pull requests 2129 and 2131). For the same reason a method returns only when
    every answer is there.
    """

    def __init__(self, bootstrap_servers: str) -> None:
        self._servers = bootstrap_servers
        self._complaints: list[KafkaError] = []
        self._open = ExitStack()
        self._client = self._open.enter_context(
            AdminClient({**quiet(bootstrap_servers, self._complaints), "metadata.recovery.strategy": "none"})
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let the brokers go; nothing can be asked any more."""
        self._open.close()

    def existing(self, names: Iterable[str]) -> dict[str, TopicState]:
        """Those of the named topics that exist, by name."""
        found: dict[str, TopicState] = {}
        asked = self._client.describe_topics(TopicCollection(list(names)), request_timeout=TIMEOUT_S)
        for name, future in _answered(asked).items():
            try:
                topic = future.result()
            except KafkaException as error:
                if error.args[0].name() == "UNKNOWN_TOPIC_OR_PART":
                    continue
                raise self._away(error) from error
            replication = min(len(partition.replicas) for partition in topic.partitions)
            found[name] = TopicState(name, str(topic.topic_id), len(topic.partitions), replication)
        return found

    def create(self, channels: Sequence[Channel], partitions: int, replication: int) -> list[str]:
        """Create what is missing of the raw topics and the output topics; gives the names created."""
        wanted = [NewTopic(channel.topic, partitions, replication, config=RAW_CONFIG) for channel in channels]
        wanted += [NewTopic(topic.name, partitions, replication, config=topic.config()) for topic in OUTPUT_TOPICS]
        existing = self.existing([topic.topic for topic in wanted])
        missing = [topic for topic in wanted if topic.topic not in existing]
        if missing:
            asked = self._client.create_topics(missing, request_timeout=TIMEOUT_S)
            for future in _answered(asked).values():
                try:
                    future.result()
                except KafkaException as error:
                    if error.args[0].name() != "TOPIC_ALREADY_EXISTS":
                        raise BrokerAway(self._servers, self._why(error), safe=_SOME_MADE) from error
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
            brokers = self._client.list_topics(timeout=TIMEOUT_S).brokers
        except KafkaException as error:
            raise self._away(error) from error
        if not brokers:
            raise BrokerAway(self._servers, "the cluster names no broker: all of them are starting or fenced")
        return self._settings(ConfigResource(ResourceType.BROKER, str(min(brokers))))

    def topic_settings(self, name: str) -> dict[str, str]:
        """The effective settings of one topic."""
        return self._settings(ConfigResource(ResourceType.TOPIC, name))

    def topic_id(self, name: str) -> str:
        """The topic's id as of now: it changes when the topic is made again. Raises TopicsMissing without one."""
        existing = self.existing([name])
        if name not in existing:
            raise TopicsMissing([name])
        return existing[name].topic_id

    def ends(self, names: Sequence[str]) -> list[OutputEnd]:
        """Id and next offset of every partition of these topics; nothing of topics that do not exist."""
        return self._ends(names, IsolationLevel.READ_UNCOMMITTED)

    def held_up(self, names: Sequence[str]) -> list[OutputEnd]:
        """The partitions of these topics in which a transaction is open, with the offset where readers wait for it."""
        # Asked first: later, the same log can only be longer.
        readable = self._ends(names, IsolationLevel.READ_COMMITTED)
        ends = {(one.topic, one.partition, one.topic_id): one.end for one in self.ends(names)}
        return [one for one in readable if one.end < ends.get((one.topic, one.partition, one.topic_id), 0)]

    def _ends(self, names: Sequence[str], isolation: IsolationLevel) -> list[OutputEnd]:
        topics = self.existing(names)
        asked = {
            TopicPartition(topic.name, number): OffsetSpec.latest()  # type: ignore[no-untyped-call]  # not typed there
            for topic in topics.values()
            for number in range(topic.partitions)
        }
        try:
            offsets = (
                _answered(self._client.list_offsets(asked, isolation_level=isolation, request_timeout=TIMEOUT_S))
                if asked
                else {}
            )
            return [
                OutputEnd(place.topic, place.partition, topics[place.topic].topic_id, future.result().offset)
                for place, future in offsets.items()
            ]
        except KafkaException as error:
            raise self._away(error) from error

    def group_members(self, group_id: str) -> int:
        """How many members a consumer group has now; none when there is no such group."""
        (future,) = _answered(self._client.describe_consumer_groups([group_id], request_timeout=TIMEOUT_S)).values()
        try:
            return len(future.result().members)
        except KafkaException as error:
            if error.args[0].code() == KafkaError.GROUP_ID_NOT_FOUND:
                return 0
            raise self._away(error) from error

    def _settings(self, resource: ConfigResource) -> dict[str, str]:
        (future,) = _answered(self._client.describe_configs([resource], request_timeout=TIMEOUT_S)).values()
        try:
            return {name: entry.value for name, entry in future.result().items() if entry.value is not None}
        except KafkaException as error:
            raise self._away(error) from error

    def _away(self, error: KafkaException) -> BrokerAway:
        return BrokerAway(self._servers, self._why(error))

    def _why(self, error: KafkaException) -> str:
        return why(self._client, self._complaints, error)


def _answered(asked: Mapping[T, Future[Any]]) -> Mapping[T, Future[Any]]:
    """The same when each of them has its answer or its error."""
    wait(asked.values())
    return asked
