"""One schedule: a deployment, its events and its faults, all from a seed, and the auditor's verdict.

python -m tests.simulation SEED [CLIMATE]      replays a schedule and prints what happens in it
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

import structlog

from tests.simulation.auditor import Auditor, Violation
from tests.simulation.climates import choose, draw
from tests.simulation.deployment import Deployment
from tests.simulation.events import SHOPIFY, WEB, arrivals
from tests.simulation.faults import Faults
from tests.simulation.weather import Weather
from tests.simulation.world import World

Tell = Callable[[float, str, str], None]


@dataclass(frozen=True, slots=True)
class Verdict:
    """How one schedule ended."""

    seed: int
    climate: str
    violation: str | None
    settled_s: float
    """Simulated seconds from the last fault or event until all was well."""
    events: int
    halted: int
    """Partitions that halted with a cause that the schedule justifies."""


def replay_command(verdict: Verdict) -> str:
    """What a person types to see a schedule again, step by step."""
    return f"python -m tests.simulation {verdict.seed} {verdict.climate}"


def run(seed: int, climate: str | None = None, tell: Tell | None = None) -> Verdict:
    """Run the schedule of a seed; `climate` names the kind of faults, else the seed chooses."""
    random = Random(seed)
    name = climate or choose(random)
    world = World(random.getrandbits(64), tell)
    weather = Weather(world, draw(name, random))
    protocol = "classic" if random.random() < 0.4 else "consumer"
    topics = {SHOPIFY: 2} if random.random() < 0.5 else {SHOPIFY: 1, WEB: 1}
    deployment = Deployment(world, weather, protocol, random.randint(1, 4), topics)
    auditor = Auditor(deployment.broker, deployment.server)
    world.tell("schedule", f"seed {seed}, climate {name}, {protocol}, batch {deployment.settings.batch_size}")
    events = arrivals(
        random, deployment.keys, random.randint(8, 18), weather.climate.events_within_s, weather.climate.early
    )
    for event in events:
        world.at(event.at, lambda e=event: deployment.broker.append_raw(e.key, e.record, e.gap))  # type: ignore[misc]  # mypy does not infer defaults of lambdas
    for slot in range(2 if random.random() < 0.8 else 3):
        world.at(0.5 * random.random(), lambda slot=slot: deployment.start(str(slot)))  # type: ignore[misc]  # mypy does not infer defaults of lambdas
    faults = Faults(deployment, auditor, random)
    try:
        violation, settled_s = _judge(deployment, auditor, faults)
    finally:
        deployment.drop()
    world.tell("auditor", violation or "all is well")
    return Verdict(seed, name, violation, settled_s, len(events), len(faults.justified))


def _judge(deployment: Deployment, auditor: Auditor, faults: Faults) -> tuple[str | None, float]:
    """Let the schedule happen; gives what was broken, and how long it took from the last fault to the end."""
    world, climate = deployment.world, deployment.weather.climate
    end = max(climate.calm_at, climate.events_within_s + 2.0)
    try:
        world.run(lambda: False, climate.calm_at)
        faults.stop()
        if not world.run(_now_and_then(world, lambda: faults.settled(auditor)), end + climate.settling_s):
            return f"not settled within {climate.settling_s:.0f} s; {_state(deployment)}", climate.settling_s
        faults.judge()
        auditor.close(faults.sound_keys(), complete=faults.complete)
    except Violation as error:
        return str(error), 0.0
    for process in deployment.processes:
        if process.failure is not None and not faults.excuses(process.failure):
            return f"{process.name} ended with {process.failure!r}", 0.0
    return None, max(world.now - end, 0.0)


def _now_and_then(world: World, look: Callable[[], bool]) -> Callable[[], bool]:
    """The same, asked every 50 simulated milliseconds: it costs more than what happens in between."""
    looked = -1.0

    def due() -> bool:
        nonlocal looked
        if world.now - looked < 0.05:
            return False
        looked = world.now
        return look()

    return due


def _state(deployment: Deployment) -> str:
    rows = deployment.server.tables["positions"].values()
    positions = [
        f"{r['topic']}/{r['partition']} at {r['next_offset']} row {r['sequence']} epoch {r['epoch']} {r['owner']}"
        for r in rows
    ]
    failures = [f"{p.name} ended with {p.failure!r}" for p in deployment.processes if p.failure is not None]
    return "; ".join(
        [*failures[:3], *positions, f"receipts {deployment.broker.offsets}", f"alive {deployment.alive()}"]
    )


def quiet() -> None:
    """Switch the worker's log off: a schedule has a trace of its own."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50), cache_logger_on_first_use=False)
