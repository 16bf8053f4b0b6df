"""One case: a deployment under a stream of events, faults while it runs, and an audit of everything published."""

from __future__ import annotations

import contextlib
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import psycopg
from confluent_kafka import IsolationLevel, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

import audit
from ingest.errors import BrokerAway
from tests.faults import stream
from tests.faults.lane import Lane
from tests.faults.publishing import Publishing
from tests.faults.supervisor import Supervisor
from tests.integration.deployment import RAW_TOPICS, ROOT, Deployment, wait_until

SETTLED_WITHIN_S = 90.0
"""From the end of all faults until everything is decided and published, session and transaction time-outs included."""
_HALTED_FOR_GOOD_S = 4.0
_TOLD = 10
LOGS = ROOT / ".run" / "faults" / "logs"
"""Where the workers' logs of a case that broke a promise are kept."""

UNSTABLE = "its committed offset does not become stable"
READERS_WAIT = "readers of an output partition wait for a transaction that never ends"
TORN = frozenset({UNSTABLE, READERS_WAIT})
"""A broker that is killed while it ends a transaction may leave it open for ever on some of its partitions."""

_ROUNDS_OF_REPAIR = 3

T = TypeVar("T")


class Skip(Exception):
    """This machine cannot show the fault; the message says why."""


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
    skipped: str = ""
    """Why the case could not be run here."""
    seconds: float = 0.0


@dataclass
class Case:
    """What a kind of fault works with."""

    lane: Lane
    deployment: Deployment
    chance: random.Random
    supervisor: Supervisor
    result: Result
    shape: stream.Shape = field(default_factory=lambda: stream.Shape(300))
    seconds: float = 5.0
    """How long a stream takes at least."""
    streams: list[Publishing] = field(default_factory=list)
    others: int = 0
    """Raw events that a kind published by itself."""
    closing: ExitStack = field(default_factory=ExitStack)

    @property
    def total(self) -> int:
        """How many raw events there are, confirmed or not."""
        return sum(one.total for one in self.streams)

    @property
    def confirmed(self) -> int:
        """How many raw events the broker has confirmed."""
        return sum(one.confirmed for one in self.streams) + self.others

    def publish(self, shape: stream.Shape | None = None) -> None:
        """Begin another stream of events; of the case's own shape unless given."""
        servers = self.deployment.endpoints.kafka_bootstrap_servers
        one = Publishing(servers, stream.events(self.chance, shape or self.shape), self.seconds)
        self.streams.append(one)
        one.start()

    def wait_published(self) -> None:
        """Wait until every event is in the raw topics."""
        for one in self.streams:
            one.wait(60)

    def tell(self, what: str) -> None:
        """Add to the story."""
        self.result.story += f"{'; ' if self.result.story else ''}{what}"

    def strike(self, what: str) -> None:
        """Count a fault that this process causes."""
        self.result.faults += 1
        self.tell(what)

    def open(self, what: AbstractContextManager[T]) -> T:
        """Enter something that stays open until the case ends."""
        return self.closing.enter_context(what)

    def ordergate(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command as an operator does."""
        return subprocess.run(
            [sys.executable, "-m", "ingest.cli", *arguments],
            cwd=ROOT, env={**os.environ, **self.deployment.environment},
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip

    def audit(self) -> audit.Report:
        """The auditor over everything that was published."""
        deployment = self.deployment
        return audit.run(
            deployment.endpoints.kafka_bootstrap_servers,
            deployment.endpoints.schema_registry_url,
            raw_topics=RAW_TOPICS,
            database_url=deployment.database_url,
            group_id=deployment.group_id,
            most=10_000,
        )

    def pause(self, least: float, most: float) -> None:
        """Let the work go on for a while."""
        time.sleep(self.chance.uniform(least, most))

    def wait_decided(self, share: float, seconds: float = 90) -> None:
        """Wait until this share of the stream is decided: the faults meet a pipeline at work."""
        wanted = int(self.total * share)
        wait_until(lambda: self._decided() >= wanted, seconds, f"{wanted} events are decided")

    def settle(self, expected: frozenset[str] = frozenset()) -> dict[tuple[str, int], str]:
        """Wait until everything published is decided, all that is decided is published, and readers can see it.

        Comes back earlier with the partitions that stay halted, by cause, when every cause is an expected one.
        Raises AssertionError when it takes too long, or a partition halts for another cause.
        """
        self.wait_published()
        began = time.monotonic()
        halted: dict[tuple[str, int], str] = {}
        halted_since = began
        while not self.is_settled():
            now = time.monotonic()
            before, halted = halted, self.supervisor.halted()
            if halted != before or not halted:
                halted_since = now
            if halted and now - halted_since > _HALTED_FOR_GOOD_S and expected.issuperset(halted.values()):
                return halted
            if now - began > SETTLED_WITHIN_S:
                self.deployment.state()  # each worker writes where it is to its log
                told = f"{self._decided()} of {self.confirmed} events decided; halted: {halted}; {self._places()}"
                raise AssertionError(f"not settled within {SETTLED_WITHIN_S:.0f} s: {told}")
            time.sleep(0.2)
        return {}

    def _places(self) -> str:
        """Where each raw partition stands: what is decided, what a reader can get, and what the log has."""
        rows = self.deployment.rows("SELECT topic, partition, next_offset FROM positions")
        positions = {(topic, number): offset for topic, number, offset in rows}
        keys = [TopicPartition(topic, number) for topic in RAW_TOPICS for number in range(stream.PARTITIONS)]
        told = []
        with AdminClient({"bootstrap.servers": self.deployment.endpoints.kafka_bootstrap_servers}) as client:
            stable, all_of = (
                client.list_offsets({key: OffsetSpec.latest() for key in keys}, isolation_level=isolation)
                for isolation in (IsolationLevel.READ_COMMITTED, IsolationLevel.READ_UNCOMMITTED)
            )
            for key in keys:
                place, ends = (key.topic, key.partition), [of[key].result().offset for of in (stable, all_of)]
                told.append(f"{key.topic}/{key.partition} decided to {positions.get(place)}, ends {ends}")
        return "; ".join(told)

    def is_settled(self) -> bool:
        """Whether everything published is decided, all that is decided is published, and readers can see it."""
        if self._decided() < self.confirmed:
            return False
        try:
            return self.deployment.all_published() and not self.deployment.readers_held_up()
        except (KafkaException, BrokerAway):
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
    expected: frozenset[str] = frozenset()
    """Causes for which partitions may halt."""

    def arrange(self, case: Case) -> None:
        """Choose what differs from an ordinary case, before anything runs."""

    def begin(self, case: Case) -> None:
        """Start the workers."""
        for _ in range(case.chance.randint(1, 2)):
            case.supervisor.add()

    def strike(self, case: Case) -> None:
        """Let the faults strike while events arrive; comes back when they are over."""

    def judge(self, case: Case, report: audit.Report) -> None:
        """Judge what the audit found; a kind may promise more, or say exactly what is lost. Raises AssertionError."""
        case.result.violations += [f"{one.kind}: {one.sentence}" for one in report.violations[:_TOLD]]
        if (more := report.counted.total() - _TOLD) > 0:
            case.result.violations.append(f"and {more} more violations that the audit names")
        assert report.events == case.confirmed, f"{case.confirmed} events were published, {report.events} audited"

    def repair(self, case: Case, halted: dict[tuple[str, int], str]) -> None:
        """Do what an operator has to do about partitions that halted for an expected cause."""
        raise AssertionError(f"halted, and nobody repairs it: {halted}")


def run(kind: Kind, seed: int, lane: Lane) -> Result:
    """Run one case from its seed; never raises for what goes wrong in it."""
    lane.up()
    result = Result(kind.name, seed)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="ordergate-case-") as folder:
        try:
            with _case(kind, seed, lane, Path(folder), result) as case:
                _play(kind, case)
        except Skip as skip:
            result.skipped = str(skip)
        except Exception as error:  # noqa: BLE001 -- a case that breaks in any way is a result, and the next one runs
            where = "".join(traceback.format_tb(error.__traceback__, limit=-3)).replace(f"{ROOT}/", "")
            result.violations.append(f"{type(error).__name__}: {error}\n{where}")
        if result.violations:
            result.story += f"; logs in {_keep(Path(folder), kind, seed).relative_to(ROOT)}"
    result.seconds = round(time.monotonic() - began, 1)
    return result


def _keep(folder: Path, kind: Kind, seed: int) -> Path:
    """Keep the logs of a case that broke a promise."""
    kept = LOGS / f"{re.sub('[^A-Za-z]+', '-', kind.name)}-{seed}"
    shutil.rmtree(kept, ignore_errors=True)
    return Path(shutil.copytree(folder, kept))


def _play(kind: Kind, case: Case) -> None:
    kind.arrange(case)
    case.publish()
    kind.begin(case)
    kind.strike(case)
    for _ in range(_ROUNDS_OF_REPAIR):
        # A broker may tear two transactions, and the second shows when the first is repaired.
        if not (halted := case.settle(kind.expected)):
            break
        case.result.halts |= {f"{topic}/{partition}": cause for (topic, partition), cause in halted.items()}
        kind.repair(case, halted)
    else:
        case.settle()
    if unclean := case.supervisor.stop_all():
        case.result.violations.append(f"a worker did not end cleanly on SIGTERM: {unclean}")
    kind.judge(case, case.audit())


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
            case.closing.close()
            result.restarts = supervisor.restarts
            result.faults += len(struck := supervisor.struck())
            if struck:
                case.tell(", ".join(struck))
            if anew := sum(worker.text().count('"event": "read_anew"') for worker in deployment.workers):
                case.tell(f"{anew} partitions read anew")
            result.events = case.confirmed
            result.violations += [f"unexplained end of a worker: {one}" for one in supervisor.unexplained]
