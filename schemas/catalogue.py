"""Every record type that is published: its schema file, its version, its topic and its registry subject."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

ORDERS: Final = "oms.orders.v1"
ORDER_CHANGES: Final = "oms.order-changes.v1"
GUEST_CONVERSIONS: Final = "oms.guest-conversions.v1"
QUALITY_FINDINGS: Final = "oms.quality-findings.v1"
QUARANTINE: Final = "oms.quarantine.v1"


@dataclass(frozen=True, slots=True)
class RecordType:
    """One published record type."""

    name: str
    """The record's Avro name without its namespace, unique here: `CanonicalOrder`."""
    namespace: str
    file: str
    """Stem of the file under schemas/avro and of the folder under schemas/published."""
    version: str
    """Version of the schema in schemas/avro; earlier ones are kept under schemas/published."""
    topic: str
    subject: str

    @property
    def full_name(self) -> str:
        """The record's Avro name with its namespace."""
        return f"{self.namespace}.{self.name}"


def _alone(name: str, namespace: str, file: str, version: str, topic: str) -> RecordType:
    """A record type that has its topic to itself (TopicNameStrategy)."""
    return RecordType(name, namespace, file, version, topic, f"{topic}-value")


def _guest(name: str, file: str, version: str) -> RecordType:
    """One of the types of the guest topic; each evolves alone (TopicRecordNameStrategy)."""
    subject = f"{GUEST_CONVERSIONS}-oms.guest.v1.{name}"
    return RecordType(name, "oms.guest.v1", file, version, GUEST_CONVERSIONS, subject)


RECORD_TYPES: Final = {
    record_type.name: record_type
    for record_type in (
        _alone("CanonicalOrder", "oms.order.v1", "order", "1.0.0", ORDERS),
        _alone("OrderChange", "oms.order.v1", "order_change", "1.0.0", ORDER_CHANGES),
        _guest("GuestSessionStarted", "guest_session_started", "1.0.0"),
        _guest("GuestContactCaptured", "guest_contact_captured", "1.0.0"),
        _guest("GuestCheckoutStarted", "guest_checkout_started", "1.0.0"),
        _guest("GuestSessionUpdated", "guest_session_updated", "1.0.0"),
        _guest("GuestPaymentAttempted", "guest_payment_attempted", "1.0.0"),
        _guest("GuestPaymentFailed", "guest_payment_failed", "1.0.0"),
        _guest("GuestOrderPlaced", "guest_order_placed", "1.0.0"),
        _guest("GuestConversionCompleted", "guest_conversion_completed", "1.0.0"),
        _guest("GuestOrdersMerged", "guest_orders_merged", "1.0.0"),
        _alone("QualityFinding", "oms.quality.v1", "quality_finding", "1.0.0", QUALITY_FINDINGS),
        _alone("QuarantineRecord", "oms.quality.v1", "quarantine_record", "1.0.0", QUARANTINE),
    )
}
"""By record name, in the order in which they are registered and documented."""
