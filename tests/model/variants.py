"""What the searches are asked: the protocol as built, and without a rule; each with the budget that shows it best."""

from __future__ import annotations

from dataclasses import dataclass

from .invariants import broken, harmful, left_to_time_out
from .model import Question, check
from .rules import Rule
from .search import Found
from .world import Faults, World

PROCESS_FAULTS = Faults(rebalances=1, crashes=1, timeouts=1, lost_replies=1)
LATE_COMMITS = Faults(rebalances=1, timeouts=1, lost_replies=1, late_commits=1)
FAIL_OVER = Faults(rebalances=1, fail_overs=1, lost_commits=1)
LONG_FAIL_OVER = FAIL_OVER._replace(lost_commits=3)
SMALL = Faults(rebalances=1, crashes=1)


@dataclass(frozen=True)
class Variant:
    """One question, and the answer that is expected."""

    name: str
    faults: Faults
    without: frozenset[Rule]
    finds: str | None
    """The kind of violation, the first word of its report; None: nothing is found."""
    question: Question

    def search(self) -> Found[World]:
        """Search for a violation."""
        return check(self.faults, without=self.without, question=self.question)


def variant(
    name: str, faults: Faults, *without: Rule, finds: str | None = None, question: Question = broken
) -> Variant:
    """The protocol without these rules."""
    return Variant(name, faults, frozenset(without), finds, question)


AS_BUILT = (
    variant("as built: rebalance, crash, time-out, lost reply", PROCESS_FAULTS),
    variant("as built: a repeated commit that arrives late", LATE_COMMITS),
    variant("as built: a fail-over that loses up to three commits", LONG_FAIL_OVER),
    variant("as built: does anybody wait for a time-out", SMALL, question=left_to_time_out),
)

FOUND = (
    variant("Kafka first, database second", PROCESS_FAULTS, Rule.DATABASE_FIRST, finds="receipt"),
    variant("what was sent ahead is left", PROCESS_FAULTS, Rule.SENT_AHEAD_IS_TAKEN_BACK, finds="duplicate"),
    variant("receipt outside the transaction", PROCESS_FAULTS, Rule.RECEIPT_IN_TRANSACTION, finds="duplicate"),
    variant("receipt without the row's number", PROCESS_FAULTS, Rule.SEQUENCE_IN_RECEIPT, finds="loss"),
    variant("no wait for a stable offset", PROCESS_FAULTS, Rule.STABLE_OFFSET, finds="duplicate"),
    variant("group metadata read again", PROCESS_FAULTS, Rule.METADATA_WITH_BATCH, finds="duplicate"),
    variant("no producer recycling", LATE_COMMITS, Rule.PRODUCER_RECYCLING, finds="duplicate"),
    variant("no epoch", PROCESS_FAULTS, Rule.EPOCH, finds="stop"),
    variant(
        "no epoch, no compare-and-set: apart from stops",
        SMALL, Rule.EPOCH, Rule.COMPARE_AND_SET, finds="difference", question=harmful,
    ),
    variant("no take-over: does anybody wait", SMALL, Rule.TAKE_OVER, finds="wait", question=left_to_time_out),
    variant("recovery compares without its fence", PROCESS_FAULTS, Rule.JOURNAL_UNDER_FENCE, finds="stop"),
    variant(
        "a pooler hides the fail-over, and no epoch",
        FAIL_OVER, Rule.DOUBT_AFTER_LOST_SESSION, Rule.EPOCH, finds="difference",
    ),
    variant(
        "a pooler hides the fail-over, and no compare-and-set",
        FAIL_OVER, Rule.DOUBT_AFTER_LOST_SESSION, Rule.COMPARE_AND_SET, finds="difference",
    ),
    variant(
        "a pooler hides a fail-over that loses a fence",
        LONG_FAIL_OVER, Rule.DOUBT_AFTER_LOST_SESSION, finds="difference",
    ),
)  # fmt: skip

REDUNDANT_ALONE = (
    variant("no epoch: apart from stops", SMALL, Rule.EPOCH, question=harmful),
    variant("no compare-and-set", SMALL, Rule.COMPARE_AND_SET),
    variant("receipt read before the fence", SMALL, Rule.FENCE_BEFORE_ASKING),
    variant("no take-over", SMALL, Rule.TAKE_OVER),
    variant("a pooler hides a fail-over that loses one commit", FAIL_OVER, Rule.DOUBT_AFTER_LOST_SESSION),
    variant("fail-over, no epoch", FAIL_OVER, Rule.EPOCH),
    variant("fail-over, no compare-and-set", FAIL_OVER, Rule.COMPARE_AND_SET),
)
