"""Every rule finds what breaks it, on the field that breaks it, and nothing else."""

from time import perf_counter
from typing import Any

import pytest

from quality import contract_files
from quality.checks import Limits
from quality.finding import Finding
from quality.rules import RECORD_CHECKS, compile_rules
from schemas import identifiers
from tests.quality.orders import (
    DAY,
    HOUR,
    LINE_IDS,
    MINUTE,
    NOW,
    adjustment,
    changed,
    clean,
    eur,
    fulfilment,
    payment,
    refund,
)

CONTRACT = contract_files.load("web")
check = compile_rules(CONTRACT)

USD = {"amount_minor": 2_000, "currency": "USD", "exponent": 2}
GONE = {"lines[1].quantity.cancelled": 1, "lines[1].quantity.current": 0}
"""A line that is worth 60.50 with its tax is cancelled; the others are worth 54.45, and shipping 6.05."""
SHIPPED = {"fulfilments": [fulfilment({0: 2, 1: 1, 2: 1})], "fulfilment_status": "FULFILLED"}

BROKEN: list[tuple[dict[str, Any], set[tuple[str, str]]]] = [
    ({"order_id": ""}, {("order_id_present", "order_id")}),
    ({"order_id": "1001"}, {("order_id_format", "order_id")}),
    ({"order_id": "6ba7b810-9dad-11d1-80b4-00c04fd430c8"}, {("order_id_format", "order_id")}),
    ({"source_order_id": " "}, {("source_order_id_present", "source_order_id")}),
    ({"source": "shopify"}, {("channel_known", "source")}),
    ({"flags": ["gift", "test"]}, {("not_test_order", "flags")}),
    ({"order_status": "UNKNOWN"}, {("status_known", "order_status")}),
    ({"payment_status": "UNKNOWN"}, {("payment_status_known", "payment_status")}),
    ({"order_status": "COMPLETED"}, {("completed_has_fulfilment", "order_status")}),
    (
        {"order_status": "CANCELLED", "cancelled_at": NOW - 73 * HOUR},
        {("cancelled_money_returned", "totals.refunded")},
    ),
    (
        {"order_status": "EXPIRED", "source_updated_at": NOW - 73 * HOUR, "placed_at": NOW - 74 * HOUR},
        {("cancelled_money_returned", "totals.refunded"), ("ingest_lag", "ingested_at")},
    ),
    (
        {**SHIPPED, "order_status": "CANCELLED", "cancelled_at": NOW - HOUR},
        {("shipped_after_cancellation", "fulfilments[0].created_at")},
    ),
    ({**SHIPPED, "payment_status": "UNPAID"}, {("shipped_is_paid", "payment_status")}),
    (
        {**SHIPPED, "payment_status": "UNPAID", "payments": [payment(method="PAY_LATER")]},
        {("shipped_is_paid", "payment_status")},
    ),
    ({"payments": []}, {("paid_has_payment", "payments")}),
    ({"placed_at": 0}, {("placed_at_present", "placed_at")}),
    (
        {"placed_at": NOW + 6 * MINUTE, "confirmed_at": None},
        {("placed_not_future", "placed_at"), ("updated_after_placed", "source_updated_at")},
    ),
    ({"placed_at": NOW - 401 * DAY}, {("placed_not_ancient", "placed_at")}),
    (
        {"source_updated_at": NOW - HOUR - 6 * MINUTE},
        {("updated_after_placed", "source_updated_at"), ("ingest_lag", "ingested_at")},
    ),
    ({"source_updated_at": NOW - 61 * MINUTE}, {("ingest_lag", "ingested_at")}),
    ({"confirmed_at": NOW - 2 * HOUR}, {("times_in_order", "confirmed_at")}),
    ({"completed_at": NOW - 45 * MINUTE}, {("times_in_order", "completed_at")}),
    ({"confirmed_at": None, "completed_at": NOW - 2 * HOUR}, {("times_in_order", "completed_at")}),
    ({"closed_at": NOW + 6 * MINUTE}, {("times_in_order", "closed_at")}),
    (
        {"currency": "EURO"},
        {("currency_iso4217", "currency"), *(("currency_single", f"lines[{i}].total") for i in range(3))},
    ),
    ({"totals.total_original": eur(12_100_500, 5)}, {("currency_exponent", "totals.total_original")}),
    ({"totals.captured": eur(121, 0)}, {("currency_exponent", "totals.captured")}),
    ({"totals.fees": USD}, {("currency_single", "totals.fees")}),
    ({"lines[1].unit_price": USD}, {("currency_single", "lines[1].total")}),
    ({"totals.net_due": eur(-1)}, {("total_non_negative", "totals.net_due")}),
    (
        {"totals.total_original": eur(12_096), "totals.total_current": eur(12_096)},
        {("total_equation", "totals.total_original")},
    ),
    ({"totals.tip": eur(4)}, {("total_equation", "totals.total_original")}),
    ({"totals.gift_card": eur(1_000)}, {("total_equation", "totals.total_original")}),
    ({"prices_include_tax": True}, {("total_equation", "totals.total_original")}),
    (
        {"totals.total_original": eur(99_900), "source_version": "2"},
        {("total_original_equation", "totals.total_original")},
    ),
    ({"totals.total_original": eur(11_000)}, {("total_original_equation", "totals.total_original")}),
    (
        {"totals.total_original": eur(11_000), "totals.total_current": eur(11_500), "source_version": "2"},
        {("total_equation", "totals.total_original")},
    ),
    ({"totals.total_current": eur(11_600)}, {("total_current_equation", "totals.total_current")}),
    (GONE, {("total_current_equation", "totals.total_current")}),
    (GONE | {"totals.total_current": eur(6_054)}, {("total_current_equation", "totals.total_current")}),
    (GONE | {"totals.total_current": eur(5_441)}, {("total_current_equation", "totals.total_current")}),
    ({"lines[1].tax_total": eur(1_055)}, {("tax_sum", "totals.tax")}),
    (
        {f"lines[{index}].tax_total": eur(0) for index in range(3)} | {"shipping_lines[0].taxes": []},
        {("tax_sum", "totals.tax")},
    ),
    ({"tax_lines[0].amount": eur(2_102)}, {("tax_lines_sum", "totals.tax")}),
    ({"tax_lines[0].amount": eur(2_102_000, 5)}, {("tax_lines_sum", "totals.tax")}),
    (
        {"lines[0].discount_total": eur(0), "lines[0].total": eur(4_000)},
        {("discount_sum", "totals.discount")},
    ),
    ({"shipping_lines[0].discounted_price": eur(400)}, {("discount_sum", "totals.discount")}),
    (
        {"shipping_lines[0].price": eur(501), "shipping_lines[0].discounted_price": eur(501)},
        {("shipping_sum", "totals.shipping")},
    ),
    (
        {"shipping_lines[0].price": eur(501_000, 5), "shipping_lines[0].discounted_price": eur(501)},
        {("shipping_sum", "totals.shipping")},
    ),
    ({"tax_lines[0].rate": "21"}, {("tax_rate_range", "tax_lines[0].rate")}),
    ({"lines[2].taxes[0].rate": "-0.1"}, {("tax_rate_range", "lines[2].taxes[0].rate")}),
    ({"shipping_lines[0].taxes[0].rate": "n/a"}, {("tax_rate_range", "shipping_lines[0].taxes[0].rate")}),
    (
        {
            "totals.discount": eur(10_501),
            "totals.total_original": eur(2_099),
            "totals.total_current": eur(2_099),
            "shipping_lines[0].discounted_price": eur(0),
            "lines[1].discount_total": eur(5_000),
            "lines[1].total": eur(0),
            "lines[0].discount_total": eur(4_000),
            "lines[0].total": eur(0),
            "lines[2].discount_total": eur(1_000),
            "lines[2].total": eur(0),
        },
        {("discount_le_subtotal", "totals.discount")},
    ),
    (
        {"adjustments": [adjustment(500), {**adjustment(500), "amount": USD}]},
        {("refund_currency", "adjustments[1].amount")},
    ),
    (
        {"payments": [payment(), {**payment("AUTHORIZATION"), "amount": USD}]},
        {("payment_currency", "payments[1].amount")},
    ),
    ({"adjustments": [refund(500, 501)]}, {("refund_lines_sum", "adjustments[0].amount")}),
    ({"adjustments": [refund(500, 500_001, 5)]}, {("refund_lines_sum", "adjustments[0].amount")}),
    (
        {"adjustments": [adjustment(500, {0: 2}), adjustment(500, {0: 1, 1: 1}, "CREDIT", "PENDING", "a2")]},
        {("refund_units", "adjustments[1].lines[0].quantity")},
    ),
    (
        {"adjustments": [refund(500, 500, units=2, returned=True), refund(500, 500, units=1, returned=True)]},
        {("refund_units", "adjustments[1].lines[0].quantity")},
    ),
    (
        {"adjustments": [adjustment(0, {1: 2}, "EXCHANGE", "FAILED")]},
        {("refund_units", "adjustments[0].lines[0].quantity")},
    ),
    ({"totals.refunded": eur(12_101)}, {("refund_le_paid", "totals.refunded")}),
    ({"totals.refunded": eur(12_101), "totals.captured": None}, {("refund_le_paid", "totals.refunded")}),
    ({"lines": []}, {("lines_present", "lines")}),
    ({"lines[2].line_id": LINE_IDS[0]}, {("line_id_unique", "lines[2].line_id")}),
    (
        {"lines[0].sku": None, "lines[2].sku": None},
        {("sku_present", "lines[0].sku"), ("sku_present", "lines[2].sku")},
    ),
    (
        {
            "lines[2].quantity.ordered": 0,
            "lines[2].quantity.current": 0,
            "lines[2].total": eur(0),
            "lines[1].quantity.ordered": 1,
            "totals.items_gross": eur(9_000),
            "totals.total_original": eur(11_100),
            "totals.total_current": eur(11_100),
        },
        {("qty_positive", "lines[2].quantity.ordered")},
    ),
    ({"lines[0].total": eur(3_502)}, {("line_net_equation", "lines[0].total")}),
    ({"lines[0].total": eur(3_502_000, 5)}, {("line_net_equation", "lines[0].total")}),
    (
        {"totals.items_gross": eur(10_004), "totals.tax": eur(2_096), "tax_lines": []},
        {("lines_sum_subtotal", "totals.items_gross")},
    ),
    (
        {"totals.items_gross": eur(10_004_000, 5), "totals.tax": eur(2_096), "tax_lines": []},
        {("lines_sum_subtotal", "totals.items_gross")},
    ),
    ({"lines[0].quantity.current": 3}, {("quantities_consistent", "lines[0].quantity.current")}),
    ({"lines[0].quantity.current": 1}, {("quantities_consistent", "lines[0].quantity.current")}),
    ({"lines[0].quantity.fulfilled": 3}, {("quantities_consistent", "lines[0].quantity.fulfilled")}),
    ({"lines[0].quantity.delivered": 1}, {("quantities_consistent", "lines[0].quantity.delivered")}),
    ({"lines[0].quantity.returned": 1, **SHIPPED}, {("quantities_consistent", "lines[0].quantity.returned")}),
    ({"lines[0].quantity.returned": 3}, {("quantities_consistent", "lines[0].quantity.returned")}),
    ({"contact.email_raw": None, "contact.email_norm": None}, {("email_present", "contact.email_raw")}),
    ({"contact.email_norm": None}, {("email_shape", "contact.email_raw")}),
    ({"contact.phone_e164": None}, {("phone_e164", "contact.phone_raw")}),
    (
        {"contact.email_raw": "", "contact.phone_raw": None},
        {("contact_present", "contact"), ("customer_or_guest", "customer.customer_id")},
    ),
    ({"customer.kind": "MEMBER"}, {("customer_or_guest", "customer.customer_id")}),
    ({"shipping_address.country": "UK"}, {("ship_country_iso", "shipping_address.country")}),
    ({"shipping_address.country": "be"}, {("ship_country_iso", "shipping_address.country")}),
    ({"shipping_address.postal_code": "1000 AB"}, {("ship_postcode_format", "shipping_address.postal_code")}),
    ({"shipping_address": None}, {("ship_address_complete", "shipping_address")}),
    (
        {"shipping_address.lines": [], "shipping_address.city": None},
        {("ship_address_complete", "shipping_address")},
    ),
    ({"lines[1].parent_line_id": "x"}, {("references_exist", "lines[1].parent_line_id")}),
    ({"lines[1].parent_line_id": LINE_IDS[1]}, {("parent_line_acyclic", "lines[1].parent_line_id")}),
    (
        {
            "lines[0].parent_line_id": LINE_IDS[1],
            "lines[1].parent_line_id": LINE_IDS[2],
            "lines[2].parent_line_id": LINE_IDS[1],
        },
        {("parent_line_acyclic", "lines[1].parent_line_id"), ("parent_line_acyclic", "lines[2].parent_line_id")},
    ),
    (
        {"fulfilments": [{**fulfilment({0: 1}), "items": [{"line_id": "x", "source_line_id": "x", "quantity": 1}]}]},
        {("references_exist", "fulfilments[0].items[0].line_id")},
    ),
    (
        {"adjustments": [{**adjustment(0), "lines": [{**adjustment(0, {0: 1})["lines"][0], "line_id": "x"}]}]},
        {("references_exist", "adjustments[0].lines[0].line_id")},
    ),
]
"""(changes of the clean order, the rules they break and on which fields)"""

FINE: list[tuple[str, dict[str, Any]]] = [
    ("order_id_format", {"order_id": identifiers.order_id("web", "shop", "other")}),
    ("completed_has_fulfilment", {**SHIPPED, "order_status": "COMPLETED"}),
    ("completed_has_fulfilment", {"order_status": "COMPLETED", "fulfilment_status": "UNKNOWN"}),
    ("cancelled_money_returned", {"order_status": "CANCELLED", "cancelled_at": NOW - 71 * HOUR}),
    (
        "cancelled_money_returned",
        {"order_status": "CANCELLED", "cancelled_at": NOW - 73 * HOUR, "totals.refunded": eur(12_100)},
    ),
    (
        "shipped_after_cancellation",
        {**SHIPPED, "order_status": "CANCELLED", "cancelled_at": NOW - 5 * MINUTE},
    ),
    ("shipped_is_paid", {**SHIPPED, "payment_status": "UNPAID", "flags": ["pay_later"]}),
    (
        "shipped_is_paid",
        {**SHIPPED, "payment_status": "UNPAID", "payments": [payment(method="CASH_ON_DELIVERY")]},
    ),
    ("placed_not_future", {"placed_at": NOW + 4 * MINUTE, "source_updated_at": NOW, "confirmed_at": None}),
    ("placed_not_ancient", {"placed_at": NOW - 399 * DAY}),
    ("currency_exponent", {"totals.total_original": eur(12_100_000, 5)}),
    ("total_equation", {"totals.total_original": eur(12_097), "totals.total_current": eur(12_097)}),
    ("total_equation", {"totals.total_original": eur(99_900)}),
    ("total_equation", {"totals.total_current": eur(11_000)}),
    (
        "total_equation",
        {
            "prices_include_tax": True,
            "totals.total_original": eur(10_000),
            "totals.total_current": eur(10_000),
        },
    ),
    ("total_equation", {"totals.gift_card": eur(100), "totals.tip": eur(30), "totals.fees": eur(70)}),
    ("tax_sum", {"lines[1].tax_total": eur(1_054)}),
    ("total_original_equation", {"totals.total_original": eur(11_000), "source_version": "2"}),
    (
        "total_equation",
        GONE | {"totals.total_original": eur(6_050), "totals.total_current": eur(6_050), "source_version": "2"},
    ),
    ("total_current_equation", GONE | {"totals.total_current": eur(6_050)}),
    ("total_current_equation", GONE | {"totals.total_current": eur(5_445)}),
    (
        "total_current_equation",
        GONE | {"prices_include_tax": True, "totals.total_original": eur(10_000), "totals.total_current": eur(5_000)},
    ),
    (
        "total_current_equation",
        {
            "lines[0].quantity.cancelled": 1,
            "lines[0].quantity.current": 1,
            "totals.total_current": eur(12_100 - 1_750 - 368),
        },
    ),
    ("total_current_equation", {"cancelled_at": NOW - MINUTE, "totals.total_current": eur(0)}),
    (
        "total_current_equation",
        GONE | {"cancelled_at": NOW - MINUTE, "totals.total_current": eur(0), "lines[1].total": eur(15_000)},
    ),
    ("total_current_equation", {"lines": [], "totals.total_current": eur(11_600)}),
    ("total_current_equation", {"lines[0].quantity.returned": 1, "totals.refunded": eur(2_118)}),
    (
        "tax_sum",
        {f"lines[{index}].tax_total": eur(0) for index in range(3)}
        | {f"lines[{index}].taxes": [] for index in range(3)}
        | {"shipping_lines": []},
    ),
    ("tax_lines_sum", {"tax_lines[0].amount": eur(2_101)}),
    ("tax_lines_sum", {"tax_lines": []}),
    ("shipping_sum", {"shipping_lines": []}),
    ("discount_sum", {"totals.discount": eur(503)}),
    ("discount_sum", {"totals.discount": eur(600), "shipping_lines[0].discounted_price": eur(400)}),
    ("tax_rate_range", {"tax_lines[0].rate": None, "lines[0].taxes[0].rate": "0.3"}),
    ("refund_currency", {"adjustments": [{**adjustment(500, status="PENDING"), "amount": USD}]}),
    ("refund_currency", {"adjustments": [{**adjustment(0), "amount": {**USD, "amount_minor": 0}}]}),
    ("refund_currency", {"adjustments": [{**adjustment(500, kind="CANCELLATION"), "amount": USD}]}),
    ("refund_lines_sum", {"adjustments": [refund(500, 500), {**refund(500, 500), "lines": []}]}),
    ("refund_lines_sum", {"adjustments": [refund(500, 0)], "adjustments[0].lines[0].amount": USD}),
    (
        "refund_units",
        {"adjustments": [adjustment(0, {0: 2}, "RETURN", returned=True), adjustment(500, {0: 2}, id_="a2")]},
    ),
    (
        "refund_units",
        {"adjustments": [adjustment(9, {0: 2}, "PRICE_ADJUSTMENT"), adjustment(500, {0: 2}, id_="a2")]},
    ),
    ("refund_units", {"adjustments": [adjustment(9, {0: 2}, status="FAILED"), adjustment(500, {0: 2}, id_="a2")]}),
    ("refund_le_paid", {"totals.refunded": eur(12_100)}),
    ("sku_present", {"lines[0].sku": None, "lines[0].kind": "SERVICE"}),
    ("line_net_equation", {"lines[0].total": eur(3_501)}),
    (
        "line_net_equation",
        {
            "lines[2].quantity.scale": 2,
            "lines[2].quantity.ordered": 150,
            "lines[2].quantity.current": 150,
            "lines[2].unit_price": eur(666_667, 5),
        },
    ),
    ("lines_sum_subtotal", {"totals.items_gross": eur(10_003), "totals.discount": eur(503)}),
    (
        "quantities_consistent",
        {"lines[0].quantity.cancelled": 1, "lines[0].quantity.current": 1, "lines[0].quantity.fulfilled": 1},
    ),
    ("quantities_consistent", {"lines[0].quantity.returned": 2}),
    ("email_present", {"contact.email_raw": None, "contact.email_norm": None, "customer.kind": "RELAY"}),
    ("contact_present", {"contact.email_raw": None, "contact.phone_raw": None, "customer.kind": "ANONYMOUS"}),
    ("customer_or_guest", {"customer.kind": "MEMBER", "customer.customer_id": "c-7"}),
    ("ship_postcode_format", {"shipping_address.country": "NL", "shipping_address.postal_code": " 1012 ab "}),
    ("ship_postcode_format", {"shipping_address.country": "AE", "shipping_address.postal_code": "whatever"}),
    ("ship_address_complete", {"shipping_address": None, "order_status": "CANCELLED"}),
    ("ship_address_complete", {"shipping_address": None, "origin_channel": "POS"}),
    (
        "ship_address_complete",
        {"shipping_address": None} | {f"lines[{index}].requires_shipping": False for index in range(3)},
    ),
    (
        "ship_address_complete",
        {"shipping_address": None, "fulfilments": [{**fulfilment({0: 1}, "PENDING"), "type": "PICKUP"}]},
    ),
    (
        "references_exist",
        {"fulfilments": [fulfilment({0: 1}, "PENDING")], "lines[1].parent_line_id": LINE_IDS[0]},
    ),
    ("parent_line_acyclic", {"lines[0].parent_line_id": LINE_IDS[1], "lines[1].parent_line_id": LINE_IDS[2]}),
]
"""(a rule, changes that come near to breaking it and do not)"""


def broken(changes: dict[str, Any]) -> set[tuple[str, str]]:
    return {(finding.rule, finding.field) for finding in check(changed(changes))}


def test_a_clean_order_has_no_findings() -> None:
    """Nobody is told of an order that is fine."""
    assert check(clean()) == []


@pytest.mark.parametrize(("changes", "expected"), BROKEN)
def test_a_mutation_breaks_exactly_its_rules(changes: dict[str, Any], expected: set[tuple[str, str]]) -> None:
    """An owner is told of every defect of an order, on the right field, and of nothing else."""
    assert broken(changes) == expected


@pytest.mark.parametrize(("rule", "changes"), FINE)
def test_what_comes_near_to_breaking_a_rule_passes(rule: str, changes: dict[str, Any]) -> None:
    """Tolerances, exceptions and values that are right in their context are nobody's defect."""
    assert rule not in {name for name, _ in broken(changes)}


def test_every_rule_is_seen_broken() -> None:
    """No rule is declared that could never fire."""
    declared = {rule.id for rule in CONTRACT.rules.values() if rule.stage == "record"}
    assert declared == {rule for _, expected in BROKEN for rule, _ in expected}


def test_all_defects_of_an_order_are_reported_at_once() -> None:
    """Repairing an order takes one round, not one per defect."""
    found = broken(
        {
            "order_id": "1001",
            "placed_at": 0,
            "totals.fees": eur(-1),
            "totals.tip": eur(500),
            "tax_lines[0].rate": "21",
            "lines[0].sku": None,
            "lines[1].total": eur(1),
            "lines[2].sku": None,
            "contact.email_norm": None,
            "shipping_address.country": "UK",
        }
    )
    assert found == {
        ("order_id_format", "order_id"),
        ("placed_at_present", "placed_at"),
        ("total_non_negative", "totals.fees"),
        ("total_equation", "totals.total_original"),
        ("tax_rate_range", "tax_lines[0].rate"),
        ("sku_present", "lines[0].sku"),
        ("line_net_equation", "lines[1].total"),
        ("sku_present", "lines[2].sku"),
        ("email_shape", "contact.email_raw"),
        ("ship_country_iso", "shipping_address.country"),
    }


def test_a_finding_carries_what_the_contract_says() -> None:
    """A finding goes to the owner, with the severity and action, that the channel's contract names."""
    [found] = check(changed({"totals.tip": eur(500)}))
    assert found == Finding(
        rule="total_equation",
        field="totals.total_original",
        severity=CONTRACT.rules["total_equation"].severity,
        owner="finance",
        dimension="consistency",
        action=CONTRACT.rules["total_equation"].action,
        message="the parts add up to 126.00 EUR; the total is 121.00, the current total 121.00",
    )


def test_what_cancellation_leaves_of_a_total_is_told() -> None:
    """Whoever repairs a current total reads between which amounts it has to be."""
    [found] = check(changed(GONE))
    assert found.message == (
        "is 121.00; of the 121.00 EUR that the parts add up to, what was cancelled leaves 54.45 to 60.50"
    )


def test_lines_nested_to_any_depth_are_read_in_one_go() -> None:
    """An order of thousands of lines, each in the next one, holds nobody else's order up."""
    order = clean()
    order["lines"] = [
        {**order["lines"][0], "line_id": str(number), "parent_line_id": str((number + 1) % 5_000)}
        for number in range(5_000)
    ]
    started = perf_counter()
    found = [finding for finding in check(order) if finding.rule == "parent_line_acyclic"]
    assert len(found) == 5_000
    assert perf_counter() - started < 1


def test_no_message_holds_a_personal_value() -> None:
    """Findings are logged and published: they say what is wrong without saying who or where."""
    secret = "CANARY"
    changes: dict[str, Any] = {}
    for name in ("email_raw", "phone_raw"):
        changes[f"contact.{name}"] = secret
    changes |= {"contact.email_norm": None, "contact.phone_e164": None, "customer.customer_id": secret}
    for name in ("given_name", "family_name", "full_name", "city", "postal_code", "phone"):
        changes[f"shipping_address.{name}"] = secret
    changes |= {"shipping_address.lines": [secret], "note": secret}
    found = check(changed(changes)) + check(changed(changes | {"shipping_address.country": secret}))
    assert {finding.rule for finding in found} >= {
        "email_shape",
        "phone_e164",
        "ship_postcode_format",
        "ship_country_iso",
    }
    assert not [finding for finding in found if secret in finding.message or secret in finding.field]


def test_checks_report_only_rules_they_name() -> None:
    """A check that reports under an undeclared name would be lost without a trace."""
    for changes, _ in BROKEN:
        for group, names in RECORD_CHECKS:
            reported: list[tuple[str, ...]] = []
            group(changed(changes), Limits(channel="web"), lambda *found, to=reported: to.append(found))
            assert {rule for rule, *_ in reported} <= names
