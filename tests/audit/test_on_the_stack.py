"""The audit of a running deployment: what is under way is no violation, and what is wrong is named."""

from __future__ import annotations

import json
from itertools import islice
from typing import Any

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from typer.testing import CliRunner, Result

import audit
from audit.kafka import Kafka
from audit.violation import Position
from ingest.cli.commands import app
from ingest.demo.stream import stream
from tests.integration.deployment import RAW_TOPICS, Deployment, wait_until
from tests.integration.records import now_ms, shopify, shopify_order

pytestmark = pytest.mark.stack
FINDINGS = "oms.quality-findings.v1"


def audited(deployment: Deployment, **options: Any) -> audit.Report:
    """An audit of everything, with database and group unless told otherwise."""
    asked = {"database_url": deployment.database_url, "group_id": deployment.group_id, **options}
    return audit.run(
        deployment.endpoints.kafka_bootstrap_servers, deployment.endpoints.schema_registry_url,
        raw_topics=RAW_TOPICS, **asked,
    )  # fmt: skip


def command(deployment: Deployment, *arguments: str) -> Result:
    """`ordergate audit` on the deployment."""
    with deployment.environ():
        return CliRunner().invoke(app, ["audit", *arguments])


def orders(first: int, count: int) -> list[Any]:
    return [shopify(shopify_order(number), "orders/create") for number in range(first, first + count)]


def test_a_deployment_is_audited_while_its_worker_works(deployment: Deployment):
    """Whenever it is started, it finds nothing wrong in what is under way, and judges ever more of it."""
    deployment.settings["ORDERGATE_BATCH_SIZE"] = "20"
    coming = stream(7, 6_000, now_ms())
    published = len(deployment.publish(islice(coming, 200)))
    deployment.start("delay:before_publish:0.2")
    wait_until(lambda: deployment.decided() > 0, 60, "the first events are decided", deployment.state)
    on_its_way: set[int] = set()
    for _ in range(30):
        published += len(deployment.publish(islice(coming, 200)))
        for options in ({}, {"database_url": None}):
            report = audited(deployment, **options)
            assert report.clean, [one.sentence for one in report.violations]
            if 0 < report.events < published:
                on_its_way.add(report.events)
        if len(on_its_way) > 2:
            break
    assert len(on_its_way) > 2, "it was audited on its way, not only at its end"
    deployment.wait_decided(published)
    report = audited(deployment)
    assert (report.clean, report.events, sum(report.outcomes.values())) == (True, published, published)


def test_what_is_wrong_is_named_with_an_exit_code(deployment: Deployment):
    """An outcome that is gone, one that is not true, a record published again: three lines, and exit code 1."""
    deployment.publish(orders(1, 60))
    deployment.start()
    deployment.wait_decided(60)
    clean = command(deployment, "--database")
    assert (clean.exit_code, clean.stdout.splitlines()[-1].startswith("clean: 60 raw events")) == (0, True)

    rows = deployment.rows("SELECT topic, partition, raw_offset FROM outcomes ORDER BY 1, 2, 3")
    gone, untrue = Position(*rows[3]), Position(*rows[40])
    with_place = "WHERE topic = '{}' AND partition = {} AND raw_offset = {}"
    deployment.rows_written("DELETE FROM outcomes " + with_place.format(*gone))
    deployment.rows_written("UPDATE outcomes SET outcome = 'PARKED', outputs = 0 " + with_place.format(*untrue))
    record = deployment.read(FINDINGS)[FINDINGS][0]
    producer = Producer({"bootstrap.servers": deployment.endpoints.kafka_bootstrap_servers})
    producer.produce(FINDINGS, record.value(), record.key(), record.partition(), headers=record.headers())
    producer.flush(10)

    said = command(deployment, "--database", "--json")
    assert said.exit_code == 1
    facts = [json.loads(line) for line in said.stdout.splitlines()]
    found = {fact["violation"]: (fact["raw"], fact["output"]) for fact in facts if "violation" in fact}
    assert found == {
        "outcome_missing": (str(gone), None),
        "output_differs": (str(untrue), None),
        "output_doubled": (None, f"{FINDINGS}/{record.partition()}/{_last(deployment, record.partition())}"),
    }
    assert (facts[-1]["verdict"], facts[-1]["violations"]) == ("violations", 3)
    without = command(deployment, "--json", "--most", "0")
    facts = [json.loads(line) for line in without.stdout.splitlines()]
    assert (without.exit_code, facts[-1]["by_kind"]) == (1, {"output_doubled": 1}), "Kafka alone shows one of them"
    assert "no database was asked" in next(fact["not_judged"] for fact in facts if "not_judged" in fact)


def test_what_is_decided_and_never_published_is_named(deployment: Deployment):
    """A worker that died between both commits has left a debt; the next one pays it, and nothing is wrong."""
    # What it had sent hides the ends of the output logs until the broker takes it back.
    deployment.settings |= {"ORDERGATE_BATCH_SIZE": "20", "ORDERGATE_TRANSACTION_TIMEOUT_MS": "2000"}
    deployment.publish(orders(1, 60))
    doomed = deployment.start("kill:before_publish:2")
    assert doomed.process.wait(60) == -9, doomed.text()
    report = audited(deployment, patience_s=8)
    assert set(report.counted) == {audit.Kind.RECEIPT_DIFFERS}
    assert "is a worker running?" in report.violations[0].sentence
    deployment.start()
    deployment.wait_decided(60)
    assert audited(deployment).clean


def test_a_window_reads_and_judges_just_what_lies_in_it(deployment: Deployment):
    """An operator looks at the last hour of a deployment that has run for weeks."""
    old = orders(1, 40)
    for record in old:
        record.timestamp_ms -= 3 * 3_600_000
    deployment.publish(old)
    deployment.start()
    deployment.wait_decided(40)
    deployment.publish(orders(41, 20))
    deployment.wait_decided(60)
    hour_ago = now_ms() - 3_600_000
    for options in ({}, {"database_url": None}):
        assert (audited(deployment, since_ms=hour_ago, **options).events, audited(deployment).clean) == (20, True)
        assert audited(deployment, until_ms=hour_ago, **options).events == 40
    # Not the first of its partition: that one might be past the retention of outcomes, a day old after midnight.
    oldest = "SELECT topic, partition, raw_offset FROM outcomes WHERE raw_offset > 0 ORDER BY recorded_at, raw_offset"
    lost = deployment.rows(oldest)[0]
    deployment.rows_written("DELETE FROM outcomes WHERE (topic, partition, raw_offset) = ('{}', {}, {})".format(*lost))
    assert audited(deployment, since_ms=hour_ago).clean
    assert [one.raw for one in audited(deployment, until_ms=hour_ago).violations] == [Position(*lost)]


def test_a_raw_log_whose_beginning_was_deleted_is_audited(deployment: Deployment):
    """Retention takes events away, at any moment; what came of them is judged all the same."""
    deployment.publish(orders(1, 60))
    deployment.start()
    deployment.wait_decided(60)
    servers = deployment.endpoints.kafka_bootstrap_servers
    partition, start = next((p, n // 2) for p, n in _counts(deployment).items() if n > 4)
    key = ("raw.shopify.orders.v1", partition)
    admin = AdminClient({"bootstrap.servers": servers})
    for future in admin.delete_records([TopicPartition(*key, start)]).values():
        future.result()
    report = audited(deployment)
    assert (report.clean, report.events) == (True, 60)
    with Kafka(servers, None, 10) as kafka:
        assert kafka.bounds([key])[key][0] == start
        assert [record.offset for record in kafka.read({key: (0, start + 2)})] == [start, start + 1]
        assert kafka.removed == {key}
        assert (kafka.has(key, start), kafka.has(key, start - 1)) == (True, False)


def test_a_transaction_left_open_keeps_an_audit_from_being_done(deployment: Deployment):
    """What lies behind it cannot be read by anybody: the audit says so instead of calling it missing."""
    deployment.publish(orders(1, 5))
    deployment.start()
    deployment.wait_decided(5)
    servers = deployment.endpoints.kafka_bootstrap_servers
    producer = Producer({"bootstrap.servers": servers, "transactional.id": deployment.group_id + "-hanging"})
    producer.init_transactions(30)
    producer.begin_transaction()
    producer.produce(FINDINGS, b"never committed", b"key", 0)
    producer.flush(10)
    said = command(deployment, "--database", "--patience", "2")
    assert said.exit_code == 2
    assert f"{FINDINGS}/0 is read up to" in said.stderr
    assert "no transaction hangs" in said.stderr
    producer.abort_transaction(30)
    assert command(deployment, "--database").exit_code == 0


def test_what_cannot_be_reached_is_told_with_exit_code_2(deployment: Deployment):
    """Nothing is said about what was not read, neither good nor bad, and no password is shown."""
    deployment.publish(orders(1, 5))
    deployment.start()
    deployment.wait_decided(5)
    away = {
        "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
        "DATABASE_URL": "postgresql://somebody:secret@127.0.0.1:1/orders",
        "SCHEMA_REGISTRY_URL": "http://somebody:secret@127.0.0.1:1",
    }
    for variable, address in away.items():
        deployment.settings = {variable: address}
        said = command(deployment, "--database")
        assert said.exit_code == 2, variable
        assert "the audit could not be done" in said.stderr
        assert "127.0.0.1:1" in said.stderr
        assert "secret" not in said.stderr


def _counts(deployment: Deployment) -> dict[int, int]:
    rows = deployment.rows("SELECT partition, count(*) FROM outcomes WHERE topic LIKE '%%shopify%%' GROUP BY partition")
    return dict(rows)


def _last(deployment: Deployment, partition: int) -> int:
    """The offset of a partition's last record."""
    return max(one.offset() for one in deployment.read(FINDINGS)[FINDINGS] if one.partition() == partition)
