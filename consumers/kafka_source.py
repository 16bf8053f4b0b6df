"""The Kafka source: reads raw events in batches, with the group metadata that belongs to each batch."""

# ruff: noqa: D102 -- the methods of the two protocols are confluent-kafka's own, or named after its callbacks

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Protocol, cast

from confluent_kafka import KafkaError, KafkaException, Message, TopicPartition

from consumers.kafka_consumer import Consumer, close

PartitionKey = tuple[str, int]

# Answers that mean "not yet": the offset is part of a transaction still open, or the broker is away.
_STABLE_LATER = frozenset({KafkaError._TIMED_OUT, KafkaError._TIMED_OUT_QUEUE, KafkaError._TRANSPORT})
_UNKNOWN = frozenset({KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC, KafkaError._UNKNOWN_PARTITION})
_STEP = 64
"""Messages taken from the client in one go: large ones that follow small ones exceed a bound by so many at most."""
_COMMITTED_POLL_S = 2.0
_ANSWER_S = 5.0


class GroupEvent(Protocol):
    """Told of every change of ownership, inside `read` or `keep_alive`."""

    def assigned(self, partitions: Sequence[PartitionKey]) -> None: ...
    def revoked(self, partitions: Sequence[PartitionKey]) -> None: ...
    def lost(self, partitions: Sequence[PartitionKey]) -> None: ...


class OffsetUnstable(Exception):
    """The broker answers, but the committed offset of a partition did not become stable within its bound."""


class BrokerSilent(Exception):
    """The broker did not answer, or not usefully: nothing is known, and it is to be asked again."""


class PartitionUnknown(BrokerSilent):
    """The cluster has no such partition: its topic was deleted, or is so new that not all brokers have heard of it."""


@dataclass(frozen=True, slots=True)
class Committed:
    """What the group has committed for a partition: offset (None: nothing) and the metadata beside it."""

    offset: int | None
    metadata: str | None


@dataclass(frozen=True, slots=True)
class ClientError:
    """An error that the consumer reports in place of a message; `partition` None: of the whole client."""

    partition: PartitionKey | None
    code: str
    detail: str
    fatal: bool


@dataclass(frozen=True, slots=True)
class Read:
    """What one read gave. `group_metadata` was captured right after it and belongs to just these messages."""

    messages: list[Message]
    size: int
    """Bytes of their values, at least."""
    group_metadata: object
    errors: list[ClientError]


class KafkaSource:
    """Reads in order: poll for the first message, then take what is already there, never waiting for more."""

    def __init__(
        self,
        connect: Callable[[], Consumer],
        topics: Sequence[str],
        listener: GroupEvent,
        deadline: Callable[[str], AbstractContextManager[None]],
    ) -> None:
        """`connect` makes a client; `deadline` opens a deadline that another thread keeps: no call may outlast it."""
        self._connect = connect
        self._topics = list(topics)
        self._deadline = deadline
        self._listener = listener
        self._owned: set[PartitionKey] = set()
        self._paused: set[PartitionKey] = set()
        self._early: deque[Message] = deque()
        self._heard = False
        """Whether a message came since the last question."""
        self._consumer = self._subscribed()

    def read(
        self, most: int, timeout_s: float, gather: Callable[[], bool] = lambda: False, most_bytes: int = sys.maxsize
    ) -> Read:
        """Read at most `most` messages, and no more once their values have `most_bytes` together.

        Waits `timeout_s` for the first. Unless one of the two is reached, `gather` may wait for more; it tells whether
        it did.
        """
        with self._deadline("read"):
            first = self._early.popleft() if self._early else self._consumer.poll(timeout_s)
            found = [] if first is None else [first, *self._early]
            self._early.clear()
            size, gathered = _size(found), False
            while found and len(found) < most and size < most_bytes:
                fit = (most_bytes - size) * len(found) // max(size, 1)
                step = max(min(most - len(found), fit, _STEP), 1)
                taken = self._consumer.consume(step, 0)
                found += taken
                size += _size(taken)
                if len(taken) < step:
                    if gathered or not gather():
                        break
                    gathered = True
            metadata = self._consumer.consumer_group_metadata()
        messages: list[Message] = []
        errors: list[ClientError] = []
        for message in found:
            error = message.error()
            if error is not None:
                errors.append(_client_error(message, error))
            elif (message.topic(), message.partition()) in self._owned:
                messages.append(message)
        self._heard = self._heard or bool(messages)
        return Read(messages, size, metadata, errors)

    def keep_alive(self, timeout_s: float) -> None:
        """Poll while nothing may be processed. What is under way although all is paused is kept for `read`."""
        with self._deadline("poll"):
            message = self._consumer.poll(timeout_s)
        if message is not None:
            self._early.append(message)

    def start_at(self, partition: PartitionKey, offset: int, leader_epoch: int | None = None) -> None:
        """Read a partition from an offset on, and nothing of it that was under way. Raises BrokerSilent.

        `leader_epoch`: of the record before that offset. With it the client compares the logs at each change of leader
        (KIP-320), and gives an error where they differ; without it, only once it has read a record.
        """
        position = TopicPartition(*partition, offset, leader_epoch=-1 if leader_epoch is None else leader_epoch)
        with self._asking("seek"):
            try:
                self._consumer.seek(position)
            except KafkaException as error:
                if error.args[0].code() != KafkaError._STATE:
                    raise
                # Its fetching was never started (see `_fetch_anew`), or ended at an offset that the log no longer has.
                self._fetch_anew(position)
            else:
                self._consumer.resume([position])
        self._drop_early(partition)
        self._paused.discard(partition)

    def start_anew(self, partition: PartitionKey, offset: int) -> None:
        """The same, whatever the client has made of its fetching of the partition. Raises BrokerSilent."""
        with self._asking("assign"):
            self._fetch_anew(TopicPartition(*partition, offset))
        self._drop_early(partition)
        self._paused.discard(partition)

    def resume(self, partition: PartitionKey) -> None:
        """Go on fetching a partition where it was paused. Raises BrokerSilent."""
        if partition in self._paused:
            with self._asking("resume"):
                self._consumer.resume([TopicPartition(*partition)])
            self._paused.remove(partition)

    def pause(self, partitions: Sequence[PartitionKey]) -> None:
        """Stop fetching these partitions; polling goes on. Raises BrokerSilent."""
        if partitions:
            with self._asking("pause"):
                self._consumer.pause([TopicPartition(*key) for key in partitions])
            self._paused.update(partitions)

    def committed(self, partition: PartitionKey, bound_s: float, monotonic: Callable[[], float]) -> Committed:
        """The stable committed offset. One partition per call: one unstable partition blocks the whole call.

        Raises OffsetUnstable when it does not become stable within `bound_s` although the broker answers,
        PartitionUnknown when the cluster does not have it, and BrokerSilent when it does not answer.
        """
        started = monotonic()
        while True:
            remaining = bound_s - (monotonic() - started)
            try:
                with self._deadline("committed"):
                    wait = max(min(_COMMITTED_POLL_S, remaining), 0.05)
                    answer = self._consumer.committed([TopicPartition(*partition)], timeout=wait)[0]
                if answer.error is None:
                    offset = answer.offset if answer.offset >= 0 else None
                    return Committed(offset, answer.metadata or None)
                error = answer.error
            except KafkaException as raised:
                error = raised.args[0]
                if error.code() not in _STABLE_LATER and not error.retriable():
                    raise _unanswered("committed", error) from raised
            if monotonic() - started >= bound_s:
                self.watermarks(partition)
                raise OffsetUnstable(f"{partition[0]}/{partition[1]}: {error.str()}")

    def watermarks(self, partition: PartitionKey) -> tuple[int, int]:
        """First and next offset of a partition's log. Raises BrokerSilent."""
        with self._asking("watermarks"):
            return self._consumer.get_watermark_offsets(TopicPartition(*partition), timeout=_ANSWER_S, cached=False)

    def ask(self) -> None:
        """Ask the brokers something, whatever is owned, unless they gave messages since the last time.

        Raises BrokerSilent.
        """
        if self._heard:
            self._heard = False
            return
        with self._asking("list_topics"):
            self._consumer.list_topics(self._topics[0], timeout=_ANSWER_S)

    def connect_anew(self) -> None:
        """Begin again with another client, at the servers that were named first: all partitions are lost."""
        before = self._consumer
        self._listener.lost(self._let_go([TopicPartition(*key) for key in sorted(self._owned)]))
        self._early.clear()
        self._consumer = self._subscribed()
        close(before)

    def end_seen(self, partition: PartitionKey) -> int:
        """The next offset of a partition's log as last heard from the broker, -1 unheard; nothing is asked."""
        try:
            return self._consumer.get_watermark_offsets(TopicPartition(*partition), timeout=0, cached=True)[1]
        except KafkaException:
            return -1

    def group_metadata(self) -> object:
        """The group metadata as of now: for a recovery, which binds it before it reads anything."""
        return self._consumer.consumer_group_metadata()

    def close(self) -> None:
        """Leave the group; `revoked` is called for what is still owned."""
        with self._deadline("close"):
            self._consumer.close()

    def _subscribed(self) -> Consumer:
        consumer = self._connect()
        consumer.subscribe(self._topics, on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_lost)
        return consumer

    def _fetch_anew(self, position: TopicPartition) -> None:
        # Resumed first: what is called soon after `assign` on a partition can make the client forget to start there.
        self._consumer.resume([position])
        self._consumer.incremental_unassign([position])
        self._consumer.incremental_assign([position])

    @contextmanager
    def _asking(self, call: str) -> Iterator[None]:
        try:
            with self._deadline(call):
                yield
        except KafkaException as error:
            raise _unanswered(call, error.args[0]) from error

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        # Paused at an explicit offset: recovery decides where reading starts, never the group's own offset.
        consumer.incremental_assign([TopicPartition(p.topic, p.partition, 0) for p in partitions])
        consumer.pause(partitions)
        if consumer is not self._consumer:  # one that was replaced
            return
        keys = [(p.topic, p.partition) for p in partitions]
        self._owned.update(keys)
        self._paused.update(keys)
        self._listener.assigned(keys)

    def _on_revoke(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        if consumer is self._consumer:  # not one that was replaced
            self._listener.revoked(self._let_go(partitions))
        consumer.incremental_unassign(partitions)

    def _on_lost(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        if consumer is self._consumer:
            self._listener.lost(self._let_go(partitions))
        consumer.incremental_unassign(partitions)

    def _let_go(self, partitions: list[TopicPartition]) -> list[PartitionKey]:
        keys = [(p.topic, p.partition) for p in partitions]
        self._owned.difference_update(keys)
        self._paused.difference_update(keys)
        for key in keys:
            self._drop_early(key)
        return keys

    def _drop_early(self, partition: PartitionKey) -> None:
        self._early = deque(m for m in self._early if (m.topic(), m.partition()) != partition)


def _unanswered(call: str, error: KafkaError) -> BrokerSilent:
    kind = PartitionUnknown if error.code() in _UNKNOWN else BrokerSilent
    return kind(f"{call}: {error.str()}")


def _size(messages: Iterable[Message]) -> int:
    return sum(len(message.value() or b"") for message in messages if message.error() is None)


def _client_error(message: Message, error: KafkaError) -> ClientError:
    topic, partition = message.topic(), message.partition()
    known = topic is not None and partition is not None and partition >= 0
    key = cast("PartitionKey", (topic, partition)) if known else None
    return ClientError(key, error.name(), error.str(), error.fatal())
