"""Repair of a receipt that is lost or was overwritten: the output topics tell what is published. Pure."""

from __future__ import annotations

from ingest.errors import PartitionHalted
from ingest.repair.behind import behind_told, unproven
from ingest.repair.evidence import Evidence
from ingest.repair.plan import CommitReceipt, Plan, rows_told
from ingest.repair.trail import TrailBroken, Visibility, published_up_to

_SAME_BYTES = "nothing: rows are published from the journal, byte for byte as they were decided"


def plan_receipt(evidence: Evidence, halt: PartitionHalted) -> Plan:
    """Commit the receipt that is true, together with the rows that the output topics lack."""
    position = evidence.position
    assert position is not None, "without a position there is no receipt to restore"
    known = [halt.known, f"rows up to {position.published_sequence:,} are known to be published"]

    def hindered(why: str, what: str) -> Plan:
        return Plan(evidence.topic, evidence.partition, halt.cause, (*known, why), (what,), hindrance=what)

    behind = behind_told(evidence)
    if behind is not None:
        return hindered(
            behind,
            "bring the newer database back; or, if it is known what the group had committed, commit that again, offset "
            "and metadata (ordergate:<row>): then `--mode rebuild` decides again what the database lost",
        )
    rows, traces = evidence.rows, evidence.traces
    expected = list(range(position.published_sequence + 1, position.sequence + 1))
    if [row.sequence for row in rows] != expected:
        return hindered(
            f"of {rows_told(expected[0], expected[-1])} the journal has only {len(rows)}",
            "the journal lacks rows that may not be published: restore them from a backup of the database",
        )
    if traces is None and rows:
        return hindered(
            "the output topics no longer reach back to when these rows were decided",
            "nothing shows any more whether they are published; restore the committed offset from a backup",
        )
    try:
        published = published_up_to(position.published_sequence, traces or ())
    except TrailBroken as broken:
        return hindered(
            str(broken),
            "the output topics were changed by somebody else, or have lost records; nothing is published "
            "before a person has looked at them",
        )
    known += [f"{one.told}" for one in traces or () if one.visibility is not Visibility.SILENT]
    step = CommitReceipt(
        position.next_offset, position.sequence, tuple(row.sequence for row in rows if row.sequence > published)
    )
    risk = unproven(evidence) or (_SAME_BYTES,)
    return Plan(evidence.topic, evidence.partition, halt.cause, tuple(known), risk, (step,))
