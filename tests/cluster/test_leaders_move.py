"""Leaders and coordinators move between brokers that all serve, as they do every day: that is no loss."""

from __future__ import annotations

import threading

import pytest

from ingest.epoch_ends import epoch_ends
from ingest.errors import BrokerAway
from producers.topics import OUTPUT_TOPICS
from tests.cluster.cluster import NODES, Cluster, Key
from tests.cluster.ordergate import ordergate, told
from tests.cluster.work import Work, at_work
from tests.integration.deployment import RAW_TOPICS, Deployment

pytestmark = [pytest.mark.stack, pytest.mark.long]

RAW = [(topic, number) for topic in RAW_TOPICS for number in range(3)]


class Asking(threading.Thread):
    """Asks all the time where the leader epochs of the positions end in their logs, as a recovery does."""

    def __init__(self, work: Work) -> None:
        super().__init__(daemon=True)
        self._work = work
        self._ended = threading.Event()
        self.answers = 0
        self.refused: list[str] = []
        self.losses: list[tuple[Key, int, int | None, int]] = []

    def run(self) -> None:
        while not self._ended.wait(0.02):
            positions = {key: self._work.position(key) for key in RAW}
            known = {key: epoch for key, (_, epoch) in positions.items() if epoch is not None}
            try:
                ends = epoch_ends(self._work.cluster.servers, known)
            except BrokerAway as away:
                self.refused.append(away.known)
                continue
            self.answers += len(ends)
            self.losses += [(key, *positions[key], end) for key, end in ends.items() if end < positions[key][0]]

    def end(self) -> None:
        self._ended.set()
        self.join()


def another(cluster: Cluster, key: Key) -> int:
    """A broker that does not lead it."""
    return next(number for number in NODES if number != cluster.leader(key))


def test_leaders_that_move_are_found_and_taken_for_no_loss(cluster: Cluster, deployment: Deployment):
    """Every raw and output partition changes its leader twice under load: no log seems to have lost its end."""
    with at_work(cluster, deployment) as work:
        asking = Asking(work)
        asking.start()
        try:
            for key in [*RAW, *((topic.name, 1) for topic in OUTPUT_TOPICS)] * 2:
                cluster.move(key, another(cluster, key))
            work.wait_goes_on("all leaders moved")
        finally:
            asking.end()
        assert asking.losses == []
        assert asking.answers > 50
        assert asking.refused == []
    epochs = {key: work.position(key)[1] for key in RAW}
    assert all((epoch or 0) >= 2 for epoch in epochs.values()), f"events of the third leader are decided: {epochs}"
    assert told(ordergate(deployment, "recover", "--json")) == [], "nothing is to be repaired"
    standings = told(ordergate(deployment, "positions", "--json"))
    assert {one["verdict"] for one in standings} == {"in step"}


@pytest.mark.parametrize("protocol", ["consumer", "classic"])
def test_coordinators_that_move_lose_no_receipt(cluster: Cluster, deployment: Deployment, protocol: str):
    """The group's and the transactions' coordinators move under load: each batch is published and receipted once."""
    deployment.settings["ORDERGATE_GROUP_PROTOCOL"] = protocol
    with at_work(cluster, deployment) as work:
        for _ in range(3):
            group = cluster.group_partition(deployment.group_id)
            cluster.move(group, another(cluster, group))
            work.wait_goes_on("the group's coordinator moved")
            for owner in set(work.owners()):
                key = cluster.transaction_partition(owner)
                cluster.move(key, another(cluster, key))
            work.wait_goes_on("the transactions' coordinators moved")
