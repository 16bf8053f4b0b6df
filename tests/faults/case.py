"""One case: a deployment under a stream of events, faults while it runs, and an audit of everything published."""

from __future__ import annotations

import contextlib
import random
import tempfile
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from confluent_kafka import KafkaException

from tests.faults import stream
from tests.faults.lane import Lane
from tests.faults.publishing import Publishing
from tests.faults.supervisor import Supervisor
from tests.integration.deployment import Deployment, audit, wait_until

SETTLED_WITHIN_S = 75.0
"""From the end of all faults until everything is decided and published, session and transaction time-outs included."""


@dataclass
class Result:
    """What became of one case."""

    kind: str
    seed: int
    story: str = ""
    """The parameters that the seed chose, and what happened, in words."""
    faults: int = 0
    events: int = 0
    restarts: int = 0
    halts: dict[str, str] = field(default_factory=dict)
    violations: list[str] = field(default_factory=list)
    seconds: float = 0.0


@dataclass
class Case:
    """What a kind of fault works with."""

    lane: Lane
    deployment: Deployment
    chance: random.Random
    supervisor: Supervisor
    result: Result
    events: int = 300
    seconds: float = 5.0
    """How long the stream takes at least."""
    hot: float = 0.0
    publishing: Publishing = field(init=False)

    def tell(self, what: str) -> None:
        """Add to the story."""
        self.result.story += f"{'; ' if self.result.story else ''}{what}"

    def strike(self, what: str) -> None:
        """Count a fault that this process causes."""
        self.result.faults += 1
        self.tell(what)

    def pause(self, least: float, most: float) -> None:
        """Let the work go on for a while."""
        time.sleep(self.chance.uniform(least, most))

    def wait_decided(self, share: float, seconds: float = 40) -> None:
        """Wait until this share of the stream is decided: the faults meet a pipeline at work."""
        wanted = int(self.publishing.total * share)
        wait_until(lambda: self._decided() >= wanted, seconds, f"{wanted} events are decided", self.deployment.state)

    def settle(self) -> None:
        """Wait until everything published is decided and all that is decided is published. Raises AssertionError."""
        self.publishing.wait(60)
        began = time.monotonic()
        while not self._is_settled():
            if time.monotonic() - began > SETTLED_WITHIN_S:
                halted = self.supervisor.halted()
                raise AssertionError(
                    f"not settled within {SETTLED_WITHIN_S:.0f} s; halted: {halted}\n{self.deployment.state()}"
                )
            time.sleep(0.2)

    def _is_settled(self) -> bool:
        if self._decided() < self.publishing.confirmed:
            return False
        try:
            return self.deployment.all_published()
        except KafkaException:
            return False  # an offset is not stable yet

    def _decided(self) -> int:
        """Raw events with an outcome; -1 while nobody answers."""
        try:
            return self.deployment.decided()
        except psycopg.OperationalError:
            return -1


class Kind:
    """A kind of fault; a seed chooses its parameters. Subclasses say what is arranged and what strikes when."""

    name: str

    def arrange(self, case: Case) -> None:
        """Choose what differs from an ordinary case, before anything runs."""

    def begin(self, case: Case) -> None:
        """Start the workers."""
        for _ in range(case.chance.randint(1, 2)):
            case.supervisor.add()

    def strike(self, case: Case) -> None:
        """Let the faults strike while events arrive; comes back when they are over."""

    def repair(self, case: Case) -> None:
        """Do what an operator has to do, before everything must settle."""


def run(kind: Kind, seed: int, lane: Lane) -> Result:
    """Run one case from its seed; never raises for what goes wrong in it."""
    lane.up()
    result = Result(kind.name, seed)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="ordergate-case-") as folder:
        try:
            with _case(kind, seed, lane, Path(folder), result) as case:
                _play(kind, case)
        except Exception as error:  # noqa: BLE001 -- a case that breaks in any way is a result, and the next one runs
            result.violations.append(f"{type(error).__name__}: {error}\n{traceback.format_exc(limit=-3)}")
    result.seconds = round(time.monotonic() - began, 1)
    return result


def _play(kind: Kind, case: Case) -> None:
    kind.arrange(case)
    case.publishing = Publishing(
        case.deployment.endpoints.kafka_bootstrap_servers,
        stream.events(case.chance, case.events, case.hot),
        case.seconds,
    )
    case.publishing.start()
    kind.begin(case)
    kind.strike(case)
    kind.repair(case)
    case.settle()
    if unclean := case.supervisor.stop_all():
        case.result.violations.append(f"a worker did not end cleanly on SIGTERM: {unclean}")
    if case.deployment.decided() != case.publishing.confirmed:
        case.result.violations.append("raw events have more outcomes than were published")
    audit(case.deployment)


@contextlib.contextmanager
def _case(kind: Kind, seed: int, lane: Lane, folder: Path, result: Result) -> Iterator[Case]:
    chance = random.Random(f"{kind.name} {seed}")
    with lane.deployment(folder) as deployment:
        deployment.settings["ORDERGATE_BATCH_SIZE"] = str(chance.choice((10, 20, 40, 80)))
        deployment.settings["ORDERGATE_GROUP_PROTOCOL"] = chance.choice(("consumer", "classic"))
        supervisor = Supervisor(deployment, chance)
        case = Case(lane, deployment, chance, supervisor, result)
        case.tell("batches of {ORDERGATE_BATCH_SIZE}, {ORDERGATE_GROUP_PROTOCOL} group".format(**deployment.settings))
        try:
            yield case
        finally:
            supervisor.end()
            result.restarts = supervisor.restarts
            result.faults += len(struck := supervisor.struck())
            if struck:
                case.tell(", ".join(struck))
            result.events = case.publishing.confirmed
            result.violations += [f"unexplained end of a worker: {one}" for one in supervisor.unexplained]
