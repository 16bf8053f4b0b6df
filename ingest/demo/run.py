"""The demo from an empty stack to a summary: the worker works while the events are being published."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from enum import Enum
from pathlib import Path
from types import FrameType
from typing import NoReturn

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from deploy.local.locking import exclusive
from deploy.local.stack import Stack, default_run_dir
from ingest.cli.deployment import environment_of, local_hash_key, reading
from ingest.cli.outcomes import Filter, totals
from ingest.cli.prepare import prepare
from ingest.cli.terminal import console, say
from ingest.demo.show import Progress, progress_display, show_failure, show_summary
from ingest.demo.stream import stream
from ingest.demo.summary import collect
from ingest.demo.worker_process import WorkerProcess
from ingest.settings import PREFIX, Settings, variable

_PUBLISHED_WITHIN_S = 8.0
"""How long publishing takes at least: a live stream that can be watched, not one load."""
_SIMULATED_MS = 800
"""What an event takes of the simulated time: the stream ends about now and never lies in the future."""
_LOOK_EVERY_S = 0.25
_NO_PROGRESS_S = 60.0
_WAIT_FOR_ANOTHER_S = 5.0


class Afterwards(Enum):
    """What becomes of the demo's stack."""

    STOP = "stop"
    KEEP_RUNNING = "keep running"


def demo_dir() -> Path:
    """The demo's own run directory, beside the local stack's."""
    return default_run_dir().with_name("demo")


def run(events: int, seed: int, afterwards: Afterwards) -> int:
    """Run the demo; 0 when every event has exactly one outcome and everything ended cleanly, else 1."""
    folder = demo_dir()
    began = time.monotonic()
    with (
        _ended_by_a_signal(),
        exclusive(
            folder.with_suffix(".lock"),
            seconds=_WAIT_FOR_ANOTHER_S,
            waiting=lambda: say("waiting for another demo in this checkout to end"),
        ),
        _fresh_stack(folder, afterwards) as (given, environment),
    ):
        worker = WorkerProcess(folder / "logs" / "worker.log", environment)
        with worker:
            progress = _stream_and_watch(given, worker, events, seed)
        summary = collect(given, progress)
    seconds = time.monotonic() - began
    if worker.exit_code != 0 or not summary.conserved:
        show_failure(console(), summary, worker)
        return 1
    show_summary(console(), summary, folder, seconds)
    return 0


@dataclass(slots=True)
class _Publisher:
    """Publishes the stream from a thread of its own, evenly."""

    servers: str
    events: int
    seed: int
    delivered: dict[str, int] = field(default_factory=dict)
    """Confirmed by the broker, by topic."""
    failed: str | None = None

    def start(self) -> None:
        threading.Thread(target=self._publish, name="publish", daemon=True).start()

    @property
    def done(self) -> int:
        return sum(self.delivered.values())

    def _publish(self) -> None:
        try:
            self._produce_all()
        except KafkaException as error:
            self.failed = error.args[0].str()

    def _produce_all(self) -> None:
        producer = Producer(
            {
                "bootstrap.servers": self.servers,
                "enable.idempotence": True,
                "linger.ms": 5,
                "compression.type": "lz4",
                "log_level": 0,
            }
        )
        began = time.monotonic()
        start = time.time_ns() // 1_000_000 - self.events * _SIMULATED_MS
        for number, record in enumerate(stream(self.seed, self.events, start)):
            early = number / self.events * _PUBLISHED_WITHIN_S - (time.monotonic() - began)
            if early > 0.02:
                producer.poll(early)
            while True:
                try:
                    producer.produce(
                        record.topic,
                        record.value,
                        record.key,
                        headers=list(record.headers),
                        timestamp=record.timestamp_ms,
                        on_delivery=self._delivered,
                    )
                    break
                except BufferError:
                    producer.poll(0.1)
            producer.poll(0)
        producer.flush()

    def _delivered(self, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self.failed = error.str()
            return
        topic = message.topic() or ""
        self.delivered[topic] = self.delivered.get(topic, 0) + 1


def _stream_and_watch(given: Settings, worker: WorkerProcess, events: int, seed: int) -> Progress:
    """Publish and watch until every event has its outcome, or until nothing moves any more."""
    publisher = _Publisher(given.kafka_bootstrap_servers, events, seed)
    publisher.start()
    progress = Progress(events)
    moved_at = time.monotonic()
    with progress_display(progress) as shown:
        while True:
            before = (progress.published, progress.decided)
            with reading(given) as connection:
                progress.outcomes = totals(connection, Filter())
            progress.published = publisher.done
            progress.published_by_topic = dict(publisher.delivered)
            shown.refresh()
            now = time.monotonic()
            if (progress.published, progress.decided) != before:
                moved_at = now
            elif now - moved_at > _NO_PROGRESS_S:
                progress.trouble = f"nothing has moved for {_NO_PROGRESS_S:.0f} s"
            if publisher.failed is not None:
                progress.trouble = f"publishing failed: {publisher.failed}"
            if not worker.is_running():
                progress.trouble = "the worker ended before its work was done"
            if progress.trouble is not None or progress.decided >= progress.published == events:
                return progress
            time.sleep(_LOOK_EVERY_S)


@contextmanager
def _fresh_stack(folder: Path, afterwards: Afterwards) -> Iterator[tuple[Settings, dict[str, str]]]:
    """An empty stack, prepared, and what another process needs to use it.

    Never what the environment names: a demo publishes orders nobody placed.
    """
    WorkerProcess.end_left_over(folder)
    stack = Stack(folder, environment={})
    stack.forget(say)
    endpoints = stack.up(say)
    try:
        given = Settings.load(**asdict(endpoints), contact_hash_key=local_hash_key(folder))
        prepare(given, say)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
        yield given, {**kept, **environment_of(endpoints, folder), variable("http_port"): "0"}
    except BaseException:
        stack.down(say)
        raise
    if afterwards is Afterwards.STOP:
        say("stopping the demo's stack")
        stack.down()


@contextmanager
def _ended_by_a_signal() -> Iterator[None]:
    """SIGTERM ends the demo as Ctrl-C does: everything it started is stopped."""

    def end(number: int, _frame: FrameType | None) -> NoReturn:
        sys.exit(128 + number)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
