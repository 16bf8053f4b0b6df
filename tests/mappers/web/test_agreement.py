"""The published schema and the mapper refuse and accept the same values, field by field."""

from __future__ import annotations

import copy
import json
from typing import Any

import jsonschema
import pytest

from consumers.web import CHANNEL
from mappers.candidate import Defect, DefectiveEvent, EventContext
from mappers.web import schema
from mappers.web.fields import MOST_PARTS, UNSET_NAMES

from .cases import FOLDER


@pytest.fixture(scope="module")
def validator():
    return jsonschema.Draft202012Validator(schema.document())


def document(case: str) -> Any:
    return json.loads((FOLDER / f"{case}.json").read_text("utf-8"))


def defects_of(event: dict[str, Any]) -> list[Defect]:
    try:
        CHANNEL.identify({}, event)
        CHANNEL.map_event(event, EventContext("web", "store-be", event["event_type"], None, received_at=7))
    except DefectiveEvent as refused:
        return list(refused.defects)
    return []


def with_value(case: str, path: str, value: object) -> Any:
    event = copy.deepcopy(document(case))
    *steps, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    part = event
    for step in steps:
        part = part[step]
    part[last] = value
    return event


@pytest.mark.parametrize("path", ["occurred_at", "data.order.placed_at", "data.order.payments.0.at"])
@pytest.mark.parametrize(
    ("text", "accepted"),
    [
        ("2026-11-24T18:00Z", True),
        ("2026-11-24T18:00:00.123456789-05:30", True),
        ("2026-11-24T18:00:00", False),
        ("2026-11-24 18:00:00Z", False),
        ("20261124T180000Z", False),
        ("2026-W48-2T10:00:00Z", False),
        ("2026-11-24T18:00:00,5Z", False),
        ("2026-11-24T18:00:00.1234567891Z", False),
        ("2026-11-24T18:00:00+0100", False),
        ("2026-11-24T18:00:00+25:00", False),
        ("2026-11-24T24:00:00Z", False),
        ("0001-01-01T00:00:00Z", False),
        ("\uff12026-11-24T18:00:00Z", False),
    ],
)
def test_an_instant_has_the_published_form(path, text, accepted, validator):
    """A time that the developer's own validator refuses is refused here, and the other way round."""
    event = with_value("order-placed-guest", path, text)
    assert validator.is_valid(event) is accepted
    refused = defects_of(event)
    assert [defect.path.replace("[0]", ".0") for defect in refused] == ([] if accepted else [path])


@pytest.mark.parametrize("path", ["session_id", "store", "data.order.order_id", "data.order.lines.0.line_id"])
@pytest.mark.parametrize("name", ["", " ", "\t\u00a0"])
def test_a_blank_name_names_nothing(path, name, validator):
    """Guests of a storefront that sends a space for a session are not all in one session."""
    event = with_value("order-placed-guest", path, name)
    assert not validator.is_valid(event)
    (defect,) = defects_of(event)
    assert (defect.rule, defect.path.replace("[0]", ".0")) == ("payload_shape", path)


@pytest.mark.parametrize("case", ["checkout-started", "account-created", "order-placed-guest"])
@pytest.mark.parametrize("name", UNSET_NAMES)
def test_a_missing_value_spelled_out_is_no_session(case, name, validator):
    """An account made in the session `undefined` does not take along the orders of all other guests there."""
    event = with_value(case, "session_id", name)
    assert not validator.is_valid(event)
    (defect,) = defects_of(event)
    assert (defect.rule, defect.path) == ("payload_shape", "session_id")
    assert "guest's own session" in defect.message


def test_a_blank_contact_is_none(validator):
    """An order whose e-mail address is a space cannot be told about to anybody: it is refused like one without."""
    event = with_value("order-placed-guest", "data.order.contact", {"email": " ", "phone": "\t"})
    assert not validator.is_valid(event)
    assert [(defect.rule, defect.path) for defect in defects_of(event)] == [("contact_present", "data.order.contact")]


@pytest.mark.parametrize(
    ("case", "path", "least"),
    [
        ("order-fulfilled", "data.order.fulfilments.0.items.0.quantity", 1),
        ("order-refunded-partially", "data.order.refunds.0.lines.0.quantity", 0),
        ("order-placed-guest", "data.order.lines.0.cancelled_quantity", 0),
        ("checkout-started", "data.cart.line_count", 0),
    ],
)
def test_a_part_of_a_line_is_never_negative(case, path, least, validator):
    """No parcel, refund or cancellation takes back what others did: -1 cancelled is no piece more to pack."""
    assert validator.is_valid(with_value(case, path, least)) and defects_of(with_value(case, path, least)) == []
    event = with_value(case, path, least - 1)
    assert not validator.is_valid(event)
    (defect,) = defects_of(event)
    assert defect.rule == "payload_shape" and defect.path.replace("[0]", ".0") == path


@pytest.mark.parametrize(
    "path", ["data.order.payments", "data.order.refunds", "data.order.lines.0.taxes", "data.order.lines.0.discounts"]
)
def test_no_list_of_amounts_adds_up_to_more_than_money_can_hold(path, validator):
    """The longest list of the greatest amounts is understood; a longer one is refused by its length."""
    amount = {"amount": "999999999999.9999"}
    at = "2026-11-24T18:03:11+01:00"
    if path.endswith("payments"):
        amount |= {"kind": "sale", "status": "succeeded", "method": "card", "at": at}
    if path.endswith("refunds"):
        amount |= {"status": "completed", "at": at}
    names = {"data.order.payments": "payment_id", "data.order.refunds": "refund_id"}
    parts = [amount | {names.get(path, "title"): str(index)} for index in range(MOST_PARTS + 1)]
    longest = with_value("order-placed-guest", path, parts[:-1])
    assert validator.is_valid(longest) and defects_of(longest) == []
    too_long = with_value("order-placed-guest", path, parts)
    assert not validator.is_valid(too_long)
    (defect,) = defects_of(too_long)
    assert (defect.rule, defect.path.replace("[0]", ".0")) == ("payload_shape", path)


@pytest.mark.parametrize(
    ("case", "name", "identity"),
    [
        ("order-placed-guest", "payments", "payment_id"),
        ("order-fulfilled", "fulfilments", "fulfilment_id"),
        ("order-refunded-partially", "refunds", "refund_id"),
    ],
)
def test_two_parts_of_an_order_never_share_an_id(case, name, identity):
    """No money is counted that the published order then does not list. A JSON Schema cannot say it."""
    event = document(case)
    parts = event["data"]["order"][name]
    parts.append(copy.deepcopy(parts[0]))
    (defect,) = defects_of(event)
    assert (defect.rule, defect.path) == ("payload_shape", f"data.order.{name}[{len(parts) - 1}].{identity}")


@pytest.mark.parametrize("value", ["missing", None])
def test_a_cancelled_order_says_when(value, validator):
    """No warehouse ships an order because the event that cancelled it left out the one field that says so."""
    event = with_value("order-cancelled", "data.order.cancelled_at", value)
    if value == "missing":
        del event["data"]["order"]["cancelled_at"]
    assert not validator.is_valid(event)
    (defect,) = defects_of(event)
    assert (defect.rule, defect.path) == ("payload_shape", "data.order.cancelled_at")
    event["event_type"] = "order.updated"
    assert validator.is_valid(event) and defects_of(event) == []


@pytest.mark.parametrize(
    ("case", "name"),
    [("order-paid", "payments"), ("order-fulfilled", "fulfilments"), ("order-refunded-partially", "refunds")],
)
@pytest.mark.parametrize("value", ["missing", None, []])
def test_an_order_bears_out_what_its_event_is_named_for(case, name, value, validator):
    """No parcel is packed and no money is given back twice because an event only says by its name that it was done."""
    event = with_value(case, f"data.order.{name}", value)
    if value == "missing":
        del event["data"]["order"][name]
    assert not validator.is_valid(event)
    (defect,) = defects_of(event)
    assert (defect.rule, defect.path) == ("payload_shape", f"data.order.{name}")
    assert event["event_type"] in defect.message and "order.updated" in defect.message
    event["event_type"] = "order.updated"
    assert validator.is_valid(event) and defects_of(event) == []


@pytest.mark.parametrize("status", ["pending", "failed", "cancelled"])
def test_what_an_order_lists_is_believed_whatever_its_event_is_called(status, validator):
    """A refund that failed reaches the order though the storefront tells of all refunds under one name."""
    event = with_value("order-refunded-partially", "data.order.refunds.0.status", status)
    event["data"]["order"]["refunds"][1]["status"] = status
    assert validator.is_valid(event) and defects_of(event) == []


@pytest.mark.parametrize(
    ("total", "accepted"), [("0", True), ("0.00", True), ("0.0000", True), ("0.01", False), ("10.00", False)]
)
def test_only_what_costs_nothing_is_paid_without_a_payment(total, accepted, validator):
    """An order with everything taken off is no defect: its buyer has paid all there is to pay."""
    event = with_value("order-paid-free", "data.order.totals.total", total)
    assert validator.is_valid(event) is accepted
    assert [defect.path for defect in defects_of(event)] == ([] if accepted else ["data.order.payments"])


def test_a_list_that_is_none_is_told_once(validator):
    """A developer who sends an object for a list reads what is wrong with it, not that it is missing as well."""
    event = with_value("order-refunded-partially", "data.order.refunds", {"0": {}})
    assert not validator.is_valid(event)
    (defect,) = defects_of(event)
    assert (defect.path, defect.message) == ("data.order.refunds", "must be a list")


def test_a_guest_has_no_account(validator):
    """Nobody's order lands in the account of a member who was not logged in."""
    event = with_value("order-placed-guest", "data.order.customer.customer_id", "cus_88")
    assert not validator.is_valid(event)
    (defect,) = defects_of(event)
    assert (defect.rule, defect.path) == ("payload_shape", "data.order.customer.customer_id")
    event["data"]["order"]["customer"]["customer_id"] = None
    assert validator.is_valid(event) and defects_of(event) == []
