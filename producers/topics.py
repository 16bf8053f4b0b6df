"""The topic catalogue: what Ordergate publishes, and how each topic is kept."""

from __future__ import annotations

from dataclasses import dataclass

MAX_RECORD_BYTES = 12 * 1024 * 1024
"""Largest record taken on any topic: a quarantined event is kept whole, with its reasons around it."""

_DAY_MS = 24 * 3600 * 1000


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic with its clean-up. `retention_ms` -1 keeps for ever."""

    name: str
    purpose: str
    key: str
    cleanup: str
    retention_ms: int

    def config(self) -> dict[str, str]:
        """Topic-level settings for its creation."""
        config = {"cleanup.policy": self.cleanup, "max.message.bytes": str(MAX_RECORD_BYTES)}
        if self.cleanup == "delete":
            config["retention.ms"] = str(self.retention_ms)
        return config


ORDERS = Topic("oms.orders.v1", "the canonical order, whole, after each change", "order_id", "compact", -1)
CHANGES = Topic("oms.order-changes.v1", "what changed, and the verdict on it", "order_id", "delete", 90 * _DAY_MS)
GUESTS = Topic("oms.guest-conversions.v1", "guest sessions, orders, conversions", "guest_id", "delete", 90 * _DAY_MS)
FINDINGS = Topic("oms.quality-findings.v1", "one broken rule", "order_id, else raw position", "delete", 30 * _DAY_MS)
QUARANTINE = Topic("oms.quarantine.v1", "the original event and every reason", "raw position", "delete", 365 * _DAY_MS)

OUTPUT_TOPICS = (ORDERS, CHANGES, GUESTS, FINDINGS, QUARANTINE)
