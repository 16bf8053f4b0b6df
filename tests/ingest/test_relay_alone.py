"""An order of which nothing changes but whether its contact forwards to the buyer or is the buyer's own."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from ingest.content import content_hash
from ingest.demo.records import RawRecord
from schemas.types import CanonicalOrder
from tests.ingest.pipeline_harness import Log
from tests.ingest.test_web_sums import case

FIRST = "01JDF3K9Q2V7X8M4N5P6R7S8R1"
SECOND = "01JDF3K9Q2V7X8M4N5P6R7S8R2"


def sent(event_id: str, changes: dict[str, Any]) -> RawRecord:
    """An order that was placed, as one event of the storefront, with these fields of it replaced."""
    event = case("order-placed-guest", changes) | {"event_id": event_id}
    return RawRecord("raw.web.orders.v1", b"key", json.dumps(event).encode(), [], 1_795_540_000_000)


def placed_then(first: dict[str, Any], second: dict[str, Any]) -> tuple[Log, list[str]]:
    log = Log()
    outcomes = log.take([sent(FIRST, first), sent(SECOND, second)])
    return log, [row.outcome.name for row in outcomes]


def test_an_address_that_turns_out_to_forward_is_a_change_of_the_order() -> None:
    """Nobody goes on taking a forwarding address for a person because nothing else of the order changed."""
    log, outcomes = placed_then({}, {"version": 2, "contact.relay": True})
    assert outcomes == ["GOVERNED", "GOVERNED"]
    assert [order["contact"]["relay"] for order in log.published("CanonicalOrder")] == [False, True]
    assert len({order["content_hash"] for order in log.published("CanonicalOrder")}) == 2
    assert log.published("OrderChange")[1]["changed_fields"] == ["source_version", "contact"]
    assert log.published("QualityFinding") == []


@pytest.mark.parametrize("changes", [{"contact.relay": False}, {"contact.relay": None}, {"note": "call first"}])
def test_a_forwarding_address_sent_again_as_the_buyers_own_is_told(changes: dict[str, Any]) -> None:
    """The order goes on as the storefront says, and whoever answers for contacts learns that a mark is gone.

    Also where it is all that changed: a mark set by mistake can be taken back, and one that was lost is noticed.
    """
    log, outcomes = placed_then({"contact.relay": True}, {"version": 2, "contact.relay": None, **changes})
    assert outcomes == ["GOVERNED", "GOVERNED"]
    assert [order["contact"]["relay"] for order in log.published("CanonicalOrder")] == [True, False]
    (found,) = log.published("QualityFinding")
    assert (found["rule_id"], found["field"], found["owner"]) == ("relay_constant", "contact.relay", "crm")
    assert found["severity"] == "warning"


@pytest.mark.parametrize("relay", [True, False])
def test_an_unchanged_order_sent_again_is_no_new_version(relay: bool) -> None:
    """A storefront may tell of an order as often as it likes, whatever the contact is."""
    log, outcomes = placed_then({"contact.relay": relay}, {"version": 2, "contact.relay": relay})
    assert outcomes == ["GOVERNED", "DUPLICATE"]
    assert len(log.published("CanonicalOrder")) == 1


@pytest.mark.parametrize("marks", [(True, False), (False, True)])
def test_of_two_marks_under_one_version_the_same_one_stays(marks: tuple[bool, bool]) -> None:
    """Whichever of two servers is heard first, all readers end with one contact, and the contradiction is told."""
    log, _ = placed_then(*({"contact.relay": mark} for mark in marks))
    kept = log.published("CanonicalOrder")[-1]["contact"]["relay"]
    other, _ = placed_then(*({"contact.relay": mark} for mark in reversed(marks)))
    assert other.published("CanonicalOrder")[-1]["contact"]["relay"] is kept
    told = log.published("QualityFinding") + other.published("QualityFinding")
    assert [found["rule_id"] for found in told if found["rule_id"] != "relay_constant"] == ["order_version_unique"]


def hash_without_mark(order: CanonicalOrder) -> bytes:
    """The hash that was stored with an order when whether its contact forwards did not count."""
    return content_hash({**order, "contact": {**order["contact"], "relay": False}})


@pytest.mark.parametrize("version", [1, 2])
def test_an_order_stored_before_the_mark_counted_is_still_recognised(version: int) -> None:
    """An upgrade makes no version of an order of which nothing changed, under its old or a newer number."""
    log = Log()
    log.take([sent(FIRST, {"contact.relay": True})])
    ((order_id, row),) = log.state.orders.items()
    stored = row.order
    assert stored is not None and row.content_hash != hash_without_mark(stored)
    old = hash_without_mark(stored)
    log.state.orders[order_id] = replace(row, content_hash=old, clock=msgspec.structs.replace(row.clock, digest=old))
    (outcome,) = log.take([sent(SECOND, {"contact.relay": True, "version": version})])
    assert outcome.outcome.name == "DUPLICATE"
    assert len(log.published("CanonicalOrder")) == 1
    (change,) = log.take([sent(SECOND[:-1] + "3", {"contact.relay": True, "version": 3, "note": "call first"})])
    assert change.outcome.name == "GOVERNED"
    assert log.state.orders[order_id].content_hash == content_hash(log.published("CanonicalOrder")[-1])
