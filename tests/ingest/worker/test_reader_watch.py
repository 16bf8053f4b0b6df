"""Readers that wait for a transaction nobody ends are noticed; readers that wait for work under way are not."""

from __future__ import annotations

import pytest

from ingest.database.output_ends import OutputEnd
from ingest.worker.reader_watch import ReaderWatch

ORDERS = OutputEnd("oms.orders.v1", 0, "id", 7)
BOUND_S = 30.0


class Cluster:
    """Where transactions are open, at a time that the test sets."""

    def __init__(self) -> None:
        self.now = 0.0
        self.open: list[OutputEnd] = []
        self.asked = 0

    def held_up(self) -> list[OutputEnd]:
        """Asked by the watch."""
        self.asked += 1
        return self.open


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


@pytest.fixture
def watch(cluster: Cluster) -> ReaderWatch:
    return ReaderWatch(cluster.held_up, BOUND_S, lambda: cluster.now)


def looks(cluster: Cluster, watch: ReaderWatch, until: float) -> list[OutputEnd] | None:
    """What is found when it is looked at every second; the last answer."""
    found = None
    while cluster.now < until:
        cluster.now += 1
        answer = watch.look_now_and_then()
        found = answer if answer is not None else found
    return found


def test_a_transaction_that_stays_open_is_told(cluster, watch):
    """Within the bound and one look it is known where readers wait."""
    cluster.open = [ORDERS]
    assert looks(cluster, watch, BOUND_S) == []
    assert looks(cluster, watch, BOUND_S + 12) == [ORDERS]


def test_transactions_that_end_are_not_told(cluster, watch):
    """A busy pipeline always has a transaction open, each at another offset."""
    for offset in range(0, 200, 10):
        cluster.open = [ORDERS._replace(end=offset)]
        assert not looks(cluster, watch, cluster.now + 10)


def test_readers_that_go_on_are_told(cluster, watch):
    """The end of the waiting is an answer, too: none wait."""
    cluster.open = [ORDERS]
    assert looks(cluster, watch, 50) == [ORDERS]
    cluster.open = []
    assert looks(cluster, watch, 62) == []


def test_the_broker_is_asked_now_and_then(cluster, watch):
    """Looking costs no more than a question every few seconds, however often the loop turns."""
    looks(cluster, watch, 60)
    assert 1 <= cluster.asked <= 6
