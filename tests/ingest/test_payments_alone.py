"""A web payment that arrives without its order moves that order's money, and only in the order's currency."""

from __future__ import annotations

import json
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from ingest.demo.records import RawRecord
from tests.ingest.pipeline_harness import NOW_US, Log

CASES = Path(__file__).parents[2] / "mappers" / "cases" / "web"
TOPIC = "raw.web.orders.v1"


def case(name: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((CASES / f"{name}.json").read_text())
    return event


def captured(**payment: Any) -> dict[str, Any]:
    event = case("payment-captured-of-order")
    event["event_id"] = event["event_id"][:-1] + payment.get("payment_id", "pay_3")[-1]
    event["data"]["payment"] |= payment
    return event


def records(*events: dict[str, Any]) -> list[RawRecord]:
    return [RawRecord(TOPIC, b"ses_4f9c2d", json.dumps(one).encode(), [], NOW_US // 1000) for one in events]


def taken(*events: dict[str, Any]) -> dict[str, Any]:
    """The order after these events."""
    log = Log()
    log.take(records(*events))
    order: dict[str, Any] = log.published("CanonicalOrder")[-1]
    return order


def money(order: dict[str, Any]) -> tuple[str, int, int, int]:
    totals = order["totals"]
    amounts = [totals[name]["amount_minor"] for name in ("authorised", "captured", "net_due")]
    return order["payment_status"], *amounts  # type: ignore[return-value]  # three names, three amounts


PLACED = case("order-placed-guest")


def test_a_captured_payment_makes_its_order_paid():
    """Nobody waits for the storefront's next snapshot to ship."""
    assert money(taken(PLACED)) == ("AUTHORIZED", 7975, 0, 7975)
    assert money(taken(PLACED, captured())) == ("PAID", 0, 7975, 0)


def test_a_part_that_is_captured_leaves_the_rest_authorised():
    """An order may be paid for parcel by parcel."""
    first = captured(payment_id="pay_3", amount="50.00")
    assert money(taken(PLACED, first)) == ("PARTIALLY_PAID", 2975, 5000, 2975)


@pytest.mark.parametrize("arrival", [*permutations(range(3))])
def test_payments_add_up_in_any_order_of_arrival(arrival):
    """A payment may overtake its order or another payment."""
    events = [PLACED, captured(payment_id="pay_3", amount="50.00"), captured(payment_id="pay_4", amount="29.75")]
    assert money(taken(*(events[number] for number in arrival))) == ("PAID", 0, 7975, 0)


@pytest.mark.parametrize("events", [(PLACED, captured(currency="USD")), (captured(currency="USD"), PLACED)])
def test_money_in_another_currency_pays_nothing(events):
    """Whoever answers for payments is told of it, whenever it comes; the order stays as it was."""
    log = Log()
    log.take(records(*events))
    (order,) = log.published("CanonicalOrder")
    assert money(order) == ("AUTHORIZED", 7975, 0, 7975)
    assert [payment["amount"]["currency"] for payment in order["payments"]] == ["EUR", "EUR"]
    (found,) = [finding for finding in log.published("QualityFinding") if finding["rule_id"] == "payment_currency"]
    assert (found["field"], found["owner"]) == ("payments[2].amount", "payments")
    assert len(log.published("QuarantineRecord")) == 1
