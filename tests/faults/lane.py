"""A lane: a stack of its own, whose servers a case may stop, kill and cut off, and one deployment on it at a time."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import psycopg
from confluent_kafka.admin import AdminClient, NewTopic
from psycopg import sql

from deploy.local.ports import HOST, Ports
from deploy.local.stack import Endpoints, Stack
from ingest.kafka_admin import RAW_CONFIG, KafkaAdmin
from producers.topics import OUTPUT_TOPICS
from tests.faults.proxy import Proxy
from tests.faults.stream import PARTITIONS
from tests.faults.wire import KafkaWire, PostgresWire
from tests.integration.deployment import RAW_TOPICS, TOPICS, Deployment, wait_until
from tests.stack import empty_database, remove_stack

# As quick as the broker allows: a case waits for its time-outs more than for anything else.
SESSION_MS = 3000
TRANSACTION_MS = 3000
_BROKER = {
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
    "group.min.session.timeout.ms": "1000",
    "group.consumer.min.session.timeout.ms": "1000",
    "group.consumer.session.timeout.ms": str(SESSION_MS),
    "group.consumer.min.heartbeat.interval.ms": "300",
    "group.consumer.heartbeat.interval.ms": "500",
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "500",
    # A second way in, which tells clients to come back through the proxy.
    "listeners": "PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller_port},PROXIED://{host}:%d",
    "advertised.listeners": "PLAINTEXT://{host}:{port},PROXIED://{host}:%d",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,PROXIED:PLAINTEXT",
}
_WORKERS = {
    "ORDERGATE_SESSION_TIMEOUT_MS": str(SESSION_MS),
    "ORDERGATE_TRANSACTION_TIMEOUT_MS": str(TRANSACTION_MS),
    "ORDERGATE_STABLE_OFFSET_DEADLINE_S": "13",
    "ORDERGATE_KAFKA_CALL_DEADLINE_S": "15",
}
_TEMPLATE = "faults_template"


class Lane:
    """One stack; `deployment` gives fresh topics, an empty database and a group of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ports = Ports(folder.with_suffix(".proxies"))
        behind, proxied = map(self._port, ("kafka-behind", "kafka-proxied"))
        settings = {
            **_BROKER,
            "listeners": _BROKER["listeners"] % behind,
            "advertised.listeners": _BROKER["advertised.listeners"] % proxied,
        }
        self.stack = Stack(folder, broker_settings=settings, environment={})
        self.endpoints: Endpoints | None = None

    def up(self) -> Endpoints:
        """Start what does not run."""
        self.endpoints = self.stack.up()
        return self.endpoints

    def _port(self, name: str) -> int:
        """Chosen once: the stack may be running already, and its own listeners are no strangers."""
        try:
            return self._ports.of(name)
        except KeyError:
            return self._ports.settle(name)[0]

    def proxy_to_kafka(self) -> tuple[Proxy, dict[str, str]]:
        """A proxy to the broker, not yet open, and the setting that leads a worker through it."""
        port = self._ports.of("kafka-proxied")
        proxy = Proxy(port, self._ports.of("kafka-behind"), KafkaWire)
        return proxy, {"KAFKA_BOOTSTRAP_SERVERS": f"{HOST}:{port}"}

    def proxy_to_postgres(self, database_url: str) -> tuple[Proxy, dict[str, str]]:
        """The same to PostgreSQL."""
        # Made sure of each time: another stack may have taken it while nobody listened there.
        port, target = self._ports.settle("postgres-proxied")[0], self.stack.postgres.port
        proxy = Proxy(port, target, PostgresWire)
        return proxy, {"DATABASE_URL": database_url.replace(f":{target}/", f":{port}/")}

    def remove(self) -> None:
        """Stop the stack and remove all of it."""
        remove_stack(self.folder)
        self.folder.with_suffix(".proxies").unlink(missing_ok=True)

    @contextmanager
    def deployment(self, folder: Path) -> Iterator[Deployment]:
        """A deployment for one case; its workers end with it, and its stack runs again."""
        endpoints = self.up()
        self._prepare_template(endpoints)
        name = f"case_{secrets.token_hex(4)}"
        self._fresh_topics(endpoints)
        with empty_database(endpoints.database_url, name, template=_TEMPLATE) as url:
            made = Deployment(endpoints, url, folder, name, dict(_WORKERS))
            try:
                yield made
            finally:
                made.close()
                self.up()

    def another_database(self, name: str) -> AbstractContextManager[str]:
        """A database with empty tables beside the deployment's: its URL."""
        return empty_database(self.up().database_url, name, template=_TEMPLATE)

    def _prepare_template(self, endpoints: Endpoints) -> None:
        """Migrate a database once; every case gets a copy of it."""
        with psycopg.connect(endpoints.database_url, autocommit=True) as connection:
            if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (_TEMPLATE,)).fetchone():
                return
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(_TEMPLATE)))
        url = re.sub(r"/[^/]*$", f"/{_TEMPLATE}", endpoints.database_url)
        Deployment(endpoints, url, self.folder, "template").prepare(PARTITIONS)

    def _fresh_topics(self, endpoints: Endpoints) -> None:
        wanted = [NewTopic(name, PARTITIONS, 1, config=RAW_CONFIG) for name in RAW_TOPICS]
        wanted += [NewTopic(topic.name, PARTITIONS, 1, config=topic.config()) for topic in OUTPUT_TOPICS]
        with (
            KafkaAdmin(endpoints.kafka_bootstrap_servers) as asking,
            AdminClient({"bootstrap.servers": endpoints.kafka_bootstrap_servers, "log_level": 0}) as client,
        ):
            existing = list(asking.existing(TOPICS))
            if existing:
                for future in client.delete_topics(existing).values():
                    future.result()
                wait_until(lambda: not asking.existing(TOPICS), 20, "topics are gone")
            for future in client.create_topics(wanted).values():
                future.result()
