"""Time as an argument: the worker never asks the machine itself, so that it also runs in simulated time."""

from __future__ import annotations

import time
from typing import Protocol


class TimeSource(Protocol):
    """What the worker needs of time."""

    def now(self) -> int:
        """Microseconds since the epoch, UTC."""

    def monotonic(self) -> float:
        """Seconds that only rise."""

    def cpu(self) -> float:
        """CPU seconds of this process, all threads."""

    def sleep(self, seconds: float) -> None:
        """Wait."""


class SystemTime:
    """The machine's own time."""

    def now(self) -> int:
        """Microseconds since the epoch, UTC."""
        return time.time_ns() // 1000

    def monotonic(self) -> float:
        """Seconds that only rise."""
        return time.monotonic()

    def cpu(self) -> float:
        """CPU seconds of this process, all threads."""
        return time.process_time()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)
