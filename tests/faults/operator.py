"""What an operator does by hand: asks and tells the cluster, ends workers, repairs with `ordergate recover`."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable

from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from tests.faults.case import READERS_WAIT, Case
from tests.integration.deployment import wait_until


def recover(case: Case, halted: dict[tuple[str, int], str], mode: str | None) -> None:
    """Stop the workers, look at the plan, apply it, start workers again; raises AssertionError."""
    case.supervisor.stop_all()
    # Waiting readers are no raw partition's own: a look at everything finds what they wait for.
    everything = READERS_WAIT in halted.values()
    names = [] if everything else [f"{topic}/{partition}" for topic, partition in sorted(halted)]
    chosen = ["--mode", mode] if mode else []
    plan = case.ordergate("recover", *names, *chosen)
    if plan.returncode == 0:
        case.tell("nothing left to repair")
    else:
        for (topic, partition), cause in halted.items():
            # What readers wait for may be a transaction that a raw partition waits for, too: then it is named there.
            named = f"{topic}/{partition}" if cause == READERS_WAIT else cause
            assert named in plan.stdout, f"the plan of {topic}/{partition} does not name {named!r}:\n{_told(plan)}"
        done = case.ordergate("recover", *names, *chosen, "--apply")
        assert done.returncode == 0, f"recover failed:\n{_told(done)}"
        case.tell(f"recovered {len(names) or 'all'} partitions{' by ' + mode if mode else ''}")
    for _ in range(case.chance.randint(1, 2)):
        case.supervisor.add()


def _told(done: subprocess.CompletedProcess[str]) -> str:
    return f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}"


def end_workers(case: Case) -> None:
    """All workers end: told to, or killed with whatever they have under way."""
    if case.chance.random() < 0.5:
        case.supervisor.stop_all()
        case.tell("workers stopped")
    else:
        case.supervisor.kill_all()
        case.tell("workers killed")
    wait_until(lambda: _members(case) == 0, 20, "the group is empty")


def admin(case: Case) -> AdminClient:
    """A client for an administrator's work; to be used in `with`, as it must outlive its answers."""
    return AdminClient({"bootstrap.servers": case.deployment.endpoints.kafka_bootstrap_servers, "log_level": 0})


def ends(case: Case, partitions: Iterable[tuple[str, int]]) -> dict[tuple[str, int], int]:
    """The next offset of each of these logs."""
    with admin(case) as client:
        asked = client.list_offsets({TopicPartition(*key): OffsetSpec.latest() for key in partitions})
        return {(tp.topic, tp.partition): future.result().offset for tp, future in asked.items()}


def _members(case: Case) -> int:
    group = case.deployment.group_id
    with admin(case) as client:
        return len(client.describe_consumer_groups([group])[group].result().members)
