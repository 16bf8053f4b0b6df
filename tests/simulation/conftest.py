"""How many schedules are run, and from which seed on.

SCHEDULES=n runs so many of the tests' main series, SEED=n starts it at that seed.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator

import pytest
import structlog

from tests.simulation.schedule import quiet


@pytest.fixture(autouse=True, scope="module")
def short_collections() -> Iterator[None]:
    """Schedules make much garbage beside all that the test session holds: only the former is walked."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(autouse=True)
def no_log() -> Iterator[None]:
    """The worker's log off: a schedule has a trace of its own."""
    before = structlog.get_config()
    quiet()
    yield
    structlog.configure(**before)


@pytest.fixture
def seeds() -> range:
    """The seeds of the main series."""
    first, number = int(os.environ.get("SEED", "1")), int(os.environ.get("SCHEDULES", "2000"))
    return range(first, first + number)
