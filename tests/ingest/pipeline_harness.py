"""The real pipeline over an in-memory batch state: what the worker would decide, without broker or database."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from consumers.catalogue import CHANNELS
from ingest.drafts import Draft
from ingest.governing import build_pipeline
from ingest.pipeline import Pipeline
from ingest.raw_event import RawEvent
from ingest.state import BatchState, Carrier, OutcomeRow, Position
from schemas.catalogue import RECORD_TYPES
from schemas.codec import Codec

PARK_DEADLINE_US = 900_000_000
NOW_US = 1_800_000_000_000_000


@cache
def _built() -> tuple[Codec, Pipeline]:
    codec = Codec({name: number for number, name in enumerate(RECORD_TYPES, 1)})
    pipeline = build_pipeline(
        CHANNELS.values(), codec, b"a key of tests, long enough for SHA-256", "t1", 1 << 20,
        PARK_DEADLINE_US, lambda _carrier: True,
    )  # fmt: skip
    return codec, pipeline


class Log:
    """One raw partition per channel, decided event by event."""

    def __init__(self) -> None:
        self.codec, self.pipeline = _built()
        self.state = BatchState()
        self.drafts: list[Draft] = []
        self._next = 0

    def take(self, records: Iterable[object]) -> list[OutcomeRow]:
        """Decide on records in their order; gives their outcomes as they are at the end."""
        positions = [self.take_one(record) for record in records]
        return [self.state.outcomes[position] for position in positions]

    def take_one(self, record: object) -> Position:
        """Decide on one record (topic, value, key, headers, timestamp_ms)."""
        event = RawEvent(
            record.topic, 0, self._next, record.key, record.value, list(record.headers), record.timestamp_ms, 1  # type: ignore[attr-defined]  # any kind of record
        )  # fmt: skip
        self._next += 1
        (understood,) = self.pipeline.map(self.pipeline.decode([event]))
        decided = self.pipeline.decide(understood, self.state, Carrier(event.topic, 0, 1), NOW_US)
        drafts = [draft for _, drafts in decided for draft in drafts]
        self.pipeline.encode(drafts, self.state)
        self.drafts += drafts
        return Position(event.topic, event.partition, event.offset)

    def published(self, record: str) -> list[dict]:
        """The values drafted for a record type, in order."""
        return [draft.value for draft in self.drafts if draft.record == record]
