"""What the demo stream is made of: records as a channel sends them, and what is known about each."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple


class RawRecord(NamedTuple):
    """One Kafka record, as a channel produces it. `timestamp_ms` is milliseconds since the epoch, UTC."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]
    timestamp_ms: int


class DefectKind(StrEnum):
    """What is wrong with a record on purpose."""

    TRUNCATED_JSON = "truncated_json"
    DUPLICATE_KEY = "duplicate_key"
    NOT_A_NUMBER = "not_a_number"
    INVALID_UTF8 = "invalid_utf8"
    EMPTY = "empty"
    TOMBSTONE = "tombstone"
    NOT_AN_OBJECT = "not_an_object"
    WRONG_TYPE = "wrong_type"
    MISSING_CURRENCY = "missing_currency"
    UNKNOWN_CURRENCY = "unknown_currency"
    AMOUNT_WITH_COMMA = "amount_with_comma"
    UNKNOWN_EVENT_KIND = "unknown_event_kind"
    CONTRADICTING_HEADER = "contradicting_header"
    MISSING_ORDER_ID = "missing_order_id"
    IMPLAUSIBLE_CONTACT = "implausible_contact"
    NUMBER_FOR_TOTAL = "number_for_total"
    LOCAL_TIME = "local_time"
    WRONG_TOTAL = "wrong_total"
    WRONG_LINE_TOTAL = "wrong_line_total"
    NEGATIVE_QUANTITY = "negative_quantity"
    UNKNOWN_COUNTRY = "unknown_country"
    MALFORMED_SKU = "malformed_sku"
    NO_SKU = "no_sku"
    REFUND_ABOVE_PAID = "refund_above_paid"
    ILLEGAL_TRANSITION = "illegal_transition"
    REUSED_VERSION = "reused_version"
    TEST_ORDER = "test_order"


class Mishap(StrEnum):
    """What happens to a good record on its way."""

    DUPLICATE = "duplicate"
    """Sent again, byte for byte, under the same event id."""
    REDELIVERED = "redelivered"
    """The same content under a new delivery id."""
    LATE = "late"
    """Overtaken by a newer event of its order."""
    BEFORE_ITS_ORDER = "before_its_order"
    """A refund, fulfilment or payment that overtakes the order itself."""


@dataclass(slots=True)
class Draft:
    """An event as its journey makes it. `body` may be changed by the journey later: encode it at once."""

    channel: str
    kind: str
    key: str
    body: dict[str, Any]
    headers: list[tuple[str, bytes]]
    mishap: Mishap | None = None
    defect: DefectKind | None = None


@dataclass(frozen=True, slots=True)
class Labelled:
    """A record with what tests may know and a consumer must find out."""

    record: RawRecord
    channel: str
    kind: str
    defect: DefectKind | None
    mishap: Mishap | None
