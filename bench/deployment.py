"""Where a benchmark runs: a stack of its own, fresh, and gone afterwards; topics, databases, processes."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import psycopg
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]  # as in ingest.kafka_admin
from psycopg import sql

from bench import ROOT
from consumers.catalogue import CHANNELS
from deploy.local.locking import exclusive
from deploy.local.report import Report
from deploy.local.stack import Endpoints, Profile, Stack
from ingest.assembly import retention_ranges
from ingest.database import output_ends
from ingest.database.connection import connect
from ingest.database.migrate import migrate
from ingest.kafka_admin import RAW_CONFIG, KafkaAdmin
from ingest.settings import PREFIX, Settings
from producers.topics import OUTPUT_TOPICS
from schemas import registry

RAW_TOPICS = tuple(channel.topic for channel in CHANNELS.values())
OUTPUTS = tuple(topic.name for topic in OUTPUT_TOPICS)
COPIES = {name: f"bench.copy.{name}" for name in OUTPUTS}
PARTITIONS = 4

_START_S = 60.0
_OTHERS_S = 1800.0


class ProcessFailed(Exception):
    """A process of the benchmark ended early or not in time. The message has the end of its log."""

    def __init__(self, name: str, what: str, log: Path) -> None:
        super().__init__(f"{name} {what}; the end of its log:\n{log.read_text()[-3000:]}")


@dataclass(frozen=True, slots=True)
class Child:
    """A process of the benchmark."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    ready: Path
    result: Path

    def wait_ready(self) -> None:
        """Wait until it says that it is at work."""
        deadline = time.monotonic() + _START_S
        while not self.ready.exists():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise ProcessFailed(self.name, "did not start", self.log)
            time.sleep(0.05)

    def must_run(self) -> None:
        """Raises ProcessFailed when it has ended."""
        if self.process.poll() is not None:
            raise ProcessFailed(self.name, f"ended with code {self.process.returncode}", self.log)

    def wait(self, seconds: float, meanwhile: Callable[[], None] = lambda: None) -> Any:
        """Wait for its end, calling `meanwhile` once a second; gives its result."""
        deadline = time.monotonic() + seconds
        while True:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(1)
                break
            if time.monotonic() > deadline:
                raise ProcessFailed(self.name, f"did not end within {seconds:.0f} s", self.log)
            meanwhile()
        if self.process.returncode != 0:
            raise ProcessFailed(self.name, f"ended with code {self.process.returncode}", self.log)
        return json.loads(self.result.read_text())

    def stop(self) -> Any:
        """SIGTERM; gives its result."""
        self.process.send_signal(signal.SIGTERM)
        return self.wait(_START_S)


class Deployment:
    """Topics, databases and processes of one benchmark on one stack."""

    def __init__(self, endpoints: Endpoints, folder: Path) -> None:
        self.endpoints = endpoints
        self.servers = endpoints.kafka_bootstrap_servers
        self._folder = folder
        self._client = AdminClient({"bootstrap.servers": self.servers})
        self._children: list[Child] = []
        registry.register(endpoints.schema_registry_url)

    def fresh_topics(self, *groups: Iterable[str], raw_partitions: int = PARTITIONS) -> None:
        """Delete these topics and create every topic that is missing: raw, output and copied ones."""
        stale = [name for group in groups for name in group if name in self._topics()]
        if stale:
            for future in self._client.delete_topics(stale).values():
                future.result()
            deadline = time.monotonic() + _START_S
            while self._topics().intersection(stale):
                if time.monotonic() > deadline:
                    raise TimeoutError(f"topics are not gone after {_START_S:.0f} s: {', '.join(stale)}")
                time.sleep(0.1)
        existing = self._topics()
        configs = dict.fromkeys(RAW_TOPICS, RAW_CONFIG)
        configs |= {topic.name: topic.config() for topic in OUTPUT_TOPICS}
        configs |= {COPIES[topic.name]: topic.config() for topic in OUTPUT_TOPICS}
        missing = [
            NewTopic(name, raw_partitions if name in RAW_TOPICS else PARTITIONS, 1, config=config)
            for name, config in configs.items()
            if name not in existing
        ]
        if missing:
            for future in self._client.create_topics(missing).values():
                future.result()

    def fresh_database(self, name: str) -> str:
        """An empty database with Ordergate's tables; its URL. It knows that others write to the output topics, too."""
        server = self.endpoints.database_url
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        head, mark, query = server.partition("?")
        url = f"{head.rpartition('/')[0]}/{name}{mark}{query}"
        migrate(url, retention_ranges(self._settings(url, name)))
        with KafkaAdmin(self.servers) as admin, contextlib.closing(connect(url)) as connection:
            output_ends.replace(connection, admin.ends(list(OUTPUTS)))
        return url

    def start(
        self,
        module: str,
        name: str,
        *arguments: str,
        database_url: str = "",
        group: str = "",
        settings: Mapping[str, str] = MappingProxyType({}),
    ) -> Child:
        """Start one of this package's processes.

        With a database it is a worker, in that group or else in one of its own name; `settings` are environment
        variables that differ from the defaults.
        """
        log, ready, result = (self._folder / f"{name}.{kind}" for kind in ("log", "ready", "result.json"))
        ready.unlink(missing_ok=True)
        result.unlink(missing_ok=True)
        command = [sys.executable, "-m", f"bench.{module}", *arguments, "--result", str(result)]
        if module != "raw_loop":
            command += ["--ready", str(ready)]
        environment = {key: value for key, value in os.environ.items() if not key.startswith(PREFIX)}
        if database_url:
            environment |= self._environment(database_url, group or name) | dict(settings)
        with log.open("wb") as out:
            process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=out, stderr=out)  # noqa: S603 -- our own modules
        child = Child(name, process, log, ready, result)
        self._children.append(child)
        return child

    def close(self) -> None:
        """End every process that still runs, and let the broker go before it stops."""
        del self._client
        for child in self._children:
            if child.process.poll() is None:
                child.process.kill()
                child.process.wait()

    def settings(self) -> Settings:
        """The settings of a worker here: the defaults, but for addresses and key."""
        return self._settings(self.endpoints.database_url, "bench")

    def _settings(self, database_url: str, group_id: str) -> Settings:
        given = self._environment(database_url, group_id)
        return Settings.load(**{name.removeprefix(PREFIX).lower(): value for name, value in given.items()})

    def _environment(self, database_url: str, group_id: str) -> dict[str, str]:
        return {
            "KAFKA_BOOTSTRAP_SERVERS": self.servers,
            "DATABASE_URL": database_url,
            "SCHEMA_REGISTRY_URL": self.endpoints.schema_registry_url,
            f"{PREFIX}GROUP_ID": group_id,
            f"{PREFIX}CONTACT_HASH_KEY": "a key of benchmarks, long enough for SHA-256",
            f"{PREFIX}HTTP_PORT": "0",
            f"{PREFIX}LOG_FORMAT": "json",
        }

    def _topics(self) -> set[str]:
        return set(self._client.list_topics(timeout=_START_S).topics)


@contextmanager
def fresh_deployment(report: Report) -> Iterator[Deployment]:
    """A new stack under `.run/bench`, tuned for throughput; nothing of it stays. One benchmark at a time."""
    runs = ROOT / ".run"

    def waiting() -> None:
        report("waiting for another benchmark in this checkout")

    with exclusive(runs / "bench.lock", seconds=_OTHERS_S, waiting=waiting):
        stack = Stack(runs / "bench", profile=Profile.THROUGHPUT, environment={})
        stack.forget()
        shutil.rmtree(runs / "bench-work", ignore_errors=True)
        (runs / "bench-work").mkdir(parents=True)
        try:
            deployment = Deployment(stack.up(report), runs / "bench-work")
            try:
                yield deployment
            finally:
                deployment.close()
        finally:
            stack.forget()
            shutil.rmtree(runs / "bench", ignore_errors=True)
            shutil.rmtree(runs / "bench-work", ignore_errors=True)
