"""From a partition's evidence to its plan: which repair belongs to which loss of certainty. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from ingest.errors import Cause, PartitionHalted
from ingest.repair.behind import plan_rebuild
from ingest.repair.evidence import Evidence
from ingest.repair.journal_gap import plan_gap
from ingest.repair.offsets import plan_receipt
from ingest.repair.plan import Mode, Plan
from ingest.repair.raw_log import plan_raw_log
from ingest.repair.torn import HangingTransaction, plan_ends

MAY_BE_BEHIND = frozenset(
    {Cause.OFFSET_GONE, Cause.OFFSET_MOVED, Cause.TOPIC_REMADE, Cause.OUTSIDE_LOG, Cause.END_REPLACED}
)
"""Causes with which no receipt may be left that tells of a database behind Kafka: the outputs have to tell it."""
NEEDS_TRAIL = MAY_BE_BEHIND | {Cause.JOURNAL_GAP}
"""Causes for which the output topics have to be looked at for what is in the journal."""


def plan_for(evidence: Evidence, halt: PartitionHalted, behind: Sequence[Evidence], mode: Mode | None) -> Plan:
    """What to do about a halted partition. `behind`: every partition whose database part is behind Kafka."""
    match halt.cause:
        case Cause.OFFSET_GONE | Cause.OFFSET_MOVED:
            return plan_receipt(evidence, halt)
        case Cause.TOPIC_REMADE | Cause.OUTSIDE_LOG | Cause.END_REPLACED:
            return plan_raw_log(evidence, halt, mode)
        case Cause.JOURNAL_GAP:
            return plan_gap(evidence, halt, mode)
        case Cause.DATABASE_BEHIND:
            return plan_rebuild(evidence, halt, behind, mode)
        case Cause.OFFSET_UNSTABLE:
            return plan_ends((evidence.topic, evidence.partition), halt.cause, [halt.known], evidence.hanging)
        case Cause.READERS_WAIT | Cause.OUTPUT_LOST | Cause.DATABASE_NEW:
            raise AssertionError("these are no raw partition's own")


def plan_for_readers(hanging: Sequence[HangingTransaction], planned: Sequence[Plan]) -> list[Plan]:
    """What to do about transactions that only readers of the outputs wait for, not among the plans made already."""
    dealt_with = {(plan.topic, plan.partition) for plan in planned if plan.cause is Cause.OFFSET_UNSTABLE}
    return [
        plan_ends(one.partitions[0], Cause.READERS_WAIT, [], [one])
        for one in hanging
        if dealt_with.isdisjoint(one.holds_back)
    ]
