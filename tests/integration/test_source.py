"""The Kafka source reads on from where recovery says, whatever the log no longer has."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import nullcontext

import confluent_kafka
import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from consumers.kafka_source import KafkaSource, PartitionKey, consumer_config
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


def test_reading_begins_again_after_an_offset_that_retention_removed(deployment: Deployment):
    """The client stops fetching at an offset that is gone; a later start at one that is there is not refused."""
    deployment.publish([order(n) for n in range(1, 11)])
    servers = deployment.endpoints.kafka_bootstrap_servers
    admin = AdminClient({"bootstrap.servers": servers})
    for future in admin.delete_records([TopicPartition(SHOPIFY, 1, 5)]).values():
        future.result()
    owner = Owner()
    consumer = confluent_kafka.Consumer(consumer_config(servers, deployment.group_id, "consumer", "0", 6000))
    source = KafkaSource(consumer, [SHOPIFY], owner, time.sleep, lambda _call: nullcontext())
    try:
        key = (SHOPIFY, 1)
        wait_until(lambda: source.read(1, 0.1) and key in owner.owned, 30, "the partition is assigned")
        source.start_at(key, 0)
        wait_until(lambda: source.read(1, 0.1).errors, 30, "the client says that the offset is gone")
        source.start_at(key, 5)
        messages: list = []
        wait_until(lambda: messages.extend(source.read(10, 0.1).messages) or len(messages) == 5, 30, "it reads on")
        assert [message.offset() for message in messages] == [5, 6, 7, 8, 9]
    finally:
        source.close()
