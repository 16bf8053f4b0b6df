"""One owned raw partition, as the worker sees it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from ingest.errors import PartitionHalted
from ingest.state import Carrier
from ingest.understanding import Understood

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
    """First raw offset not yet decided: what the database has."""
    read_to: int = -1
    """First raw offset not yet read: decided and held ones lie before it."""
    sequence: int = 0
    leader_epoch: int | None = None
    """Of the newest event read: which leader of the partition wrote it; None: the broker does not tell."""
    published_sequence: int = -1
    held: list[Understood] = field(default_factory=list)
    """Read and not decided: waiting for another partition's publishing, or for room in a batch."""
    held_bytes: int = 0
    """Bytes of their raw values."""
    waits_for: Carrier | None = None
    next_deadline: int | None = None
    """When to look at parked events again (microseconds); None when nothing is parked."""
    halt: PartitionHalted | None = None

    def hold(self, understood: Iterable[Understood]) -> None:
        """Keep events for a later batch, in log order."""
        self.held = sorted([*self.held, *understood], key=lambda one: one.event.offset)
        self.held_bytes = sum(len(one.event.value or b"") for one in self.held)

    def take_held(self) -> list[Understood]:
        """Take what was held."""
        held, self.held, self.held_bytes = self.held, [], 0
        return held

    def doubt(self) -> None:
        """Forget everything that recovery will find out."""
        if self.phase is not Phase.HALTED:
            self.phase = Phase.RECOVERING
        self.take_held()
        self.waits_for = None

    def recovered(self, epoch: int, next_offset: int, sequence: int) -> None:
        """Certain again: everything decided is published, and reading starts behind it."""
        self.epoch = epoch
        self.next_offset = self.read_to = next_offset
        self.sequence = self.published_sequence = sequence
        self.phase = Phase.RUNNING

    def stop(self, halt: PartitionHalted) -> None:
        """Stop for good, with the explanation."""
        self.phase = Phase.HALTED
        self.halt = halt
        self.take_held()
        self.waits_for = None
