"""One candidate at work in a process of its own, and its progress as anybody sees it: the group's committed offsets.

Nothing is asked of the process itself: the same yardstick for every framework.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from bench import ROOT
from bench.deployment import PARTITIONS, Deployment
from bench.peers.candidates import Candidate
from bench.peers.orders import RAW
from producers.topics import ORDERS

_LOOK_S = 0.05
_END_S = 30.0


class Stalled(Exception):
    """A candidate made no progress for too long. The message has the end of its log."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What was seen of a candidate at one moment (seconds, monotonic)."""

    at: float
    committed: int
    """Raw events whose offsets the group has committed."""
    cpu: float
    """CPU seconds of the process by then, all threads."""
    peak_mib: float
    """Its greatest resident memory so far."""


class Running:
    """A process, and the group that it works in."""

    def __init__(
        self, process: subprocess.Popen[bytes], log: Path, group: str, servers: str, result: Path | None
    ) -> None:
        """`result`: what Ordergate's worker writes at its end; peers write nothing."""
        self.process = process
        self.log = log
        self.group = group
        self.result = result
        self._watched = psutil.Process(process.pid)
        self._admin = AdminClient({"bootstrap.servers": servers})

    def sample(self) -> Sample:
        """Look once. A process that has ended is seen as it was last."""
        committed = self.committed()
        cpu = peak = 0.0
        with contextlib.suppress(psutil.NoSuchProcess):
            times = self._watched.cpu_times()
            cpu = times.user + times.system
        with contextlib.suppress(OSError):
            status = Path(f"/proc/{self.process.pid}/status").read_text()
            peak = next((int(line.split()[1]) / 1024 for line in status.splitlines() if line[:6] == "VmHWM:"), 0.0)
        return Sample(time.monotonic(), committed, cpu, peak)

    def committed(self) -> int:
        """Raw events below the group's committed offsets; 0 while the group is not there yet."""
        wanted = ConsumerGroupTopicPartitions(self.group, [TopicPartition(RAW, number) for number in range(PARTITIONS)])
        try:
            answer = self._admin.list_consumer_group_offsets([wanted])[self.group].result()
        except KafkaException:
            return 0
        return sum(max(partition.offset, 0) for partition in answer.topic_partitions)

    def watch(self, events: int, seconds: float) -> list[Sample]:
        """Look until so many raw events are committed. Raises Stalled."""
        samples = [self.sample()]
        moved = time.monotonic()
        while samples[-1].committed < events:
            if self.process.poll() is not None:
                raise Stalled(f"it ended with code {self.process.returncode}; {self.last_words()}")
            if time.monotonic() - moved > seconds:
                raise Stalled(
                    f"nothing committed for {seconds:.0f} s at {samples[-1].committed:,}; {self.last_words()}"
                )
            time.sleep(_LOOK_S)
            samples.append(self.sample())
            if samples[-1].committed > samples[-2].committed:
                moved = time.monotonic()
        return samples

    def last_words(self) -> str:
        """The end of its log."""
        return f"the end of its log:\n{self.log.read_text(errors='replace')[-2000:]}"

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """SIGTERM, and what it takes."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(_END_S)
            except subprocess.TimeoutExpired:
                self.kill()


class Starter:
    """Starts candidates on one deployment."""

    def __init__(self, deployment: Deployment, pythons: Mapping[str, str], folder: Path) -> None:
        """`pythons`: the interpreter of each candidate by name."""
        self.deployment = deployment
        self._pythons = pythons
        self._folder = folder
        self._started: list[Running] = []

    @contextmanager
    def running(self, candidate: Candidate, group: str, extra: Mapping[str, str]) -> Iterator[Running]:
        """A candidate that is stopped at the end of the block."""
        database_url = "" if candidate.module else self.deployment.fresh_database(group.replace("-", "_"))
        one = self.start(candidate, group, extra, database_url)
        try:
            yield one
        finally:
            one.stop()

    def start(self, candidate: Candidate, group: str, extra: Mapping[str, str], database_url: str = "") -> Running:
        """Start a candidate; `extra` goes over its own options. Whoever starts it stops it."""
        options = {**candidate.options, **extra}
        result: Path | None
        if not candidate.module:
            child = self.deployment.start(
                "worker_process", group, database_url=database_url, group=group,
                settings={"ORDERGATE_CHANNELS": "shopify", **options},
            )  # fmt: skip
            process, log, result = child.process, child.log, child.result
        else:
            result = None
            log = self._folder / f"{group}.log"
            process = self._peer(candidate, group, options, log)
        one = Running(process, log, group, self.deployment.servers, result)
        self._started.append(one)
        return one

    def close(self) -> None:
        """End whatever still runs."""
        for one in self._started:
            if one.process.poll() is None:
                one.kill()

    def _peer(self, candidate: Candidate, group: str, options: Mapping[str, str], log: Path) -> subprocess.Popen[bytes]:
        command = [
            self._pythons[candidate.name], "-m", f"bench.peers.{candidate.module}",
            "--servers", self.deployment.servers, "--registry", self.deployment.endpoints.schema_registry_url,
            "--source", RAW, "--target", ORDERS.name, "--group", group,
        ]  # fmt: skip
        for name, value in options.items():
            command += ["--option", f"{name}={value}"]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        with log.open("ab") as out:
            return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=out, stderr=out)  # noqa: S603 -- our own modules
