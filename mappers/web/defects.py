"""Everything that keeps a web event from being understood, in the payload's field names, without values."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from pydantic import ValidationError

from mappers.candidate import MOST_DEFECTS, Defect
from mappers.web.fields import AMOUNT_PATTERN, EVENT_ID_PATTERN, NAMED_PATTERN, NOTHING_PATTERN, RATE_PATTERN

PAYLOAD_SHAPE: Final = "payload_shape"

_NAMED_RULES: Final = frozenset({"currency_iso4217"})
"""Errors of a field type that is a rule of its own, with its own owner."""

_EXPECTATIONS: Final = {
    "missing": "is missing",
    "string_type": "must be text, in quotes",
    "int_type": "must be a whole number, without quotes or a decimal point",
    "int_from_float": "must be a whole number, without a fraction",
    "bool_type": "must be true or false",
    "list_type": "must be a list",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "string_too_short": "must not be empty",
}

_PATTERNS: Final = {
    AMOUNT_PATTERN: 'must be a decimal string without a sign, such as "12.90"',
    RATE_PATTERN: 'must be a decimal fraction as a string, such as "0.21"',
    EVENT_ID_PATTERN: "must be a UUID or a ULID",
    NAMED_PATTERN: "must not be blank",
}


def from_validation(error: ValidationError) -> list[Defect]:
    """One defect per error of the payload models, all of them."""
    return [
        Defect(
            rule=detail["type"] if detail["type"] in _NAMED_RULES else PAYLOAD_SHAPE,
            path=_path(detail["loc"]),
            message=_message(detail),
        )
        for detail in error.errors(include_url=False, include_input=False)[:MOST_DEFECTS]
    ]


def _path(location: tuple[int | str, ...]) -> str:
    path = ""
    for step in location:
        if isinstance(step, int):
            path += f"[{step}]"
        else:
            path += f".{step}" if path else step
    return path


def _message(detail: Mapping[str, Any]) -> str:
    kind = detail["type"]
    if kind in _EXPECTATIONS:
        return _EXPECTATIONS[kind]
    limits: Mapping[str, Any] = detail.get("ctx", {})
    if kind == "string_pattern_mismatch":
        return _PATTERNS[limits["pattern"]]
    if kind == "literal_error":
        return f"must be {limits['expected']}"
    # Limits and the errors of the field types; none of these messages quotes the value.
    return str(detail["msg"])


_EMAIL: Final = re.compile(r"[^@\s\x00-\x1f\x7f]{1,64}@[^@\s.\x00-\x1f\x7f]+(\.[^@\s.\x00-\x1f\x7f]+)+")
_PHONE: Final = re.compile(r"\+?[0-9]{7,15}", re.ASCII)
_SEPARATORS: Final = str.maketrans("", "", " \u00a0-./()")


def plausible_email(text: object) -> bool:
    """Whether a text has the shape of an e-mail address (RFC 5321 lengths; two domain labels or more)."""
    return isinstance(text, str) and len(text) <= 254 and _EMAIL.fullmatch(text.strip()) is not None


def plausible_phone(text: object) -> bool:
    """Whether a text has the shape of a phone number: 7 to 15 digits (ITU-T E.164), usual separators."""
    return isinstance(text, str) and _PHONE.fullmatch(text.translate(_SEPARATORS)) is not None


def _is_blank(text: object) -> bool:
    return not (text.strip() if isinstance(text, str) else text)


def cross_field(event_type: str, document: Mapping[str, Any]) -> Sequence[Defect]:
    """What one field demands of another. Reads the raw document: it adds to whatever else is wrong."""
    data = document.get("data")
    if not isinstance(data, dict):
        return ()
    if event_type.startswith("order."):
        order = data.get("order")
        return _order(event_type, order, document) if isinstance(order, dict) else ()
    found: list[Defect] = []
    if event_type == "contact.captured":
        found += _captured_contact(data)
    of_order = event_type.startswith("payment.") and data.get("order_id")
    if event_type.startswith("payment.") and not of_order and not data.get("checkout_id"):
        found.append(Defect(PAYLOAD_SHAPE, "data.checkout_id", "is missing; a payment names its checkout or order"))
    of_member = event_type != "account.created" and data.get("customer_id")
    if not of_order and not of_member and document.get("session_id") is None:
        found.append(_NO_SESSION)
    return found


_NO_SESSION: Final = Defect(PAYLOAD_SHAPE, "session_id", "is missing; every event of a guest names the guest's session")
# Whoever believed it would put a stranger's order into the account of somebody who never logged in.
_ACCOUNT_OF_GUEST: Final = Defect(
    PAYLOAD_SHAPE, "data.order.customer.customer_id", "must be left out; only a member, who was logged in, has one"
)
_BORNE_OUT_BY: Final = {
    event_type: (field, Defect(PAYLOAD_SHAPE, f"data.order.{field}", message))
    for event_type, field, message in (
        (
            "order.cancelled",
            "cancelled_at",
            "is missing; without it, the order of an order.cancelled would be shipped",
        ),
        (
            "order.paid",
            "payments",
            "is missing or empty; without it, the order of an order.paid stays unpaid: list every payment so far, or "
            "send an order.updated",
        ),
        (
            "order.fulfilled",
            "fulfilments",
            "is missing or empty; without it, the order of an order.fulfilled would be shipped again: list every "
            "parcel, pick-up or download so far, or send an order.updated",
        ),
        (
            "order.refunded",
            "refunds",
            "is missing or empty; without it, the buyer of an order.refunded would be paid back again: list every "
            "refund so far, or send an order.updated",
        ),
    )
}
"""The field of an order that bears out what the event's name says, and what is wrong without it.

Its entries may be in any state: what they say of themselves is believed, the name only announces it.
"""

_NOTHING: Final = re.compile(NOTHING_PATTERN)


def _not_borne_out(event_type: str, order: Mapping[str, Any]) -> Sequence[Defect]:
    field, missing = _BORNE_OUT_BY[event_type]
    if order.get(field) not in (None, []) or (event_type == "order.paid" and _costs_nothing(order)):
        return ()
    return (missing,)


def _costs_nothing(order: Mapping[str, Any]) -> bool:
    """Whether the buyer agreed to pay nothing, everything being taken off: such an order is paid without a payment."""
    totals = order.get("totals")
    total = totals.get("total") if isinstance(totals, dict) else None
    return isinstance(total, str) and _NOTHING.fullmatch(total) is not None


def _order(event_type: str, order: Mapping[str, Any], document: Mapping[str, Any]) -> Sequence[Defect]:
    customer, contact = order.get("customer"), order.get("contact")
    found: list[Defect] = []
    if isinstance(customer, dict):
        if customer.get("type") == "guest":
            if document.get("session_id") is None:
                found.append(_NO_SESSION)
            if customer.get("customer_id") is not None:
                found.append(_ACCOUNT_OF_GUEST)
        elif customer.get("type") == "member" and not customer.get("customer_id"):
            found.append(Defect(PAYLOAD_SHAPE, "data.order.customer.customer_id", "is missing; a member has one"))
    if isinstance(contact, dict) and _is_blank(contact.get("email")) and _is_blank(contact.get("phone")):
        found.append(
            Defect("contact_present", "data.order.contact", "has neither an e-mail address nor a phone number")
        )
    if event_type in _BORNE_OUT_BY:
        found += _not_borne_out(event_type, order)
    for name, identity in _PARTS:
        found += _repeated(order.get(name), name, identity)
    return found


_PARTS: Final = (("payments", "payment_id"), ("fulfilments", "fulfilment_id"), ("refunds", "refund_id"))


def _repeated(parts: object, name: str, identity: str) -> list[Defect]:
    """Two parts under one id: sums would count both, and the order would keep one of them."""
    found: list[Defect] = []
    seen: set[str] = set()
    for index, part in enumerate(parts if isinstance(parts, list) else ()):
        known = part.get(identity) if isinstance(part, dict) else None
        if not isinstance(known, str):
            continue
        if known in seen:
            path = f"data.order.{name}[{index}].{identity}"
            found.append(
                Defect(PAYLOAD_SHAPE, path, f"is the {identity} of an earlier entry too; expected one of its own")
            )
        seen.add(known)
    return found


def _captured_contact(data: Mapping[str, Any]) -> list[Defect]:
    email, phone = data.get("email"), data.get("phone")
    if plausible_email(email) or plausible_phone(phone):
        return []
    expected = "; expected a plausible e-mail address, phone number, or both"
    return [
        Defect(
            "contact_present",
            f"data.{name}",
            (f"is not a plausible {what}" if value else "is missing") + expected,
        )
        for name, value, what in (("email", email, "e-mail address"), ("phone", phone, "phone number"))
    ]
