"""Garbage collection at the worker's own times.

A batch makes some hundred thousand objects that all die with it, by reference count alone. Python's cyclic collector
would walk them again and again while they live, so it runs between batches instead.
"""

from __future__ import annotations

import gc

_EVERY = 100
"""Turns of the loop between two collections: what cycles there are come from errors, and are few."""


class GarbageCollection:
    """Off from `start` to `stop`, but for the turns that are due."""

    def __init__(self) -> None:
        self._turns = 0

    def start(self) -> None:
        """Set what start-up made aside for good, and collect by hand from now on."""
        gc.collect()
        gc.freeze()
        gc.disable()

    def turn(self) -> None:
        """A turn of the loop is over."""
        self._turns += 1
        if self._turns % _EVERY == 0:
            gc.collect()

    def stop(self) -> None:
        """Back to Python's own times."""
        gc.unfreeze()
        gc.enable()
