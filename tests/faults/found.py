"""Cases that once broke a promise: every run of the fault suite begins with them."""

from __future__ import annotations

FOUND = {
    (
        "torn transaction, decided to abort",
        1,
    ): "a later marker of the same id committed what was aborted",
    ("torn transaction, decided to abort", 2): "the same, with a first batch",
    ("torn transaction, decided to commit", 1): "recover read pending receipts as those of no journal row",
    ("raw topic deleted and recreated", 1): "a worker that lived on compared the new topic by the old one's id; "
    "the audit took outputs of the old topic for surplus",
    ("several faults in quick succession", 1): "a database lost amidst a start ended a worker with a traceback",
    ("several faults in quick succession", 2): "a fatal error of the producer, told by a callback, did the same; "
    "a static member that died within a rebalance and came back in time left partitions nobody's",
    ("torn transaction, decided to commit", 66): "recover gave up on a partition that had no leader for a moment",
    ("broker and database stopped", 104): "a cluster that named no broker yet ended a worker with a traceback",
    ("PostgreSQL restored to an older backup", 2): "partitions that were not behind went on with an older state",
}
"""Kind and seed, and what was found."""
