"""Database and Kafka are compared before anything is read, and a partition without certainty stops."""

from __future__ import annotations

import pytest

from consumers.kafka_source import Committed
from ingest.database.journal import JournalRow
from ingest.database.positions import Fence
from ingest.errors import PartitionHalted
from ingest.worker.receipt import LogBounds, check, check_rows, published_sequence, receipt

FENCE = Fence(
    3, next_offset=100, sequence=7, topic_id="A", previous_owner="w", released=False, published_sequence=5,
    leader_epoch=2,
)  # fmt: skip
IN_STEP = Committed(100, "ordergate:7")
LOG = LogBounds(0, 200)


def row(sequence: int, base: int, following: int) -> JournalRow:
    return JournalRow("t", 0, sequence, base, following, 0, b"")


def test_a_receipt_tells_its_row():
    """What is committed beside the offset names the newest published row."""
    given = receipt("t", 0, 100, 7)
    assert (given.offset, given.metadata) == (100, "ordergate:7")
    assert published_sequence(Committed(given.offset, given.metadata)) == 7


@pytest.mark.parametrize("metadata", [None, "", "7", "ordergate:", "ordergate:x", "kafka-tools"])
def test_an_offset_committed_by_somebody_else_is_no_receipt(metadata):
    """An operator's offset reset is recognised."""
    assert published_sequence(Committed(100, metadata)) is None


@pytest.mark.parametrize("published", [5, 6, 7])
def test_kafka_in_step_or_behind_goes_on(published):
    """The journal has what Kafka lacks."""
    assert check("t", 0, FENCE, "A", Committed(100 - (7 - published), f"ordergate:{published}"), LOG) == published


@pytest.mark.parametrize(
    ("topic_id", "committed", "log", "cause"),
    [
        ("B", IN_STEP, LOG, "deleted and made again"),
        ("A", IN_STEP, LogBounds(101, 200), "outside the log"),
        ("A", IN_STEP, LogBounds(0, 99), "outside the log"),
        ("A", IN_STEP, LogBounds(0, 99, 80), "outside the log"),
        ("A", IN_STEP, LogBounds(0, 200, 99), "lost its end"),
        ("A", Committed(None, None), LogBounds(0, 100, 0), "lost its end"),
        ("A", Committed(None, None), LOG, "committed offset is gone"),
        ("A", Committed(50, None), LOG, "somebody else"),
        ("A", Committed(80, "ordergate:4"), LOG, "somebody else"),
        ("A", Committed(120, "ordergate:9"), LOG, "behind Kafka"),
        ("A", Committed(101, "ordergate:7"), LOG, "behind Kafka"),
    ],
)
def test_what_cannot_both_be_right_halts_the_partition(topic_id, committed, log, cause):
    """Each loss of certainty stops with what is known, what is safe and what to do."""
    with pytest.raises(PartitionHalted, match=cause) as halted:
        check("t", 0, FENCE, topic_id, committed, log)
    assert halted.value.known and halted.value.safe and halted.value.do


@pytest.mark.parametrize("epoch_end", [100, 150, 200, None])
def test_a_log_that_kept_what_was_read_goes_on(epoch_end):
    """A leader that was restarted, and a broker that does not know the epoch, stop nothing."""
    assert check("t", 0, FENCE, "A", IN_STEP, LogBounds(0, 200, epoch_end)) == 7


def test_a_log_that_grew_again_tells_up_to_where_it_is_the_same():
    """A person sees which offsets have two meanings before anything is read of the new one."""
    with pytest.raises(PartitionHalted) as halted:
        check("t", 0, FENCE, "A", IN_STEP, LogBounds(0, 1200, 90))
    assert "below offset 90, and has other events from there to 1,199" in halted.value.known
    assert "from offset 90 on stays decided" in halted.value.safe


def test_rows_that_join_are_replayed():
    """From the receipt to the position without a gap, rows that move no offset included."""
    check_rows("t", 0, FENCE, Committed(80, "ordergate:4"), [row(5, 80, 90), row(6, 90, 90), row(7, 90, 100)])
    check_rows("t", 0, FENCE, IN_STEP, [])


@pytest.mark.parametrize(
    "rows",
    [[], [row(6, 90, 95)], [row(5, 80, 90), row(7, 90, 100)], [row(5, 81, 90), row(6, 90, 95), row(7, 95, 100)]],
)
def test_a_gap_in_the_journal_halts(rows):
    """Nothing is published that would leave a hole behind it."""
    with pytest.raises(PartitionHalted, match="gap"):
        check_rows("t", 0, FENCE, Committed(80, "ordergate:4"), rows)
