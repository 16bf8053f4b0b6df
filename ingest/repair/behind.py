"""Repair of a database that is behind Kafka: the lost decisions are made again from the raw log. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ingest.errors import PartitionHalted
from ingest.repair.evidence import Evidence
from ingest.repair.plan import Mode, Plan
from ingest.worker.receipt import published_sequence

_RISK: Final = (
    "the best repair is the newer database: bring it back if it still exists",
    "every output that is made again is compared with the one published, byte for byte; when one differs or is "
    "missing, everything is rolled back and the partitions stay halted",
    "what publishes nothing (duplicates, stale and ignored events) is decided again without such a proof, and parked "
    "events wait anew",
    "another version of the mappers, rules or schemas than at that time makes other bytes: use the version that "
    "decided first",
)
_SHOWN: Final = 10


@dataclass(frozen=True, slots=True)
class Lost:
    """The decisions of one partition that Kafka has and the database lacks."""

    topic: str
    partition: int
    start: int
    """First raw offset to decide again."""
    end: int
    """First raw offset that Kafka does not have."""
    sequence: int
    """Of Kafka's receipt."""
    known_sequence: int
    """Of the database."""

    @property
    def told(self) -> str:
        """For people."""
        return f"{self.topic}/{self.partition}: offsets {self.start:,} to {self.end - 1:,}"


@dataclass(frozen=True, slots=True)
class Rebuild:
    """Decide again, with publishing off, and keep it if it is what was published."""

    lost: tuple[Lost, ...]

    @property
    def told(self) -> str:
        """For people."""
        events = sum(one.end - one.start for one in self.lost)
        places = "; ".join(one.told for one in self.lost)
        return (
            f"decide {events:,} raw events again in one database transaction, publish nothing, and keep it only if "
            f"every output equals the one published ({places})"
        )


def behind_told(evidence: Evidence) -> str | None:
    """Why a database is behind Kafka although no receipt says so; None when the outputs do not show it."""
    assert evidence.unknown is not None, "the outputs have to be looked at"
    if evidence.unknown.newest is None:
        return None
    return (
        f"outputs of raw events up to offset {evidence.unknown.newest:,} are published that the database has not "
        "decided: PostgreSQL is behind Kafka, too"
    )


def unproven(evidence: Evidence) -> tuple[str, ...]:
    """What is at risk where the outputs cannot show that a database is not behind Kafka."""
    assert evidence.unknown is not None, "the outputs have to be looked at"
    if evidence.unknown.complete:
        return ()
    return (
        "the output topics no longer reach back to the partition's last decision: if the database was restored from a "
        "backup that is older than they are, what it lost comes twice",
    )


def lost_by(evidence: Evidence) -> Lost:
    """What the database lost of a partition that is behind."""
    position, committed = evidence.position, evidence.committed
    assert committed is not None and committed.offset is not None
    return Lost(
        evidence.topic, evidence.partition, position.next_offset if position else evidence.bounds.low,
        committed.offset, published_sequence(committed) or 0, position.sequence if position else 0,
    )  # fmt: skip


def plan_rebuild(evidence: Evidence, halt: PartitionHalted, behind: Sequence[Evidence], mode: Mode | None) -> Plan:
    """`behind`: every partition that is behind, this one included: their orders and guests belong together."""
    lost = tuple(lost_by(one) for one in behind)
    known = [halt.known, f"behind are {len(lost)} partition{'s'[: len(lost) != 1]}, which are repaired together"]
    name = (evidence.topic, evidence.partition)
    gone = [one for one, of in zip(lost, behind, strict=True) if one.start < of.bounds.low]
    gone += [one for one, of in zip(lost, behind, strict=True) if of.position is None and of.bounds.low > 0]
    if gone:
        known += [f"{one.told} are needed, and the log no longer has all of them" for one in gone]
        return Plan(
            *name, halt.cause, tuple(known), _RISK[:1],
            hindrance="what the database lost cannot be read again: bring the newer database back",
        )  # fmt: skip
    if mode is not Mode.REBUILD:
        return Plan(*name, halt.cause, tuple(known), _RISK, choices=(Mode.REBUILD,))
    return Plan(*name, halt.cause, tuple(known), _RISK, (Rebuild(lost),))


def differences(made: Mapping[tuple[str, bytes], bytes], published: Mapping[tuple[str, bytes], bytes],
                compacted: frozenset[str]) -> list[str]:  # fmt: skip
    """How the outputs made again differ from those published, by topic and `ce_id`; no personal values.

    Values are digests. A compacted topic may have forgotten what was published.
    """
    found = []
    for (topic, name), digest in made.items():
        there = published.get((topic, name))
        if there is None and topic not in compacted:
            found.append(f"{topic} {name.decode()}: made again, and never published")
        elif there is not None and there != digest:
            found.append(f"{topic} {name.decode()}: made again with other bytes than published")
    found += [
        f"{topic} {name.decode()}: published, and not made again" for topic, name in published.keys() - made.keys()
    ]
    return sorted(found)


def differences_told(found: Sequence[str]) -> str:
    """The first of them, and how many there are."""
    more = f"\nand {len(found) - _SHOWN:,} more" if len(found) > _SHOWN else ""
    return "\n".join(found[:_SHOWN]) + more
