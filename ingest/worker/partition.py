"""One owned raw partition, as the worker sees it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from ingest.errors import PartitionHalted
from ingest.raw_event import RawEvent
from ingest.state import Carrier

PartitionKey = tuple[str, int]


class Phase(StrEnum):
    """Where an owned partition is."""

    RECOVERING = "recovering"
    """Assigned, or in doubt: fenced and compared with Kafka before anything else is read."""
    RUNNING = "running"
    HALTED = "halted"
    """Certainty is lost: a person decides. Everything else goes on."""


@dataclass(slots=True)
class OwnedPartition:
    """The state of one partition between batches."""

    key: PartitionKey
    phase: Phase = Phase.RECOVERING
    epoch: int = -1
    next_offset: int = -1
    sequence: int = 0
    published_sequence: int = -1
    held: list[RawEvent] = field(default_factory=list)
    """Read, and waiting until another partition has published what these build upon."""
    waits_for: Carrier | None = None
    next_deadline: int | None = None
    """When the oldest parked event's patience ends (microseconds); None when nothing is parked."""
    halt: PartitionHalted | None = None

    def doubt(self) -> None:
        """Forget everything that recovery will find out."""
        if self.phase is not Phase.HALTED:
            self.phase = Phase.RECOVERING
        self.held = []
        self.waits_for = None

    def stop(self, halt: PartitionHalted) -> None:
        """Stop for good, with the explanation."""
        self.phase = Phase.HALTED
        self.halt = halt
        self.held = []
        self.waits_for = None
