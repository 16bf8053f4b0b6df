"""The product's own worker in a process of its own, which also notes what each batch took.

Everything is as `ordergate run` puts it together; settings come from the environment.
"""

from __future__ import annotations

import argparse
import json
import signal
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from ingest import assembly
from ingest.settings import Settings
from ingest.telemetry.health import Health
from ingest.telemetry.logs import configure
from ingest.telemetry.metrics import Metrics


@dataclass(slots=True)
class Done:
    """One batch: when it ended (seconds, monotonic), CPU seconds of the process by then, events decided in it.

    `phases`: CPU seconds of the process by phase.
    """

    at: float
    cpu: float
    events: int
    phases: dict[str, float]


class BatchMetrics(Metrics):
    """The worker's metrics, with the figures of each batch kept."""

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[Done] = []
        self.events = 0
        self._told = 0

    def outcomes(self, outcomes: Mapping[tuple[str, str], int]) -> None:
        """Events were decided. Those that wait for a hand-over are read again, and decided once."""
        super().outcomes(outcomes)
        self.events += sum(outcomes.values())

    def batch(self, phases: Mapping[str, float], cpu: Mapping[str, float], events: int, raw_bytes: int) -> None:
        """A batch was committed and published."""
        super().batch(phases, cpu, events, raw_bytes)
        self.batches.append(Done(time.monotonic(), time.process_time(), self.events - self._told, dict(cpu)))
        self._told = self.events


def main() -> None:
    """Run until so many events are decided and published, or until SIGTERM; write the batches as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, help="end after so many raw events; without it, on SIGTERM")
    parser.add_argument("--ready", required=True, type=Path, help="file made once every partition runs")
    parser.add_argument("--result", required=True, type=Path)
    given = parser.parse_args()
    settings = Settings.load()
    configure(settings.log_format, settings.log_level)
    metrics, health = BatchMetrics(), Health(60)
    is_ready = False

    def is_done() -> bool:
        nonlocal is_ready
        if not is_ready and health.readiness().good:
            is_ready = True
            given.ready.touch()
        return given.events is not None and metrics.events >= given.events

    with assembly.worker(settings, metrics, health) as worker:
        signal.signal(signal.SIGTERM, lambda *_: worker.stop())
        worker.run(is_done)
    given.result.write_text(json.dumps({"batches": [asdict(one) for one in metrics.batches]}))


if __name__ == "__main__":
    main()
