"""`ordergate demo`: the whole pipeline on this machine, watched and summed up."""

from __future__ import annotations

from ingest.demo.run import Afterwards, run


def demo(events: int, seed: int) -> int:
    """Run it and stop everything; gives the exit code."""
    return run(events, seed, Afterwards.STOP)


def keep_running(events: int, seed: int) -> int:
    """Run it and leave its stack up; gives the exit code."""
    return run(events, seed, Afterwards.KEEP_RUNNING)
