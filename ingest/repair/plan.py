"""A plan: what is known, what is at risk, and the steps that repair a partition. Pure values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from ingest.errors import Cause


class Mode(StrEnum):
    """What only a person can decide: each accepts a loss or a risk that the plan names."""

    REBUILD = "rebuild"
    """Decide again, without publishing, what Kafka has and the database lacks."""
    RESTART_TOPIC = "restart-topic"
    """Go on with the new topic of the same name, from its start."""
    SKIP_TO_START = "skip-to-start"
    """Go on at the log's first offset: what lay before was removed unread."""
    CONTINUE_AT_END = "continue-at-end"
    """Go on at the end of what is left of a log that lost its end, with what was written since; before outputs that a
    new database does not know, at the ends of all raw logs."""
    PUBLISH_AGAIN = "publish-again"
    """Publish lost outputs again, although newer versions of the same orders or guests lie before them."""
    PUBLISH_FROM_START = "publish-from-start"
    """Publish all that the raw logs hold behind records that a new database does not know."""
    ACCEPT_GAP = "accept-gap"
    """Go on although the journal no longer has rows that may not be published."""


class Step(Protocol):
    """One step of a repair; `told` says it in words, before it is done."""

    @property
    def told(self) -> str: ...  # noqa: D102 -- said above


@dataclass(frozen=True, slots=True)
class CommitReceipt:
    """Publish journal rows, oldest first, and commit the receipt of the last row with them."""

    offset: int
    sequence: int
    publish: tuple[int, ...]
    """Sequences of the rows that the output topics lack."""

    @property
    def told(self) -> str:
        """For people."""
        receipt = f"the group's offset {self.offset:,} with the receipt of journal row {self.sequence:,}"
        if not self.publish:
            return f"commit {receipt}, in a Kafka transaction"
        rows = rows_told(self.publish[0], self.publish[-1])
        return f"publish {rows}, and commit {receipt}, in the same Kafka transactions"


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do about one partition. Without steps nothing can be done: `hindrance` or `choices` say why."""

    topic: str
    partition: int
    cause: Cause
    known: tuple[str, ...]
    risk: tuple[str, ...]
    steps: tuple[Step, ...] = ()
    choices: tuple[Mode, ...] = ()
    """Modes to choose from, when a person has to decide."""
    hindrance: str | None = None
    """Why it cannot be repaired, or not yet, and what to do first."""

    @property
    def name(self) -> str:
        """As the command line takes it."""
        return f"{self.topic}/{self.partition}"


def rows_told(first: int, last: int) -> str:
    """A range of journal rows, for people."""
    return f"journal row {first:,}" if first == last else f"journal rows {first:,} to {last:,}"
