"""From a partition's evidence to its plan: which repair belongs to which loss of certainty. Pure."""

from __future__ import annotations

from ingest.errors import Cause, PartitionHalted
from ingest.repair.evidence import Evidence
from ingest.repair.offsets import plan_receipt
from ingest.repair.plan import Plan

NEEDS_TRAIL = frozenset({Cause.OFFSET_GONE, Cause.OFFSET_MOVED})
"""Causes for which the output topics have to be looked at."""


def plan_for(evidence: Evidence, halt: PartitionHalted) -> Plan:
    """What to do about a halted partition."""
    match halt.cause:
        case Cause.OFFSET_GONE | Cause.OFFSET_MOVED:
            return plan_receipt(evidence, halt)
        case _:
            return Plan(
                evidence.topic, evidence.partition, halt.cause, (halt.known,), (),
                hindrance="look at `ordergate positions`, and restore the side that is wrong",
            )  # fmt: skip
