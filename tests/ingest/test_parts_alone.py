"""A refund or fulfilment that arrives without its order is judged by its own times, not by the order's."""

from __future__ import annotations

from typing import Any

from schemas import instants
from tests.ingest.pipeline_harness import Log
from tests.integration.records import instant, shopify, shopify_order

DAY = 86_400
TIMES = {"times_in_order", "ingest_lag", "updated_after_placed", "placed_not_future"}


def shipped(at: int) -> dict[str, Any]:
    return {
        "id": 71, "order_id": 1, "status": "success", "created_at": instant(at), "updated_at": instant(at),
        "line_items": [{"id": 11, "quantity": 2}],
    }  # fmt: skip


def refunded(at: int) -> dict[str, Any]:
    transaction = {
        "id": 91, "kind": "refund", "status": "success", "amount": "5.00", "currency": "EUR",
        "created_at": instant(at), "gateway": "visa",
    }  # fmt: skip
    return {
        "id": 81, "order_id": 1, "created_at": instant(at), "processed_at": instant(at),
        "refund_line_items": [], "order_adjustments": [], "transactions": [transaction],
    }  # fmt: skip


class Shop:
    """A shop whose paid order of today is known; what follows comes alone."""

    def __init__(self) -> None:
        self.log = Log()
        self.told(shopify_order(1, financial_status="paid"), "orders/create", 0)

    def told(self, body: dict[str, Any], kind: str, arrives: int) -> int:
        """A webhook that arrives at a second of the test's days; gives that instant in microseconds."""
        record = shopify(body, kind)
        record.timestamp_ms = instants.parse(instant(arrives)) // 1000
        self.log.take([record])
        return record.timestamp_ms * 1000

    @property
    def findings(self) -> set[str]:
        """Rules about time that were broken."""
        return {row.finding.rule for row in self.log.state.findings} & TIMES


def test_parts_that_come_days_after_their_order_and_at_once_are_in_time():
    """Goods leave two days later, money goes back nine days later: who tells that at once is warned of nothing."""
    shop = Shop()
    shop.told(shipped(2 * DAY), "fulfillments/create", 2 * DAY + 2)
    shop.told(refunded(9 * DAY), "refunds/create", 9 * DAY + 2)
    assert len(shop.log.published("CanonicalOrder")) == 3
    assert shop.findings == set()


def test_a_part_that_comes_long_after_it_happened_is_late():
    """Whoever answers for the channel's delays learns of them also where no order is sent again."""
    shop = Shop()
    shop.told(refunded(3 * DAY), "refunds/create", 6 * DAY)
    assert shop.findings == {"ingest_lag"}


def test_parts_of_an_older_snapshot_are_judged_at_its_arrival():
    """It comes after a newer one and brings a fulfilment that nobody knew: that was completed before it arrived."""
    shop = Shop()
    newer = shopify_order(1, at=3 * DAY, financial_status="paid", note="call first")
    shop.told(newer, "orders/updated", 100)
    older = shopify_order(1, at=2 * DAY, financial_status="paid", fulfillments=[shipped(2 * DAY)])
    shop.told(older, "orders/fulfilled", 3 * DAY + 60)
    assert len(shop.log.published("CanonicalOrder")) == 3
    assert "times_in_order" not in shop.findings


def test_what_is_published_of_the_source_is_what_the_source_said():
    """A part alone sets when it happened and arrived; when the shop last changed the order only the order tells."""
    shop = Shop()
    before = shop.log.published("CanonicalOrder")[-1]
    refund = refunded(DAY)
    arrived = shop.told(refund, "refunds/create", DAY + 2)
    after = shop.log.published("CanonicalOrder")[-1]
    assert after["source_updated_at"] == before["source_updated_at"]
    assert (after["occurred_at"], after["ingested_at"]) == (instants.parse(refund["processed_at"]), arrived)
