"""The demo's worker: `ordergate run` in a process of its own, as in a deployment."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import psutil

from deploy.local import process

_STOP_S = 40.0
_TAIL_LINES = 12
_PID_FILE = "worker.json"


class WorkerProcess:
    """Runs from `with` to its end, then is asked to stop; `exit_code` tells how it ended."""

    def __init__(self, log: Path, environment: Mapping[str, str]) -> None:
        """`log` gets everything it says; `environment` names the stack it works on."""
        self.log = log
        self.exit_code: int | None = None
        self._environment = dict(environment)
        self._child: subprocess.Popen[bytes] | None = None
        self._output: IO[bytes] | None = None
        self._pid_file = log.parent.parent / "pids" / _PID_FILE

    @staticmethod
    def end_left_over(run_dir: Path) -> None:
        """End the worker of a demo that was killed itself."""
        left = process.read_pid_file(run_dir / "pids" / _PID_FILE)
        if left is not None:
            left.kill_with_children()

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "ingest.cli", "run"]
        self._output = self.log.open("wb")
        self._child = subprocess.Popen(  # noqa: S603 -- the command is ours
            command,
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            env=self._environment,
            # Ctrl-C is for the demo, which then stops its worker in order.
            start_new_session=True,
        )
        known = psutil.Process(self._child.pid)
        while not known.cmdline() and self._child.poll() is None:
            time.sleep(0.01)
        started = process.Process(known.pid, known.create_time(), tuple(known.cmdline()))
        process.write_pid_file(self._pid_file, started)
        return self

    def is_running(self) -> bool:
        """Whether it works."""
        return self._child is not None and self._child.poll() is None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._child is not None and self._output is not None
        self._child.terminate()
        try:
            self.exit_code = self._child.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self.exit_code = self._child.wait()
        self._output.close()
        self._pid_file.unlink(missing_ok=True)

    def last_lines(self) -> list[str]:
        """The end of its log."""
        return self.log.read_text(errors="replace").splitlines()[-_TAIL_LINES:]
