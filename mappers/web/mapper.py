"""A web event, read against its payload model and mapped by its kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, get_args

from pydantic import ValidationError

from mappers.candidate import Clock, Defect, DefectiveEvent, EventContext, Mapped, Snapshot
from mappers.web import defects, events, journey
from mappers.web.canonical_order import map_order
from mappers.web.fields import UnknownFields

_MODELS: Final[dict[str, type[events.Event]]] = {
    kind: model
    for model in get_args(events.AnyEvent)
    for kind in get_args(model.model_fields["event_type"].annotation)
}

EVENT_KINDS: Final = frozenset(_MODELS)


def read(document: Mapping[str, Any]) -> tuple[events.AnyEvent, UnknownFields]:
    """The event as its payload model, and its unknown fields; raises DefectiveEvent with every defect."""
    kind = document.get("event_type")
    model = _MODELS.get(kind) if isinstance(kind, str) else None
    unknown = UnknownFields()
    found: list[Defect] = []
    event: Any = None
    try:
        event = (model or events.Event).model_validate(document, context=unknown)
    except ValidationError as error:
        found += defects.from_validation(error)
    if model is None:
        found.append(_unusable_kind(kind))
    else:
        found += defects.cross_field(str(kind), document)
    if found:
        raise DefectiveEvent(found)
    return event, unknown


def _unusable_kind(kind: object) -> Defect:
    if kind is None:
        return Defect(defects.PAYLOAD_SHAPE, "event_type", "is missing")
    if not isinstance(kind, str):
        return Defect(defects.PAYLOAD_SHAPE, "event_type", "must be text")
    return Defect("event_kind_known", "event_type", f"must be one of {', '.join(sorted(EVENT_KINDS))}")


def map_event(document: Mapping[str, Any], context: EventContext) -> Mapped:
    """What a decoded web event says; raises DefectiveEvent with every defect found."""
    event, unknown = read(document)
    mapped = _map(event, context)
    mapped.unknown_fields = unknown.count
    return mapped


def _map(event: events.AnyEvent, context: EventContext) -> Mapped:
    match event:
        case events.OrderEvent():
            return _map_order_event(event, context)
        case events.CheckoutEvent():
            return journey.map_checkout(event, context)
        case events.ContactEvent():
            return journey.map_contact(event, context)
        case events.PaymentEvent():
            return journey.map_payment_event(event, context)
        case events.AccountEvent():
            return journey.map_account(event, context)


def _map_order_event(event: events.OrderEvent, context: EventContext) -> Snapshot:
    order = map_order(event, context)
    return Snapshot(
        order=order,
        clock=Clock(sequence=event.data.order.version, updated_at=order["source_updated_at"]),
        session_ref=event.session_id,
    )
