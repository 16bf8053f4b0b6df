"""Repair where a new database stands before output topics that hold records, and no receipt tells what is whose. Pure.

A person says what the records are. They are this deployment's own: what is published is decided again, or everything
up to the ends of the raw logs is taken for done. They are another deployment's: everything is published.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from consumers.kafka_source import Committed, PartitionKey
from ingest.errors import PartitionHalted
from ingest.repair.behind import Lost, lost_by, plan_rebuild
from ingest.repair.evidence import Evidence
from ingest.repair.plan import Mode, Plan
from ingest.repair.true_order import Cause
from ingest.worker.receipt import receipt

MODES: Final = (Mode.REBUILD, Mode.CONTINUE_AT_END, Mode.PUBLISH_FROM_START)
_ALL: Final = "this is done once for all raw partitions together"
_RISKS: Final = {
    Mode.REBUILD: "decides again what the outputs show of each raw partition, and keeps it only if it is the same, "
    "byte for byte; what published nothing behind that is decided by the workers. It needs the raw logs and the "
    "output topics from their starts",
    Mode.CONTINUE_AT_END: "never decides the raw events that the logs hold now: those not published yet are lost to "
    "readers, and the audit names all of them. Orders and guests known before are new to this database: their versions "
    "begin at 1 again, behind higher ones that readers have",
    Mode.PUBLISH_FROM_START: "is right where the records are another deployment's. Are they this one's, readers get "
    "all of it a second time",
}


@dataclass(frozen=True, slots=True)
class GiveReceipts:
    """Commit receipts of what a rebuild has decided again: as one journal row for each partition."""

    lost: tuple[Lost, ...]

    @property
    def told(self) -> str:
        """For people."""
        return f"commit the group's offsets with their receipts for {len(self.lost)} raw partitions"


@dataclass(frozen=True, slots=True)
class GoOnAtEnds:
    """Take for done whatever the raw logs hold."""

    partitions: tuple[PartitionKey, ...]

    @property
    def told(self) -> str:
        """For people."""
        return (
            f"start {len(self.partitions)} raw partitions at the ends that their logs have at that moment, and note "
            "in the table gaps what lies before"
        )


@dataclass(frozen=True, slots=True)
class AcceptOutputs:
    """Take the records in the output topics for another deployment's."""

    @property
    def told(self) -> str:
        """For people."""
        return (
            "remember how far the output topics reach: workers then start as on new ones, and publish all that the "
            "raw logs hold"
        )


def newest_published(causes: Iterable[Cause], partitions: Collection[PartitionKey]) -> dict[PartitionKey, int]:
    """The newest raw offset of each of these partitions that caused an output; nothing of one without any."""
    newest: dict[PartitionKey, int] = {}
    for partition, offset in causes:
        if partition in partitions:
            newest[partition] = max(newest.get(partition, -1), offset)
    return newest


def as_published(evidence: Evidence, newest: int) -> Evidence:
    """A partition as if its receipt were of one journal row with everything up to its newest event in the outputs."""
    shown = receipt(evidence.topic, evidence.partition, newest + 1, 1)
    return replace(evidence, committed=Committed(shown.offset, shown.metadata))


def plan_new_database(
    name: PartitionKey,
    halt: PartitionHalted,
    partitions: Sequence[PartitionKey],
    published: Sequence[Evidence],
    mode: Mode | None,
) -> Plan:
    """What a person has decided. `published`: the partitions that the outputs show, for a rebuild, `as_published`."""
    known = (halt.known, f"the best repair is the right database: bring it back if it exists; {_ALL}")
    match mode:
        case Mode.REBUILD:
            if not published:
                return Plan(
                    *name, halt.cause, known, (),
                    hindrance="no output was caused by an event of these raw partitions: there is nothing to rebuild; "
                    "choose another mode",
                )  # fmt: skip
            plan = plan_rebuild(published[0], halt, published, mode)
            receipts = GiveReceipts(tuple(lost_by(one) for one in published))
            steps = (*plan.steps, receipts) if plan.steps else ()
            return replace(plan, topic=name[0], partition=name[1], steps=steps)
        case Mode.CONTINUE_AT_END:
            return Plan(*name, halt.cause, known, (_RISKS[mode],), (GoOnAtEnds(tuple(partitions)),))
        case Mode.PUBLISH_FROM_START:
            return Plan(*name, halt.cause, known, (_RISKS[mode],), (AcceptOutputs(),))
        case _:
            told = tuple(f"--mode {one} {_RISKS[one]}" for one in MODES)
            return Plan(*name, halt.cause, known, told, choices=MODES)
