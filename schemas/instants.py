"""Instants: integer microseconds since 1970-01-01T00:00:00Z, in the years 1970 to 9999."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
LAST: Final = 253_402_300_799_999_999
"""9999-12-31T23:59:59.999999Z."""

_EXPECTED: Final = "an ISO 8601 instant with its offset, such as 2026-07-01T10:15:00Z"


def parse(text: str) -> int:
    """Microseconds of an ISO 8601 instant; digits beyond the microsecond are cut off.

    Raises ValueError when it is no instant, has no offset (a local time names no instant), or is outside the
    years 1970 to 9999 (a system's "no date", such as 0001-01-01, is not an instant of an order).
    """
    try:
        when = datetime.fromisoformat(text)
    except (ValueError, TypeError):
        raise ValueError(f"not {_EXPECTED}") from None
    if when.tzinfo is None:
        raise ValueError(f"the time has no offset from UTC; expected {_EXPECTED}")
    since = when - EPOCH
    # Integers throughout: total_seconds() is a float and loses microseconds after 2255.
    micros = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
    if not 0 <= micros <= LAST:
        raise ValueError("the instant is outside the years 1970 to 9999")
    return micros


def parse_or_none(text: str | None) -> int | None:
    """As `parse`, but None for a missing or empty text. An unreadable one still raises ValueError."""
    return parse(text) if text else None


def to_text(instant: int) -> str:
    """RFC 3339 text in UTC: `2026-07-01T10:15:00Z`, with six decimals only where they are not zero."""
    if not 0 <= instant <= LAST:
        raise ValueError("the instant is outside the years 1970 to 9999")
    second, micros = divmod(instant, 1_000_000)
    return f"{_second(second)}.{micros:06d}Z" if micros else f"{_second(second)}Z"


# Events of one batch were received within few seconds.
@lru_cache(maxsize=1024)
def _second(number: int) -> str:
    return (EPOCH + timedelta(seconds=number)).isoformat().removesuffix("+00:00")
