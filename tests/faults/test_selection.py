"""A few of the faults on every run of the tests; `make faults` runs all kinds over many seeds."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.faults.case import run
from tests.faults.kinds.catalogue import KINDS
from tests.faults.lane import Lane
from tests.stack import CHOICE

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def lane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lane]:
    """A stack of its own, whose servers the cases strike."""
    if os.environ.get(CHOICE, "local") != "local":
        pytest.skip("faults are tested on the local stack, whose processes the test can reach")
    made = Lane(tmp_path_factory.mktemp("lane"))
    try:
        yield made
    finally:
        made.remove()


# Each shows another part: journal, hand-over, fencing, the broker's and the network's faults, a repair.
@pytest.mark.parametrize(
    ("kind", "seed"),
    [
        ("kill at after-database-commit", 1),
        ("kill at hand-over", 1),
        ("stop at between-send-offsets-and-commit", 2),
        ("broker killed", 1),
        ("commit asked held back, Kafka", 1),
        ("commit answered cut before, PostgreSQL", 1),
        ("the cluster names no broker", 2),
        ("committed offsets deleted", 1),
    ],
)
@pytest.mark.timeout(600)
def test_a_fault_breaks_no_promise(lane: Lane, kind: str, seed: int):
    """Whoever reads the output topics sees each output once and in order, whatever struck the pipeline meanwhile."""
    result = run(KINDS[kind], seed, lane)
    if result.skipped:
        pytest.skip(result.skipped)
    assert result.violations == [], result.story
    assert result.faults > 0, "the fault came up"
