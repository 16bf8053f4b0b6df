"""Facts that the simulated Kafka rests on, asked of the real broker: fencing, stable offsets, statistics."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import nullcontext

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from consumers.kafka_consumer import consumer_config
from deploy.local.stack import Endpoints
from producers.kafka_producer import producer_config
from producers.publisher import TransactionalPublisher
from producers.records import OutputRecord

pytestmark = pytest.mark.stack

TUNABLE = {"transaction_timeout_ms": 10_000, "retry_backoff_ms": 50, "statistics_interval_ms": 50}


@pytest.fixture
def topic(stack: Endpoints, topic_prefix: str) -> str:
    """A topic of one partition."""
    name = f"{topic_prefix}raw"
    client = AdminClient({"bootstrap.servers": stack.kafka_bootstrap_servers})
    for future in client.create_topics([NewTopic(name, 1, 1)]).values():
        future.result()
    return name


@pytest.fixture(params=["classic", "consumer"])
def member(request: pytest.FixtureRequest, stack: Endpoints, topic: str) -> Iterator[Consumer]:
    """A joined member of a group of its own, which has the topic's partition."""
    config = consumer_config(stack.kafka_bootstrap_servers, f"{topic}-group", request.param, "0", 6_000)
    consumer = Consumer(config)
    assigned: list[TopicPartition] = []

    def on_assign(client: Consumer, partitions: list[TopicPartition]) -> None:
        client.incremental_assign([TopicPartition(topic, p.partition, 0) for p in partitions])
        assigned.extend(partitions)

    consumer.subscribe([topic], on_assign=on_assign)
    deadline = time.monotonic() + 30
    while not assigned:
        assert time.monotonic() < deadline
        consumer.poll(0.1)
    yield consumer
    consumer.close()


def producer(stack: Endpoints, name: str) -> Producer:
    made = Producer(producer_config(stack.kafka_bootstrap_servers, name, TUNABLE))
    made.init_transactions(20)
    return made


def code_of(error: pytest.ExceptionInfo[KafkaException]) -> int:
    return error.value.args[0].code()  # type: ignore[no-any-return]  # untyped there


def test_an_unfinished_transaction_hides_its_offset(stack: Endpoints, topic: str, member: Consumer):
    """A read-committed member's question blocks until the transaction is over; initialising its id ends it at once."""
    asked = TopicPartition(topic, 0)
    first = producer(stack, topic)
    first.begin_transaction()
    first.send_offsets_to_transaction(
        [TopicPartition(topic, 0, 5, "ordergate:1")], member.consumer_group_metadata(), 10
    )
    with pytest.raises(KafkaException) as unstable:
        member.committed([asked], timeout=0.5)
    assert code_of(unstable) == KafkaError._TIMED_OUT
    second = producer(stack, topic)
    (answer,) = member.committed([asked], timeout=5)
    assert answer.offset < 0, "it was aborted"
    with pytest.raises(KafkaException) as fenced:
        first.commit_transaction(5)
    assert code_of(fenced) == KafkaError._FENCED
    second.begin_transaction()
    second.send_offsets_to_transaction(
        [TopicPartition(topic, 0, 7, "ordergate:2")], member.consumer_group_metadata(), 10
    )
    second.commit_transaction(10)
    (answer,) = member.committed([asked], timeout=5)
    assert (answer.offset, answer.metadata) == (7, "ordergate:2")


def test_a_generation_that_is_over_is_refused(stack: Endpoints, topic: str, member: Consumer):
    """Offsets with the metadata of an earlier generation are refused, and the transaction can be aborted cleanly."""
    metadata = member.consumer_group_metadata()
    assert isinstance(metadata, bytes)
    older = metadata[:7] + (int.from_bytes(metadata[7:11], "little") + 7).to_bytes(4, "little") + metadata[11:]
    one = producer(stack, topic)
    one.begin_transaction()
    with pytest.raises(KafkaException) as refused:
        one.send_offsets_to_transaction([TopicPartition(topic, 0, 5)], older, 10)
    assert code_of(refused) == KafkaError.ILLEGAL_GENERATION
    one.abort_transaction(10)
    one.begin_transaction()
    one.send_offsets_to_transaction([TopicPartition(topic, 0, 5)], metadata, 10)
    one.commit_transaction(10)


def test_a_healthy_producer_is_never_taken_for_one_that_repeats_itself(stack: Endpoints, topic: str, member: Consumer):
    """Every transaction is examined here: the client's counters show one request each, and the producer stays."""
    recycled: list[str] = []
    config = producer_config(stack.kafka_bootstrap_servers, topic, TUNABLE | {"retry_backoff_ms": 1})
    publisher = TransactionalPublisher(
        Producer, config, time.monotonic, lambda _call: nullcontext(), recycled.append, lambda: time.time_ns() // 1000
    )
    publisher.ensure_open()
    for number in range(1, 11):
        records = [OutputRecord(topic, b"key", b"value", [])]
        receipts = [TopicPartition(topic, 0, number, f"ordergate:{number}")]
        publisher.publish(records, receipts, member.consumer_group_metadata())
        time.sleep(0.02)
    time.sleep(0.2)
    publisher.serve()
    assert publisher._counted() == {
        "EndTxn": 10, "TxnOffsetCommit": 10, "disconnects": 0, "req_timeouts": 0, "lost": 0,
    }  # fmt: skip
    publisher.close()
    assert recycled == []
