"""A healthy log: what the real pipeline makes of a stream of raw events, as consumers and the database see it."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any
from uuid import UUID

from audit.examination import Examination
from audit.facts import LogRecord, Outcome, OutputPartition, Published, RawPartition, Scope
from audit.reading import CAUSE, Reader
from audit.topics import OutputTopics, Role
from audit.violation import Position, Violation
from ingest.demo.stream import stream
from ingest.drafts import Draft, encode
from ingest.raw_event import RawEvent
from ingest.state import Carrier
from schemas.catalogue import RECORD_TYPES
from schemas.definitions import self_contained
from tests.ingest.pipeline_harness import NOW_US, Log

TOPICS = OutputTopics()
ROLES = {name: role for role, name in TOPICS}
RAW_TOPICS = ("raw.web.orders.v1", "raw.shopify.orders.v1")
PARTITIONS = 3
START_MS = 1_795_000_000_000
DECIDED_MS = NOW_US // 1000
BATCH = 20
"""Raw events decided together; a transaction's marker takes one offset in each log that it wrote to."""


@cache
def schema(schema_id: int) -> dict[str, Any] | None:
    """As the registry gives it, by the ids of `pipeline_harness`."""
    names = dict(enumerate(RECORD_TYPES, 1))
    return self_contained(RECORD_TYPES[names[schema_id]]) if schema_id in names else None


READER = Reader(TOPICS, RAW_TOPICS, schema, {*RAW_TOPICS, "raw.other.v1"})


@dataclass
class World:
    """Every log and the table of outcomes."""

    raw: list[LogRecord] = field(default_factory=list)
    outputs: list[LogRecord] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    ends: dict[tuple[str, int], int] = field(default_factory=dict)
    """The next offset of each log."""

    def copy(self) -> World:
        """One that may be damaged."""
        return World(list(self.raw), list(self.outputs), list(self.outcomes), dict(self.ends))

    def scope(self, **changes: Any) -> Scope:
        """All of it: nothing was compacted or expired, and everything is decided and published."""
        raw = tuple(
            RawPartition(*key, 0, self.end(key), 0, self.end(key), self.end(key))
            for key in [(topic, partition) for topic in RAW_TOPICS for partition in range(PARTITIONS)]
        )
        outputs = tuple(OutputPartition(role, n, 0, whole=True) for role in Role for n in range(PARTITIONS))
        return replace(Scope(raw, outputs, frozenset(), Published.ALL, 0), **changes)

    def end(self, key: tuple[str, int]) -> int:
        """The next offset of a log."""
        return self.ends.get(key, 0)

    def append(self, key: tuple[str, int], *rest: Any) -> LogRecord:
        """A record at the end of a log: (timestamp, key, value, headers)."""
        record = LogRecord(*key, self.end(key), *rest)
        self.ends[key] = record.offset + 1
        return record

    def audit(self, scope: Scope | None = None) -> list[Violation]:
        """What an audit finds in it."""
        return self.examine(scope)[0]

    def examine(self, scope: Scope | None = None) -> tuple[list[Violation], Examination]:
        """What an audit finds in it, and counts."""
        scope = scope or self.scope()
        with Examination(READER, TOPICS) as examination:
            found = list(examination.take_outputs(in_log_order(self.outputs)))
            examination.take_raw(in_log_order(self.raw))
            if scope.outcomes_since_ms is not None:
                examination.take_outcomes(self.outcomes)
            return found + list(examination.violations(scope)), examination


def in_log_order(records: Iterable[LogRecord]) -> list[LogRecord]:
    """As a consumer gets them: of each log in the order of offsets."""
    return sorted(records, key=lambda record: record[:3])


@cache
def healthy(events: int, seed: int = 7) -> World:
    """The world after so many events of the demo stream; not to be changed."""
    return _Writer().write(stream(seed, events, START_MS))


class _Writer:
    """Decides on raw events as a worker does, and writes what comes of it to logs and table."""

    def __init__(self) -> None:
        self._log = Log()
        self._world = World()

    def write(self, records: Iterable[Any]) -> World:
        for number, record in enumerate(records, 1):
            self._decide(record)
            if number % BATCH == 0:
                self._end_transaction()
        self._world.outcomes = [
            Outcome(
                *position, row.outcome.value, UUID(row.order_id).bytes if row.order_id else None,
                row.canonical_version, row.outputs, DECIDED_MS,
            )
            for position, row in self._log.state.outcomes.items()
        ]  # fmt: skip
        return self._world

    def _decide(self, record: Any) -> None:
        partition = zlib.crc32(record.key or b"") % PARTITIONS
        taken = self._world.append(
            (record.topic, partition), record.timestamp_ms, record.key, record.value, list(record.headers)
        )
        self._world.raw.append(taken)
        event = RawEvent(*taken[:3], record.key, record.value, taken.headers, record.timestamp_ms, 1)
        pipeline, state = self._log.pipeline, self._log.state
        (understood,) = pipeline.map(pipeline.decode([event]))
        decided = pipeline.decide(understood, state, Carrier(event.topic, partition, 1), NOW_US)
        drafts = [draft for _, drafts in decided for draft in drafts]
        pipeline.encode(drafts, state)
        for draft in drafts:
            self._publish(draft)

    def _publish(self, draft: Draft) -> None:
        topic, key, value, headers = encode(draft, self._log.codec)
        place = (topic, zlib.crc32(key) % PARTITIONS)
        self._world.outputs.append(self._world.append(place, DECIDED_MS, key, value, list(headers)))

    def _end_transaction(self) -> None:
        for key in self._world.ends:
            if key[0] in ROLES or key[1] == 0:
                # Some channels publish in transactions, too.
                self._world.ends[key] += 1


def place(record: LogRecord) -> Position:
    """Where a record is."""
    return Position(*record[:3])


def cause(record: LogRecord) -> Position:
    """The raw event that an output names."""
    topic, partition, offset = dict(record.headers)[CAUSE].decode().rsplit("/", 2)
    return Position(topic, int(partition), int(offset))
