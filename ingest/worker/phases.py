"""Where a worker's time goes: wall and CPU seconds by phase, one reading per phase and batch."""

from __future__ import annotations

from collections import defaultdict

from ingest.clock import TimeSource


class Phases:
    """A stop-watch that is always running: each lap charges what passed since the one before."""

    def __init__(self, time: TimeSource) -> None:
        self._time = time
        self._wall_at = time.monotonic()
        self._cpu_at = time.cpu()
        self.wall: defaultdict[str, float] = defaultdict(float)
        self.cpu: defaultdict[str, float] = defaultdict(float)

    def lap(self, phase: str) -> None:
        """Charge the time since the last lap to a phase. CPU is that of the whole process, all threads."""
        wall, cpu = self._time.monotonic(), self._time.cpu()
        self.wall[phase] += wall - self._wall_at
        self.cpu[phase] += cpu - self._cpu_at
        self._wall_at, self._cpu_at = wall, cpu

    def take(self) -> tuple[dict[str, float], dict[str, float]]:
        """Wall and CPU seconds by phase since the last call."""
        taken = (dict(self.wall), dict(self.cpu))
        self.wall.clear()
        self.cpu.clear()
        return taken
