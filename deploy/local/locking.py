"""A file lock, so that two commands at once do one thing after the other."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.local.errors import StackBusy, UnsupportedPlatform

try:
    import fcntl
except ImportError as missing:
    raise UnsupportedPlatform(sys.platform, "it has no file locks as Linux and macOS do") from missing


@contextmanager
def exclusive(path: Path, *, seconds: float, waiting: Callable[[], None]) -> Iterator[None]:
    """Hold the lock file `path`; `waiting` is called once if someone else holds it.

    The kernel drops the lock with the process that holds it, so a crash leaves nothing to clean up.

    Raises:
        StackBusy: someone else held it for more than `seconds`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + seconds
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        told = False
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise StackBusy(path.parent, seconds) from None
                if not told:
                    waiting()
                    told = True
                time.sleep(0.1)
        yield
    finally:
        os.close(handle)
