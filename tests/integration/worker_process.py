"""The real worker in a process of its own, which a test may have killed at a named point.

Arguments: `kill:<point>:<n>` ends the process with SIGKILL at the n-th time it comes to the point;
`delay:before_publish:<seconds>` lets every batch wait between PostgreSQL's commit and Kafka's.
"""

from __future__ import annotations

import faulthandler
import os
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

from ingest import assembly
from ingest.database import journal
from ingest.settings import Settings
from ingest.telemetry.health import Health
from ingest.telemetry.logs import configure
from ingest.telemetry.metrics import Metrics
from producers.publisher import TransactionalPublisher


def kill_at(owner: Any, name: str, nth: int, applies: Callable[..., bool]) -> None:
    """Kill this process instead of the n-th call of `owner.name` to which the condition applies."""
    original = getattr(owner, name)
    calls = 0

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        if applies(*args, **kwargs):
            calls += 1
            if calls == nth:
                os.kill(os.getpid(), signal.SIGKILL)
        return original(*args, **kwargs)

    setattr(owner, name, wrapped)


def kill_after_publishing(nth: int) -> None:
    """Kill this process right after its n-th transaction with records."""
    original = TransactionalPublisher.commit
    published = 0

    def wrapped(self: TransactionalPublisher, *arguments: Any) -> None:
        nonlocal published
        records = self._under_way
        original(self, *arguments)
        published += bool(records)
        if published == nth:
            os.kill(os.getpid(), signal.SIGKILL)

    TransactionalPublisher.commit = wrapped  # type: ignore[method-assign]  # a test's own death


def delay_publishing(seconds: float) -> None:
    """Keep what is decided unpublished for a while."""
    original = TransactionalPublisher.commit

    def delayed(self: TransactionalPublisher, *arguments: Any) -> None:
        time.sleep(seconds)
        original(self, *arguments)

    TransactionalPublisher.commit = delayed  # type: ignore[method-assign]  # a test's own delay


POINTS: dict[str, Callable[[int], None]] = {
    # PostgreSQL has committed the batch, Kafka has not.
    "before_publish": lambda n: kill_at(TransactionalPublisher, "commit", n, lambda self, *_: bool(self._under_way)),
    # Kafka has the batch, and PostgreSQL does not know it yet.
    "after_publish": kill_after_publishing,
    # Everything is written, nothing is committed.
    "before_database_commit": lambda n: kill_at(journal, "append", n, lambda _c, rows: bool(rows)),
}


def main() -> None:
    """Run until SIGTERM."""
    for argument in sys.argv[1:]:
        what, point, number = argument.split(":")
        if what == "kill":
            POINTS[point](int(number))
        else:
            delay_publishing(float(number))
    faulthandler.register(signal.SIGUSR1)
    settings = Settings.load()
    configure(settings.log_format, settings.log_level)
    with assembly.worker(settings, Metrics(), Health(60)) as worker:
        signal.signal(signal.SIGTERM, lambda *_: worker.stop())
        worker.run()


if __name__ == "__main__":
    main()
