"""What PostgreSQL refuses is blamed on the event that is at fault, and on no other; a broken table ends the worker."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from psycopg import errors

from ingest.clock import SystemTime
from ingest.database import positions
from ingest.database.positions import Advance
from ingest.drafts import Draft
from ingest.errors import DatabaseRefuses
from ingest.raw_event import RawEvent
from ingest.state import BatchState
from ingest.worker.batch import MOST_REFUSED, BatchProcessor
from ingest.worker.partition import OwnedPartition
from ingest.worker.phases import Phases
from producers.records import OutputRecord
from quality.outcome import Outcome
from schemas.codec import EncodeError
from tests.ingest.pipeline_harness import Log
from tests.ingest.worker.postgres import Refusing, database, server
from tests.integration.records import SHOPIFY, Raw, shopify, shopify_order

KEY = (SHOPIFY, 0)


class Sender:
    """Knows what is under way, and what went before it."""

    def __init__(self) -> None:
        self.under_way: int | None = None
        self.aborted = 0

    def begin(self, records: Sequence[OutputRecord]) -> None:
        assert self.under_way is None, "one at a time"
        self.under_way = len(records)

    def abort(self) -> None:
        self.aborted += self.under_way is not None
        self.under_way = None


class Deployment:
    """A worker's batch processing on one partition of a simulated PostgreSQL."""

    def __init__(self, refusing: Refusing) -> None:
        self.sender = Sender()
        self.expected: list[list[str]] = []
        self.sent = 0
        self.server = server()
        self.database, time = database(self.server, refusing), SystemTime()
        self.processor = BatchProcessor(
            Log().pipeline, self.database, time, timedelta(days=7), Phases(time), self.sender, self._expect
        )
        self.partition = OwnedPartition(KEY)
        with self.database.transaction() as connection:
            positions.create(connection, *KEY, "topic-id", 0)
            fence = positions.fence(connection, *KEY, "owner")
        assert fence is not None
        self.partition.recovered(fence.epoch, fence.next_offset, fence.sequence)

    def _expect(self, orders: Iterable[str]) -> None:
        self.expected.append(list(orders))

    def take(self, records: Sequence[Raw]) -> list[Outcome]:
        """Decide on one batch; gives the outcomes as stored, in log order."""
        events = [
            RawEvent(SHOPIFY, 0, offset, one.key, one.value, [*one.headers], one.timestamp_ms, 1)
            for offset, one in enumerate(records)
        ]
        for committed in self.processor.commit({KEY: self.partition}, self.processor.understand(events)):
            assert self.sender.under_way == len(committed.records)
            self.sent, self.sender.under_way = self.sent + len(committed.records), None
        rows = sorted((row["raw_offset"], row["outcome"]) for row in self.server.tables["outcomes"].values())
        return [outcome for _, outcome in rows]


def orders(count: int) -> list[Raw]:
    return [shopify(shopify_order(number), "orders/create") for number in range(1, count + 1)]


def refusing_orders(numbers: set[str], error: type[psycopg.Error]) -> Refusing:
    """Refuses every insert of these orders."""

    def refusing(name: str, columns: Sequence[Any]) -> psycopg.Error | None:
        return error() if name == "INSERT orders" and numbers & set(columns[4]) else None

    return refusing


def test_a_position_remembers_the_leader_epoch_of_the_event_before_it():
    """The next start can tell whether the log is still the one that was read, and never takes an older epoch for it."""
    deployment = Deployment(lambda _name, _columns: None)
    deployment.partition.leader_epoch = 4
    deployment.take(orders(2))
    (row,) = deployment.server.tables["positions"].values()
    remembered = [row["leader_epoch"]]
    for base, following, sequence in ((2, 2, 1), (2, 3, 2)):
        with deployment.database.transaction() as connection:
            positions.advance(connection, [Advance(*KEY, row["epoch"], base, following, sequence, None)])
        (moved,) = deployment.server.tables["positions"].values()
        remembered.append(moved["leader_epoch"])
    assert remembered == [4, 4, None], "decided; a row that moves no offset; an event without an epoch"


def test_what_the_database_does_not_keep_is_taken_back():
    """Of a batch that PostgreSQL refuses, nothing of what was sent ahead is left for the next one to publish."""
    deployment = Deployment(refusing_orders({"#3"}, errors.CharacterNotInRepertoire))
    assert deployment.take(orders(4)).count(Outcome.GOVERNED) == 3
    journal = deployment.server.tables["journal"].values()
    assert deployment.sent == sum(row["record_count"] for row in journal)
    assert deployment.sender.aborted == 3, "all four, the last two, the third alone"
    assert deployment.sender.under_way is None


@pytest.mark.parametrize(("count", "expected"), [(100, []), (128, []), (300, [128, 128])])
def test_orders_of_a_large_batch_are_fetched_while_it_is_mapped(count: int, expected: list[int]):
    """The database is told of what a batch will read, but for its end, which is read at once, as a small batch is."""
    deployment = Deployment(lambda _name, _columns: None)
    deployment.take(orders(count))
    assert [len(some) for some in deployment.expected] == expected
    stored = {row["order_id"] for row in deployment.server.tables["orders"].values()}
    assert len(stored) == count
    told = [order for some in deployment.expected for order in some]
    assert len(set(told)) == len(told) and stored.issuperset(told)


FIRST_EIGHT = {f"#{number}" for number in range(1, 9)}
FAULTY = {f"#{100 + n}" for n in range(MOST_REFUSED)}


def test_values_that_no_table_can_hold_are_quarantined_however_many_come_at_once():
    """A channel that sends nothing else for a while fills the quarantine; it stops neither itself nor the others."""
    deployment = Deployment(refusing_orders(FIRST_EIGHT, errors.CharacterNotInRepertoire))
    assert deployment.take(orders(20)) == [Outcome.QUARANTINED] * 8 + [Outcome.GOVERNED] * 12


def test_a_table_that_refuses_one_event_after_the_other_ends_the_worker():
    """A table changed by hand is the operator's matter: a few events are quarantined, never a stream of them."""
    deployment = Deployment(refusing_orders(FIRST_EIGHT, errors.NotNullViolation))
    with pytest.raises(DatabaseRefuses):
        deployment.take(orders(20))
    assert len(deployment.server.tables["quarantine"]) <= MOST_REFUSED


def test_records_that_cannot_be_encoded_are_not_held_against_the_database(monkeypatch: pytest.MonkeyPatch):
    """A fault of a mapper, next to an event that a table refuses: each event is quarantined for what it is."""
    deployment = Deployment(refusing_orders({"#1"}, errors.NotNullViolation))
    pipeline = Log().pipeline
    encode = pipeline.encode

    def encoding(drafts: list[Draft], state: BatchState) -> list[OutputRecord]:
        if any(d.record == "CanonicalOrder" and d.value["source_order_number"] in FAULTY for d in drafts):
            raise EncodeError("no integer of 64 bits")
        return encode(drafts, state)

    monkeypatch.setattr(pipeline, "encode", encoding)
    faulty = [shopify(shopify_order(100 + n), "orders/create") for n in range(MOST_REFUSED)]
    outcomes = deployment.take([*faulty, *orders(2)])
    assert outcomes == [Outcome.QUARANTINED] * (MOST_REFUSED + 1) + [Outcome.GOVERNED]


@pytest.mark.parametrize("error", [errors.CharacterNotInRepertoire, errors.NotNullViolation])
def test_an_event_that_cannot_even_be_quarantined_ends_the_worker(error: type[psycopg.Error]):
    """Nobody waits behind an event that is tried for ever: the operator is told what PostgreSQL refuses."""
    deployment = Deployment(lambda name, _columns: error() if name in ("INSERT orders", "INSERT quarantine") else None)
    with pytest.raises(DatabaseRefuses):
        deployment.take(orders(1))
