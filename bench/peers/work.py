"""What every peer does to a raw event: validate, map to the canonical order. The mapper is the project's own.

So the frameworks are compared and not the mappers. A peer has no history, rules, guests, journal or database: the
order it publishes is what this one webhook says.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from consumers.shopify import CHANNEL
from mappers.candidate import EventContext, Snapshot
from schemas.catalogue import RECORD_TYPES
from schemas.definitions import self_contained
from schemas.types import CanonicalOrder

SCHEMA: dict[str, Any] = dict(self_contained(RECORD_TYPES["CanonicalOrder"]))
"""The canonical order's Avro schema, as it is registered."""
SCHEMA_TEXT = json.dumps(SCHEMA, separators=(",", ":"), ensure_ascii=False)
"""The same, byte for byte as `ordergate schemas register` registers it."""

SERIALIZER_SETTINGS: dict[str, Any] = {"auto.register.schemas": False}
"""Schemas are registered by who owns them, not by whoever happens to produce first.

Not `use.latest.version`: it expands the schema again for every record, which costs more than the whole mapping.
"""

CAUSE_HEADER = "ordergate_cause"


def cause(topic: str, partition: int, offset: int) -> bytes:
    """The header's value by which an output is traced to its raw event."""
    return f"{topic}/{partition}/{offset}".encode()


def canonical_order(
    document: Mapping[str, Any], headers: Iterable[tuple[str, bytes | None]], timestamp_ms: int
) -> CanonicalOrder:
    """The canonical order of a decoded webhook. Raises DefectiveEvent, and TypeError for a body that is no order."""
    by_name = {name.lower(): value for name, value in headers if value is not None}
    envelope = CHANNEL.identify(by_name, document)
    context = EventContext(
        CHANNEL.name, envelope.source_account, envelope.event_kind, envelope.event_id, timestamp_ms * 1000
    )
    mapped = CHANNEL.map_event(document, context)
    if not isinstance(mapped, Snapshot):
        raise TypeError(f"{envelope.event_kind} is no webhook of a whole order")
    return mapped.order
