"""The consumer that the README shows is the one that runs here, against the real broker and registry."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from consumers.web import CHANNEL
from deploy.local.stack import Endpoints
from mappers.candidate import EventContext, Snapshot
from producers.topics import ORDERS
from schemas import registry
from schemas.codec import Codec

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "consume_orders.py"
PLACED = ROOT / "mappers" / "cases" / "web" / "order-placed-guest.json"


@pytest.mark.stack
def test_a_service_reads_governed_orders_and_never_an_aborted_one(stack: Endpoints, topic_prefix: str, tmp_path: Path):
    """An OMS developer who copies the example gets whole orders in order, and nothing that was taken back."""
    topic = topic_prefix + ORDERS.name
    new = NewTopic(topic, num_partitions=1, replication_factor=1, config=ORDERS.config())
    admin = AdminClient({"bootstrap.servers": stack.kafka_bootstrap_servers})
    admin.create_topics([new])[topic].result(30)
    codec = Codec(registry.register(stack.schema_registry_url))
    producer = Producer(
        {"bootstrap.servers": stack.kafka_bootstrap_servers, "transactional.id": topic_prefix + "example"}
    )
    producer.init_transactions(30)
    order = placed_order()

    def publish(version: int) -> None:
        value = codec.encode("CanonicalOrder", order | {"canonical_version": version})
        producer.produce(topic, value, order["order_id"])

    producer.begin_transaction()
    publish(1)
    producer.commit_transaction(30)
    producer.begin_transaction()
    publish(99)
    producer.flush(30)
    producer.abort_transaction(30)
    producer.begin_transaction()
    publish(2)
    producer.commit_transaction(30)

    statuses = f"{order['order_status']} {order['payment_status']} {order['fulfilment_status']}"
    assert printed_by_the_example(stack, topic, tmp_path / "printed", lines=2) == [
        f"{order['order_id']} 1 {statuses} {total_of(order)}",
        f"{order['order_id']} 2 {statuses} {total_of(order)}",
    ]


def test_the_example_stays_small_enough_to_read_at_a_glance():
    """Consuming needs no library of ours and takes 15 lines of code, documentation apart."""
    _documentation, *statements = ast.parse(EXAMPLE.read_text("utf-8")).body
    assert sum(last_line(one) - one.lineno + 1 for one in statements) <= 15
    imports = [one for one in statements if isinstance(one, ast.Import | ast.ImportFrom)]
    roots = {(getattr(one, "module", None) or one.names[0].name).partition(".")[0] for one in imports}
    assert roots == {"os", "decimal", "confluent_kafka"}


def last_line(statement: ast.stmt) -> int:
    assert statement.end_lineno is not None
    return statement.end_lineno


def placed_order() -> dict:
    document = json.loads(PLACED.read_text("utf-8"))
    envelope = CHANNEL.identify({}, document)
    mapped = CHANNEL.map_event(
        document,
        EventContext("web", envelope.source_account, envelope.event_kind, envelope.event_id, received_at=7),
    )
    assert isinstance(mapped, Snapshot)
    return dict(mapped.order)


def total_of(order: dict) -> str:
    """The total as a person writes it, from the channel's own payload: not from the code under test."""
    return f"{json.loads(PLACED.read_text('utf-8'))['data']['order']['totals']['total']} {order['currency']}"


def printed_by_the_example(stack: Endpoints, topic: str, into: Path, lines: int) -> list[str]:
    """Everything it prints until there are so many lines and somebody ends it."""
    environment = os.environ | {
        "KAFKA_BOOTSTRAP_SERVERS": stack.kafka_bootstrap_servers,
        "SCHEMA_REGISTRY_URL": stack.schema_registry_url,
        "ORDERS_TOPIC": topic,
    }
    deadline = time.monotonic() + 60
    with (
        into.open("w") as output,
        subprocess.Popen([sys.executable, EXAMPLE], env=environment, stdout=output) as running,
    ):
        try:
            while len(into.read_text().splitlines()) < lines and running.poll() is None:
                assert time.monotonic() < deadline, f"only {into.read_text()!r} after a minute"
                time.sleep(0.1)
            assert running.poll() is None, "the example ended by itself"
            running.terminate()
            running.wait(20)
        finally:
            running.kill()
    return into.read_text().splitlines()
