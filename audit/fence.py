"""The fence: what is decided when an audit starts, and up to where the logs are read so that all of it is in them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from audit.database import Decided, snapshot
from audit.examination import Examination
from audit.facts import Outcome, OutputPartition, Published, RawPartition, Scope
from audit.kafka import Kafka, Key
from audit.standing import Receipt, Standing
from audit.topics import COMPACTED, OutputTopics

_BEFORE_DECIDED_MS: Final = 5 * 60_000
"""How far the clocks of database and workers may be apart: outputs of a window are read from that much earlier on."""
_BEFORE_RAW_MS: Final = 3_600_000
"""The same for the clocks of channels, where no database says when an event was decided."""
_MARGIN_MS: Final = 3_600_000
"""Events of the first hour that outcomes are kept of may have been decided before it."""
_PAUSE_S: Final = 0.2


@dataclass(frozen=True, slots=True)
class Window:
    """Which raw events are judged, by their Kafka timestamps in milliseconds since the epoch; None: no limit.

    In each partition: from the first one at or after `since_ms` to before the first one at or after `until_ms`.
    """

    since_ms: int | None = None
    until_ms: int | None = None


@dataclass(slots=True)
class Fence:
    """What was known of each raw partition when the audit started."""

    first: dict[Key, int]
    """The first offset judged."""
    end: dict[Key, int]
    """The first offset not judged."""
    published: Published
    output_since_ms: int | None
    """Outputs of what is judged are not older than that; None: all are read."""
    positions: dict[Key, Decided] = field(default_factory=dict)
    before: dict[Key, Receipt | None] = field(default_factory=dict)
    after: dict[Key, Receipt | None] = field(default_factory=dict)
    outcomes_since_ms: int | None = None
    former: dict[Key, range] = field(default_factory=dict)
    """The offsets that were decided in a former log of the partition."""


def with_database(
    kafka: Kafka,
    raw: Sequence[Key],
    window: Window,
    examination: Examination,
    database_url: str,
    group_id: str | None,
    patience_s: float,
) -> Fence:
    """A fence at the database's positions, with every outcome taken; waits until all of it is published.

    Raises NotAudited.
    """
    first, until = _bounds(kafka, raw, window)
    # Kafka first: what it has published then, the database must have decided.
    before = {key: kafka.receipt(key) for key in raw} if group_id is not None else {}
    with snapshot(database_url, sorted({topic for topic, _ in raw})) as database:
        spans = {key: (first.get(key, 0), until.get(key)) for key in {*raw, *database.positions}}
        oldest = _Oldest()
        examination.take_outcomes(oldest.of(database.outcomes(spans)))
        positions = database.positions
        since_ms, former = database.outcomes_since_ms, database.former
    after = _wait_published(kafka, positions, patience_s) if group_id is not None else {}
    end = {}
    for key in raw:
        decided = positions[key].next_offset if key in positions else 0
        receipt = after.get(key)
        published = decided if receipt is None else min(decided, receipt.offset)
        limit = until.get(key)
        end[key] = published if limit is None else min(published, limit)
    outputs_since = None
    if window.since_ms is not None:
        # The earlier of both: a channel's clock may be ahead, and what was decided again has a later row.
        outputs_since = min(oldest.recorded_ms or window.since_ms, window.since_ms) - _BEFORE_DECIDED_MS
    return Fence(
        first, end, Published.ALL, outputs_since, positions, before, after, since_ms + _MARGIN_MS, former,
    )  # fmt: skip


def without_database(kafka: Kafka, raw: Sequence[Key], window: Window, group_id: str | None) -> Fence:
    """A fence at what the group has committed; without a group at the ends of the logs. Raises NotAudited."""
    first, until = _bounds(kafka, raw, window)
    receipts = {key: kafka.receipt(key) for key in raw} if group_id is not None else {}
    if receipts:
        ends = {key: receipt.offset if receipt else 0 for key, receipt in receipts.items()}
    else:
        ends = {key: high for key, (_, high) in kafka.bounds(raw).items()}
    limits = {key: end if (limit := until.get(key)) is None else min(end, limit) for key, end in ends.items()}
    outputs_since = None if window.since_ms is None else window.since_ms - _BEFORE_RAW_MS
    known = Published.ALL if receipts else Published.UNKNOWN
    return Fence(first, limits, known, outputs_since, after=receipts)


def output_partitions(
    kafka: Kafka, topics: OutputTopics, partitions: Mapping[str, int], since_ms: int | None
) -> tuple[list[OutputPartition], dict[Key, tuple[int, int]]]:
    """Every output partition, and from where to where it is to be read: to its end as it is now. Raises NotAudited."""
    keys = [(name, number) for _, name in topics for number in range(partitions[name])]
    bounds = kafka.bounds(keys)
    asked_ms = int(time.time() * 1000)
    kept_ms = kafka.kept_ms(partitions.keys() & {name for _, name in topics})
    found = {} if since_ms is None else kafka.offsets_at(keys, since_ms)
    spans, described = {}, []
    roles = {name: role for role, name in topics}
    for key in keys:
        low, high = bounds[key]
        at = found.get(key)
        start = low if since_ms is None else high if at is None else max(at, low)
        # From a time on, or from where retention has left the log.
        since = since_ms if start > low else None
        spans[key] = (start, high)
        kept = kept_ms.get(key[0])
        kept_since = None if kept is None else asked_ms - kept
        described.append(OutputPartition(roles[key[0]], key[1], start, start == 0, since, kept_since))
    return described, spans


def scope(
    fence: Fence, bounds: Mapping[Key, tuple[int, int]], outputs: Iterable[OutputPartition]
) -> tuple[Scope, list[Standing]]:
    """What is judged. `bounds`: of the raw logs, taken after everything else was read."""
    raw = tuple(
        RawPartition(
            *key, fence.first[key], fence.end[key], *bounds[key],
            _decided(fence, key),
        )
        for key in bounds
    )  # fmt: skip
    standings = [
        Standing(*key, one.next_offset, one.sequence, *bounds[key], fence.before.get(key), fence.after.get(key))
        for key, one in fence.positions.items()
        if key in bounds
    ]
    return Scope(
        raw, tuple(outputs), COMPACTED, fence.published, fence.outcomes_since_ms, fence.former
    ), standings  # fmt: skip


def _decided(fence: Fence, key: Key) -> int | None:
    if fence.outcomes_since_ms is None:
        return None
    return fence.positions[key].next_offset if key in fence.positions else 0


def _bounds(kafka: Kafka, raw: Sequence[Key], window: Window) -> tuple[dict[Key, int], dict[Key, int | None]]:
    """The first offset of each partition that the window has, and the first that is too late for it."""
    first = dict.fromkeys(raw, 0)
    if window.since_ms is not None:
        ends = kafka.bounds(raw)
        for key, offset in kafka.offsets_at(raw, window.since_ms).items():
            first[key] = ends[key][1] if offset is None else offset
    return first, {} if window.until_ms is None else kafka.offsets_at(raw, window.until_ms)


def _wait_published(kafka: Kafka, positions: Mapping[Key, Decided], patience_s: float) -> dict[Key, Receipt | None]:
    """The group's receipts once they are of the positions, or as they are when patience ends."""
    until = time.monotonic() + patience_s
    found: dict[Key, Receipt | None] = {}
    behind = list(positions)
    while True:
        found |= {key: kafka.receipt(key) for key in behind}
        behind = [key for key in behind if not _covers(found[key], positions[key])]
        if not behind or time.monotonic() > until:
            return found
        time.sleep(_PAUSE_S)


def _covers(receipt: Receipt | None, position: Decided) -> bool:
    if receipt is None or receipt.sequence is None:
        return position.sequence == 0
    return receipt.sequence >= position.sequence and receipt.offset >= position.next_offset


class _Oldest:
    """Notes when the first of some outcomes was recorded."""

    def __init__(self) -> None:
        self.recorded_ms: int | None = None

    def of(self, outcomes: Iterable[Outcome]) -> Iterator[Outcome]:
        for one in outcomes:
            if self.recorded_ms is None or one.recorded_ms < self.recorded_ms:
                self.recorded_ms = one.recorded_ms
            yield one
