"""Every raw event is decided once and in order, whatever doubts, hand-overs and rebalances come between."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from contextlib import nullcontext

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumers.catalogue import CHANNELS
from consumers.kafka_source import KafkaSource
from ingest.clock import SystemTime
from ingest.raw_event import RawEvent
from ingest.state import Carrier
from ingest.understanding import Understood
from ingest.worker.batch import Committed
from ingest.worker.partition import OwnedPartition, Phase
from ingest.worker.reading import Reading
from quality import contract_files

TOPIC = "raw.web.orders.v1"
WEB = CHANNELS["web"]
CONTRACT = contract_files.load(WEB.contract)


class Message:
    def __init__(self, partition: int, offset: int, size: int) -> None:
        self._place = (partition, offset)
        self._value = bytes(size)

    def error(self):
        return None

    def topic(self):
        return TOPIC

    def partition(self):
        return self._place[0]

    def offset(self):
        return self._place[1]

    def key(self):
        return None

    def value(self):
        return self._value

    def headers(self):
        return []

    def leader_epoch(self):
        return self._place[1] // 10

    def timestamp(self):
        return (1, 0)


class SimulatedConsumer:
    """A client that, as the real one, fetches ahead, and whose pause and seek drop what it fetched."""

    def __init__(self, logs: dict[int, int], size_of: Callable[[int], int]) -> None:
        self.logs = logs
        self.size_of = size_of
        self.calls = 0
        self.position = dict.fromkeys(logs, 0)
        self.paused = dict.fromkeys(logs, False)
        self.callbacks: dict = {}

    def subscribe(self, topics, **callbacks):
        self.callbacks = callbacks

    def _next(self):
        for partition, end in self.logs.items():
            if not self.paused[partition] and self.position[partition] < end:
                self.position[partition] += 1
                offset = self.position[partition] - 1
                return Message(partition, offset, self.size_of(offset))
        return None

    def poll(self, timeout):
        return self._next()

    def consume(self, num_messages, timeout):
        self.calls += 1
        return [message for _ in range(num_messages) if (message := self._next()) is not None]

    def consumer_group_metadata(self):
        return object()

    def pause(self, partitions):
        for one in partitions:
            self.paused[one.partition] = True

    def resume(self, partitions):
        for one in partitions:
            self.paused[one.partition] = False

    def seek(self, partition):
        self.position[partition.partition] = partition.offset


class Owned(dict):
    """The worker's ownership, with all partitions assigned."""

    @property
    def partitions(self):
        return self

    def __iter__(self):
        return iter(list(self.values()))

    def assigned(self, partitions):
        pass

    revoked = lost = assigned


class Processor:
    """Understands events without reading them."""

    def understand(self, events: list[RawEvent]) -> list[Understood]:
        return [Understood(event, WEB, CONTRACT) for event in events]


class Clock(SystemTime):
    """Time that passes only while somebody waits."""

    def __init__(self) -> None:
        self.elapsed = 0.0
        self.while_waiting: Callable[[], None] = lambda: None

    def monotonic(self) -> float:
        return self.elapsed

    def sleep(self, seconds: float) -> None:
        self.elapsed += seconds
        self.while_waiting()


class Worker:
    """The worker's moves around its reading; the database is the list of decided offsets."""

    def __init__(
        self,
        logs: dict[int, int],
        batch_size: int,
        batch_bytes: int,
        size_of: Callable[[int], int] = lambda _offset: 2,
        gather_s: float = 0.0,
    ) -> None:
        """`size_of` gives the bytes of a raw event by its offset."""
        self.time = Clock()
        self.consumer = SimulatedConsumer(logs, size_of)
        self.owned = Owned()
        self.source = KafkaSource(lambda: self.consumer, [TOPIC], self.owned, lambda _: nullcontext())
        self.source._owned = {(TOPIC, number) for number in logs}  # as after an assignment
        self.owned.update({(TOPIC, number): OwnedPartition((TOPIC, number)) for number in logs})
        self.reading = Reading(self.source, self.owned, Processor(), batch_size, batch_bytes, 0.1, gather_s, self.time)
        self.decided: dict[int, list[int]] = defaultdict(list)
        self.recover()

    def recover(self) -> None:
        pending = [p for p in self.owned if p.phase is Phase.RECOVERING]
        self.source.pause([p.key for p in pending])
        for partition in pending:
            offset = len(self.decided[partition.key[1]])
            self.source.start_at(partition.key, offset)
            partition.recovered(1, offset, 0)

    def doubt(self, polls: int) -> None:
        for partition in self.owned:
            partition.doubt()
        for _ in range(polls):
            self.reading.keep_alive(0.0)
        self.recover()

    def batch(self, cut: int | None, doubt_after: int | None, polls: int, is_published: bool) -> None:
        for partition in self.owned:
            partition.waits_for = None
        understood, _ = self.reading.next_batch()
        committed = Committed()
        for index, one in enumerate(understood):
            number, offset = one.event.partition, one.event.offset
            if one.partition in committed.waiting or index == cut:
                committed.waiting.setdefault(one.partition, Carrier(TOPIC, 9, 1))
                committed.left.append(one)
                continue
            assert offset == len(self.decided[number]), f"partition {number}: offset {offset} out of turn"
            self.decided[number].append(offset)
        if doubt_after is not None:
            self.doubt(polls)
        else:
            self.reading.hold(committed, lambda _carrier: is_published)


moves = st.tuples(st.none() | st.integers(0, 6), st.none() | st.just(0), st.integers(0, 3), st.booleans())


@settings(max_examples=400, deadline=None)
@given(st.lists(moves, max_size=25), st.integers(1, 9), st.sampled_from([1, 5, 1000]))
def test_each_offset_is_decided_once_and_in_order(plan, batch_size, batch_bytes):
    """Batches cut by hand-overs, doubts before and after holding, polls while paused: nothing lost, nothing twice."""
    logs = {0: 17, 1: 9, 2: 0}
    worker = Worker(logs, batch_size, batch_bytes)
    for move in plan:
        worker.batch(*move)
    for _ in range(60):
        worker.batch(None, None, 0, True)
    assert {number: len(worker.decided[number]) for number in logs} == logs


def test_the_leader_epoch_of_the_newest_event_is_known():
    """What a position remembers of its log is as new as what was read."""
    worker = Worker({0: 25, 1: 0}, 12, 1000)
    found = []
    for _ in range(3):
        worker.batch(None, None, 0, True)
        found.append(worker.owned[TOPIC, 0].leader_epoch)
    assert found == [1, 2, 2]
    assert worker.owned[TOPIC, 1].leader_epoch is None, "nothing was read"


KIB = 1024


@pytest.mark.parametrize(
    ("size_of", "most_held"),
    [(lambda _offset: KIB, 0), (lambda offset: KIB if offset % 100 else 1, 64 * KIB), (lambda _offset: 40 * KIB, 0)],
    ids=["large", "large behind small", "larger than a batch"],
)
def test_a_backlog_of_large_events_is_read_as_it_is_decided(size_of, most_held):
    """A channel's pictures in its notes do not fill the memory: beyond a batch, only what one step took is held."""
    worker = Worker({0: 1000}, 1000, 16 * KIB, size_of)
    while len(worker.decided[0]) < 1000:
        before = len(worker.decided[0])
        worker.batch(None, None, 0, True)
        assert len(worker.decided[0]) > before, "each turn decides on something"
        assert worker.owned[TOPIC, 0].held_bytes <= most_held


def test_what_is_held_beside_a_batch_is_decided_before_more_is_read():
    """A partition that waited comes back with much: while that fills batches, at most a poll adds to it."""
    worker = Worker({0: 1000}, 1000, 16 * KIB, lambda _offset: KIB)
    held, _ = worker.reading.next_batch()
    worker.owned[TOPIC, 0].hold(held * 3)
    for turn in (1, 2, 3):
        batch, _ = worker.reading.next_batch()
        assert len(batch) == 16
        assert worker.consumer.position[0] <= 16 + turn


def test_small_events_are_read_in_few_calls():
    """The bound of bytes costs a usual batch a handful of calls, not one for each event."""
    worker = Worker({0: 1000}, 1000, 16 * KIB * KIB)
    batch, _ = worker.reading.next_batch()
    assert len(batch) == 1000 and worker.consumer.calls <= 16


def test_only_events_right_after_a_batch_wait_for_others():
    """At gentle load events share a transaction; a lone event is not delayed, and neither is a full batch."""
    worker = Worker({0: 4}, 1000, 1000, gather_s=0.02)
    assert len(worker.reading.next_batch()[0]) == 4
    assert worker.time.elapsed == 0.0, "nothing was under way before"
    worker.consumer.logs[0] = 6
    worker.time.while_waiting = lambda: worker.consumer.logs.update({0: 9})
    worker.time.elapsed = 5.0
    assert len(worker.reading.next_batch()[0]) == 5, "what came while it waited is taken, too"
    assert worker.time.elapsed == pytest.approx(5.02), "the batch before it ended only just now"
    assert worker.reading.next_batch()[0] == []
    worker.time.elapsed = 6.0
    worker.consumer.logs[0] = 10
    assert len(worker.reading.next_batch()[0]) == 1
    assert worker.time.elapsed == 6.0, "a lone event"


def test_a_full_batch_waits_for_nothing():
    """Under load the pace is that of the work."""
    worker = Worker({0: 9}, 3, 1000, gather_s=0.02)
    assert [len(worker.reading.next_batch()[0]) for _ in range(3)] == [3, 3, 3]
    assert worker.time.elapsed == 0.0
