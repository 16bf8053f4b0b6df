"""Shopify: orders, refunds and fulfilments in the format of its REST resources and webhooks."""

from mappers.shopify.canonical_order import MAPPER_VERSION
from mappers.shopify.events import map_event
from mappers.shopify.statuses import map_statuses

__all__ = ["MAPPER_VERSION", "map_event", "map_statuses"]
