"""Every way to damage a healthy log, one record at a time; each says what an audit may name for it, and as what."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from audit.facts import LogRecord, Outcome
from audit.reading import CAUSE, IDENTITY
from audit.topics import NUMBERED, Role
from audit.violation import Kind, Position, Violation
from schemas.codec import Codec
from tests.audit.healthy import DECIDED_MS, PARTITIONS, ROLES, World, cause, place
from tests.ingest.pipeline_harness import Log

Choose = Callable[[Sequence[Any]], Any]
"""Takes one of several."""

_KEYS = {Role.ORDERS: "order_id", Role.CHANGES: "order_id", Role.GUESTS: "guest_id"}
_NUMBERS = {Role.ORDERS: "canonical_version", Role.CHANGES: "canonical_version", Role.GUESTS: "guest_version"}
_LOST = {Kind.OUTPUT_MISSING, Kind.VERSION_MISSING}


@dataclass
class Damage:
    """A damaged world. `kinds`: what it may be found as; `places` and `versions`: what may be named for it."""

    world: World
    kinds: set[Kind]
    places: set[Position] = field(default_factory=set)
    versions: set[tuple[str, int]] = field(default_factory=set)

    def names(self, violation: Violation) -> bool:
        """Whether a violation is of what was damaged."""
        if violation.kind is Kind.VERSION_MISSING:
            return (violation.key, violation.version) in self.versions
        return bool({violation.raw, violation.output} & self.places)


@cache
def codec() -> Codec:
    return Log().codec


def role(record: LogRecord) -> Role:
    return ROLES[record.topic]


def content(record: LogRecord) -> dict[str, Any]:
    """The whole value of an output."""
    return codec().decode(record.value)[1]


def with_content(record: LogRecord, **changes: Any) -> LogRecord:
    """An output with other fields in its value."""
    name, value = codec().decode(record.value)
    return record._replace(value=codec().encode(name, {**value, **changes}))


def with_header(record: LogRecord, name: str, value: bytes | None) -> LogRecord:
    """An output with another header, or without it."""
    changed = [(n, value if n == name else v) for n, v in record.headers]
    return record._replace(headers=[(n, v) for n, v in changed if v is not None])


def version(record: LogRecord) -> tuple[str, int] | None:
    """Key and version of a numbered output."""
    if role(record) not in NUMBERED:
        return None
    value = content(record)
    return value[_KEYS[role(record)]], value[_NUMBERS[role(record)]]


def of_output(
    world: World, record: LogRecord, kinds: set[Kind], instead: Sequence[LogRecord], *places: Position
) -> Damage:
    """An output replaced by others (none: removed)."""
    damaged = world.copy()
    at = damaged.outputs.index(record)
    damaged.outputs[at : at + 1] = instead
    changed = [record, *instead]
    return Damage(
        damaged, kinds, {*places, *map(place, changed), cause(record)},
        {found for one in [record] if (found := version(one)) is not None},
    )  # fmt: skip


def output_lost(world: World, choose: Choose) -> Damage:
    return of_output(world, choose(world.outputs), _LOST, [])


def output_doubled_at_the_end(world: World, choose: Choose) -> Damage:
    damaged = world.copy()
    record = choose(damaged.outputs)
    again = damaged.append(record[:2], *record[3:])
    damaged.outputs.append(again)
    return Damage(damaged, {Kind.OUTPUT_DOUBLED}, {place(again)})


def output_of_another_event(world: World, choose: Choose) -> Damage:
    """Its cause is another raw event, which is there."""
    record, other = choose(world.outputs), place(choose(world.raw))
    if other == cause(record):
        return Damage(world.copy(), set())
    kinds = {Kind.OUTPUT_DIFFERS, Kind.OUTPUT_SURPLUS, Kind.OUTPUT_MISSING}
    return of_output(world, record, kinds, [with_header(record, CAUSE, str(other).encode())], other)


def output_without_an_event(world: World, choose: Choose) -> Damage:
    """Its cause is a raw position where no event is: behind the end, or where a transaction's marker is."""
    record = choose(world.outputs)
    topic, partition, _ = cause(record)
    taken = {place(one) for one in world.raw}
    end = world.end((topic, partition))
    free = [Position(topic, partition, n) for n in range(end) if Position(topic, partition, n) not in taken]
    nowhere = choose([*free, Position(topic, partition, end), Position(topic, PARTITIONS, 0)])
    kinds = {Kind.OUTPUT_WITHOUT_CAUSE, Kind.OUTPUT_DIFFERS, Kind.OUTPUT_MISSING}
    return of_output(world, record, kinds, [with_header(record, CAUSE, str(nowhere).encode())], nowhere)


def output_without_a_readable_cause(world: World, choose: Choose) -> Damage:
    record = choose(world.outputs)
    header = choose([None, b"", b"elsewhere/0/1", b"raw.web.orders.v1/0", b"raw.web.orders.v1/0/+1", b"\xff/0/1"])
    kinds = {Kind.OUTPUT_WITHOUT_CAUSE, Kind.OUTPUT_MISSING}
    return of_output(world, record, kinds, [with_header(record, CAUSE, header)])


def output_without_an_id(world: World, choose: Choose) -> Damage:
    record = choose(world.outputs)
    return of_output(world, record, {Kind.OUTPUT_UNREADABLE}, [with_header(record, IDENTITY, choose([None, b""]))])


def output_with_another_key(world: World, choose: Choose) -> Damage:
    record = choose(world.outputs)
    key = choose([None, b"", b"another", str(cause(record)).encode() + b"0"])
    return of_output(world, record, {Kind.KEY_DIFFERS}, [record._replace(key=key)])


def output_in_another_partition(world: World, choose: Choose) -> Damage:
    """Moved to the end of another partition, where its key is not looked for."""
    several = [one for one in world.outputs if role(one) in NUMBERED and _others(world, one) > 1]
    record = choose(several)
    moved = world.copy().append((record.topic, (record.partition + 1) % PARTITIONS), *record[3:])
    return of_output(world, record, {Kind.PARTITION_DIFFERS}, [moved])


def output_out_of_order(world: World, choose: Choose) -> Damage:
    """Moved to the end of its partition, behind newer versions of its key."""
    several = [one for one in world.outputs if role(one) in NUMBERED and _later(world, one) > 1]
    record = choose(several)
    moved = world.copy().append(record[:2], *record[3:])
    return of_output(world, record, {Kind.VERSION_OUT_OF_ORDER}, [moved])


def output_with_another_version(world: World, choose: Choose) -> Damage:
    record = choose([one for one in world.outputs if role(one) in NUMBERED])
    number = choose([0, 1, 7, 1 << 40])
    key, before = version(record)
    if number == before:
        return Damage(world.copy(), set())
    kinds = {Kind.OUTPUT_DIFFERS, Kind.VERSION_OUT_OF_ORDER, Kind.VERSION_MISSING, Kind.OUTPUT_UNREADABLE}
    damage = of_output(world, record, kinds, [with_content(record, **{_NUMBERS[role(record)]: number})])
    missing = [(key, n) for n in {1, 2, _newest(world, record) + 1}]
    damage.versions |= {(key, before), *missing}
    # A number given twice: the later of the two records is named, and that may be the healthy one.
    damage.places |= {
        place(one) for one in world.outputs if one.topic == record.topic and version(one) == (key, number)
    }
    return damage


def output_unreadable(world: World, choose: Choose) -> Damage:
    record = choose(world.outputs)
    value = choose(
        [None, b"", record.value[:5], b"\0\0\0\0\xff" + record.value[5:], b"\1" + record.value[1:], record.value[:30]]
    )
    kinds = {Kind.OUTPUT_UNREADABLE, Kind.VERSION_MISSING, Kind.OUTPUT_MISSING}
    return of_output(world, record, kinds, [record._replace(value=value)])


def output_too_many(world: World, choose: Choose) -> Damage:
    """A further record of an event, with an id of its own."""
    damaged = world.copy()
    record = choose(damaged.outputs)
    again = damaged.append(record[:2], *with_header(record, IDENTITY, b"another")[3:])
    damaged.outputs.append(again)
    kinds = {Kind.OUTPUT_SURPLUS, Kind.OUTPUT_DIFFERS, Kind.VERSION_OUT_OF_ORDER}
    return Damage(damaged, kinds, {place(again), cause(record)})


def original_changed(world: World, choose: Choose) -> Damage:
    """A quarantined original is not what was in the raw log."""
    record = choose([one for one in world.outputs if role(one) is Role.QUARANTINE])
    value = content(record)
    changes = choose(
        [
            {"value": (value["value"] or b"") + b" "},
            {"key": (value["key"] or b"") + b"0"},
            {"headers": [*value["headers"], {"name": "x", "value": None}]},
            {"raw_timestamp": value["raw_timestamp"] + 1000},
            {"value": None if value["value"] else b""},
        ]
    )
    return of_output(world, record, {Kind.ORIGINAL_DIFFERS}, [with_content(record, **changes)])


def event_lost(world: World, choose: Choose) -> Damage:
    """A raw event is not there, but what came of it is."""
    damaged = world.copy()
    record = choose(damaged.raw)
    damaged.raw.remove(record)
    kinds = {Kind.OUTCOME_WITHOUT_EVENT, Kind.OUTPUT_WITHOUT_CAUSE}
    return Damage(damaged, kinds, {place(record)})


def event_without_outcome(world: World, choose: Choose) -> Damage:
    """A raw event that was passed over: its outcome is missing."""
    damaged = world.copy()
    outcome = choose(damaged.outcomes)
    damaged.outcomes.remove(outcome)
    return Damage(damaged, {Kind.OUTCOME_MISSING}, {Position(*outcome[:3])})


def outcome_doubled(world: World, choose: Choose) -> Damage:
    damaged = world.copy()
    outcome = choose(damaged.outcomes)
    damaged.outcomes.append(outcome)
    return Damage(damaged, {Kind.OUTCOME_DOUBLED}, {Position(*outcome[:3])})


def outcome_beyond_the_position(world: World, choose: Choose) -> Damage:
    """An event that is not decided yet has an outcome."""
    damaged = world.copy()
    key = choose([one.topic for one in damaged.raw]), choose(range(PARTITIONS))
    healthy_end = damaged.end(key)
    record = damaged.append(key, 0, b"1", b"{}", [])
    damaged.raw.append(record)
    damaged.ends[key] = healthy_end
    damaged.outcomes.append(Outcome(*place(record), "GOVERNED", None, None, 0, DECIDED_MS))
    return Damage(damaged, {Kind.OUTCOME_BEYOND_POSITION, Kind.OUTCOME_WITHOUT_EVENT}, {place(record)})


def outcome_with_another_count(world: World, choose: Choose) -> Damage:
    outcome = choose(world.outcomes)
    changed = outcome._replace(outputs=outcome.outputs + choose([1, 2, -1][: 3 if outcome.outputs else 2]))
    return _of_outcome(world, outcome, changed, {Kind.OUTPUT_MISSING, Kind.OUTPUT_SURPLUS})


def outcome_of_another_kind(world: World, choose: Choose) -> Damage:
    """An outcome that does not publish what there is."""
    outcome = choose([one for one in world.outcomes if one.outputs])
    name = choose(["PARKED", "QUARANTINED", "DUPLICATE", "STALE", "IGNORED", "HELD", "GOVERNED"])
    versioned = outcome.version is not None
    if name == outcome.outcome or (name == "HELD" and versioned) or (not versioned and name not in ("PARKED", "HELD")):
        return Damage(world.copy(), set())
    kinds = {Kind.OUTPUT_DIFFERS, Kind.OUTPUT_MISSING, Kind.OUTPUT_SURPLUS}
    return _of_outcome(world, outcome, outcome._replace(outcome=name), kinds)


def outcome_of_another_version(world: World, choose: Choose) -> Damage:
    outcome = choose([one for one in world.outcomes if one.outcome == "GOVERNED" and one.version is not None])
    changed = choose([outcome._replace(version=outcome.version + 1), outcome._replace(order_id=bytes(range(16)))])
    return _of_outcome(world, outcome, changed, {Kind.OUTPUT_DIFFERS})


DAMAGES = [
    output_lost, output_doubled_at_the_end, output_of_another_event, output_without_an_event,
    output_without_a_readable_cause, output_without_an_id, output_with_another_key, output_in_another_partition,
    output_out_of_order, output_with_another_version, output_unreadable, output_too_many, original_changed, event_lost,
    event_without_outcome, outcome_doubled, outcome_beyond_the_position, outcome_with_another_count,
    outcome_of_another_kind, outcome_of_another_version,
]  # fmt: skip


def _of_outcome(world: World, outcome: Outcome, changed: Outcome, kinds: set[Kind]) -> Damage:
    damaged = world.copy()
    damaged.outcomes[damaged.outcomes.index(outcome)] = changed
    return Damage(damaged, kinds, {Position(*outcome[:3])})


def _others(world: World, record: LogRecord) -> int:
    """How many other records its key has on its topic."""
    return sum(one.topic == record.topic and one.key == record.key for one in world.outputs) - 1


def _later(world: World, record: LogRecord) -> int:
    """How many records of its key are behind it."""
    return sum(one[:2] == record[:2] and one.key == record.key and one.offset > record.offset for one in world.outputs)


def _newest(world: World, record: LogRecord) -> int:
    """The newest version of its key."""
    return max(version(one)[1] for one in world.outputs if one.topic == record.topic and one.key == record.key)
