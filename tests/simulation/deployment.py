"""Worker processes, wired as in production, in a simulated world."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import cache, partial
from typing import Any

from consumers.catalogue import CHANNELS
from ingest import assembly
from ingest.database.connection import Database
from ingest.errors import PartitionHalted
from ingest.settings import Settings
from ingest.telemetry.health import Health
from ingest.telemetry.metrics import Metrics
from ingest.worker.garbage import GarbageCollection
from ingest.worker.loop import Worker
from ingest.worker.partition import Phase
from ingest.worker.watchdog import Watchdog
from producers.topics import OUTPUT_TOPICS
from schemas.catalogue import RECORD_TYPES
from schemas.codec import Codec
from tests.simulation.broker import Broker, TopicPartitionKey, epoch_ends, topic_id
from tests.simulation.consumer import SimulatedConsumer
from tests.simulation.database import Server
from tests.simulation.database_client import DatabaseConnection
from tests.simulation.group import Group
from tests.simulation.kafka_link import Link
from tests.simulation.producer import SimulatedProducer
from tests.simulation.statements import START
from tests.simulation.weather import Weather
from tests.simulation.world import Process, World

START_US = int(START.timestamp() * 1_000_000)


class SimulatedTime:
    """Time as a process sees it."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._world = process.world
        self._last = 0.0

    def now(self) -> int:
        return START_US + int(self._world.now * 1_000_000)

    def monotonic(self) -> float:
        """Between two looks at the clock some time passes, however little a computation takes."""
        self._last = max(self._last + 1e-6, self._world.now)
        return self._last

    def cpu(self) -> float:
        return 0.0

    def sleep(self, seconds: float) -> None:
        self._process.check()
        self._process.sleep(seconds)


class NoCollection(GarbageCollection):
    """All processes of a schedule share one interpreter: Python collects at its own times."""

    def start(self) -> None:
        pass

    turn = stop = start


@cache
def codec() -> Codec:
    return Codec({name: number for number, name in enumerate(RECORD_TYPES, 1)})


@cache
def settings(protocol: str, batch_size: int) -> Settings:
    return Settings.load(
        kafka_bootstrap_servers="localhost:9092", database_url="postgresql://simulated/ordergate",
        schema_registry_url="http://localhost:8081", group_protocol=protocol, batch_size=batch_size,
        contact_hash_key="a key of tests, long enough for SHA-256", poll_timeout_ms=1000, gather_ms=0,
        park_deadline=timedelta(seconds=8),
    )  # fmt: skip


class Deployment:
    """Kafka, PostgreSQL and the workers of one schedule."""

    def __init__(self, world: World, weather: Weather, protocol: str, batch_size: int, topics: dict[str, int]) -> None:
        """`topics`: partitions of each raw topic."""
        self.world = world
        self.weather = weather
        self.settings = settings(protocol, batch_size)
        self.broker = Broker(world, weather.latency)
        self.server = Server(world)
        for name, partitions in topics.items():
            self.broker.create_topic(name, partitions)
        for topic in OUTPUT_TOPICS:
            self.broker.create_topic(topic.name, 2)
        self.topics = list(topics)
        self.group = Group(world, self.broker, protocol, 6.0, self.settings.group_id)
        self.running: dict[str, tuple[Process, list[Worker]]] = {}
        self.halts: dict[TopicPartitionKey, PartitionHalted] = {}
        self.processes: list[Process] = []

    @property
    def keys(self) -> list[TopicPartitionKey]:
        """All raw partitions."""
        return [(name, n) for name in self.topics for n in range(len(self.broker.topics[name].partitions))]

    def start(self, slot: str) -> Process:
        """A worker process."""
        process = Process(
            self.world, f"worker-{slot}.{sum(1 for p in self.processes if p.name.startswith(f'worker-{slot}.'))}"
        )
        workers: list[Worker] = []

        def main() -> None:
            worker = self._assemble(process, slot)
            workers.append(worker)
            process.worker, process.deployment = worker, self
            worker.run()

        self.processes.append(process)
        self.running[slot] = process, workers
        self.world.tell(process.name, "starts")
        process.start(main)
        return process

    def stop(self, slot: str) -> None:
        """SIGTERM."""
        process, workers = self.running[slot]
        if workers and process.alive:
            self.world.tell(process.name, "is asked to stop")
            workers[0].stop()

    def alive(self) -> list[str]:
        """Slots whose process runs."""
        return [slot for slot, (process, _) in self.running.items() if process.alive]

    def blocked(self) -> dict[TopicPartitionKey, TopicPartitionKey]:
        """Partitions that wait for another one's publishing, with that one."""
        return {
            partition.key: (partition.waits_for.topic, partition.waits_for.partition)
            for process, workers in self.running.values()
            if process.alive
            for worker in workers
            for partition in worker._ownership
            if partition.waits_for is not None
        }

    def halted(self) -> dict[TopicPartitionKey, PartitionHalted]:
        """Partitions that are halted now, with their explanations."""
        return {
            partition.key: partition.halt
            for process, workers in self.running.values()
            if process.alive
            for worker in workers
            for partition in worker._ownership
            if partition.phase is Phase.HALTED and partition.halt is not None
        }

    def drop(self) -> None:
        """Unwind what still hangs."""
        self.world.over = True
        for process in self.processes:
            process.drop()

    def _assemble(self, process: Process, slot: str) -> Worker:
        time = SimulatedTime(process)
        watchdog = Watchdog(self.settings.kafka_call_deadline_s, time.monotonic, lambda _call: process.kill())

        def hang() -> None:
            while not watchdog.look():
                process.sleep(5.0)

        def link(config: dict[str, Any]) -> Link:
            return Link(process, self.broker, self.weather, config.get("retry.backoff.ms", 100) / 1000, hang)

        open_connection: Callable[[str], Any] = lambda _url: DatabaseConnection(process, self.server, self.weather)  # noqa: E731
        clients = assembly.Clients(
            lambda config: SimulatedConsumer(link(config), self.group, config),  # type: ignore[arg-type, return-value]  # the part of it that is used
            lambda config: SimulatedProducer(link(config), config),  # type: ignore[arg-type, return-value]  # the part of it that is used
            Database(self.settings.database_url.get_secret_value(), open_connection),
            partial(topic_id, self.broker),
            partial(epoch_ends, self.broker),
        )
        channels = [channel for channel in CHANNELS.values() if channel.topic in self.topics]
        return assembly.assemble(
            self.settings, channels, slot, codec(), clients, watchdog, Metrics(), Health(60, time.monotonic), time,
            NoCollection(),
        )  # fmt: skip
