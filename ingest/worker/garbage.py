"""Garbage collection at the worker's own times.

A batch makes some hundred thousand objects that all die with it, by reference count alone. Python's cyclic collector
would walk them again and again while they live, so it runs between batches instead. What stays, recent orders above
all, is walked rarely: that takes tens of milliseconds, in which an event would wait.
"""

from __future__ import annotations

import gc

_EVERY = 100
"""Turns of the loop between two collections of what is new: cycles come from errors, and are few."""
_WHOLE_EVERY = 20_000
"""Turns between two collections of everything."""
_YOUNG = 1
"""The oldest generation of what is new: what survives is not walked again until everything is."""


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
        if self._turns % _WHOLE_EVERY == 0:
            gc.collect()
        elif self._turns % _EVERY == 0:
            gc.collect(_YOUNG)

    def stop(self) -> None:
        """Back to Python's own times."""
        gc.unfreeze()
        gc.enable()
