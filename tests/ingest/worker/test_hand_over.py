"""A partition waits behind another one until that has published, also when nobody reads the other one any more."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any, cast

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from consumers.kafka_source import BrokerSilent, KafkaSource
from ingest.database import positions
from ingest.state import Carrier
from ingest.worker.hand_over import HandOvers
from ingest.worker.published import PublishedRows
from tests.ingest.worker.postgres import database, server

KEY = ("raw.shopify.orders.v1", 2)
RETIRED = TopicPartition(*KEY, -1001)


class Kafka:
    """A client of a broker whose answers, and whose time, the test sets."""

    def __init__(self) -> None:
        self.now = 0.0
        self.asked: list[float] = []
        self.receipt = RETIRED
        self.error: KafkaError | None = None

    def subscribe(self, *_: Any, **__: Any) -> None:
        """Nothing is read here."""

    def committed(self, _asked: Any, timeout: float) -> list[TopicPartition]:
        self.asked.append(self.now)
        self._fail()
        return [self.receipt]

    def get_watermark_offsets(self, *_: Any, **__: Any) -> tuple[int, int]:
        self._fail()
        return 0, 100

    def _fail(self) -> None:
        self.now += 0.02
        if self.error is not None:
            raise KafkaException(self.error)

    def publishes(self, sequence: int) -> None:
        self.receipt = TopicPartition(*KEY, 90, f"ordergate:{sequence}")


class World:
    """Another worker's partition, whose rows up to 57 are decided; `published` of them are noted in PostgreSQL."""

    def __init__(self) -> None:
        self.kafka = Kafka()
        self.postgres = server()
        self.published = PublishedRows()
        kafka = cast("Any", self.kafka)
        source = KafkaSource(lambda: kafka, [], cast("Any", None), lambda _: nullcontext())
        self.hand_overs = HandOvers(source, database(self.postgres), self.published, lambda: self.kafka.now)

    def let_go(self) -> None:
        """Its last owner leaves with everything published."""
        with database(self.postgres).transaction() as connection:
            positions.create(connection, *KEY, "id", 90)
        self.postgres.tables["positions"][KEY] |= {"sequence": 57, "published_sequence": 40}
        with database(self.postgres).transaction() as connection:
            positions.release(connection, *KEY, 0)

    def is_published(self, sequence: int) -> bool:
        return self.hand_overs.is_published(Carrier(*KEY, sequence))


@pytest.fixture
def world() -> World:
    return World()


UNKNOWN = [KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART), KafkaError(KafkaError._UNKNOWN_TOPIC)]


@pytest.mark.parametrize("error", [None, *UNKNOWN], ids=["receipt expired", "topic deleted", "topic unknown"])
def test_a_partition_that_nobody_reads_any_more_holds_nobody_up(world, error):
    """A channel is retired and its receipts expire: events of its orders and guests elsewhere go on."""
    world.let_go()
    world.kafka.error = error
    assert world.is_published(57)


def test_a_receipt_of_somebody_else_is_no_answer(world):
    """Offsets that an operator has set by hand name no row; what was noted does."""
    world.let_go()
    world.kafka.receipt = TopicPartition(*KEY, 3, "")
    assert world.is_published(57)


@pytest.mark.parametrize("noted", [None, 56])
def test_what_is_not_known_to_be_published_is_waited_for(world, noted):
    """Versions stay in order: without a receipt, and with an older row noted or none, nothing is assumed."""
    if noted is not None:
        world.let_go()
        world.postgres.tables["positions"][KEY]["published_sequence"] = noted
    assert not world.is_published(57)


def test_a_broker_that_is_silent_is_told_as_such(world):
    """Then the worker is in doubt as after any other call."""
    world.let_go()
    world.kafka.error = KafkaError(KafkaError._ALL_BROKERS_DOWN)
    with pytest.raises(BrokerSilent):
        world.is_published(57)


def test_waiting_long_costs_the_broker_little(world):
    """Asked within a tenth of a second at first, once a second in the end, however fast the loop turns."""
    world.kafka.publishes(56)
    while world.kafka.now < 20:
        assert not world.is_published(57)
        world.kafka.now += 0.01
    times = world.kafka.asked
    assert times[1] - times[0] < 0.1
    assert len(times) < 30
    world.kafka.publishes(57)
    world.kafka.now += 1.0
    assert world.is_published(57)
    asked = len(times)
    assert world.is_published(57), "and what is known is asked for no more"
    assert not world.is_published(58), "the next wait begins anew"
    assert len(times) == asked + 1
