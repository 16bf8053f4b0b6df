"""Faults that come at a time of their own: restarts, rebalances, fail-overs, what operators and brokers lose."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from ingest.errors import PartitionHalted
from tests.simulation.auditor import Auditor
from tests.simulation.broker import TopicPartitionKey
from tests.simulation.climates import Justified
from tests.simulation.deployment import Deployment

Halts = dict[TopicPartitionKey, PartitionHalted]


class Faults:
    """Plans them, lets them happen, and knows which halts they justify."""

    def __init__(self, deployment: Deployment, auditor: Auditor, random: Random) -> None:
        self._deployment = deployment
        self._auditor = auditor
        self._random = random
        self._stopped = False
        self.number = 0
        climate = deployment.weather.climate
        plans: list[tuple[int, Callable[[], None]]] = [
            (climate.rebalances, self._rebalance),
            (climate.broker_restarts, self._restart_broker),
            (climate.database_restarts, self._restart_database),
        ]
        for times, fault in plans:
            for _ in range(times):
                deployment.world.at(random.uniform(1, climate.calm_at), fault)
        deployment.world.at(0.5, self._look_after_processes)

    def stop(self) -> None:
        """No more faults; at least one worker runs."""
        self._stopped = True

    def settled(self, halted: Halts) -> bool:
        """Whether everything that has to halt has halted."""
        return True

    def judge(self, halted: Halts) -> None:
        """Raises Justified for a halt without a cause."""
        for key, halt in halted.items():
            raise Justified(f"{key} halted: {halt.cause}; {halt.known}")

    def excuses(self, failure: BaseException | None) -> bool:
        """Whether a process had a reason to end with this."""
        return False

    # ---

    def _look_after_processes(self) -> None:
        """The supervisor: a process that ended starts again, mostly soon."""
        deployment, random = self._deployment, self._random
        for slot in deployment.running:
            if slot not in deployment.alive() and random.random() < (0.15 if not self._stopped else 0.8):
                deployment.start(slot)
        deployment.world.at(0.5, self._look_after_processes)

    def _rebalance(self) -> None:
        deployment, random = self._deployment, self._random
        self.number += 1
        draw = random.random()
        if draw < 0.4:
            deployment.world.tell("kafka", "moves a partition")
            deployment.group.move_one()
        elif draw < 0.7:
            deployment.start(str(len(deployment.running)))
        elif deployment.alive():
            deployment.stop(random.choice(deployment.alive()))

    def _restart_broker(self) -> None:
        deployment = self._deployment
        self.number += 1
        seconds = self._random.uniform(1, 8)
        deployment.world.tell("kafka", f"is away for {seconds:.1f} s")
        deployment.broker.down_until = deployment.world.now + seconds
        for told in deployment.broker.on_offsets_changed:
            deployment.world.at(seconds + 0.1, told)

    def _restart_database(self) -> None:
        self.number += 1
        seconds = self._random.uniform(0.1, 8)
        self._deployment.world.tell("postgres", f"restarts, away for {seconds:.1f} s")
        self._deployment.server.restart(seconds)
