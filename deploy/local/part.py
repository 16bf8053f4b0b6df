"""What Kafka, PostgreSQL and the registry have in common: a server that is started, watched and stopped."""

import datetime as dt
import errno
import os
import re
import shutil
import signal
import subprocess
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import ClassVar

from deploy.local import process
from deploy.local.errors import DiskFull, LocalStackError, PortTaken, StartFailed, StopFailed
from deploy.local.ports import Ports, is_free
from deploy.local.report import Report, silent

_POLL_SECONDS = 0.05
_LOG_KEPT_BYTES = 20_000_000
_TAIL_LINES = 15
_ROOM_TO_WORK_BYTES = 10_000_000
_STACK_FRAME = re.compile(r"\s+(at |\.\.\. \d+ more)")


class State(Enum):
    """What a part is doing."""

    RUNNING = "running"
    UNHEALTHY = "running, does not answer"
    STOPPED = "stopped"
    EXTERNAL = "runs elsewhere"


@dataclass(frozen=True)
class PartStatus:
    """One part, as worth showing; passwords are masked."""

    name: str
    state: State
    address: str
    version: str = ""
    pid: int | None = None
    since: dt.datetime | None = None
    log: Path | None = None
    note: str = ""


@dataclass(frozen=True)
class Launch:
    """How a server is started."""

    command: Sequence[str]
    folder: Path
    environment: Mapping[str, str]
    account: process.Account | None = None


class Part(ABC):
    """One server of the stack, known by its pid file; several objects may stand for the same server."""

    name: ClassVar[str]
    version: ClassVar[str]
    port_names: ClassVar[tuple[str, ...]]
    start_seconds: ClassVar[float] = 120.0  # a small machine that does other work too
    stop_seconds: ClassVar[float] = 60.0
    stop_signal: ClassVar[signal.Signals] = signal.SIGTERM

    def __init__(self, run_dir: Path, ports: Ports) -> None:
        slug = self.port_names[0]
        self.folder = run_dir / slug
        self.log = run_dir / "logs" / f"{slug}.log"
        self._pid_file = run_dir / "pids" / f"{slug}.json"
        self._ports = ports

    @abstractmethod
    def prepare(self, report: Report) -> Launch:
        """Make programs, settings and first data ready; the server is not running."""

    def complete(self) -> None:  # noqa: B027  most parts need nothing more
        """Do what can only be done once the server answers; doing it again changes nothing."""

    @abstractmethod
    def is_healthy(self) -> bool:
        """Whether the server answers its clients now."""

    @abstractmethod
    def address(self) -> str:
        """Where clients reach it, fit to be shown."""

    @property
    def port(self) -> int:
        """The port clients use."""
        return self._ports.of(self.port_names[0])

    def running(self) -> process.Process | None:
        """The running server, if it runs."""
        return process.read_pid_file(self._pid_file)

    def start(self, report: Report = silent, given_up: threading.Event | None = None) -> None:
        """Start the server on its remembered port, with the data it had, and wait until it answers.

        Nothing happens if it runs and answers already. Setting `given_up` ends the wait with StartFailed.

        Raises:
            PortTaken, StartFailed, and what preparing it may raise.
        """
        given_up = given_up or threading.Event()
        running = self.running()
        if running is None:
            launch = self.prepare(report)
            for name in self.port_names:
                if not is_free(self._ports.of(name)):
                    raise PortTaken(self.name, self._ports.of(name))
            self._keep_log_short()
            if given_up.is_set():
                raise self._failed("the start was given up")
            report(f"starting {self.name} {self.version}")
            running = process.start(
                launch.command,
                environment=launch.environment,
                folder=launch.folder,
                log=self.log,
                account=launch.account,
            )
            process.write_pid_file(self._pid_file, running)
        self._wait_healthy(running, given_up)
        self.complete()
        report(f"{self.name} is ready at {self.address()}")

    def run_to_end(self, launch: Launch, failure: str) -> None:
        """Run a command that prepares data, its output in the log.

        Raises:
            StartFailed: it failed, which `failure` words.
            DiskFull: that was why.
        """
        done = subprocess.run(  # noqa: S603  the command is ours
            launch.command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            env=launch.environment,
            cwd=launch.folder,
            check=False,
            **process.as_account(launch.account),
        )
        with self.log.open("a") as log:
            log.write(done.stdout)
        if done.returncode != 0:
            if os.strerror(errno.ENOSPC) in done.stdout:  # it may have tidied up: free space proves nothing
                raise DiskFull(self.folder, f"{self.name}: {failure}")
            raise self._failed(failure)

    def stop(self, report: Report = silent) -> None:
        """Ask the server to stop cleanly and wait until it has; nothing happens if it does not run.

        Raises:
            StopFailed: it still runs; it was not killed.
        """
        running = self.running()
        if running is None:
            return
        report(f"stopping {self.name}")
        running.signal(self.stop_signal)
        if not running.wait_gone(self.stop_seconds):
            raise StopFailed(self.name, running.pid, self.stop_seconds, self.log)
        self._pid_file.unlink(missing_ok=True)

    def kill(self) -> None:
        """End the server as a power cut would (SIGKILL), for tests of faults.

        Kafka then needs about 12 s to come back: its controller waits for the lost broker's session to end.
        """
        running = self.running()
        if running is not None:
            running.kill_with_children()
            self._pid_file.unlink(missing_ok=True)

    def status(self) -> PartStatus:
        """What the server is doing now."""
        running = self.running()
        if running is None:
            log = self.log if self.log.exists() else None
            return PartStatus(self.name, State.STOPPED, "", self.version, log=log)
        return PartStatus(
            self.name,
            State.RUNNING if self.is_healthy() else State.UNHEALTHY,
            self.address(),
            self.version,
            running.pid,
            dt.datetime.fromtimestamp(running.started, dt.UTC),
            self.log,
        )

    def _wait_healthy(self, running: process.Process, given_up: threading.Event) -> None:
        deadline = time.monotonic() + self.start_seconds
        while not self.is_healthy():
            if not running.is_alive():
                raise self._failed("it ended by itself")
            if time.monotonic() > deadline:
                raise self._failed(f"it did not answer within {self.start_seconds:.0f} seconds")
            if given_up.wait(_POLL_SECONDS):
                raise self._failed("the start was given up")

    def _failed(self, reason: str) -> LocalStackError:
        free = shutil.disk_usage(self.log.parent).free
        if free < _ROOM_TO_WORK_BYTES:  # the log has no room to say so either
            return DiskFull(self.log.parent, f"{self.name} needs room to start, {free} bytes are free")
        return StartFailed(self.name, reason, self.log, tail(self.log, _TAIL_LINES))

    def _keep_log_short(self) -> None:
        if self.log.exists() and self.log.stat().st_size > _LOG_KEPT_BYTES:
            self.log.replace(self.log.with_suffix(".log.1"))


def tail(log: Path, lines: int) -> list[str]:
    """The last lines of a log that say something: Java's stack frames are left to the whole log."""
    try:
        text = log.read_text(errors="replace")
    except FileNotFoundError:
        return []
    telling = [line for line in text.splitlines() if line.strip() and not _STACK_FRAME.match(line)]
    return telling[-lines:]
