"""`ordergate recover`: what can be repaired of a partition that stopped; with --apply, it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

from psycopg.errors import QueryCanceled
from rich.markup import escape

from consumers.kafka_source import PartitionKey
from ingest.cli.deployment import reachable_database, settings
from ingest.cli.errors import NotFound
from ingest.cli.migrate import require_migrated
from ingest.cli.terminal import console, emit, say
from ingest.database import output_ends
from ingest.database.connection import Database, DatabaseLost, DatabaseUnfit, PartitionsMissing, Refused, TryAgain
from ingest.errors import Cause, DatabaseAway, DatabaseRefuses, OrdergateError, PartitionHalted
from ingest.repair.apply import Repairer
from ingest.repair.evidence import Evidence, halt_of
from ingest.repair.look import Looker
from ingest.repair.lost_outputs import plan_lost_outputs
from ingest.repair.new_database import as_published, newest_published, plan_new_database
from ingest.repair.outputs import Isolation
from ingest.repair.plan import Mode, Plan
from ingest.repair.planning import MAY_BE_BEHIND, NEEDS_TRAIL, plan_for, plan_for_readers
from ingest.settings import Settings
from ingest.worker import new_database

NOT_IN_ORDER = 1


class DatabaseBusy(OrdergateError):
    """Let the database finish what keeps it busy, and do the same again."""

    def __init__(self, address: str, detail: str) -> None:
        """`address`: `host:port/database`; `detail`: PostgreSQL's words."""
        super().__init__(
            f"PostgreSQL at {address} did not finish a step in time",
            known=f"{detail}: it is slow, or somebody else holds what the step needs",
            safe="the step was rolled back; what was done before it is found by the next run",
            do="stop the workers and whatever else is at the tables, then do the same again",
        )


class TableHasNoRoom(OrdergateError):
    """Give the tables their partitions for now, and do the same again."""

    def __init__(self, address: str) -> None:
        """`address`: `host:port/database`."""
        super().__init__(
            f"a table at {address} has no partition for what is recorded now",
            known="tables that grow are divided by time; a repair makes what is missing before it begins, by the clock "
            "of this machine: does it differ from the database's by hours, or has somebody removed a partition since?",
            safe="the step was rolled back; what was done before it is found by the next run",
            do="set the clocks, run `ordergate migrate`, then do the same again",
        )


class Recovery:
    """One run of the command: plans of the partitions asked for, and what became of them."""

    def __init__(self, given: Settings, database: Database, looker: Looker, mode: Mode | None) -> None:
        self._given = given
        self._database = database
        self._looker = looker
        self._mode = mode

    def plans(self, names: Sequence[str]) -> list[Plan]:
        """Plans of the named partitions, or of all that need one. Raises NotFound for an unknown name."""
        known = self._looker.partitions()
        keys = [_key(name, known) for name in names] or known
        if self._looker.lost_outputs() or any(self._halt_of_new_database(key) for key in keys[:1]):
            keys = keys[:1]  # one repair for all
        plans = [plan for key in keys if (plan := self.plan(key)) is not None]
        if names and not plans and (behind := self._behind()):
            # A database that is old for one partition is old for all of them: workers stop the others, too.
            first = self.plan((behind[0].topic, behind[0].partition))
            plans = [first] if first is not None else []
        return plans if names else plans + plan_for_readers(self._looker.hanging(), plans)

    def plan_again(self, plan: Plan) -> Plan | None:
        """The same plan from what is known now; None when nothing is left to be done."""
        if plan.cause is not Cause.READERS_WAIT:
            return self.plan((plan.topic, plan.partition))
        plans = plan_for_readers(self._looker.hanging(), ())
        return next((one for one in plans if one.name == plan.name), None)

    def plan(self, key: PartitionKey) -> Plan | None:
        """The plan for one partition; None when a worker would go on."""
        if lost := self._looker.lost_outputs():
            # First of all: what the output topics lack, they cannot tell.
            return plan_lost_outputs(key, lost, self._looker.missing_outputs(), self._mode)
        evidence = self._looker.evidence(key)
        halt = halt_of(evidence)
        if halt is None and (new := self._halt_of_new_database(key)) is not None:
            published = self._published() if self._mode is Mode.REBUILD else []
            return plan_new_database(key, new, self._looker.partitions(), published, self._mode)
        if halt is None:
            return None
        if halt.cause in NEEDS_TRAIL:
            evidence = self._looker.with_traces(evidence)
        if halt.cause in MAY_BE_BEHIND:
            evidence = self._looker.with_unknown_decisions(evidence)
        if halt.cause is Cause.OUTSIDE_LOG:
            evidence = self._looker.with_resumption(evidence)
        if halt.cause is Cause.JOURNAL_GAP:
            evidence = self._looker.with_unjournalled(evidence)
        if halt.cause is Cause.OFFSET_UNSTABLE:
            mine = tuple(one for one in self._looker.hanging() if key in one.holds_back)
            evidence = replace(evidence, hanging=mine)
        behind = self._behind() if halt.cause is Cause.DATABASE_BEHIND else []
        return plan_for(evidence, halt, behind, self._mode)

    def _halt_of_new_database(self, key: PartitionKey) -> PartitionHalted | None:
        """Why no partition may start on a database that knows nothing; None when the outputs or a receipt explain."""
        now = self._looker.output_ends()
        with self._database.transaction() as connection:
            written = new_database.unknown_outputs(connection, output_ends.read(connection), now)
        return new_database.halt(key, self._database.address, written) if written and not self._behind() else None

    def _published(self) -> list[Evidence]:
        """Every partition that the outputs show, as if they were its receipt. Raises OutputsTooShort."""
        outputs = self._looker.outputs(Isolation.COMMITTED)
        newest = newest_published((one.cause for one in outputs.published_since(0)), set(self._looker.partitions()))
        return [as_published(self._looker.evidence(key), offset) for key, offset in sorted(newest.items())]

    def _behind(self) -> list[Evidence]:
        """Every partition of which the database has lost something."""
        found = [self._looker.evidence(key) for key in self._looker.partitions()]
        return [one for one in found if (halt := halt_of(one)) is not None and halt.cause is Cause.DATABASE_BEHIND]

    def apply(self, plans: Sequence[Plan]) -> list[Plan]:
        """Carry out what can be; gives the plans that were carried out."""
        ready = [plan for plan in plans if plan.steps]
        if ready:
            repairer = Repairer(self._given, self._database, self._looker)
            with repairer.open():
                for plan in ready:
                    repairer.apply(plan, partial(self.plan_again, plan))
        return ready


def show(names: Sequence[str], mode: Mode | None) -> int:
    """Tell people the plans, and change nothing; gives the exit code."""
    with _recovery(mode) as recovery:
        plans = recovery.plans(names)
    _tell(plans)
    return NOT_IN_ORDER if plans else 0


def show_json(names: Sequence[str], mode: Mode | None) -> int:
    """The plans as JSON lines; gives the exit code."""
    with _recovery(mode) as recovery:
        plans = recovery.plans(names)
    for plan in plans:
        emit(_plain(plan, applied=False))
    return NOT_IN_ORDER if plans else 0


def apply(names: Sequence[str], mode: Mode | None) -> int:
    """Tell people the plans, and carry them out; gives the exit code."""
    with _recovery(mode) as recovery:
        plans = recovery.plans(names)
        _tell(plans)
        done = recovery.apply(plans)
    for plan in done:
        say(f"ordergate: {plan.name} is repaired; its next owner goes on")
    return NOT_IN_ORDER if len(done) < len(plans) else 0


def apply_json(names: Sequence[str], mode: Mode | None) -> int:
    """Carry the plans out, and give them as JSON lines; gives the exit code."""
    with _recovery(mode) as recovery:
        plans = recovery.plans(names)
        done = recovery.apply(plans)
    for plan in plans:
        emit(_plain(plan, applied=plan in done))
    return NOT_IN_ORDER if len(done) < len(plans) else 0


@contextmanager
def _recovery(mode: Mode | None) -> Iterator[Recovery]:
    given = settings()
    database = Database(given.database_url.get_secret_value())
    with reachable_database(given):
        require_migrated(given)
    try:
        with Looker(given, database) as looker:
            yield Recovery(given, database, looker, mode)
    except DatabaseLost as error:
        if isinstance(error.__cause__, QueryCanceled):
            raise DatabaseBusy(given.database_address, str(error)) from error
        raise DatabaseAway(given.database_address, str(error)) from error
    except TryAgain as error:
        raise DatabaseBusy(given.database_address, str(error)) from error
    except PartitionsMissing as error:
        raise TableHasNoRoom(given.database_address) from error
    except Refused as error:
        raise DatabaseRefuses(given.database_address, error.reason) from error
    except DatabaseUnfit as error:
        raise DatabaseRefuses(given.database_address, str(error)) from error
    finally:
        database.close()


def _key(name: str, known: Sequence[PartitionKey]) -> PartitionKey:
    topic, _, number = name.rpartition("/")
    if number.isdecimal() and (topic, int(number)) in known:
        return topic, int(number)
    raise NotFound(
        f"{name} is no raw partition of this deployment",
        known="partitions are named TOPIC/PARTITION, as in raw.web.orders.v1/0",
        do="look at `ordergate positions`",
    )


def _tell(plans: Sequence[Plan]) -> None:
    out = console()
    if not plans:
        out.print("nothing to repair: a worker would go on with every partition asked for", style="good")
    for plan in plans:
        out.print(f"[bad]{escape(plan.name)}[/] stopped: {escape(plan.cause)}", soft_wrap=True)
        for label, lines in (("known", plan.known), ("at risk", plan.risk), ("plan", [s.told for s in plan.steps])):
            for number, line in enumerate(lines):
                out.print(f"  [label]{'' if number else label:<9}[/]{escape(line)}", soft_wrap=True)
        out.print(f"  [label]{'do':<9}[/]{escape(_remedy(plan))}\n", soft_wrap=True)


def _remedy(plan: Plan) -> str:
    if plan.hindrance:
        return plan.hindrance
    if plan.choices:
        modes = " or ".join(f"--mode {mode}" for mode in plan.choices)
        return f"decide: `ordergate recover {plan.name}` with {modes} shows what that does"
    return "stop the workers, and run the same command with --apply"


def _plain(plan: Plan, *, applied: bool) -> dict[str, Any]:
    return {
        "topic": plan.topic,
        "partition": plan.partition,
        "cause": plan.cause,
        "known": list(plan.known),
        "at_risk": list(plan.risk),
        "steps": [step.told for step in plan.steps],
        "choices": list(plan.choices),
        "do": _remedy(plan),
        "applied": applied,
    }
