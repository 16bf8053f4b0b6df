"""Instants as text: milliseconds since the epoch, written in a shop's own offset."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY_MS = 86_400_000


@lru_cache(maxsize=64)
def _day(number: int) -> str:
    return (_EPOCH + timedelta(days=number)).strftime("%Y-%m-%d")


def with_millis(at: int, offset_ms: int, offset: str) -> str:
    """Such as `2026-11-24T18:03:12.250+01:00`."""
    day, rest = divmod(at + offset_ms, _DAY_MS)
    seconds, millis = divmod(rest, 1000)
    minutes, second = divmod(seconds, 60)
    return f"{_day(day)}T{minutes // 60:02d}:{minutes % 60:02d}:{second:02d}.{millis:03d}{offset}"


def to_seconds(at: int, offset_ms: int, offset: str) -> str:
    """Such as `2026-11-24T18:03:12+01:00`: as precise as Shopify is."""
    day, rest = divmod(at + offset_ms, _DAY_MS)
    minutes, second = divmod(rest // 1000, 60)
    return f"{_day(day)}T{minutes // 60:02d}:{minutes % 60:02d}:{second:02d}{offset}"
