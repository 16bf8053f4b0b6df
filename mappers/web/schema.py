"""The web contract as one JSON Schema document for the channel's developers.

`python -m mappers.web.schema` prints it; docs/channels/web.schema.json holds the published copy.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import Field, TypeAdapter

from mappers.web import events
from mappers.web.fields import NAMED_PATTERN, NOTHING_PATTERN, documented

CASES: Final = Path(__file__).parent.parent / "cases" / "web"

_HEAD: Final = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$id": "urn:ordergate:channel:web:v1",
    "title": "Ordergate web storefront events, version 1",
    "description": (
        "One event per Kafka record on raw.web.orders.v1, as UTF-8 JSON. Key: the session_id, or "
        "the order_id of an order without a session; the same for all events of an order. Amounts are decimal "
        "strings, instants are ISO 8601 with an offset, ids are strings. Fields beyond these are allowed, ignored "
        "and counted. Null is the same as leaving an optional field out. Sending an event again, with the same "
        "event_id, is always safe."
    ),
}

_NAMED: Final = {"type": "string", "pattern": NAMED_PATTERN}
_HAS_SESSION: Final = {"required": ["session_id"], "properties": {"session_id": _NAMED}}
_OF_MEMBER: Final = {
    "required": ["data"],
    "properties": {"data": {"required": ["customer_id"], "properties": {"customer_id": _NAMED}}},
}
_OF_ORDER: Final = {
    "required": ["data"],
    "properties": {"data": {"required": ["order_id"], "properties": {"order_id": _NAMED}}},
}
_GUEST_ORDER: Final = {
    "properties": {
        "data": {"properties": {"order": {"properties": {"customer": {"properties": {"type": {"const": "guest"}}}}}}}
    }
}
_EMAIL_OR_PHONE: Final = {
    "anyOf": [
        {"required": ["email"], "properties": {"email": _NAMED}},
        {"required": ["phone"], "properties": {"phone": _NAMED}},
    ]
}

_COSTS_NOTHING: Final = {
    "required": ["totals"],
    "properties": {"totals": {"required": ["total"], "properties": {"total": {"pattern": NOTHING_PATTERN}}}},
}


def _listed(name: str) -> dict[str, Any]:
    """An order that lists at least one of these parts."""
    return {"required": [name], "properties": {name: {"type": "array", "minItems": 1}}}


def _borne_out(event_type: str, order: dict[str, Any]) -> dict[str, Any]:
    """What the order of an event with this name has to say."""
    return {
        "if": {"properties": {"event_type": {"const": event_type}}},
        "then": {"properties": {"data": {"properties": {"order": order}}}},
    }


# What one field demands of another, as mappers/web/defects.py checks it.
_CONDITIONS: Final[dict[str, list[dict[str, Any]]]] = {
    "CheckoutEvent": [{"anyOf": [_HAS_SESSION, _OF_MEMBER]}],
    "ContactEvent": [{"anyOf": [_HAS_SESSION, _OF_MEMBER]}],
    "PaymentEvent": [{"anyOf": [_HAS_SESSION, _OF_MEMBER, _OF_ORDER]}],
    "AccountEvent": [_HAS_SESSION],
    "OrderEvent": [
        {"if": _GUEST_ORDER, "then": _HAS_SESSION},
        _borne_out(
            "order.cancelled", {"required": ["cancelled_at"], "properties": {"cancelled_at": {"type": "string"}}}
        ),
        _borne_out("order.paid", {"anyOf": [_listed("payments"), _COSTS_NOTHING]}),
        _borne_out("order.fulfilled", _listed("fulfilments")),
        _borne_out("order.refunded", _listed("refunds")),
    ],
    "Contact": [_EMAIL_OR_PHONE],
    "CapturedContact": [_EMAIL_OR_PHONE],
    "Customer": [
        {
            "if": {"properties": {"type": {"const": "member"}}},
            "then": {"required": ["customer_id"], "properties": {"customer_id": _NAMED}},
        },
        {
            "if": {"properties": {"type": {"const": "guest"}}},
            "then": {"properties": {"customer_id": {"type": "null"}}},
        },
    ],
    "PaymentOfCheckout": [
        {
            "anyOf": [
                {"required": ["checkout_id"], "properties": {"checkout_id": _NAMED}},
                {"required": ["order_id"], "properties": {"order_id": _NAMED}},
            ]
        }
    ],
}

_EXAMPLES: Final = {
    "CheckoutEvent": ("checkout-started", "checkout-updated"),
    "ContactEvent": ("contact-captured",),
    "PaymentEvent": ("payment-failed", "payment-captured-of-order"),
    "AccountEvent": ("account-created",),
    "OrderEvent": ("order-placed-guest", "order-refunded-partially"),
}
"""Cases of mappers/cases/web, so that every example is also a test."""


def document() -> dict[str, Any]:
    """The schema: all events, one of them chosen by `event_type`."""
    with documented():
        adapter: TypeAdapter[events.AnyEvent] = TypeAdapter(
            Annotated[events.AnyEvent, Field(discriminator="event_type")]
        )
        generated = adapter.json_schema()
        envelope = TypeAdapter(events.Event).json_schema()["properties"]
    definitions: dict[str, Any] = generated.pop("$defs")
    # An OpenAPI word; each event's own list of event types tells the same to any validator.
    generated.pop("discriminator")
    for name, definition in definitions.items():
        definition["additionalProperties"] = True
        definition["description"] = _one_line(definition["description"])
        for field_name, field in definition["properties"].items():
            if "description" not in field:
                # Docstrings of fields are not inherited: the envelope is described where it is defined.
                field["description"] = envelope[field_name]["description"]
            _tidy(field)
        if name in _CONDITIONS:
            definition["allOf"] = _CONDITIONS[name]
        if name in _EXAMPLES:
            definition["examples"] = [_example(case) for case in _EXAMPLES[name]]
    return {**_HEAD, **generated, "$defs": definitions}


def _tidy(field: dict[str, Any]) -> None:
    """Leaves out what repeats the field's name or that it is optional."""
    field.pop("title", None)
    if field.get("default", ...) is None:
        field.pop("default")
    field["description"] = _one_line(field["description"])


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _example(case: str) -> Any:
    return json.loads((CASES / f"{case}.json").read_text("utf-8"))


def text() -> str:
    """The document as published."""
    return json.dumps(document(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(text())
