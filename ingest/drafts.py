"""Drafts of output records: what an event causes, before it is encoded.

Every record carries the CloudEvents attributes in binary mode as Kafka headers (CloudEvents 1.0, Kafka
protocol binding §3.2) and `ordergate_cause`, the raw position that caused it. Ids are made from content, so a
record published again has the same id.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from producers.records import OutputRecord
from producers.topics import CHANGES, FINDINGS, GUESTS, MAX_RECORD_BYTES, ORDERS, QUARANTINE
from schemas.codec import Codec
from schemas.types import CanonicalOrder, OrderChange, QualityFinding, QuarantineRecord

_ROOM_FOR_HEADERS = 64 * 1024


class Draft(Struct, frozen=True):
    """One output record whose value is not encoded yet."""

    topic: str
    record: str
    key: bytes
    value: Any
    headers: list[tuple[str, bytes]]


class Drafter:
    """Drafts the records of one raw event: its cause and its instant are the same for all of them."""

    __slots__ = ("_cause", "_time")

    def __init__(self, cause: bytes, occurred_at: bytes) -> None:
        """`cause` the raw position, `occurred_at` ISO 8601."""
        self._cause = cause
        self._time = occurred_at

    def order(self, order: CanonicalOrder) -> Draft:
        """The canonical order after a change."""
        key = order["order_id"].encode()
        identity = f"{order['order_id']}/{order['canonical_version']}".encode()
        return Draft(
            ORDERS.name, "CanonicalOrder", key, order,
            self._headers(b"oms.order.state.v1", b"/oms/orders", identity, key),
        )  # fmt: skip

    def change(self, change: OrderChange) -> Draft:
        """What changed in an order."""
        key = change["order_id"].encode()
        return Draft(
            CHANGES.name, "OrderChange", key, change,
            self._headers(b"oms.order.changed.v1", b"/oms/order-changes", change["change_id"].encode(), key),
        )  # fmt: skip

    def guest(self, name: str, record: str, value: Any) -> Draft:
        """A guest event, `name` as in `guest.order.placed`."""
        key = value["guest_id"].encode()
        identity = f"{value['guest_id']}/{value['guest_version']}".encode()
        return Draft(
            GUESTS.name, record, key, value,
            self._headers(f"oms.{name}.v1".encode(), b"/oms/guests", identity, key),
        )  # fmt: skip

    def finding(self, finding: QualityFinding) -> Draft:
        """One broken rule."""
        key = (finding["order_id"] or "").encode() or self._cause
        return Draft(
            FINDINGS.name, "QualityFinding", key, finding,
            self._headers(b"oms.quality.finding.v1", b"/oms/quality", finding["finding_id"].encode(), key),
        )  # fmt: skip

    def quarantine(self, record: QuarantineRecord) -> Draft:
        """A raw event kept whole. What no topic can hold is in the database alone, and the record says so."""
        if len(record["value"] or b"") > MAX_RECORD_BYTES - _ROOM_FOR_HEADERS:
            record = {**record, "value": None, "stage": f"{record['stage']}; value kept in the database only"}
        # A topic that is made again has the same positions for other events.
        identity = self._cause + b"@" + self._time
        return Draft(
            QUARANTINE.name, "QuarantineRecord", self._cause, record,
            self._headers(b"oms.quarantine.v1", b"/oms/quarantine", identity, self._cause),
        )  # fmt: skip

    def _headers(self, event_type: bytes, source: bytes, identity: bytes, subject: bytes) -> list[tuple[str, bytes]]:
        return [
            ("ce_specversion", b"1.0"),
            ("ce_id", identity),
            ("ce_type", event_type),
            ("ce_source", source),
            ("ce_subject", subject),
            ("ce_time", self._time),
            ("content-type", b"application/avro"),
            ("ordergate_cause", self._cause),
        ]


def encode(draft: Draft, codec: Codec) -> OutputRecord:
    """The final bytes of a draft."""
    return OutputRecord(draft.topic, draft.key, codec.encode(draft.record, draft.value), draft.headers)
