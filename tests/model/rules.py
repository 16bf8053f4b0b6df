"""The rules that keep the protocol safe, each of which a search can take out."""

from __future__ import annotations

from enum import StrEnum


class Rule(StrEnum):
    """A rule in the words in which a search reports it."""

    DATABASE_FIRST = "a batch is committed in the database before it is published"
    SENT_AHEAD_IS_TAKEN_BACK = "what was sent for a batch that the database did not keep is aborted"
    RECEIPT_IN_TRANSACTION = "the receipt is committed in the same Kafka transaction as the output"
    SEQUENCE_IN_RECEIPT = "the receipt names the journal row, not only the offset"
    STABLE_OFFSET = "recovery waits until no open transaction has the receipt"
    METADATA_WITH_BATCH = "group metadata is captured with the batch and never read again"
    EPOCH = "a batch is committed only under the epoch that this worker set"
    COMPARE_AND_SET = "a batch is committed only where the position is as this worker left it"
    PRODUCER_RECYCLING = "a producer that may have retried its commit is replaced"
    FENCE_BEFORE_ASKING = "the epoch is raised before the receipt is read"
    JOURNAL_UNDER_FENCE = "recovery compares only while the epoch that it set still stands"
    TAKE_OVER = "a recovery ends the transaction of an owner that did not release"
    DOUBT_AFTER_LOST_SESSION = "a worker whose database session broke recovers before it writes"


ALL = frozenset(Rule)
