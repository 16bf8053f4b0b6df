"""A recovery that another owner overtakes is no loss of certainty: it starts over, and nothing halts."""

from __future__ import annotations

import time

import pytest

from consumers.kafka_source import KafkaSource
from ingest import assembly
from ingest.database import journal, positions
from ingest.database.connection import Database
from ingest.database.journal import JournalRow
from ingest.settings import Settings
from ingest.telemetry.health import Health
from ingest.telemetry.metrics import Metrics
from producers.journal_records import pack
from tests.integration.deployment import Deployment
from tests.integration.records import SHOPIFY, shopify, shopify_order

pytestmark = pytest.mark.stack


def overtake(database_url: str) -> None:
    """What an owner does that fences later, although it lost the partition earlier: it decides the first event."""
    database = Database(database_url)
    with database.transaction() as connection:
        fence = positions.fence(connection, SHOPIFY, 0, "another-worker")
        assert fence is not None
        row = JournalRow(SHOPIFY, 0, fence.sequence + 1, fence.next_offset, fence.next_offset + 1, 0, pack([]))
        journal.append(connection, [row])
        positions.advance(
            connection,
            [positions.Advance(SHOPIFY, 0, fence.epoch, fence.next_offset, row.next_offset, fence.sequence)],
        )
    database.close()


def test_a_recovery_overtaken_between_fence_and_journal_starts_over(deployment: Deployment, monkeypatch):
    """Two owners recover at once: the one whose fence is older neither halts nor trusts what it has read."""
    deployment.publish([shopify(shopify_order(n), "orders/create", partition=0) for n in range(1, 4)])
    watermarks = KafkaSource.watermarks
    asked: list[str] = []

    def overtaken(self: KafkaSource, partition: tuple[str, int]) -> tuple[int, int]:
        # The second look: the first one finds where a partition without a row starts, before there is a fence.
        if partition == (SHOPIFY, 0):
            asked.append(partition[0])
            if len(asked) == 2:
                overtake(deployment.database_url)
        return watermarks(self, partition)

    monkeypatch.setattr(KafkaSource, "watermarks", overtaken)
    with deployment.environ(), assembly.worker(Settings.load(), Metrics(), Health(60)) as worker:
        deadline = time.monotonic() + 60
        worker.run(until=lambda: deployment.decided() == 2 or time.monotonic() > deadline)
    assert len(asked) > 2, "it recovered again"
    assert deployment.all_published()
    assert deployment.rows("SELECT raw_offset FROM outcomes ORDER BY raw_offset") == [(1,), (2,)]
