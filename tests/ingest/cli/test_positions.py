"""`ordergate positions` says what the worker would say, without stopping anything."""

from __future__ import annotations

import pytest

from consumers.kafka_source import Committed
from ingest.cli.positions import Known, Standing, standing
from ingest.database.journal import JournalRow
from ingest.database.positions import Fence
from ingest.kafka_admin import TopicState
from ingest.worker.receipt import LogBounds

TOPIC = TopicState("raw.web.orders.v1", "topic-id", 4, 1)
KEY = ("raw.web.orders.v1", 2)
BOUNDS = LogBounds(0, 200)


def row(sequence: int, base: int, following: int) -> JournalRow:
    return JournalRow(*KEY, sequence, base, following, 1, b"")


def look(
    *, decided: int = 100, sequence: int = 7, committed: Committed | None = None, topic_id: str = "topic-id",
    unpublished: list[JournalRow] | None = None, released: bool = False, bounds: LogBounds = BOUNDS,
) -> Standing:  # fmt: skip
    fence = Fence(3, decided, sequence, topic_id, "ordergate-0", released, 5)
    return standing(TOPIC, KEY, bounds, committed or Committed(100, "ordergate:7"), Known(fence, unpublished or []))


def test_in_step_when_kafka_has_what_the_database_decided() -> None:
    """Nothing to do, and the lag is what is not decided."""
    found = look()
    assert (found.verdict, found.halt, found.lag, found.receipt) == ("in step", None, 100, 7)


@pytest.mark.parametrize(("released", "who"), [(False, "its owner"), (True, "the next owner")])
def test_kafka_behind_the_database_is_ordinary_and_says_who_publishes(released: bool, who: str) -> None:
    """An operator need not be alarmed between two transactions."""
    committed = Committed(80, "ordergate:5")
    rows = [row(6, 80, 90), row(7, 90, 100)]
    found = look(committed=committed, unpublished=rows, released=released)
    assert found.verdict == f"Kafka is 2 journal rows behind: {who} publishes them"
    assert found.halt is None


@pytest.mark.parametrize(
    ("changed", "cause"),
    [
        ({"committed": Committed(150, "ordergate:9")}, "PostgreSQL is behind Kafka"),
        ({"committed": Committed(100, None)}, "somebody else has moved the group's offset"),
        ({"committed": Committed(None, None)}, "the group's committed offset is gone"),
        ({"topic_id": "another-id"}, "the topic was deleted and made again"),
        ({"bounds": LogBounds(150, 200)}, "the position is outside the log"),
        ({"bounds": LogBounds(0, 200, 90)}, "the log lost its end and has grown again"),
        ({"committed": Committed(80, "ordergate:5")}, "the journal has a gap"),
    ],
)
def test_what_would_stop_a_worker_is_told_with_its_remedy(changed: dict, cause: str) -> None:
    """Every reason for which a partition halts is seen from outside, before a worker is started."""
    found = look(**changed)
    assert found.verdict == f"halted: {cause}"
    assert found.halt is not None
    assert found.halt.safe and found.halt.do


def test_a_partition_nobody_has_read_has_no_verdict_yet() -> None:
    """A new partition is no fault; all of it is lag."""
    found = standing(TOPIC, KEY, BOUNDS, Committed(None, None), None)
    assert (found.verdict, found.halt, found.lag) == ("not read yet", None, 200)
