"""Positions and receipts: what the database says is decided, and what Kafka says is published, have to agree."""

from __future__ import annotations

from dataclasses import replace

import pytest

from audit.standing import Receipt, Standing, forgotten, misplaced, unpublished
from audit.violation import Kind, Position

HEALTHY = Standing("raw.web.orders.v1", 3, 120, 7, 40, 200, Receipt(100, "ordergate:5"), Receipt(120, "ordergate:7"))
PLACE = Position("raw.web.orders.v1", 3, 120)


@pytest.mark.parametrize(
    "standing",
    [
        HEALTHY,
        replace(HEALTHY, after=Receipt(150, "ordergate:9")),
        replace(HEALTHY, before=None),
        replace(HEALTHY, before=Receipt(120, "ordergate:7")),
        replace(HEALTHY, next_offset=200, after=Receipt(200, "ordergate:7")),
        replace(HEALTHY, next_offset=40, sequence=0, before=None, after=None),
    ],
    ids=["published", "published since", "first receipt", "idle", "all decided", "nothing decided"],
)
def test_a_partition_that_is_in_step_has_no_violation(standing):
    """A live partition moves on while it is looked at, and one that was never used has no receipt."""
    assert [*misplaced([standing]), *unpublished([standing])] == []


@pytest.mark.parametrize(
    ("standing", "words"),
    [
        (replace(HEALTHY, after=None), "no stable committed offset"),
        (replace(HEALTHY, after=Receipt(120, "")), "somebody moved it"),
        (replace(HEALTHY, after=Receipt(120, "ordergate:x")), "somebody moved it"),
        (replace(HEALTHY, after=Receipt(120, "ordergate:6")), "is a worker running?"),
        (replace(HEALTHY, after=Receipt(110, "ordergate:7")), "is a worker running?"),
        (replace(HEALTHY, after=Receipt(130, "ordergate:7")), "the same row ends below offset 130"),
        (replace(HEALTHY, before=Receipt(121, "ordergate:7")), "the database is behind Kafka"),
        (replace(HEALTHY, before=Receipt(120, "ordergate:8")), "the database is behind Kafka"),
    ],
)
def test_a_receipt_that_is_not_of_what_was_decided_is_named(standing, words):
    """Each way in which the two sides can disagree, in words that say which."""
    (found,) = unpublished([standing])
    assert (found.kind, found.raw) == (Kind.RECEIPT_DIFFERS, PLACE)
    assert words in found.sentence


@pytest.mark.parametrize("offset", [39, 201])
def test_a_position_outside_its_log_is_named(offset):
    """What was deleted before it was decided, or decided and then truncated, cannot be in the log."""
    (found,) = misplaced([replace(HEALTHY, next_offset=offset)])
    assert (found.kind, found.raw) == (Kind.POSITION_DIFFERS, PLACE._replace(offset=offset))
    assert "offsets 40 to 199" in found.sentence


def test_a_database_that_knows_nothing_of_what_is_published_is_named():
    """A new, empty or wrong database is not taken for a quiet one."""
    key = ("raw.web.orders.v1", 3)
    (found,) = forgotten({key: Receipt(120, "ordergate:7")}, set())
    assert (found.kind, found.raw) == (Kind.RECEIPT_DIFFERS, PLACE)
    assert "the database has no position there" in found.sentence
    assert list(forgotten({key: Receipt(120, "ordergate:7")}, {key})) == []
    assert list(forgotten({key: None}, set())) == []
    assert list(forgotten({key: Receipt(0, "ordergate:0")}, set())) == [], "a first receipt, and nothing published"
