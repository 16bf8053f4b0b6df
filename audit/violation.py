"""What an audit finds: one thing that breaks a promise, named by its exact place."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple


class Position(NamedTuple):
    """A place in a log, raw or output. As text it is the form of the header `ordergate_cause`."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}/{self.offset}"


class Kind(StrEnum):
    """Every way in which a promise can be seen to be broken."""

    OUTCOME_MISSING = "outcome_missing"
    """A raw event was passed and has no outcome."""
    OUTCOME_DOUBLED = "outcome_doubled"
    """A raw event has more than one outcome."""
    OUTCOME_WITHOUT_EVENT = "outcome_without_event"
    """An outcome is of a raw event that the log does not have."""
    OUTCOME_BEYOND_POSITION = "outcome_beyond_position"
    """An outcome is of a raw event that the position says is not decided yet."""
    OUTPUT_MISSING = "output_missing"
    """A raw event's outcome says more outputs than there are."""
    OUTPUT_DOUBLED = "output_doubled"
    """An output record is there twice: two records with one `ce_id`."""
    OUTPUT_SURPLUS = "output_surplus"
    """A raw event has more outputs than its outcome says."""
    OUTPUT_DIFFERS = "output_differs"
    """An output is not what the outcome of its raw event says."""
    OUTPUT_WITHOUT_CAUSE = "output_without_cause"
    """An output names no raw event, or one that is not there."""
    OUTPUT_UNREADABLE = "output_unreadable"
    """An output is no record of its topic."""
    KEY_DIFFERS = "key_differs"
    """An output's Kafka key is not the one its content asks for."""
    PARTITION_DIFFERS = "partition_differs"
    """An output lies in another partition than the others of its key."""
    VERSION_MISSING = "version_missing"
    """A key's versions are not contiguous."""
    VERSION_OUT_OF_ORDER = "version_out_of_order"
    """A key's versions do not rise in partition order."""
    ORIGINAL_DIFFERS = "original_differs"
    """A quarantined original is not the raw event."""
    POSITION_DIFFERS = "position_differs"
    """A position lies outside its raw log."""
    RECEIPT_DIFFERS = "receipt_differs"
    """What the group has committed in Kafka is not what the database decided."""


class Doubt(StrEnum):
    """What may have happened while a live system was read, and would explain what was found."""

    RELEASED = "released"
    """The event waited when the outcomes were read, and was decided since."""
    COMPACTED = "compacted"
    """The log was compacted while it was read: then its `witness` is gone, too."""
    SUPERSEDED = "superseded"
    """The log was compacted while it was read: then a newer version came behind its end."""


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken promise. `raw` and `output` are exact places, None where there is none to name."""

    kind: Kind
    sentence: str
    raw: Position | None = None
    output: Position | None = None
    key: str | None = None
    version: int | None = None
    doubt: Doubt | None = None
    """What has to be ruled out first; None for everything that an audit reports in the end."""
    witness: Position | None = None

    def facts(self) -> dict[str, Any]:
        """It as plain values, for JSON."""
        return {
            "violation": self.kind.value,
            "raw": str(self.raw) if self.raw else None,
            "output": str(self.output) if self.output else None,
            "key": self.key,
            "version": self.version,
            "sentence": self.sentence,
        }
