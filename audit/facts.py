"""The small records that an audit keeps of what it reads: no content, just what the judgement needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from audit.topics import Role

Headers = list[tuple[str, bytes | None]]

UNREADABLE = -1
"""The version of an output whose value cannot be read: it is there, and that is all."""


class LogRecord(NamedTuple):
    """One record of any topic, as a Kafka client gives it; the timestamp in milliseconds since the epoch."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: Headers


class RawEvent(NamedTuple):
    """A raw event: `original` is a digest of its key, value, headers and timestamp."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    original: bytes


class Output(NamedTuple):
    """An output record.

    `identity` is a digest of its `ce_id`; `key` the 16 bytes of the order's or guest's id, `version` its number there
    (zeros on topics that are not numbered; UNREADABLE); `cause` and `cause_offset` the raw position that it names;
    `original` the digest of the quarantined event, empty where the record carries none.
    """

    role: Role
    partition: int
    offset: int
    timestamp_ms: int
    identity: bytes
    key: bytes
    version: int
    cause: tuple[str, int] | None
    cause_offset: int
    original: bytes


class Outcome(NamedTuple):
    """A row of the database's outcomes; `order_id` as 16 bytes, `recorded_ms` since the epoch."""

    topic: str
    partition: int
    offset: int
    outcome: str
    order_id: bytes | None
    version: int | None
    outputs: int
    recorded_ms: int


@dataclass(frozen=True, slots=True)
class RawPartition:
    """What is judged of a raw partition: the offsets from `first` to below `fence`.

    The log has what is left of it from `log_start` on, and has given no event an offset of `log_end` or above.
    `decided` is the database's position, the first offset without an outcome; None without a database.
    """

    topic: str
    partition: int
    first: int
    fence: int
    log_start: int
    log_end: int
    decided: int | None = None


@dataclass(frozen=True, slots=True)
class OutputPartition:
    """An output partition, read from offset `first` on.

    `whole` when no record was ever before it. Else `since_ms` is the instant from which on everything is there; None
    when that is told by the first record read, or by `kept_since_ms`: the instant from which on the topic's retention
    removes nothing, None when that is not known.
    """

    role: Role
    partition: int
    first: int
    whole: bool
    since_ms: int | None = None
    kept_since_ms: int | None = None


class Published(Enum):
    """What is known of the raw events below the fence."""

    ALL = "all"
    """Their outputs are published."""
    UNKNOWN = "unknown"
    """Some may not be decided, or not be published yet."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What is judged, and what is known of the sources' limits.

    `compacted` are the roles whose topics keep only the newest records of a key. `outcomes_since_ms`: outcomes
    of events decided before may have been dropped by retention; None without a database. `former`: the offsets that
    were decided in a former log of a raw partition, whose outputs name the same positions.
    """

    raw: tuple[RawPartition, ...]
    outputs: tuple[OutputPartition, ...]
    compacted: frozenset[Role]
    published: Published
    outcomes_since_ms: int | None
    former: Mapping[tuple[str, int], range] = field(default_factory=dict)
