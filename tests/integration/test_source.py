"""The Kafka source reads on from where recovery says, whatever the log no longer has or the client has forgotten."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext

import confluent_kafka
import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from consumers.kafka_consumer import consumer_config
from consumers.kafka_source import KafkaSource, PartitionKey
from tests.integration.deployment import Deployment, wait_until
from tests.integration.records import SHOPIFY
from tests.integration.test_recover import order

pytestmark = pytest.mark.stack


class Owner:
    """Notes what the group gives."""

    def __init__(self) -> None:
        self.owned: set[PartitionKey] = set()

    def assigned(self, partitions: Sequence[PartitionKey]) -> None:
        self.owned.update(partitions)

    def revoked(self, partitions: Sequence[PartitionKey]) -> None:
        self.owned.difference_update(partitions)

    lost = revoked


KEY = (SHOPIFY, 1)


@contextmanager
def reading(deployment: Deployment, protocol: str) -> Iterator[tuple[confluent_kafka.Consumer, KafkaSource]]:
    """A client and the source that reads with it, once it is given the partition that the ten orders are in."""
    deployment.publish([order(n) for n in range(1, 11)])
    owner = Owner()
    servers = deployment.endpoints.kafka_bootstrap_servers
    consumer = confluent_kafka.Consumer(consumer_config(servers, deployment.group_id, protocol, "0", 6000))
    source = KafkaSource(lambda: consumer, [SHOPIFY], owner, lambda _call: nullcontext())
    try:
        wait_until(lambda: source.read(1, 0.1) and KEY in owner.owned, 30, "the partition is assigned")
        yield consumer, source
    finally:
        source.close()


def offsets(source: KafkaSource, count: int) -> list[int]:
    """The offsets of the next messages, once there are so many."""
    found: list[int] = []

    def enough() -> bool:
        found.extend(message.offset() for message in source.read(10, 0.1).messages)
        return len(found) >= count

    wait_until(enough, 30, f"{count} messages are read")
    return found


def test_reading_begins_again_after_an_offset_that_retention_removed(deployment: Deployment):
    """The client stops fetching at an offset that is gone; a later start at one that is there is not refused."""
    with reading(deployment, "consumer") as (_consumer, source):
        admin = AdminClient({"bootstrap.servers": deployment.endpoints.kafka_bootstrap_servers})
        for future in admin.delete_records([TopicPartition(*KEY, 5)]).values():
            future.result()
        source.start_at(KEY, 0)
        wait_until(lambda: source.read(1, 0.1).errors, 30, "the client says that the offset is gone")
        source.start_at(KEY, 5)
        assert offsets(source, 5) == [5, 6, 7, 8, 9]


@pytest.mark.parametrize("protocol", ["consumer", "classic"])
def test_reading_starts_anew_where_the_client_stays_paused(deployment: Deployment, protocol: str):
    """It has forgotten that it was resumed, and no call fails: started anew it reads on, each record once."""
    with reading(deployment, protocol) as (consumer, source):
        source.start_at(KEY, 2)
        assert offsets(source, 8) == [2, 3, 4, 5, 6, 7, 8, 9]
        consumer.pause([TopicPartition(*KEY)])
        source.start_anew(KEY, 4)
        assert offsets(source, 6) == [4, 5, 6, 7, 8, 9]
