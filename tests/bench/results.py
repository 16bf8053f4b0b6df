"""A result with round figures, for tests."""

from __future__ import annotations

from dataclasses import replace

from bench.measuring import Idle, Latency, Memory, Throughput
from bench.result import Result

PHASES = {
    "read": 2.0, "decode": 5.0, "map": 50.0, "check": 20.0, "encode": 15.0, "postgres": 8.0, "kafka": 4.0,
    "other": 1.0,
}  # fmt: skip


def run(rate: float, cpu: float, **phases: float) -> Throughput:
    return Throughput(rate, cpu, PHASES | phases, 1000)


RESULT = Result(
    date="2026-11-24T18:00:00+00:00",
    command="python -m bench --events 60000",
    machine={"cpu": "4 cores, Example CPU", "memory": "16 GiB", "commit": "0123456789ab"},
    load=(0.2, 3.1),
    settings={"batch_size": 1000},
    events=60_000,
    outputs=150_000,
    raw=[run(30_000, 20), run(20_000, 21), run(25_000, 22)],
    governed=[run(9_000, 110), run(8_000, 105), run(5_000, 120, postgres=23.0)],
    latency=[Latency("throughput", 200, 2_400, 35.0, 60.0, 90.0), Latency("latency", 200, 2_400, 5.25, 14.5, 31.0)],
    idle=[Idle("throughput", 20, 0.004), Idle("latency", 20, 0.006)],
    memory=Memory(200_000, [100.0, 100.0, 101.0, 102.0], 100.0, 102.0),
    memory_run=run(8_000, 105),
)

BAD = replace(
    RESULT,
    governed=[run(4_000, 300, map=160.0), run(4_000, 300, map=160.0), run(4_000, 300, map=160.0)],
    latency=[Latency("throughput", 200, 2_400, 5.0, 14.0, 31.0), Latency("latency", 200, 2_400, 20.0, 60.0, 90.0)],
    idle=[Idle("throughput", 20, 0.004), Idle("latency", 20, 0.016)],
    memory=Memory(200_000, [100.0, 120.0, 140.0, 160.0], 100.0, 160.0),
)
