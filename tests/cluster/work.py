"""Two workers under a steady stream of events, and what has to be true of them in the end, whatever brokers did."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise

import psycopg
from confluent_kafka import KafkaException

from ingest.errors import BrokerAway
from tests.cluster.cluster import Cluster, Key
from tests.faults.publishing import Publishing
from tests.faults.stream import Shape, events
from tests.faults.supervisor import Supervisor
from tests.integration.deployment import Deployment, audit, wait_until

SETTLED_WITHIN_S = 120.0
_EVENTS, _SECONDS = 900, 12.0
MARKERS_SKIPPED = "likely deleted already and hence can be skipped"
"""What a broker says that calls a transaction complete without all of its markers."""


@dataclass
class Work:
    """What goes on, and how it is told to tests."""

    cluster: Cluster
    deployment: Deployment
    workers: Supervisor
    chance: random.Random = field(default_factory=lambda: random.Random(1))
    streams: list[Publishing] = field(default_factory=list)
    stood_still: list[tuple[str, float]] = field(default_factory=list)
    """The longest time in seconds without any decision, after each thing that happened."""

    @property
    def confirmed(self) -> int:
        """How many raw events the brokers have confirmed."""
        return sum(one.confirmed for one in self.streams)

    def publish(self) -> None:
        """Begin another stream of events: longer than what a test waits for, so that what strikes meets it."""
        one = Publishing(self.cluster.servers, events(self.chance, Shape(_EVENTS)), _SECONDS)
        self.streams.append(one)
        one.start()

    def wait_goes_on(self, after: str, within: float = 120) -> None:
        """Wait until more is decided than was under way, by workers that nobody helps."""
        self.publish()
        enough = self.deployment.decided() + _EVENTS // 3
        seen = [(time.monotonic(), self.deployment.decided())]

        def is_enough() -> bool:
            now = self.deployment.decided()
            if now > seen[-1][1]:
                seen.append((time.monotonic(), now))
            return now > enough

        wait_until(is_enough, within, f"work goes on after {after}", self.told)
        self.stood_still.append((after, round(max(later[0] - earlier[0] for earlier, later in pairwise(seen)), 1)))

    def owners(self) -> list[str]:
        """The `transactional.id` of the producer that each raw partition is published with."""
        return [owner for (owner,) in self.deployment.rows("SELECT owner FROM positions WHERE NOT released")]

    def coordinators(self) -> set[int]:
        """The nodes that coordinate the workers' transactions now."""
        return {self.cluster.leader(self.cluster.transaction_partition(owner)) for owner in self.owners()}

    def position(self, key: Key) -> tuple[int, int | None]:
        """Next offset of a raw partition, and the leader epoch of its newest decided event."""
        (found,) = self.deployment.rows(
            "SELECT next_offset, leader_epoch FROM positions WHERE topic = %s AND partition = %s", *key
        )
        return found

    def is_settled(self) -> bool:
        """Whether everything published is decided, all that is decided is published, and readers can see it."""
        try:
            return (
                self.deployment.decided() >= self.confirmed
                and self.deployment.all_published()
                and not self.deployment.readers_held_up()
            )
        except (KafkaException, BrokerAway, psycopg.OperationalError):
            return False

    def told(self) -> str:
        """For a failure's message."""
        return f"halted: {self.workers.halted()}\n{self.deployment.state()}"


@contextmanager
def at_work(cluster: Cluster, deployment: Deployment) -> Iterator[Work]:
    """Work under load, judged in the end.

    Nothing is lost, doubled or out of order; no partition has halted on the way; and no worker has ended but for a
    reason that it told.
    """
    deployment.settings["ORDERGATE_BATCH_SIZE"] = "20"
    work = Work(cluster, deployment, Supervisor(deployment, random.Random(1)))
    try:
        for _ in range(2):
            work.workers.add()
        work.wait_goes_on("the start")
        yield work
        for one in work.streams:
            one.wait(120)
        wait_until(work.is_settled, SETTLED_WITHIN_S, "all is decided, published and readable", work.told)
        ended = work.workers.stop_all()
    finally:
        work.workers.end()
    print("stood still", work.stood_still, "restarts", work.workers.restarts)  # noqa: T201 -- what -s shows
    logs = "\n".join(worker.text() for worker in deployment.workers)
    assert "partition_halted" not in logs and "readers_wait" not in logs, "nothing halts"
    assert (ended, work.workers.unexplained) == ([], [])
    assert deployment.decided() == work.confirmed == sum(one.total for one in work.streams)
    audit(deployment)
    assert MARKERS_SKIPPED not in cluster.log(), "no broker has torn a transaction"
