"""A producer that was fenced while it had work under way: whichever call tells it, it is a doubt like any other."""

from __future__ import annotations

import time
from contextlib import nullcontext

import confluent_kafka
import pytest

from ingest.telemetry.kafka_log import kafka_logger
from producers.kafka_producer import producer_config
from producers.publisher import Doubt, TransactionalPublisher, end_transaction_of
from producers.records import OutputRecord
from tests.integration.deployment import Deployment

pytestmark = pytest.mark.stack


def _producer(config: dict) -> confluent_kafka.Producer:
    return confluent_kafka.Producer(config, logger=kafka_logger())


def _publisher(deployment: Deployment) -> TransactionalPublisher:
    tunable = {"transaction_timeout_ms": 10_000, "retry_backoff_ms": 50, "statistics_interval_ms": 100}
    config = producer_config(deployment.endpoints.kafka_bootstrap_servers, deployment.group_id, tunable)
    made = TransactionalPublisher(
        _producer, config, time.monotonic, lambda _call: nullcontext(), lambda _reason: None, time.time_ns
    )
    made.ensure_open()
    end_transaction_of(_producer, {**config, "transactional.id": made.transactional_id}, 30)
    return made


def test_a_fence_met_while_records_are_delivered_is_a_doubt(deployment: Deployment):
    """The client raises a fatal error amidst its callbacks: the worker recovers, and does not end with a traceback."""
    for _ in range(3):
        publisher = _publisher(deployment)
        record = OutputRecord("oms.orders.v1", b"k", b"v", [])
        with pytest.raises(Doubt):
            publisher.publish([record] * 10, [], None)


def test_a_fence_met_while_idle_leaves_no_producer(deployment: Deployment):
    """A fatal error that only shows when callbacks are served ends the producer; the next publishing is a doubt."""
    publisher = _publisher(deployment)
    assert publisher._producer is not None
    publisher._producer.begin_transaction()
    publisher._producer.produce("oms.orders.v1", b"v", b"k")
    time.sleep(1.5)  # the error, log lines and statistics wait together for whoever serves callbacks
    deadline = time.monotonic() + 20
    while publisher._producer is not None:
        assert time.monotonic() < deadline
        publisher.serve()
        time.sleep(0.05)
    with pytest.raises(Doubt):
        publisher.publish([], [], None)
