"""A database that knows nothing, a group without offsets, outputs that hold records: nothing comes twice by itself."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import pytest
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType
from typer.testing import CliRunner

from ingest.assembly import retention_ranges
from ingest.cli.commands import app
from ingest.database.migrate import migrate
from ingest.settings import Settings
from tests.ingest.cli.conftest import facts
from tests.integration.deployment import Deployment, Worker, audit, wait_until
from tests.integration.records import SHOPIFY, WEB, now_ms, shopify, shopify_order
from tests.integration.test_recover import order, placed, recover
from tests.integration.test_recover_raw_log import published_once, violations
from tests.integration.test_recover_rebuild import decide, known, life
from tests.integration.test_waiting import refund

pytestmark = [pytest.mark.stack, pytest.mark.long]

CAUSE = "the database is new and the output topics are not"
ORDERS = "oms.orders.v1"


@pytest.fixture
def forgotten(deployment: Deployment, new_database: Callable[[str], str]) -> Callable[[], None]:
    """Call it, and the deployment has an empty database and another group."""

    def forget() -> None:
        deployment.database_url = new_database("forgotten")
        deployment.group_id += "-anew"
        with deployment.environ():
            migrate(deployment.database_url, retention_ranges(Settings.load()))

    return forget


def halts(deployment: Deployment) -> Worker:
    """A worker, once it has halted all six raw partitions."""
    worker = deployment.start()
    wait_until(lambda: worker.text().count('"partition_halted"') == 6, 60, "all of them halt", deployment.state)
    assert worker.text().count(CAUSE) >= 6
    return worker


def test_nothing_is_published_again_by_a_database_that_knows_nothing(deployment: Deployment, forgotten):
    """A wrong DATABASE_URL and a new group publish nothing, remember nothing, and every way out is told."""
    placed(deployment, 1, 30)
    first = deployment.start()
    deployment.wait_decided(30)
    assert first.stop() == 0 and "partition_halted" not in first.text(), "new topics need no word"
    forgotten()
    worker = halts(deployment)
    placed(deployment, 31, 30)
    assert worker.stop() == 0
    for table in ("positions", "journal", "outcomes", "output_ends"):
        assert deployment.rows(f"SELECT count(*) FROM {table}") == [(0,)], table
    assert len(deployment.read(ORDERS)[ORDERS]) == 30
    with deployment.environ():
        standings = facts(CliRunner().invoke(app, ["positions", "--json"]))
    assert {one["halted"]["cause"] for one in standings} == {CAUSE} and len(standings) == 6
    for named in ((), (f"{WEB}/2",)):
        (plan,) = facts(recover(deployment, *named, "--json"))
        assert plan["cause"] == CAUSE and not plan["steps"]
        assert plan["choices"] == ["rebuild", "continue-at-end", "publish-from-start"]
    assert recover(deployment, "--apply").exit_code == 1, "a person has to decide"


def test_a_deployment_beside_another_one_is_accepted_once(deployment: Deployment, forgotten):
    """Whoever means to publish onto the same topics says so, and is not asked again."""
    placed(deployment, 1, 30)
    first = deployment.start()
    deployment.wait_decided(30)
    assert first.stop() == 0
    forgotten()
    repaired = recover(deployment, "--mode", "publish-from-start", "--apply")
    assert repaired.exit_code == 0, repaired.output
    for events in (30, 45):
        placed(deployment, 1000 + events, events - 30)
        worker = deployment.start()
        deployment.wait_decided(events)
        assert worker.stop() == 0 and "partition_halted" not in worker.text()
    assert len(deployment.read(ORDERS)[ORDERS]) == 30 + 45


def test_what_the_raw_logs_hold_may_be_taken_for_done(deployment: Deployment, forgotten):
    """The workers begin with what comes; what they never decide is noted in gaps, and nothing comes twice."""
    placed(deployment, 1, 30)
    first = deployment.start()
    deployment.wait_decided(30)
    assert first.stop() == 0
    forgotten()
    assert recover(deployment, "--mode", "continue-at-end", "--apply").exit_code == 0
    assert deployment.rows("SELECT topic, partition, first_offset, next_offset FROM gaps ORDER BY 2") == [
        (SHOPIFY, number, 0, 10) for number in range(3)
    ]
    assert recover(deployment).exit_code == 0, "nothing is left to repair"
    placed(deployment, 1000, 30)
    worker = deployment.start()
    deployment.wait_decided(30)
    assert "partition_halted" not in worker.text()
    assert len(published_once(deployment)[ORDERS]) == 60
    assert deployment.rows("SELECT count(*), min(raw_offset) FROM outcomes") == [(30, 10)]


def test_what_the_outputs_show_is_decided_again(deployment: Deployment, forgotten):
    """The database knows again what the lost one knew, and not one record is published twice."""
    deployment.settings |= {"ORDERGATE_BATCH_SIZE": "7", "ORDERGATE_PARK_DEADLINE": "PT3S"}
    decide(deployment, life(1, 20))
    lost, expected = deployment.database_url, known(deployment)
    forgotten()
    repaired = recover(deployment, "--mode", "rebuild", "--apply")
    assert repaired.exit_code == 0, repaired.output
    assert deployment.database_url != lost
    rebuilt = known(deployment)
    for mine, theirs in zip(rebuilt[1:4], expected[1:4], strict=True):
        assert mine == theirs
    decide(deployment, life(21, 20))
    assert "partition_halted" not in deployment.workers[-1].text()
    published_once(deployment)
    audit(deployment)
    assert violations(deployment) == []


def test_what_came_too_late_comes_too_late_again(deployment: Deployment, forgotten):
    """An order's older event that published nothing, as another partition was first, does not come before it now."""
    numbers, minute_ago = range(1, 11), now_ms() - 60_000
    paid = [shopify_order(number, at=60, financial_status="paid") for number in numbers]
    decide(deployment, [shopify(one, "orders/paid", partition=1) for one in paid])
    placed = [shopify(shopify_order(number), "orders/create", partition=2) for number in numbers]
    late = [replace(one, timestamp_ms=minute_ago) for one in placed]
    decide(deployment, [*late, *(order(number, 2) for number in range(11, 21))])
    assert deployment.rows("SELECT count(*) FROM outcomes WHERE outcome = 'STALE'") == [(10,)]
    expected = known(deployment)
    forgotten()
    repaired = recover(deployment, "--mode", "rebuild", "--apply")
    assert repaired.exit_code == 0, repaired.output
    assert known(deployment)[:4] == expected[:4]
    assert violations(deployment) == []


def test_the_order_of_decisions_is_known_when_older_versions_are_forgotten(deployment: Deployment, forgotten):
    """Compaction leaves an order its newest version; its changes tell, against the clock, which partition was first."""
    numbers, minute_ago = range(1, 11), now_ms() - 60_000
    decide(deployment, [order(number, 1) for number in numbers])
    paid = [shopify_order(number, at=60, financial_status="paid") for number in numbers]
    later = [shopify(one, "orders/paid", partition=2) for one in paid]
    decide(deployment, [replace(one, timestamp_ms=minute_ago) for one in later])
    compacted_at_once(deployment)
    time.sleep(1)  # longer than `segment.ms`, so that what comes next begins another segment
    decide(deployment, [order(number, 0) for number in range(100, 130)])  # a new segment: the newest is not compacted
    wait_until(lambda: len(deployment.read(ORDERS)[ORDERS]) <= 10 + 30, 90, "older versions are forgotten")
    expected = known(deployment)
    forgotten()
    repaired = recover(deployment, "--mode", "rebuild", "--apply")
    assert repaired.exit_code == 0, repaired.output
    assert known(deployment)[:4] == expected[:4]


def compacted_at_once(deployment: Deployment) -> None:
    """The topic of the orders keeps older versions for no longer than it takes."""
    settings = {"segment.ms": "100", "min.cleanable.dirty.ratio": "0.001", "max.compaction.lag.ms": "100"}
    set_them = [
        ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET) for name, value in settings.items()
    ]
    topic = ConfigResource(ResourceType.TOPIC, ORDERS, incremental_configs=set_them)
    with AdminClient({"bootstrap.servers": deployment.endpoints.kafka_bootstrap_servers}) as client:
        client.incremental_alter_configs([topic])[topic].result()


def test_what_gave_up_waiting_before_its_order_came_gives_up_again(deployment: Deployment, forgotten):
    """A refund was quarantined, and its order came after all: the rebuild does not apply it."""
    deployment.settings["ORDERGATE_PARK_DEADLINE"] = "PT1S"
    decide(deployment, [shopify(refund(number, 90), "refunds/create", partition=1) for number in range(1, 4)])
    decide(deployment, [order(number, number % 3) for number in range(1, 10)])
    assert deployment.rows("SELECT count(*) FROM outcomes WHERE outcome = 'QUARANTINED'") == [(3,)]
    expected = known(deployment)
    forgotten()
    repaired = recover(deployment, "--mode", "rebuild", "--apply")
    assert repaired.exit_code == 0, repaired.output
    assert known(deployment)[:8] == expected[:8]
    assert violations(deployment) == []


def test_a_rebuild_that_differs_leaves_the_database_new(deployment: Deployment, forgotten):
    """What cannot be proven leaves nothing behind with which a worker would publish everything again."""
    decide(deployment, [order(number, number % 3) for number in range(1, 10)])
    forgotten()
    deployment.settings["ORDERGATE_CONTACT_HASH_KEY_ID"] = "k2"
    refused = recover(deployment, "--mode", "rebuild", "--apply")
    assert refused.exit_code == 2 and "rolled back" in refused.output, refused.output
    assert deployment.rows("SELECT count(*) FROM positions") == [(0,)]
    assert halts(deployment).stop() == 0
    assert len(deployment.read(ORDERS)[ORDERS]) == 9
