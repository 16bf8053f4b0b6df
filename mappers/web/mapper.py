"""A web event, read against its payload model and mapped by its kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from mappers.candidate import Clock, Defect, DefectiveEvent, EventContext, Mapped, Snapshot
from mappers.web import defects, events, journey
from mappers.web.canonical_order import map_order
from mappers.web.fields import UnknownFields

# The adapters' own methods only add a call around their validators'.
_ANY: Final = TypeAdapter(events.Event).validator.validate_python
_MODELS: Final[dict[str, Callable[..., Any]]] = {
    kind: TypeAdapter(model).validator.validate_python for model in events.MODELS for kind in events.kinds(model)
}

EVENT_KINDS: Final = frozenset(_MODELS)


def read(document: Mapping[str, Any]) -> tuple[Any, UnknownFields]:
    """The event, one of `events.MODELS`, and its unknown fields; raises DefectiveEvent with all defects."""
    kind = document.get("event_type")
    model = _MODELS.get(kind) if isinstance(kind, str) else None
    unknown = UnknownFields()
    found: list[Defect] = []
    event: Any = None
    try:
        event = (model or _ANY)(document, context=unknown)
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
        return Defect(defects.PAYLOAD_SHAPE, "event_type", "must be text, in quotes")
    return Defect("event_kind_known", "event_type", f"must be one of {', '.join(sorted(EVENT_KINDS))}")


def map_event(document: Mapping[str, Any], context: EventContext) -> Mapped:
    """What a decoded web event says; raises DefectiveEvent with every defect found."""
    event, unknown = read(document)
    mapped = _MAP[event["event_type"]](event, context)
    mapped.unknown_fields = unknown.count
    return mapped


def _order(event: events.OrderEvent, context: EventContext) -> Snapshot:
    order = map_order(event, context)
    return Snapshot(
        order=order,
        clock=Clock(sequence=event["data"]["order"]["version"], updated_at=order["source_updated_at"]),
        session_ref=event.get("session_id"),
    )


_MAP_MODEL: Final[dict[Any, Callable[[Any, EventContext], Mapped]]] = {
    events.CheckoutEvent: journey.map_checkout,
    events.ContactEvent: journey.map_contact,
    events.PaymentEvent: journey.map_payment_event,
    events.AccountEvent: journey.map_account,
    events.OrderEvent: _order,
}
_MAP: Final = {kind: _MAP_MODEL[model] for model in events.MODELS for kind in events.kinds(model)}
