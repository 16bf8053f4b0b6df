"""Repair of a journal that lacks rows which may not be published: the outcomes tell what should be visible. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ingest.database.journal import JournalRow
from ingest.errors import PartitionHalted
from ingest.repair.evidence import EventOutputs, Evidence
from ingest.repair.plan import CommitReceipt, Mode, Plan
from ingest.repair.trail import Visibility

_SHOWN: Final = 20


@dataclass(frozen=True, slots=True)
class NoteGap:
    """Remember what a person has accepted to be lost."""

    first_offset: int
    next_offset: int
    reason: str

    @property
    def told(self) -> str:
        """For people."""
        return f"note in the table gaps, for offsets {self.first_offset:,} to {self.next_offset - 1:,}: {self.reason}"


def missing_between(rows: Sequence[JournalRow], receipt: tuple[int, int], position: tuple[int, int]) -> list[range]:
    """Raw offsets whose rows the journal lacks; receipt and position are (offset, sequence)."""
    missing = []
    at, sequence = receipt
    for row in rows:
        if row.sequence <= receipt[1]:
            continue
        if row.sequence != sequence + 1 and row.base_offset > at:
            missing.append(range(at, row.base_offset))
        at, sequence = row.next_offset, row.sequence
    if sequence != position[1] and position[0] > at:
        missing.append(range(at, position[0]))
    return missing


def plan_gap(evidence: Evidence, halt: PartitionHalted, mode: Mode | None) -> Plan:
    """Go on with what is there; a person accepts what is visible nowhere and in no journal."""
    position = evidence.position
    assert position is not None
    name = (evidence.topic, evidence.partition)
    if evidence.unjournalled is None or (evidence.traces is None and evidence.rows):
        return Plan(
            *name, halt.cause, (halt.known, "the output topics no longer reach back to these rows"), (),
            hindrance="restore the journal's rows from a backup of the database",
        )  # fmt: skip
    broken = [one for one in evidence.traces or () if one.visibility is Visibility.PARTLY]
    if broken:
        return Plan(
            *name, halt.cause, (halt.known, *(one.told for one in broken)), (),
            hindrance="a row is published whole or not at all: somebody else was at the outputs; look at them first",
        )  # fmt: skip
    lost = [one for one in evidence.unjournalled if one.visible < one.caused]
    known = [
        halt.known,
        f"of {len(evidence.unjournalled):,} raw events with outputs that the journal lacks, the outputs of "
        f"{len(evidence.unjournalled) - len(lost):,} are visible",
        *(one.told for one in evidence.traces or ()),
    ]
    publish = tuple(one.sequence for one in evidence.traces or () if one.visibility is not Visibility.WHOLE)
    settle = CommitReceipt(position.next_offset, position.sequence, publish)
    if not lost:
        return Plan(*name, halt.cause, tuple(known), ("nothing: what the journal lacks is published",), (settle,))
    risk = (
        f"the outputs of {len(lost):,} raw events are lost to readers: {_offsets_told(lost)}. Their orders go on with "
        "the next version, so readers see a version missing",
        "nothing shows decisions on parked events that the gap may have held",
    )
    if mode is not Mode.ACCEPT_GAP:
        return Plan(*name, halt.cause, tuple(known), risk, choices=(Mode.ACCEPT_GAP,))
    note = NoteGap(lost[0].offset, lost[-1].offset + 1, f"outputs of {len(lost):,} raw events were never published")
    # Noted first: once the receipt is written, nothing shows any more that there was a gap.
    return Plan(*name, halt.cause, tuple(known), risk, (note, settle))


def _offsets_told(lost: Sequence[EventOutputs]) -> str:
    more = f" and {len(lost) - _SHOWN:,} more" if len(lost) > _SHOWN else ""
    return "offsets " + ", ".join(f"{one.offset}" for one in lost[:_SHOWN]) + more
