"""An output record: what one raw event causes on one output topic."""

from __future__ import annotations

from typing import NamedTuple


class OutputRecord(NamedTuple):
    """One Kafka record, ready to be produced: bytes are final, and are journalled before they are sent."""

    topic: str
    key: bytes
    value: bytes | None
    headers: list[tuple[str, bytes]]
