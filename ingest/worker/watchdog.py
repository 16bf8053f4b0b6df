"""The watchdog: bounds every Kafka call, because librdkafka's own time-outs do not always hold.

`send_offsets_to_transaction` may ignore its time-out (confluentinc/librdkafka#5456, #5511). A call past its deadline
cannot be undone from inside the process; leaving it at once is safe, as recovery is the same as a start.
"""

from __future__ import annotations

import faulthandler
import math
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

EXIT_STUCK = 70
"""Exit code of a process that the watchdog ended (EX_SOFTWARE of sysexits.h)."""
_LOOK_EVERY_S = 0.5


def exit_with_stacks(call: str) -> None:
    """Write every thread's stack to standard error and end the process without any clean-up."""
    sys.stderr.write(f"ordergate: {call} outlasted its deadline; leaving, a restart recovers\n")
    faulthandler.dump_traceback(all_threads=True)
    sys.stderr.flush()
    os._exit(EXIT_STUCK)


class Watchdog:
    """Keeps one deadline at a time, from a thread of its own."""

    def __init__(
        self,
        bound_s: float,
        monotonic: Callable[[], float],
        on_stuck: Callable[[str], None] = exit_with_stacks,
    ) -> None:
        self._bound_s = bound_s
        self._monotonic = monotonic
        self._on_stuck = on_stuck
        self._watched: tuple[str, float] | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def start(self) -> None:
        """Begin watching."""
        self._thread.start()

    def stop(self) -> None:
        """Stop watching."""
        self._stop.set()
        self._thread.join()

    @contextmanager
    def deadline(self, call: str, at_most_s: float = math.inf) -> Iterator[None]:
        """Bound the block by the watchdog's deadline from now on, or by `at_most_s` where that is shorter."""
        outer = self._watched
        self._watched = (call, self._monotonic() + min(self._bound_s, at_most_s))
        try:
            yield
        finally:
            self._watched = outer

    def look(self) -> bool:
        """Whether the block under way has outlasted its deadline; then `on_stuck` was told."""
        watched = self._watched
        if watched is None or self._monotonic() <= watched[1]:
            return False
        self._on_stuck(watched[0])
        return True

    def _watch(self) -> None:
        while not self._stop.wait(_LOOK_EVERY_S):
            if self.look():
                return
