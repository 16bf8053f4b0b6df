"""One schedule: a deployment, its events and its faults, all from a seed, and the auditor's verdict.

python -m tests.simulation SEED [CLIMATE]      replays a schedule and prints what happens in it
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

import structlog

from tests.simulation.auditor import Auditor, Violation
from tests.simulation.climates import CLIMATES, Justified, draw_climate
from tests.simulation.deployment import Deployment
from tests.simulation.events import SHOPIFY, WEB, arrivals
from tests.simulation.faults import Faults
from tests.simulation.weather import Weather
from tests.simulation.world import World

SETTLING_S = 60.0
"""From the last fault or event on, within so many simulated seconds everything has to be decided and visible."""

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
    faults: int


def replay_command(verdict: Verdict) -> str:
    """What a person types to see a schedule again, step by step."""
    return f"python -m tests.simulation {verdict.seed} {verdict.climate}"


def run(seed: int, climate: str | None = None, tell: Tell | None = None) -> Verdict:
    """Run the schedule of a seed; `climate` names the kind of faults, else the seed chooses."""
    random = Random(seed)
    name = climate or list(CLIMATES)[int(len(CLIMATES) * random.random() ** 1.5)]
    world = World(random.getrandbits(64), tell)
    weather = Weather(world, draw_climate(name, random))
    protocol = "classic" if random.random() < 0.4 else "consumer"
    topics = {SHOPIFY: 2} if random.random() < 0.5 else {SHOPIFY: 1, WEB: 1}
    deployment = Deployment(world, weather, protocol, random.randint(1, 4), topics)
    auditor = Auditor(deployment.broker, deployment.server)
    world.tell("schedule", f"seed {seed}, climate {name}, {protocol}, batch {deployment.settings.batch_size}")
    events = arrivals(random, deployment.keys, random.randint(8, 18), 10.0)
    for event in events:
        world.at(event.at, lambda e=event: deployment.broker.append_raw(e.key, e.record, e.gap))  # type: ignore[misc]
    for slot in range(2 if random.random() < 0.8 else 3):
        world.at(0.5 * random.random(), lambda slot=slot: deployment.start(str(slot)))  # type: ignore[misc]
    faults = Faults(deployment, auditor, random)
    try:
        return _play(seed, name, deployment, auditor, faults, len(events))
    finally:
        deployment.drop()


def _play(seed: int, climate: str, deployment: Deployment, auditor: Auditor, faults: Faults, events: int) -> Verdict:
    world, calm_at = deployment.world, deployment.weather.climate.calm_at
    violation: str | None = None
    open_keys = deployment.keys
    try:
        world.run(lambda: False, calm_at)
        faults.stop()

        def done() -> bool:
            nonlocal open_keys
            halted = deployment.halted()
            open_keys = [key for key in deployment.keys if key not in halted]
            return auditor.settled(open_keys) and faults.settled(halted)

        checked = -1.0

        def done_now() -> bool:
            nonlocal checked
            if world.now - checked < 0.05:
                return False
            checked = world.now
            return done()

        limit = max(calm_at, 12.0) + SETTLING_S
        if not world.run(done_now, limit) and not done():
            raise Violation(f"not settled within {SETTLING_S:.0f} s; {_state(deployment)}")
        faults.judge(deployment.halted())
        auditor.close(open_keys)
    except (Violation, Justified) as error:
        violation = f"{type(error).__name__}: {error}"
    failed = next((p for p in deployment.processes if p.failure is not None and not faults.excuses(p.failure)), None)
    if violation is None and failed is not None:
        violation = f"{failed.name} ended with {failed.failure!r}"
    world.tell("auditor", violation or "all is well")
    return Verdict(
        seed, climate, violation, max(world.now - calm_at, 0.0), events, len(deployment.halted()), faults.number
    )


def _state(deployment: Deployment) -> str:
    rows = deployment.server.tables["positions"].values()
    positions = [
        f"{r['topic']}/{r['partition']} at {r['next_offset']} row {r['sequence']} epoch {r['epoch']} {r['owner']}"
        for r in rows
    ]
    return "; ".join([*positions, f"receipts {deployment.broker.offsets}", f"alive {deployment.alive()}"])


def quiet() -> None:
    """Switch the worker's log off: a schedule has a trace of its own."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50), cache_logger_on_first_use=False)
