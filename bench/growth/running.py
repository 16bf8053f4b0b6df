"""Runs of the product's worker, watched together with PostgreSQL."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from types import MappingProxyType

import psycopg
from psycopg.rows import scalar_row

from bench.deployment import Deployment
from bench.growth.cost import Batches, Cost, Sample, cost
from bench.growth.watching import watching

_RUN_S = 900.0
_LOOK_S = 0.2
_NONE: Mapping[str, str] = MappingProxyType({})


def govern(
    deployment: Deployment,
    group: str,
    database_url: str,
    events: int,
    settings: Mapping[str, str] = _NONE,
    meanwhile: Callable[[], None] = lambda: None,
) -> Cost:
    """A worker decides and publishes the next `events`; `meanwhile` is called several times a second."""
    batches, samples = watched(deployment, group, database_url, events, settings, meanwhile)
    return cost([batches], samples)


def watched(
    deployment: Deployment,
    group: str,
    database_url: str,
    events: int,
    settings: Mapping[str, str] = _NONE,
    meanwhile: Callable[[], None] = lambda: None,
) -> tuple[Batches, list[Sample]]:
    """The same; gives the worker's batches and PostgreSQL's samples. Starts with everything on disk."""
    (batches,), samples = together(deployment, group, 1, database_url, events, settings, meanwhile)
    return batches, samples


def together(
    deployment: Deployment,
    group: str,
    count: int,
    database_url: str,
    events: int,
    settings: Mapping[str, str] = _NONE,
    meanwhile: Callable[[], None] = lambda: None,
) -> tuple[list[Batches], list[Sample]]:
    """So many workers of one group at the same time. The database says when all events are decided: what recovery
    publishes is in no worker's batches."""
    with psycopg.connect(database_url, autocommit=True, row_factory=scalar_row) as connection:
        connection.execute("CHECKPOINT")
        target = _decided(connection) + events
        with watching(database_url) as samples:
            workers = [
                deployment.start(
                    "worker_process", f"{group}-{number}", database_url=database_url, group=group, settings=settings
                )
                for number in range(count)
            ]
            deadline = time.monotonic() + _RUN_S
            while _decided(connection) < target:
                for worker in workers:
                    worker.must_run()
                if time.monotonic() > deadline:
                    raise TimeoutError(f"{events:,} events were not decided within {_RUN_S:.0f} s")
                meanwhile()
                time.sleep(_LOOK_S)
            results = [worker.stop() for worker in workers]
    return [result["batches"] for result in results], samples


def _decided(connection: psycopg.Connection[int]) -> int:
    """Raw events decided so far, of all partitions; every topic starts at offset 0."""
    return connection.execute("SELECT coalesce(sum(next_offset), 0)::bigint FROM positions").fetchone() or 0


def line(one: Cost) -> str:
    """A cost for the terminal."""
    return (
        f"{one.events_per_second:,.0f} events/s, CPU per event: worker {one.worker_us:.0f} µs, "
        f"PostgreSQL {one.postgres_us:.0f} µs; WAL {one.wal_bytes / 1024:.1f} KiB"
    )
