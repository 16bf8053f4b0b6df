"""The parts of a Shopify order, each where the vendor's format is easy to misread."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from consumers.shopify import CHANNEL
from mappers.candidate import DefectiveEvent, EventContext, PartialChange, Snapshot
from schemas import money
from schemas.types import CanonicalOrder

CASES = Path(__file__).parents[3] / "mappers/cases/shopify"
CONTEXT = EventContext("shopify", "example-shop.myshopify.com", None, None, 1_780_000_000_000_000)


def body(name: str, **changes: Any) -> dict[str, Any]:
    document = copy.deepcopy(json.loads((CASES / f"{name}.json").read_text())["body"])
    return {**document, **changes}


def order_of(document: dict[str, Any]) -> CanonicalOrder:
    mapped = CHANNEL.map_event(document, CONTEXT)
    assert isinstance(mapped, Snapshot)
    return mapped.order


def change_of(document: dict[str, Any]) -> PartialChange:
    mapped = CHANNEL.map_event(document, CONTEXT)
    assert isinstance(mapped, PartialChange)
    return mapped


def texts(amounts: Any) -> list[str]:
    return [money.to_text(amount) for amount in amounts]


@pytest.mark.parametrize(
    ("fields", "email"),
    [
        ({"email": "a@example.org", "contact_email": "b@example.org"}, "a@example.org"),
        ({"email": "", "contact_email": "b@example.org"}, "b@example.org"),
        ({"email": None, "contact_email": None}, "edda@example.org"),
        ({"email": "", "customer": None}, None),
    ],
)
def test_the_checkouts_own_email_comes_before_the_customer_records(fields: Any, email: str | None) -> None:
    """A guest who mistypes or changes the address once is written to where this order says."""
    assert order_of(body("guest", **fields))["contact"]["email_raw"] == email


def test_the_buyers_phone_comes_before_the_couriers() -> None:
    """A gift's recipient is not taken for the buyer while anything better is known."""
    document = body("guest", phone=None)
    document["shipping_address"] = {**document["shipping_address"], "phone": "+49302"}
    assert order_of(document)["contact"]["phone_raw"] == "+49302"
    document["billing_address"] = {**document["billing_address"], "phone": "+49301"}
    assert order_of(document)["contact"]["phone_raw"] == "+49301"
    document["customer"]["phone"] = "+49300"
    assert order_of(document)["contact"]["phone_raw"] == "+49300"


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ({"country_code": "US", "province_code": "KY", "province": "Kentucky"}, ("US", "US-KY", None)),
        ({"country_code": "JP", "province_code": "JP-13"}, ("JP", "JP-13", None)),
        ({"country_code": "pl", "province_code": None}, ("PL", None, None)),
        ({"country_code": "IE", "province": "Dublin"}, ("IE", None, "Dublin")),
        ({"country": "Atlantis", "province": "North"}, (None, None, "North, Atlantis")),
    ],
)
def test_a_place_is_coded_only_where_codes_are_given(address: Any, place: Any) -> None:
    """Logistics gets ISO codes or the verbatim name, never a guess."""
    mapped = order_of(body("guest", shipping_address=address))["shipping_address"]
    assert mapped is not None
    assert (mapped["country"], mapped["region"], mapped["unparsed"]) == place


def test_an_address_of_nothing_is_no_address() -> None:
    """An order without delivery is not reported for an incomplete address."""
    empty = {"first_name": None, "address1": "", "country_code": None, "phone": ""}
    assert order_of(body("guest", shipping_address=empty))["shipping_address"] is None


def test_discounts_are_named_by_what_caused_them_and_add_up() -> None:
    """Promotions can tell a code from an automatic discount, per line and for the order."""
    order = order_of(body("discounts"))
    first, second = order["lines"]
    assert [(d["code"], d["title"]) for d in first["discounts"]] == [("SPRING", None), (None, "Loyal")]
    assert texts([first["discount_total"], second["discount_total"]]) == ["7.00", "2.00"]
    assert texts([first["total"], second["total"]]) == ["13.00", "8.00"]
    assert texts(d["amount"] for d in order["discounts"]) == ["6.00", "3.00"]


def test_a_tip_is_known_from_its_item_alone() -> None:
    """Bodies without `total_tip_received` do not lose the staff's tip, nor sell it as a thing."""
    document = body("tip")
    del document["total_tip_received"]
    order = order_of(document)
    assert money.to_text(order["totals"]["tip"]) == "2.50"
    assert [line["title"] for line in order["lines"]] == ["Thing 1"]


def test_a_bridged_webhook_is_mapped_like_its_body() -> None:
    """How Shopify delivers a webhook does not change the order."""
    bridged = {"detail-type": "shopifyWebhook", "detail": {"payload": body("guest"), "metadata": {}}}
    assert order_of(bridged) == order_of(body("guest"))


def test_empty_and_zero_references_are_none() -> None:
    """An integrator's 0 for "no customer" makes no customer of all guests together."""
    document = body("guest", location_id="")
    document["customer"]["id"] = 0
    document["line_items"][0] |= {"product_id": "", "variant_id": None}
    order = order_of(document)
    assert order["customer"]["customer_id"] is None
    assert (order["location_ref"], order["lines"][0]["product_ref"]) == (None, None)


def test_everything_an_order_lacks_is_told_at_once() -> None:
    """A publisher repairs a payload in one round."""
    document = body("guest", currency="EURO", created_at=None, processed_at="", email=[])
    document["line_items"][0]["price"] = "ten"
    with pytest.raises(DefectiveEvent) as refused:
        CHANNEL.map_event(document, CONTEXT)
    assert {defect.path: defect.rule for defect in refused.value.defects} == {
        "currency": "currency_iso4217",
        "created_at": "placed_at_present",
        "email": "payload_shape",
        "line_items[0].price": "payload_shape",
    }


def test_an_empty_currency_is_named_as_the_reason() -> None:
    """No order goes to quarantine without a reason that its publisher can act on."""
    with pytest.raises(DefectiveEvent) as refused:
        CHANNEL.map_event(body("guest", currency=""), CONTEXT)
    assert [(defect.rule, defect.path) for defect in refused.value.defects] == [("currency_iso4217", "currency")]


def test_a_refund_alone_and_inside_its_order_is_the_same_refund() -> None:
    """Whichever webhook comes first, the refund is counted once; of the two accounts the order's wins."""
    refund = body("refund-before-order")
    alone = change_of(refund)
    order = body("returned-after-delivery", id=5001, refunds=[refund])
    inside = order_of(order)
    assert alone.order_id == inside["order_id"]
    for part in (*alone.adjustments, *alone.payments):
        part["updated_at"] += 1
    assert alone.adjustments == inside["adjustments"]
    assert alone.payments == inside["payments"]
    assert alone.adjustments[0]["lines"][0]["line_id"] == inside["lines"][0]["line_id"]


def test_what_a_refund_adjusts_tells_the_rate() -> None:
    """A refund that overtakes its order is in the shop's currency where its own money pairs allow that."""
    order = body("two-currencies")
    (alone,) = change_of({**order["refunds"][0], "order_id": order["id"]}).adjustments
    assert (alone["amount"]["currency"], money.to_text(alone["amount"])) == ("EUR", "5.00")


def test_a_refund_in_the_buyers_currency_is_the_shops_once_its_order_tells_the_rate() -> None:
    """Dollars without a rate stay dollars, until the order's own account replaces them by euros."""
    order = body("two-currencies")
    refund = order["refunds"][0]
    refund["order_adjustments"] = []
    nothing = {"shop_money": {"amount": "0.00", "currency_code": "EUR"}}
    alone = change_of({**refund, "order_id": order["id"], "total_duties_set": nothing})
    inside = order_of(order)
    assert alone.adjustments[0]["amount"]["currency"] == alone.payments[0]["amount"]["currency"] == "USD"
    assert inside["adjustments"][0]["amount"]["currency"] == "EUR"
    assert inside["adjustments"][0]["updated_at"] > alone.adjustments[0]["updated_at"]
    payments = {payment["payment_id"]: payment for payment in inside["payments"]}
    known = payments[alone.payments[0]["payment_id"]]
    assert known["amount"]["currency"] == "EUR"
    assert known["updated_at"] > alone.payments[0]["updated_at"]


def test_every_transaction_that_settles_makes_the_refund_newer() -> None:
    """A refund over two gateways ends with the money of both, in any order, also from 9 euros to 10."""
    refund = body("refund-pending")
    first = {**refund["transactions"][0], "status": "success", "amount": "9.00"}
    second = {**first, "id": 99, "status": "pending", "amount": "1.00"}
    partly = change_of({**refund, "transactions": [first, second]}).adjustments[0]
    wholly = change_of({**refund, "transactions": [first, {**second, "status": "success"}]}).adjustments[0]
    assert texts([partly["amount"], wholly["amount"]]) == ["9.00", "10.00"]
    assert (partly["status"], wholly["status"]) == ("COMPLETED", "COMPLETED")
    assert wholly["updated_at"] > partly["updated_at"]
    order = body("returned-after-delivery", refunds=[{**refund, "transactions": [first, second]}])
    assert wholly["updated_at"] > order_of(order)["adjustments"][0]["updated_at"]


def test_money_goes_back_by_every_tender_and_is_counted_by_what_moved() -> None:
    """Part to the gift card, part as store credit, with shipping: the transactions tell it all, once."""
    refund = body("refund-pending")
    card = {**refund["transactions"][0], "status": "success", "gateway": "gift_card", "amount": "3.00"}
    credit = {**card, "id": 99, "gateway": "shopify_store_credit", "amount": "1.90"}
    shipping = {"kind": "shipping_refund", "reason": "Shipping refund", "amount": "-4.90"}
    change = change_of({**refund, "transactions": [card, credit], "order_adjustments": [shipping]})
    (adjustment,) = change.adjustments
    assert (adjustment["kind"], adjustment["status"]) == ("REFUND", "COMPLETED")
    assert (money.to_text(adjustment["amount"]), adjustment["reason"]) == ("4.90", "Shipping refund")
    assert [payment["method"] for payment in change.payments] == ["GIFT_CARD", "STORE_CREDIT"]


def test_a_refund_without_any_currency_keeps_its_amounts_without_one() -> None:
    """Units are cancelled at once; their worth is not taken for euros, nor for nothing."""
    (cancelled,) = change_of(body("refund-cancel-without-money")).adjustments
    assert cancelled["amount"] == {"amount_minor": 0, "currency": "XXX", "exponent": 2}
    assert cancelled["lines"][0]["amount"] == {"amount_minor": 2000, "currency": "XXX", "exponent": 2}


@pytest.mark.parametrize(
    "told",
    [
        {"refund_line_items": [{"total_tax_set": "1.00"}]},
        {"refund_line_items": [{"line_item": {"price_set": "9.00"}}]},
        {"order_adjustments": [{"amount_set": "-4.90"}]},
        {"refund_shipping_lines": [{"subtotal_amount_set": "4.90"}]},
        {"total_duties_set": "0.00"},
    ],
)
def test_any_money_pair_tells_the_currency_of_a_refund(told: dict[str, Any]) -> None:
    """Shipping or duties paid back are in the shop's currency although no item says which that is."""
    pair = {"currency_code": "SEK"}

    def filled(value: Any) -> Any:
        if isinstance(value, str):
            return {"shop_money": {**pair, "amount": value}}
        if isinstance(value, list):
            return [{"line_item_id": 9001, "quantity": 1, **filled(part)} for part in value]
        return {name: filled(child) for name, child in value.items()}

    refund = body("refund-note-only", **filled(told))
    assert {part["amount"]["currency"] for part in change_of(refund).adjustments} == {"SEK"}


def test_an_unknown_currency_of_a_refund_is_named_where_it_stands() -> None:
    """An operator looks at the field that is wrong, not at a transaction that does not exist."""
    refund = body("refund-before-order")
    refund["refund_line_items"][0]["subtotal_set"]["shop_money"]["currency_code"] = "EURO"
    with pytest.raises(DefectiveEvent) as refused:
        change_of(refund)
    (defect,) = refused.value.defects
    assert (defect.rule, defect.path) == (
        "currency_iso4217",
        "refund_line_items[0].subtotal_set.shop_money.currency_code",
    )


def test_a_refund_that_settles_is_newer_than_while_it_was_pending() -> None:
    """Shopify keeps the refund's times when the money moves; the settled state wins in any order."""
    pending = change_of(body("refund-pending")).adjustments[0]
    settled_body = body("refund-pending")
    settled_body["transactions"][0]["status"] = "success"
    settled = change_of(settled_body).adjustments[0]
    assert (pending["status"], settled["status"]) == ("PENDING", "COMPLETED")
    assert settled["updated_at"] > pending["updated_at"]
    assert settled["at"] == pending["at"]


@pytest.mark.parametrize(
    ("restock_type", "returned", "kind"),
    [
        ("return", True, "RETURN"),
        ("cancel", False, "CANCELLATION"),
        ("no_restock", False, "REFUND"),
        ("legacy_restock", False, "REFUND"),
    ],
)
def test_the_restock_type_says_what_became_of_the_goods(restock_type: str, returned: bool, kind: str) -> None:
    """The warehouse expects what comes back, and does not ship what was cancelled; more is not told alone."""
    refund = body("refund-before-order")
    refund["refund_line_items"][0]["restock_type"] = restock_type
    adjustments = change_of(refund).adjustments
    (holding,) = [adjustment for adjustment in adjustments if adjustment["lines"]]
    assert (holding["kind"], holding["lines"][0]["returned"]) == (kind, returned)
    assert sum(adjustment["amount"]["amount_minor"] for adjustment in adjustments) == 2000


def partly_refunded(
    shipped: int, restock_type: str, *, shipped_at: str = "2026-03-03T08:00:00+01:00", **line: Any
) -> CanonicalOrder:
    """Three ordered, some shipped, one refunded on the 5th of March."""
    order = body("guest", total_price="64.90")
    item = order["line_items"][0]
    item |= {"quantity": 3, "current_quantity": 2, **line}
    refunded = {"line_item_id": 9001, "quantity": 1, "restock_type": restock_type, "subtotal": "20.00"}
    at = "2026-03-05T08:00:00+01:00"
    order["refunds"] = [{"id": 31, "created_at": at, "refund_line_items": [refunded], "transactions": []}]
    items = [{"id": 9001, "quantity": shipped}]
    parcel = {"id": 21, "status": "success", "created_at": shipped_at, "line_items": items}
    order["fulfillments"] = [parcel] if shipped else []
    return order_of(order)


@pytest.mark.parametrize(
    ("shipped", "fulfillable", "cancelled"),
    [
        (0, 2, 1),
        (1, 1, 1),
        (1, 2, 0),
        (2, 0, 1),
        (2, 1, 0),
        (3, 0, 0),
        (3, -1, 0),
    ],
)
def test_what_is_left_to_ship_tells_whether_a_refunded_unit_was_shipped(
    shipped: int, fulfillable: int, cancelled: int
) -> None:
    """Nobody ships a unit that was refunded unshipped, and a refund of a shipped one cancels nothing."""
    status = {0: None, 3: "fulfilled"}.get(shipped, "partial")
    order = partly_refunded(shipped, "no_restock", fulfillable_quantity=fulfillable, fulfillment_status=status)
    quantity = order["lines"][0]["quantity"]
    assert (quantity["cancelled"], quantity["current"]) == (cancelled, 3 - cancelled)


@pytest.mark.parametrize(("shipped", "cancelled"), [(0, 1), (1, 0)])
def test_without_what_is_left_to_ship_the_shipments_before_the_refund_decide(shipped: int, cancelled: int) -> None:
    """Bodies without `fulfillable_quantity` cancel what cannot have been shipped when it was refunded."""
    order = partly_refunded(shipped, "no_restock", fulfillable_quantity=None)
    assert order["lines"][0]["quantity"]["cancelled"] == cancelled


def test_a_shipment_after_a_refund_does_not_change_what_the_refund_was_for() -> None:
    """One refunded, the others shipped later: one is cancelled, not refunded after delivery."""
    later = partly_refunded(2, "no_restock", shipped_at="2026-03-06T08:00:00+01:00", fulfillable_quantity=None)
    assert later["lines"][0]["quantity"]["cancelled"] == 1


def test_parcels_without_contents_cancel_nothing() -> None:
    """A line that left is not taken for unshipped because its parcels are not listed."""
    order = partly_refunded(0, "no_restock", fulfillable_quantity=0, fulfillment_status="fulfilled")
    assert order["lines"][0]["quantity"]["cancelled"] == 0


@pytest.mark.parametrize(("restock_type", "kind"), [("return", "RETURN"), ("legacy_restock", "RETURN")])
def test_restocked_units_that_were_shipped_came_back(restock_type: str, kind: str) -> None:
    """Orders from before restock types end as returned as later ones."""
    order = partly_refunded(3, restock_type, fulfillable_quantity=0, fulfillment_status="fulfilled")
    assert [(part["kind"], part["lines"][0]["returned"]) for part in order["adjustments"]] == [(kind, True)]
    assert order["lines"][0]["quantity"]["cancelled"] == 0


def test_units_of_a_refund_and_of_an_edit_are_each_cancelled_once() -> None:
    """One cancelled by a refund and one removed by an edit are two."""
    order = partly_refunded(1, "cancel", current_quantity=1, fulfillable_quantity=0)
    assert order["lines"][0]["quantity"]["cancelled"] == 2


def test_parcels_keep_every_tracking_number() -> None:
    """Two labels and one link are two parcels, the second without a link."""
    (fulfilment,) = order_of(body("returned-after-delivery"))["fulfilments"]
    assert fulfilment["status"] == "DELIVERED"
    assert fulfilment["tracking"] == [
        {"number": "T1", "url": "https://example.org/T1"},
        {"number": "T2", "url": None},
    ]


def test_a_finer_amount_is_kept_exactly_and_alone() -> None:
    """An exchange-rate remainder of a tax stays exact and changes no other amount of the order."""
    order = body("guest", total_tax="3.98125")
    totals = order_of(order)["totals"]
    assert totals["tax"] == {"amount_minor": 398125, "currency": "EUR", "exponent": 5}
    assert totals["total_original"] == {"amount_minor": 2490, "currency": "EUR", "exponent": 2}


def test_a_number_for_an_amount_means_its_shortest_decimal() -> None:
    """`150.0` and `"150.00"` are the same money."""
    as_number = order_of(body("guest", total_price=24.9))
    assert as_number["totals"] == order_of(body("guest"))["totals"]


def test_a_refund_in_a_currency_without_a_rate_is_refused() -> None:
    """Dollars are never added to euros."""
    order = body("two-currencies")
    del order["total_price_set"], order["total_shipping_price_set"]
    with pytest.raises(DefectiveEvent) as refused:
        CHANNEL.map_event(order, CONTEXT)
    assert [defect.path for defect in refused.value.defects] == ["refunds[0].transactions[0].currency"]


def test_fields_that_shopify_does_not_document_are_counted() -> None:
    """A new field of the vendor's shows as a number, and stops nothing."""
    order = body("guest", brand_new=1)
    order["line_items"][0]["also_new"] = {}
    mapped = CHANNEL.map_event(order, CONTEXT)
    assert isinstance(mapped, Snapshot)
    assert mapped.unknown_fields == 2
    known = CHANNEL.map_event(body("guest"), CONTEXT)
    assert known.unknown_fields == 0  # type: ignore[union-attr]  # mapped, or the test fails


@pytest.mark.parametrize(
    ("native", "statuses", "unmapped"),
    [
        ({"financial": "PAID", "fulfillment": "FULFILLED"}, ("COMPLETED", "PAID", "FULFILLED"), ()),
        ({"financial": "paid", "closed": "true"}, ("CLOSED", "PAID", "UNFULFILLED"), ()),
        (
            {"financial": "refunded", "cancelled": "true", "closed": "true", "fulfillment": "restocked"},
            ("CANCELLED", "REFUNDED", "CANCELLED"),
            (),
        ),
        ({"fulfillment": "in_progress"}, ("PROCESSING", "UNKNOWN", "IN_PROGRESS"), ()),
        (
            {"financial": "paid", "fulfillment": "teleported"},
            ("CONFIRMED", "PAID", "UNKNOWN"),
            (("fulfillment", "teleported"),),
        ),
    ],
)
def test_native_statuses_have_one_meaning(native: Any, statuses: Any, unmapped: Any) -> None:
    """Statuses can be told again from what was kept, and unknown words are listed, not guessed."""
    mapped = CHANNEL.map_statuses(native)
    assert (mapped.order, mapped.payment, mapped.fulfilment) == statuses
    assert mapped.unmapped == unmapped


def test_kept_native_statuses_give_the_orders_statuses() -> None:
    """After a refund joins, statuses are derived from `source_status` alone."""
    for name in ("guest", "cancelled-restocked", "point-of-sale", "authorized-cash-on-delivery"):
        order = order_of(body(name))
        mapped = CHANNEL.map_statuses(order["source_status"])
        assert (mapped.order, mapped.payment, mapped.fulfilment) == (
            order["order_status"],
            order["payment_status"],
            order["fulfilment_status"],
        )


def test_mapping_changes_nothing_of_the_document() -> None:
    """The raw event can be kept and mapped again."""
    document = body("two-currencies")
    before = copy.deepcopy(document)
    assert CHANNEL.map_event(document, CONTEXT) == CHANNEL.map_event(document, CONTEXT)
    assert document == before
