"""A librdkafka consumer on the simulated broker and group."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from confluent_kafka import KafkaError, KafkaException, TopicPartition

from tests.simulation.broker import Entry, TopicPartitionKey
from tests.simulation.group import Group, Member
from tests.simulation.kafka_link import Link, failure


class SimulatedMessage:
    """One record, or an error in place of one."""

    def __init__(self, key: TopicPartitionKey, entry: Entry | None, error: KafkaError | None = None) -> None:
        self._key = key
        self._entry = entry
        self._error = error

    def error(self) -> KafkaError | None:
        return self._error

    def topic(self) -> str:
        return self._key[0]

    def partition(self) -> int:
        return self._key[1]

    def offset(self) -> int:
        assert self._entry is not None
        return self._entry.offset

    def key(self) -> bytes | None:
        return self._record.key

    def value(self) -> bytes | None:
        return self._record.value

    def headers(self) -> list[tuple[str, bytes]]:
        return self._record.headers

    def leader_epoch(self) -> int | None:
        assert self._entry is not None
        return self._entry.leader_epoch

    def timestamp(self) -> tuple[int, int]:
        return 1, self._record.timestamp_ms

    @property
    def _record(self) -> Any:
        assert self._entry is not None
        return self._entry.record


class SimulatedConsumer:
    """One consumer instance. Callbacks run inside `poll`, `consume` and `close`, never elsewhere."""

    def __init__(self, link: Link, group: Group, config: dict[str, Any]) -> None:
        self._link = link
        self._broker = link.broker
        self._world = link.broker.world
        self._group = group
        self._stable = config["isolation.level"] == "read_committed"
        self._callbacks: dict[str, Callable[..., None]] = {}
        self._positions: dict[TopicPartitionKey, int] = {}
        self._paused: set[TopicPartitionKey] = set()
        self._wake: Callable[[], None] = lambda: None
        self._closed = False
        self._starting: set[TopicPartitionKey] = set()
        """Assigned since the client's own thread has run last."""
        self._unstarted: set[TopicPartitionKey] = set()
        """Assigned, and never fetched: a call that came too soon made the client forget it."""
        self._fetched: dict[TopicPartitionKey, str] = {}
        """The topic's id at the time when the partition was assigned."""
        self._epochs: dict[TopicPartitionKey, int] = {}
        """Leader epoch of the record before the position: of those it was told, or has read."""
        self._member = Member(
            link.process,
            "",
            [],
            lambda: self._wake(),
            lambda: link.forgotten,
        )

    def subscribe(self, topics: list[str], **callbacks: Callable[..., None]) -> None:
        self._callbacks = callbacks
        self._member.topics = topics
        self._broker.on_append.append(lambda _key: self._wake())
        self._broker.on_offsets_changed.append(lambda: self._wake())
        self._join()

    def poll(self, timeout: float) -> SimulatedMessage | None:
        """Serve callbacks, then the first message; waits for either."""
        process = self._link.process
        process.check()
        self._starting.clear()
        self._link.weather.strike(process, "poll")
        until = self._world.now + timeout
        while True:
            self._serve()
            message = self._next()
            if message is not None:
                return message
            if self._world.now >= until:
                process.sleep(0.0005)
                return None
            self._wake = process.notifier()
            process.wait(until - self._world.now)
            if self._world.random.random() < 0.5:
                process.sleep(self._link.weather.latency())

    def consume(self, num_messages: int, timeout: float) -> list[SimulatedMessage]:
        """Whatever is there; a callback that runs inside takes its partitions' messages away."""
        self._link.process.check()
        self._serve()
        found: list[SimulatedMessage] = []
        while len(found) < num_messages and (message := self._next()) is not None:
            found.append(message)
            if self._world.random.random() < 0.1:
                break
        return found

    def consumer_group_metadata(self) -> bytes:
        return self._group.metadata(self._member)

    def incremental_assign(self, partitions: list[TopicPartition]) -> None:
        for one in partitions:
            key = (one.topic, one.partition)
            self._move(key, one)
            self._starting.add(key)
            self._unstarted.discard(key)

    def incremental_unassign(self, partitions: list[TopicPartition]) -> None:
        for one in partitions:
            self._positions.pop((one.topic, one.partition), None)
            self._paused.discard((one.topic, one.partition))

    def pause(self, partitions: list[TopicPartition]) -> None:
        for key in self._mine(partitions):
            if key not in self._paused:
                self._paused.add(key)
                self._comes_too_soon(key)

    def resume(self, partitions: list[TopicPartition]) -> None:
        for key in self._mine(partitions):
            if key in self._paused and not self._link.weather.forgets():
                self._paused.remove(key)
                self._comes_too_soon(key)

    def _comes_too_soon(self, key: TopicPartitionKey) -> None:
        if key in self._starting and self._link.weather.forgets():
            self._unstarted.add(key)

    def seek(self, partition: TopicPartition) -> None:
        (key,) = self._mine([partition])
        if key in self._unstarted:
            raise failure(KafkaError._STATE)
        self._move(key, partition)

    def committed(self, partitions: list[TopicPartition], timeout: float) -> list[TopicPartition]:
        """The committed offset of one partition: stable when the consumer is read_committed, and then it may block."""
        (asked,) = partitions
        key, until = (asked.topic, asked.partition), self._world.now + timeout

        def apply() -> tuple[int, str] | None:
            return self._broker.offsets.get(key)

        while True:
            if not (self._stable and self._broker.unstable(key)):
                left = max(until - self._world.now, 0.001)
                try:
                    answer = self._link.request("committed", "OffsetFetch", apply, left)
                except KafkaException as error:
                    if error.args[0].code() == KafkaError._TIMED_OUT:
                        raise failure(KafkaError._TIMED_OUT) from error
                    raise
                if not (self._stable and self._broker.unstable(key)):
                    offset, metadata = answer or (-1001, "")
                    return [TopicPartition(*key, offset, metadata)]
            if self._world.now >= until:
                raise failure(KafkaError._TIMED_OUT)
            self._wake = self._link.process.notifier()
            self._link.process.wait(min(until - self._world.now, 0.1))
            self._link.process.check()

    def list_topics(self, topic: str, timeout: float) -> int:
        """How many partitions a topic has."""

        def apply() -> int:
            return len(self._broker.topics[topic].partitions)

        return self._link.request("list topics", "Metadata", apply, timeout)

    def get_watermark_offsets(self, partition: TopicPartition, timeout: float, *, cached: bool) -> tuple[int, int]:
        key = (partition.topic, partition.partition)

        def apply() -> tuple[int, int]:
            log = self._broker.log(key)
            return log.start, log.end

        if cached:
            return apply()
        if self._link.forgotten and self._world.random.random() < 0.5:
            raise failure(KafkaError._UNKNOWN_PARTITION)
        return self._link.request("watermarks", "ListOffsets", apply, timeout)

    def close(self) -> None:
        """Give everything back and leave the group, once the callbacks that are due have run.

        It waits for no answer: a client that was replaced is closed in a thread, and no process can give way there.
        """
        self._link.process.check()
        self._world.tell(self._link.process.name, "closes its consumer")
        self._closed = True
        self._serve()
        if self._member.owned and not self._member.lost:
            self._call("on_revoke", list(self._member.owned))
        if not self._link.forgotten:
            self._world.at(self._link.weather.latency(), lambda: self._group.leave(self._member))

    # ---

    def _serve(self) -> None:
        """Run the callbacks that are due."""
        member = self._member
        if member.lost:
            if member.owned:
                self._call("on_lost", list(member.owned))
            member.owned.clear()
            member.lost = False
            member.joined = False
            self._join()
            return
        if not member.known or self._link.forgotten:
            return
        recreated = [key for key in member.owned if self._fetched[key] != self._broker.topics[key[0]].topic_id]
        revoke = recreated or self._group.to_revoke(member)
        if revoke:
            self._call("on_revoke", revoke)
            self._group.revoked(member, revoke)
        assign = self._group.to_assign(member)
        if assign:
            # The coordinator gives them now: nobody else may be given them while the callback runs.
            self._group.assigned(member, assign)
            self._fetched.update({key: self._broker.topics[key[0]].topic_id for key in assign})
            self._call("on_assign", assign)

    def _join(self) -> None:
        def join() -> None:
            if not (self._closed or self._link.forgotten):
                self._group.join(self._member)

        self._link.process.in_background(self._link.weather.latency(), join)

    def _call(self, callback: str, keys: list[TopicPartitionKey]) -> None:
        if self._world.told:
            self._world.tell(self._link.process.name, f"{callback} {', '.join(f'{t}/{p}' for t, p in keys)}")
        self._callbacks[callback](self, [TopicPartition(*key) for key in keys])

    def _next(self) -> SimulatedMessage | None:
        if self._link.forgotten:
            return None
        for key, position in self._positions.items():
            if key in self._paused or key in self._unstarted or self._world.now < self._broker.down_until:
                continue
            log = self._broker.log(key)
            end = log.epoch_end(self._epochs[key]) if key in self._epochs else log.end
            if end is None or position > end:
                self._paused.add(key)
                return SimulatedMessage(key, None, KafkaError(KafkaError._AUTO_OFFSET_RESET, "out of range"))
            entry = log.next_from(position)
            if entry is not None:
                self._positions[key], self._epochs[key] = entry.offset + 1, entry.leader_epoch
                return SimulatedMessage(key, entry)
        return None

    def _move(self, key: TopicPartitionKey, position: TopicPartition) -> None:
        self._positions[key] = position.offset
        self._epochs.pop(key, None)
        told: int | None = position.leader_epoch
        if told is not None:
            self._epochs[key] = told

    def _mine(self, partitions: list[TopicPartition]) -> Iterator[TopicPartitionKey]:
        for one in partitions:
            key = (one.topic, one.partition)
            if key not in self._positions:
                raise failure(KafkaError._STATE)
            yield key
