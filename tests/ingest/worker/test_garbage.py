"""What stays in memory is not walked again and again; what is garbage does not stay."""

from __future__ import annotations

import gc
import weakref

import pytest

from ingest.worker.garbage import GarbageCollection


class Node:
    """Something that can be in a cycle."""


@pytest.fixture
def collection():
    made = GarbageCollection()
    made.start()
    yield made
    made.stop()


def test_a_new_cycle_is_gone_soon(collection):
    """An error that refers to itself is collected within a hundred turns, though Python's own collector is off."""
    node = Node()
    node.itself = node
    gone = weakref.ref(node)
    del node
    for _ in range(100):
        collection.turn()
    assert gone() is None


def test_what_stays_is_walked_rarely(collection):
    """Thousands of batches pass between two walks over all recent orders, which take tens of milliseconds."""
    generations = []
    gc.callbacks.append(lambda phase, about: phase == "start" and generations.append(about["generation"]))
    try:
        for _ in range(10_000):
            collection.turn()
        assert set(generations) == {1}
        for _ in range(10_000):
            collection.turn()
    finally:
        gc.callbacks.pop()
    assert generations.count(2) == 1


def test_python_collects_by_itself_again_afterwards():
    """Whoever runs a worker inside another program gets the collector back."""
    made = GarbageCollection()
    made.start()
    assert not gc.isenabled()
    made.stop()
    assert gc.isenabled()
