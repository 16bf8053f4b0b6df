"""Topics and broker settings: made by command, checked at start, never made on the way."""

from __future__ import annotations

import time
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
BROKERS_DEFAULT: Final = -1
"""As a topic's replication: whatever the brokers are set to."""
_REFRESH_MS: Final = 1000
_LEADER_S: Final = 3.0
"""Longest wait for a leader's answer: then it is looked up again, as another broker may lead meanwhile."""
_PAUSE_S: Final = 0.2
"""Before a leader is looked up again: electing one takes some tenths of a second."""
_MOST_REPLICAS: Final = 3
_CONFIRM: Final = 2
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
    lagging: int = 0
    """Partitions that a replica is missing of, or behind."""


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
        self._client = self._connect()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let the brokers go; nothing can be asked any more."""
        self._open.close()

    def _connect(self) -> AdminClient:
        config = {
            **quiet(self._servers, self._complaints),
            "metadata.recovery.strategy": "none",
            # Some questions go to the controller alone, and each broker names any that serves. The client learns of
            # another one in no other way: when a broker is killed, it would wait for that one for five minutes.
            "topic.metadata.refresh.interval.ms": _REFRESH_MS,
            # Else a question to a broker that is away is a busy loop of attempts to connect.
            "enable.sparse.connections": "false",
        }
        return self._open.enter_context(AdminClient(config))

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
            lagging = sum(len(partition.isr) < len(partition.replicas) for partition in topic.partitions)
            found[name] = TopicState(name, str(topic.topic_id), len(topic.partitions), replication, lagging)
        return found

    def replication(self) -> int:
        """Replicas for new topics: three, or one on each broker while fewer than three serve."""
        return min(_MOST_REPLICAS, len(self._brokers()))

    def create(self, channels: Sequence[Channel], partitions: int, replication: int) -> list[str]:
        """Create what is missing of the raw topics and the output topics; gives the names created.

        `replication`: replicas of each partition, two of which have to confirm a record if there are two;
        or BROKERS_DEFAULT for both.
        """
        in_sync = {} if replication == BROKERS_DEFAULT else {"min.insync.replicas": str(min(_CONFIRM, replication))}
        configs = {channel.topic: RAW_CONFIG for channel in channels}
        configs |= {topic.name: topic.config() for topic in OUTPUT_TOPICS}
        wanted = [NewTopic(name, partitions, replication, config=config | in_sync) for name, config in configs.items()]
        existing = self.existing([topic.topic for topic in wanted])
        missing = [topic for topic in wanted if topic.topic not in existing]
        if missing:
            asked = self._client.create_topics(missing, request_timeout=TIMEOUT_S)
            for future in _answered(asked).values():
                try:
                    future.result()
                except KafkaException as error:
                    if error.args[0].name() != "TOPIC_ALREADY_EXISTS":
                        raise self._away(error, safe=_SOME_MADE) from error
        return [topic.topic for topic in missing]

    def require(self, names: Sequence[str]) -> None:
        """Raises TopicsMissing when one of the topics does not exist."""
        existing = self.existing(names)
        missing = [name for name in names if name not in existing]
        if missing:
            raise TopicsMissing(missing)

    def broker_settings(self) -> dict[int, dict[str, str]]:
        """The effective settings of every broker that answers, by its number. Raises BrokerAway when none does."""
        found: dict[int, dict[str, str]] = {}
        silent: list[BrokerAway] = []
        for number in self._brokers():
            try:
                found[number] = self._settings(ConfigResource(ResourceType.BROKER, str(number)))
            except BrokerAway as away:
                silent.append(away)
        if not found:
            raise silent[0]
        return found

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
        places = [TopicPartition(topic.name, number) for topic in topics.values() for number in range(topic.partitions)]
        until = time.monotonic() + TIMEOUT_S
        found: list[OutputEnd] = []
        while places:
            ends, refused = self._ends_told(places, isolation)
            found += [OutputEnd(p.topic, p.partition, topics[p.topic].topic_id, end) for p, end in ends.items()]
            places = [place for place in places if place not in ends]
            if places and time.monotonic() > until:
                raise self._away(refused) if refused else self._leaderless(places)
            if places:
                time.sleep(_PAUSE_S)
        return found

    def _ends_told(
        self, places: Sequence[TopicPartition], isolation: IsolationLevel
    ) -> tuple[dict[TopicPartition, int], KafkaException | None]:
        """The next offset of those partitions whose leader tells, and why another one's was refused."""
        asked = {place: OffsetSpec.latest() for place in places}  # type: ignore[no-untyped-call]  # not typed there
        timeout_s = min(_LEADER_S, TIMEOUT_S)
        answers = _answered(self._client.list_offsets(asked, isolation_level=isolation, request_timeout=timeout_s))
        told: dict[TopicPartition, int] = {}
        refused: KafkaException | None = None
        for place, future in answers.items():
            try:
                end = future.result().offset
            except KafkaException as error:
                refused = error
                continue
            # Where the leader does not answer in time, the client gives an invalid offset, and no error.
            if end >= 0:
                told[place] = end
        return told, refused

    def _leaderless(self, places: Sequence[TopicPartition]) -> BrokerAway:
        named = ", ".join(f"{place.topic}/{place.partition}" for place in places[:3])
        more = f" and {len(places) - 3} more" if len(places) > 3 else ""
        self._reconnect()
        return BrokerAway(self._servers, f"no leader of {named}{more} answers")

    def group_members(self, group_id: str) -> int:
        """How many members a consumer group has now; none when there is no such group."""
        (future,) = _answered(self._client.describe_consumer_groups([group_id], request_timeout=TIMEOUT_S)).values()
        try:
            return len(future.result().members)
        except KafkaException as error:
            if error.args[0].code() == KafkaError.GROUP_ID_NOT_FOUND:
                return 0
            raise self._away(error) from error

    def _brokers(self) -> list[int]:
        """The brokers that serve, or did so until a moment ago: a killed one is missed after some seconds only."""
        try:
            brokers = self._client.list_topics(timeout=TIMEOUT_S).brokers
        except KafkaException as error:
            raise self._away(error) from error
        if not brokers:
            self._reconnect()
            raise BrokerAway(self._servers, "the cluster names no broker: all of them are starting or fenced")
        return sorted(brokers)

    def _settings(self, resource: ConfigResource) -> dict[str, str]:
        (future,) = _answered(self._client.describe_configs([resource], request_timeout=TIMEOUT_S)).values()
        try:
            return {name: entry.value for name, entry in future.result().items() if entry.value is not None}
        except KafkaException as error:
            raise self._away(error) from error

    def _away(self, error: KafkaException, safe: str = BrokerAway.ASKING) -> BrokerAway:
        away = BrokerAway(self._servers, why(self._client, self._complaints, error), safe)
        self._reconnect()
        return away

    def _reconnect(self) -> None:
        """Begin again at the servers that were named first.

        A client that is once told of a cluster without brokers, as one is while all of them are fenced, forgets those
        that it knew and never asks anybody again (confluentinc/librdkafka#5301).
        """
        self._open.close()
        self._client = self._connect()


def _answered(asked: Mapping[T, Future[Any]]) -> Mapping[T, Future[Any]]:
    """The same when each of them has its answer or its error."""
    wait(asked.values())
    return asked
