"""The mapper of our own storefront contract, `docs/channels/web.schema.json`: guest checkout first."""

from mappers.web.canonical_order import MAPPER_VERSION
from mappers.web.mapper import EVENT_KINDS, map_event, read
from mappers.web.statuses import map_statuses

__all__ = ["EVENT_KINDS", "MAPPER_VERSION", "map_event", "map_statuses", "read"]
