"""A database restored from a backup: what it lacks is decided again, proven equal, and not published again."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import pytest
from psycopg import sql

from tests.ingest.cli.conftest import facts
from tests.integration.deployment import Deployment, audit, wait_until
from tests.integration.records import SHOPIFY, WEB, shopify, shopify_order
from tests.integration.test_recover import recover
from tests.integration.test_waiting import refund

pytestmark = [pytest.mark.stack, pytest.mark.long]

WHAT_IS_KNOWN = (
    "SELECT topic, partition, raw_offset, outcome, order_id, canonical_version, outputs FROM outcomes ORDER BY 1, 2, 3",
    "SELECT order_id, canonical_version, clock_updated_at, content_hash, state FROM orders ORDER BY 1",
    "SELECT guest_id, version, order_count FROM guests ORDER BY 1",
    "SELECT session_id, version, status FROM guest_sessions ORDER BY 1",
    "SELECT topic, partition, raw_offset FROM quarantine ORDER BY 1, 2, 3",
    "SELECT topic, partition, raw_offset, rule FROM findings ORDER BY 1, 2, 3, 4",
    "SELECT topic, partition, raw_offset FROM parked ORDER BY 1, 2, 3",
    "SELECT event_key FROM event_ids ORDER BY 1",
    "SELECT topic, partition, next_offset, sequence FROM positions ORDER BY 1, 2",
)


@contextmanager
def backup(database_url: str) -> Iterator[str]:
    """A copy of a database as it is now; nobody may be connected to it."""
    head, _, name = database_url.rpartition("/")
    copy = f"backup_{secrets.token_hex(4)}"
    with psycopg.connect(f"{head}/postgres", autocommit=True) as server:
        names = [sql.Identifier(one) for one in (copy, name)]
        server.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(*names))
    try:
        yield f"{head}/{copy}"
    finally:
        with psycopg.connect(f"{head}/postgres", autocommit=True) as server:
            server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(copy)))


def life(first: int, count: int) -> list:
    """Orders of few guests over all partitions, paid later elsewhere than placed, with defects and repetitions."""
    events = []
    for number in range(first, first + count):
        guest = f"guest{number % 4}@example.com"
        placed = shopify(shopify_order(number, at=0, email=guest), "orders/create", partition=number % 3)
        paid = shopify_order(number, at=60, email=guest, financial_status="paid")
        events += [placed, shopify(paid, "orders/paid", partition=(number + number % 2) % 3)]
        if number % 5 == 0:
            events.append(placed)
        if number % 7 == 0:
            events.append(shopify(shopify_order(number + 5000, total_price="oops"), "orders/create", partition=1))
    return events


def decide(deployment: Deployment, events: list) -> None:
    """One worker decides and publishes these events, and stops."""
    before = deployment.decided()
    deployment.publish(events)
    worker = deployment.start()
    deployment.wait_decided(before + len(events))
    wait_until(lambda: deployment.rows("SELECT count(*) FROM parked") == [(0,)], 30, "nothing waits", deployment.state)
    deployment.wait_decided(before + len(events))
    assert worker.stop() == 0


def known(deployment: Deployment) -> list[list[tuple]]:
    return [deployment.rows(statement) for statement in WHAT_IS_KNOWN]


@pytest.fixture
def restored(deployment: Deployment) -> Iterator[tuple[Deployment, str]]:
    """A deployment that was restored to an older backup, and the URL of the database it lost."""
    deployment.settings |= {"ORDERGATE_BATCH_SIZE": "7", "ORDERGATE_PARK_DEADLINE": "PT3S"}
    decide(deployment, [*life(1, 20), shopify(refund(1, 70), "refunds/create", partition=1)])
    with backup(deployment.database_url) as copy:
        never_placed = shopify(refund(9_999, 71), "refunds/create", partition=0)
        early = shopify(refund(35, 72), "refunds/create", partition=2)
        again = shopify(shopify_order(3, at=90, note="a gift"), "orders/updated", partition=0)
        decide(deployment, [early, never_placed, again, *life(21, 20)])
        lost, deployment.database_url = deployment.database_url, copy
        yield deployment, lost
        deployment.close()


def test_what_a_restored_database_lacks_is_made_again(restored: tuple[Deployment, str]):
    """The rebuilt database knows what the lost one knew, and not one record is published twice."""
    deployment, lost = restored
    worker = deployment.start()
    wait_until(lambda: worker.text().count("partition_halted") == 6, 60, "all of them halt", deployment.state)
    assert worker.stop() == 0
    plans = facts(recover(deployment, "--json"))
    assert [plan["cause"] for plan in plans] == ["PostgreSQL is behind Kafka"] * 3
    assert {tuple(plan["choices"]) for plan in plans} == {("rebuild",)}
    assert recover(deployment, "--apply").exit_code == 1, "a person has to decide"
    (plan,) = facts(recover(deployment, f"{WEB}/0", "--json"))
    assert plan == plans[0], "it stopped for the same reason"

    repaired = recover(deployment, "--mode", "rebuild", "--apply", "--json")
    assert repaired.exit_code == 0, repaired.output
    assert all(plan["applied"] for plan in facts(repaired))
    rebuilt, deployment.database_url = deployment.database_url, lost
    expected = known(deployment)
    deployment.database_url = rebuilt
    for statement, mine, theirs in zip(WHAT_IS_KNOWN, known(deployment), expected, strict=True):
        assert mine == theirs, statement
    audit(deployment)
    decide(deployment, life(41, 20))
    assert not any("partition_halted" in one.text() for one in deployment.workers[3:])
    audit(deployment)


def another_version(deployment: Deployment) -> None:
    deployment.rows_written("UPDATE orders SET canonical_version = canonical_version + 1")


def another_guest_version(deployment: Deployment) -> None:
    deployment.rows_written("UPDATE guests SET version = version + 1")


def another_hash_key(deployment: Deployment) -> None:
    deployment.settings["ORDERGATE_CONTACT_HASH_KEY_ID"] = "k2"


@pytest.mark.parametrize("change", [another_version, another_guest_version, another_hash_key])
def test_a_rebuild_that_differs_from_what_was_published_changes_nothing(
    restored: tuple[Deployment, str], change: Callable[[Deployment], None]
):
    """What cannot be proven is rolled back: the partitions stay halted, and the difference is named."""
    deployment, _ = restored
    change(deployment)
    before = known(deployment)
    refused = recover(deployment, f"{SHOPIFY}/0", "--mode", "rebuild", "--apply")
    assert refused.exit_code == 2, refused.output
    assert "rolled back" in refused.output and "oms." in refused.output
    assert known(deployment) == before
    (plan,) = facts(recover(deployment, f"{SHOPIFY}/0", "--json"))
    assert plan["cause"] == "PostgreSQL is behind Kafka"
