"""A partition whose committed offset stays unstable, or whose log lost its end, halts alone, and only for that."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from itertools import pairwise
from types import MappingProxyType, SimpleNamespace
from typing import Any, cast

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from consumers.kafka_source import KafkaSource
from ingest.database import positions
from ingest.errors import Cause
from ingest.worker.output_watch import OutputWatch
from ingest.worker.partition import OwnedPartition, Phase
from ingest.worker.recovery import Recovery
from tests.ingest.worker.postgres import database, server

TOPIC = "raw.shopify.orders.v1"
STABLE_BOUND_S = 30.0


class Kafka:
    """A client of a slow broker: a partition's committed offset is stable at a time of its own."""

    def __init__(self, stable_at: dict[int, float], answers_in: float) -> None:
        self.now = 0.0
        self.stable_at = stable_at
        self.answers_in = answers_in
        self.started: dict[int, TopicPartition] = {}

    def subscribe(self, *_: Any, **__: Any) -> None:
        """Nothing is read here."""

    resume = subscribe

    def seek(self, position: TopicPartition) -> None:
        self.started[position.partition] = position

    def consumer_group_metadata(self) -> object:
        return object()

    def committed(self, asked: Sequence[TopicPartition], timeout: float) -> list[TopicPartition]:
        (one,) = asked
        answered = max(self.now, self.stable_at[one.partition]) + self.answers_in
        if answered > self.now + timeout:
            self.now += timeout
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))
        self.now = answered
        return [TopicPartition(TOPIC, one.partition, 7, "ordergate:3")]

    def get_watermark_offsets(self, *_: Any, **__: Any) -> tuple[int, int]:
        return 0, 9


def recovered(
    kafka: Kafka,
    numbers: Sequence[int],
    take_over: Callable[[str], None] = lambda _owner: None,
    leader_epoch: int | None = None,
    epoch_ends: Mapping[int, int] = MappingProxyType({}),
    rows: int = 3,
    on_asking: Callable[[], None] = lambda: None,
    calls: int = 1,
) -> list[OwnedPartition]:
    """These partitions after so many `calls` of recovery; of all, so many journal `rows` are decided and published.

    Their owner died.
    `leader_epoch`: of their newest event; `epoch_ends`: where the broker says that it ends, by partition.
    """
    postgres = server()
    connected = database(postgres)
    with connected.transaction() as connection:
        for number in kafka.stable_at:
            positions.create(connection, TOPIC, number, "id", 0)
            positions.fence(connection, TOPIC, number, "an owner that died")
    for row in postgres.tables["positions"].values():
        row |= {"next_offset": 7, "sequence": rows, "published_sequence": rows, "leader_epoch": leader_epoch}
    publisher = SimpleNamespace(transactional_id="mine", unended=set(), ensure_open=lambda: None)
    time = SimpleNamespace(monotonic=lambda: kafka.now)
    recovery = Recovery(
        connected,
        KafkaSource(lambda: cast("Any", kafka), [], cast("Any", None), lambda _call: nullcontext()),
        cast("Any", publisher),
        lambda _topic: "id",
        lambda asked: {key: epoch_ends[key[1]] for key in asked if key[1] in epoch_ends},
        take_over,
        STABLE_BOUND_S,
        cast("Any", time),
        lambda _key, _rows: None,
        on_asking,
        OutputWatch(connected, None, time.monotonic),
    )
    partitions = [OwnedPartition((TOPIC, number)) for number in numbers]
    for _ in range(calls):
        recovery.recover([one for one in partitions if one.phase is Phase.RECOVERING])
    return partitions


@pytest.mark.parametrize("answers_in", [0.08, 1.5])
def test_a_partition_that_stays_unstable_halts_alone(answers_in):
    """It uses up the time of all; the others are asked like at any other time, and go on."""
    never = float("inf")
    hanging, *healthy = recovered(Kafka({0: never, 1: 0.0, 2: 0.0}, answers_in), [0, 1, 2])
    assert hanging.halt is not None and hanging.halt.cause is Cause.OFFSET_UNSTABLE
    assert [partition.phase for partition in healthy] == [Phase.RUNNING] * 2


def test_the_time_to_become_stable_starts_when_the_old_owners_transaction_was_ended():
    """A slow take-over is no reason to halt what becomes stable soon after it."""
    kafka = Kafka({0: 0.0}, 0.01)

    def slowly(_owner: str) -> None:
        kafka.now += STABLE_BOUND_S
        kafka.stable_at[0] = kafka.now + 15.0

    (partition,) = recovered(kafka, [0], slowly)
    assert partition.phase is Phase.RUNNING


def test_many_unstable_partitions_of_others_delay_a_recovery_little():
    """They are asked only whether the database is behind; their own recoveries wait for them."""
    kafka = Kafka(dict.fromkeys(range(20), float("inf")) | {20: 0.0}, 0.01)
    (mine,) = recovered(kafka, [20])
    assert mine.phase is Phase.RUNNING
    assert kafka.now < 15


@pytest.mark.parametrize(("partitions", "rows"), [(64, 0), (64, 3), (100, 3)])
def test_however_many_partitions_are_unstable_the_worker_is_taken_for_alive(partitions, rows):
    """A probe that restarts it, or a group that takes its partitions away, would keep any of them from being told."""
    kafka = Kafka(dict.fromkeys(range(partitions), float("inf")), 0.01)
    asked = [0.0]
    recovered(kafka, range(partitions), rows=rows, on_asking=lambda: asked.append(kafka.now))
    assert max(later - earlier for earlier, later in pairwise([*asked, kafka.now])) <= STABLE_BOUND_S + 5.0
    assert kafka.now < 200, "a member that does not poll for 300 s is taken for dead"


@pytest.mark.parametrize("rows", [0, 3])
def test_all_of_many_unstable_partitions_are_told_in_the_end(rows):
    """A call of recovery deals with some of them, and the next ones with the others."""
    partitions = recovered(Kafka(dict.fromkeys(range(64), float("inf")), 0.01), range(64), rows=rows, calls=3)
    assert {one.phase for one in partitions} == {Phase.HALTED}


def test_a_log_that_lost_its_end_halts_its_partition_alone():
    """It has grown past the position again: nobody would miss the events that now lie below it."""
    kafka = Kafka(dict.fromkeys(range(2), 0.0), 0.01)
    lost, kept = recovered(kafka, [0, 1], leader_epoch=4, epoch_ends={0: 6, 1: 7})
    assert lost.halt is not None and lost.halt.cause is Cause.END_REPLACED
    assert kept.phase is Phase.RUNNING
    assert [(one.offset, one.leader_epoch) for one in kafka.started.values()] == [(7, 4)]


@pytest.mark.parametrize("leader_epoch", [None, 4])
def test_a_leader_epoch_that_is_not_known_stops_nothing(leader_epoch):
    """A position of before, or a broker without epochs; the client is not given what it cannot compare."""
    kafka = Kafka({0: 0.0}, 0.01)
    (partition,) = recovered(kafka, [0], leader_epoch=leader_epoch)
    assert partition.phase is Phase.RUNNING
    assert kafka.started[0].leader_epoch is None
