"""Repair of a partition whose raw log is not the one that its position was made for. Pure.

Three cases: retention removed events before they were read; the log lost its end, and may have grown again since; the
topic was deleted and made again. In the last two, raw offsets mean other events from now on: what is stored under the
old ones is kept under another name, `<topic>@<topic id>.<epoch>`, and events that wait are decided first, as their time
was over.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from ingest.errors import Cause, PartitionHalted
from ingest.repair.behind import behind_told, unproven
from ingest.repair.evidence import Evidence
from ingest.repair.journal_gap import NoteGap
from ingest.repair.offsets import plan_receipt
from ingest.repair.plan import Mode, Plan
from ingest.worker.receipt import published_sequence

_CAUSES_AGAIN: Final = (
    "the new log has the same positions as the old one: `ordergate_cause` of an output may name either event, and "
    "only its time tells which; ids of outputs stay unique"
)
_WAITING_END: Final = (
    "events that wait for their order are decided now: with their order if it has come, else they go to "
    "quarantine, whole"
)


@dataclass(frozen=True, slots=True)
class SkipGap:
    """Go on behind raw events that can no longer be read."""

    start: int
    end: int
    topic_id: str

    @property
    def told(self) -> str:
        """For people."""
        return (
            f"move the position from {self.start:,} to {self.end:,}, and note in the table gaps that the "
            f"{self.end - self.start:,} raw events between were never read"
        )


@dataclass(frozen=True, slots=True)
class StartAnew:
    """Go on at an offset of a log whose offsets mean other events than before."""

    topic_id: str
    offset: int
    archived_from: int
    gap: NoteGap | None = None
    """What may be lost, noted when the position is moved."""

    @property
    def told(self) -> str:
        """For people."""
        which = f"offset {self.archived_from:,} on" if self.archived_from else "the old topic"
        note = f"; {self.gap.told}" if self.gap else ""
        return (
            f"decide and publish the events of {which} that wait, keep its outcomes, findings and quarantine under the "
            f"name <topic>@<topic id>.<epoch>, and go on at offset {self.offset:,} of topic id {self.topic_id}{note}"
        )


def plan_raw_log(evidence: Evidence, halt: PartitionHalted, mode: Mode | None) -> Plan:
    """Go on with the log as it is, once a person has accepted what is lost."""
    position, bounds = evidence.position, evidence.bounds
    assert position is not None
    receipted = (published_sequence(evidence.committed) if evidence.committed else None) or 0
    behind = behind_told(evidence)
    if receipted > position.sequence:
        behind = f"Kafka's receipt is of row {receipted:,}: PostgreSQL is behind Kafka, too"
    if behind is not None:
        return Plan(
            evidence.topic, evidence.partition, halt.cause, (halt.known, behind), (),
            hindrance="bring the newer database back first: what it decided can no longer be read from the log",
        )  # fmt: skip
    if halt.cause is Cause.OUTSIDE_LOG and position.next_offset < bounds.low:
        return _skip(evidence, halt, mode)
    needed = Mode.RESTART_TOPIC if halt.cause is Cause.TOPIC_REMADE else Mode.CONTINUE_AT_END
    receipt = plan_receipt(evidence, halt)
    risk = (_WAITING_END, _CAUSES_AGAIN, *_lost(evidence, halt), *unproven(evidence))
    if receipt.hindrance:
        return receipt
    if mode is not needed:
        return Plan(evidence.topic, evidence.partition, halt.cause, receipt.known, risk, choices=(needed,))
    anew = StartAnew(evidence.topic_id, bounds.low, 0) if halt.cause is Cause.TOPIC_REMADE else _continued(evidence)
    return Plan(evidence.topic, evidence.partition, halt.cause, receipt.known, risk, (*receipt.steps, anew))


def _skip(evidence: Evidence, halt: PartitionHalted, mode: Mode | None) -> Plan:
    position = evidence.position
    assert position is not None
    start, end = position.next_offset, evidence.bounds.low
    name = (evidence.topic, evidence.partition)
    known = (halt.known, f"offsets {start:,} to {end - 1:,} were removed before they were read")
    risk = (
        f"{end - start:,} raw events are lost to Ordergate: they have no outcome. If another copy of them exists, "
        "publish it to the raw topic again afterwards",
        *unproven(evidence),
    )
    if mode is not Mode.SKIP_TO_START:
        return Plan(*name, halt.cause, known, risk, choices=(Mode.SKIP_TO_START,))
    return Plan(*name, halt.cause, known, risk, (SkipGap(start, end, position.topic_id),))


def _continued(evidence: Evidence) -> StartAnew:
    """Go on with what was written since the log lost its end."""
    position = evidence.position
    assert position is not None
    offset, uncertain = _parting(evidence)
    gap = NoteGap(offset, position.next_offset, f"the log lost its end: {uncertain}")
    return StartAnew(evidence.topic_id, offset, offset, gap)


def _lost(evidence: Evidence, halt: PartitionHalted) -> tuple[str, ...]:
    position = evidence.position
    assert position is not None
    if halt.cause is Cause.TOPIC_REMADE:
        return (
            f"events of the old topic from offset {position.next_offset:,} on, if it had any, are gone with it: "
            "they were never read",
        )
    offset, uncertain = _parting(evidence)
    return (
        f"what the log has from offset {offset:,} on is decided as new, whatever lay there before; the "
        f"outputs of what was decided below offset {position.next_offset:,} stay",
        uncertain,
    )


def _parting(evidence: Evidence) -> tuple[int, str]:
    """From which offset on a log that lost its end has other events than before, and what is lost or not certain.

    The leader epoch tells it exactly; where none is known, timestamps do, as far as they can.
    """
    position, resumption = evidence.position, evidence.resumption
    assert position is not None
    unread = f"events from offset {position.next_offset:,} on are gone unread, if there were any"
    if evidence.bounds.epoch_end is not None:
        return evidence.bounds.epoch_end, unread
    assert resumption is not None, "where to go on has to be looked for"
    offset = resumption.offset
    if resumption.decided_s is None:
        missed = f"events written since below offset {offset:,}, if there are any, are not decided"
    else:
        decided = datetime.fromtimestamp(resumption.decided_s, UTC).isoformat(timespec="milliseconds")
        missed = (
            f"events written since with a timestamp up to the last decision ({decided}), if there are any, lie below "
            f"offset {offset:,} and are not decided"
        )
    return offset, f"{unread}; {missed}"
