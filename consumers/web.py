"""Our own storefront's channel: everything about an event stands in its body; headers only repeat it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from consumers.channel import Channel, Envelope, Headers, Ordering
from mappers import web
from mappers.candidate import Defect, DefectiveEvent

EVENT_TYPE_HEADER: Final = "x-event-type"


def identify(headers: Headers, document: Mapping[str, Any]) -> Envelope:
    """Kind, store and id of an event, from its body.

    Raises DefectiveEvent, with all that is wrong with the event, when the body does not tell them, or when
    the header `x-event-type` (optional) names another kind than the body.
    """
    kind, store, event_id = document.get("event_type"), document.get("store"), document.get("event_id")
    if not (_is_name(kind) and _is_name(store) and _is_name(event_id)):
        web.read(document)
        raise AssertionError("the payload model accepts an envelope without names")
    named = headers.get(EVENT_TYPE_HEADER)
    if named is not None and named != str(kind).encode():
        contradiction = Defect(
            "payload_shape", "event_type", f"differs from the header {EVENT_TYPE_HEADER}: send one of them"
        )
        raise DefectiveEvent([contradiction, *_defects(document)])
    return Envelope(event_kind=str(kind), source_account=str(store), event_id=str(event_id))


def _defects(document: Mapping[str, Any]) -> tuple[Defect, ...]:
    """All that is wrong with the body itself."""
    try:
        web.read(document)
    except DefectiveEvent as refused:
        return refused.defects
    return ()


def key_of(document: Mapping[str, Any]) -> str | None:
    """The session's id, else the order's: a buyer's checkout and the order it becomes stay in one partition."""
    data = document.get("data")
    order = data.get("order") if isinstance(data, Mapping) else None
    tells = (
        document.get("session_id"),
        data.get("order_id") if isinstance(data, Mapping) else None,
        order.get("order_id") if isinstance(order, Mapping) else None,
    )
    return next((name for name in tells if isinstance(name, str) and name), None)


def _is_name(value: object) -> bool:
    return isinstance(value, str) and value != ""


CHANNEL: Final = Channel(
    name="web",
    topic="raw.web.orders.v1",
    ordering=Ordering.SEQUENCE,  # grade A: order.version counts an order's changes without gaps
    identify=identify,
    key_of=key_of,
    map_event=web.map_event,
    map_statuses=web.map_statuses,
    contract="web.odcs.yaml",
    event_kinds=web.EVENT_KINDS,
    kind_header=EVENT_TYPE_HEADER,
)
