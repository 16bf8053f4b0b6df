"""One deployment of Ordergate on the real stack, for one test: topics, database, workers, and an audit of all of it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from confluent_kafka import Consumer, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

import audit as auditor
from consumers.catalogue import CHANNELS
from deploy.local.stack import Endpoints
from ingest.assembly import retention_ranges
from ingest.database.migrate import migrate
from ingest.kafka_admin import KafkaAdmin
from ingest.settings import Settings
from producers.topics import ORDERS, OUTPUT_TOPICS
from schemas import registry
from schemas.codec import Codec

ROOT = Path(__file__).parents[2]
RAW_TOPICS = [channel.topic for channel in CHANNELS.values()]
TOPICS = RAW_TOPICS + [topic.name for topic in OUTPUT_TOPICS]


def header(message: Message, name: str) -> str:
    """A header's value as text."""
    return dict(message.headers() or [])[name].decode()


@dataclass
class Worker:
    """A worker in a process of its own, with its log in a file."""

    process: subprocess.Popen[bytes]
    log: Path

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()
        self.process.wait()

    def stop(self, within: float = 30) -> int:
        """SIGTERM; gives the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(within)

    def text(self) -> str:
        """All it has logged."""
        return self.log.read_text()


@dataclass
class Deployment:
    """Everything a test needs of one deployment."""

    endpoints: Endpoints
    database_url: str
    folder: Path
    group_id: str
    settings: dict[str, str] = field(default_factory=dict)
    workers: list[Worker] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        """The environment of its processes."""
        return {
            "KAFKA_BOOTSTRAP_SERVERS": self.endpoints.kafka_bootstrap_servers,
            "DATABASE_URL": self.database_url,
            "SCHEMA_REGISTRY_URL": self.endpoints.schema_registry_url,
            "ORDERGATE_GROUP_ID": self.group_id,
            "ORDERGATE_CONTACT_HASH_KEY": "a key of tests, long enough for SHA-256",
            "ORDERGATE_HTTP_PORT": "0",
            "ORDERGATE_LOG_FORMAT": "json",
            **self.settings,
        }

    def prepare(self, partitions: int = 3) -> None:
        """Fresh topics, tables and schemas."""
        client = AdminClient({"bootstrap.servers": self.endpoints.kafka_bootstrap_servers})
        admin = KafkaAdmin(self.endpoints.kafka_bootstrap_servers)
        existing = list(admin.existing(TOPICS))
        if existing:
            for future in client.delete_topics(existing).values():
                future.result()
            wait_until(lambda: not admin.existing(TOPICS), 20, "topics are gone")
        admin.create(list(CHANNELS.values()), partitions, admin.replication())
        registry.register(self.endpoints.schema_registry_url)
        with self.environ():
            migrate(self.database_url, retention_ranges(Settings.load()))

    @contextlib.contextmanager
    def environ(self) -> Iterator[None]:
        """This deployment's environment in this process."""
        before = dict(os.environ)
        os.environ.update(self.environment)
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)

    def publish(self, records: Iterable[object]) -> list[tuple[str, int, int]]:
        """Publish raw records (topic, key, value, headers, timestamp_ms[, partition]); gives their positions."""
        producer = Producer(
            {
                "bootstrap.servers": self.endpoints.kafka_bootstrap_servers,
                "message.max.bytes": 12 * 1024 * 1024,
                "linger.ms": 5,
                "enable.idempotence": True,
            }
        )
        delivered: list[tuple[str, int, int]] = []

        def on_delivery(error: object, message: Message) -> None:
            assert error is None, error
            delivered.append((message.topic(), message.partition(), message.offset()))  # type: ignore[arg-type]  # delivered, so it has a place

        for record in records:
            options = {}
            if getattr(record, "partition", None) is not None:
                options["partition"] = record.partition  # type: ignore[attr-defined]  # any kind of record
            while True:
                try:
                    producer.produce(
                        record.topic, record.value, record.key, headers=record.headers,  # type: ignore[attr-defined]  # any kind of record
                        timestamp=record.timestamp_ms, on_delivery=on_delivery, **options,  # type: ignore[attr-defined]  # any kind of record
                    )  # fmt: skip
                    break
                except BufferError:
                    producer.poll(0.1)
            producer.poll(0)
        assert producer.flush(30) == 0
        return delivered

    def start(self, *arguments: str, **settings: str) -> Worker:
        """Start a worker; `arguments` as tests/integration/worker_process.py takes them."""
        log = self.folder / f"worker-{len(self.workers)}.log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.integration.worker_process", *arguments],
                cwd=ROOT, env={**os.environ, **self.environment, **settings}, stdout=out, stderr=out,
            )  # fmt: skip
        worker = Worker(process, log)
        self.workers.append(worker)
        return worker

    def close(self) -> None:
        """Stop every worker that still runs."""
        for worker in self.workers:
            if worker.process.poll() is None:
                worker.process.send_signal(signal.SIGCONT)
                try:
                    worker.stop(15)
                except subprocess.TimeoutExpired:
                    worker.kill()

    def rows(self, statement: str, *parameters: object) -> list[tuple]:
        """Rows of a query on the deployment's database."""
        with psycopg.connect(self.database_url) as connection:
            return connection.execute(statement, parameters).fetchall()

    def rows_written(self, statement: str) -> None:
        """Change the deployment's database by hand."""
        with psycopg.connect(self.database_url) as connection:
            connection.execute(statement)

    def decided(self) -> int:
        """How many raw events have an outcome."""
        return self.rows("SELECT count(*) FROM outcomes")[0][0]

    def wait_decided(self, events: int, seconds: float = 60) -> None:
        """Wait until so many raw events have an outcome and all of it is published."""
        wait_until(lambda: self.decided() >= events, seconds, f"{events} events are decided", self.state)
        wait_until(self.all_published, 40, "all decided is published", self.state)

    def all_published(self) -> bool:
        """Whether the group has a receipt for the newest journal row of every partition."""
        positions = self.rows("SELECT topic, partition, next_offset, sequence FROM positions")
        receipts = self.receipts(10)
        return all(receipts.get((t, p)) == (offset, f"ordergate:{seq}") for t, p, offset, seq in positions)

    def readers_held_up(self) -> bool:
        """Whether readers of an output partition wait for a transaction. Raises BrokerAway."""
        with KafkaAdmin(self.endpoints.kafka_bootstrap_servers) as admin:
            return bool(admin.held_up([topic.name for topic in OUTPUT_TOPICS]))

    def receipts(self, within: float = 30) -> dict[tuple[str, int], tuple[int, str]]:
        """What the group has committed: offset and metadata by partition, stable ones only.

        Raises KafkaException when one does not become stable within so many seconds.
        """
        consumer = Consumer(
            {
                "bootstrap.servers": self.endpoints.kafka_bootstrap_servers,
                "group.id": self.group_id,
                "isolation.level": "read_committed",
            }
        )
        try:
            keys = [(t, p) for t, p in self.rows("SELECT topic, partition FROM positions")]
            committed = consumer.committed([TopicPartition(*key) for key in keys], timeout=within)
            return {(tp.topic, tp.partition): (tp.offset, tp.metadata or "") for tp in committed}
        finally:
            consumer.close()

    def state(self) -> str:
        """For a failure's message: positions, and the ends of the logs with what each worker was doing."""
        positions = "\n".join(
            map(str, self.rows("SELECT topic, partition, epoch, next_offset, sequence, released FROM positions"))
        )
        for worker in self.workers:
            if worker.process.poll() is None:
                worker.process.send_signal(signal.SIGUSR1)
        time.sleep(0.5)
        logs = "\n".join(f"--- {w.log.name}\n{w.text()[-3000:]}" for w in self.workers)
        return f"decided {self.decided()}\n{positions}\n{logs}"

    def read(self, *topics: str) -> dict[str, list[Message]]:
        """Every committed record of some topics, each in partition order."""
        consumer = Consumer(
            {
                "bootstrap.servers": self.endpoints.kafka_bootstrap_servers,
                "group.id": f"{self.group_id}-reader",
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "fetch.queue.backoff.ms": 10,
                "fetch.wait.max.ms": 50,
                "enable.partition.eof": True,
                "fetch.message.max.bytes": 16 * 1024 * 1024,
            }
        )
        try:
            known = consumer.list_topics(timeout=10).topics
            found: dict[tuple[str, int], list[Message]] = {
                (topic, number): [] for topic in topics for number in sorted(known[topic].partitions)
            }
            consumer.assign([TopicPartition(*key, 0) for key in found])
            ended: set[tuple[str, int]] = set()
            deadline = time.monotonic() + 60
            while len(ended) < len(found):
                assert time.monotonic() < deadline, f"{topics} cannot be read to their end"
                for message in consumer.consume(1000, 0.1):
                    key = (message.topic(), message.partition())
                    if message.error() is not None:
                        ended.add(key)  # type: ignore[arg-type]  # no event of the whole client
                    else:
                        found[key].append(message)  # type: ignore[index]  # a record has a place
            return {
                topic: [m for (name, _), messages in found.items() if name == topic for m in messages]
                for topic in topics
            }
        finally:
            consumer.close()

    def codec(self) -> Codec:
        """A codec with the registry's ids."""
        return Codec(registry.resolve_ids(self.endpoints.schema_registry_url))


def audit(deployment: Deployment) -> dict[str, list[Message]]:
    """Check the promises from outside, on everything: every raw event is decided, and nothing published is wrong.

    Gives the output records by topic.
    """
    report = auditor.run(
        deployment.endpoints.kafka_bootstrap_servers,
        deployment.endpoints.schema_registry_url,
        raw_topics=RAW_TOPICS,
        database_url=deployment.database_url,
        group_id=deployment.group_id,
    )
    assert report.clean, "\n".join([str(dict(report.counted)), *(one.sentence for one in report.violations)])
    read = deployment.read(*TOPICS)
    assert sum(report.outcomes.values()) == sum(len(read[topic]) for topic in RAW_TOPICS), "every raw event is decided"
    codec = deployment.codec()
    published: dict[str, int] = {}
    for message in read[ORDERS.name]:
        _, order = codec.decode(message.value())  # type: ignore[arg-type]  # no tombstones there
        published[order["order_id"]] = order["canonical_version"]
    stored = dict(deployment.rows("SELECT order_id::text, canonical_version FROM orders"))
    assert stored == published, "the database has what was published"
    return {topic.name: read[topic.name] for topic in OUTPUT_TOPICS}


def halted(log: str) -> dict[tuple[str, int], str]:
    """Raw partitions that a worker holds halted, and output partitions whose readers it tells to wait, by cause."""
    found: dict[tuple[str, int], str] = {}
    for line in log.splitlines():
        if '"partition_' not in line and '"readers_' not in line:
            continue
        told = json.loads(line)
        if told["event"] in ("partition_halted", "readers_wait"):
            found[told["topic"], told["partition"]] = told["cause"]
        elif told["event"] in ("partition_recovered", "readers_go_on"):
            found.pop((told["topic"], told["partition"]), None)
    return found


def wait_until(condition, seconds: float, what: str, state=lambda: "") -> None:
    """Wait for a condition; fail with what it was when it does not come true."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}\n{state()}")
        time.sleep(0.1)
