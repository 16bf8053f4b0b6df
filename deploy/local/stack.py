"""The one-machine stack: Kafka, PostgreSQL and a schema registry under one run directory."""

import os
import re
import shutil
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import FIRST_EXCEPTION, CancelledError, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from deploy.local.downloads import user_cache
from deploy.local.errors import DiskFull, FolderUnusable, LocalStackError, NotOurs
from deploy.local.kafka import Kafka, Profile
from deploy.local.locking import exclusive
from deploy.local.part import Part, PartStatus, State
from deploy.local.ports import Ports
from deploy.local.postgres import Postgres
from deploy.local.registry import Registry
from deploy.local.report import Report, silent

__all__ = ["Endpoints", "PartStatus", "Profile", "Stack", "State", "default_run_dir"]

KAFKA_VARIABLE = "KAFKA_BOOTSTRAP_SERVERS"
DATABASE_VARIABLE = "DATABASE_URL"
REGISTRY_VARIABLE = "SCHEMA_REGISTRY_URL"
RUN_DIR_VARIABLE = "ORDERGATE_RUN_DIR"

_MARK = "ordergate-stack"
_WAIT_FOR_OTHERS_SECONDS = 180.0


@dataclass(frozen=True)
class Endpoints:
    """Where clients reach the three parts."""

    kafka_bootstrap_servers: str
    database_url: str = field(repr=False)  # it holds the password
    schema_registry_url: str


def default_run_dir(environment: Mapping[str, str] = os.environ) -> Path:
    """`ORDERGATE_RUN_DIR`, else `.run/stack` at the top of the checkout one stands in, else right here."""
    if chosen := environment.get(RUN_DIR_VARIABLE):
        return Path(chosen).expanduser().absolute()
    here = Path.cwd()
    top = next((folder for folder in (here, *here.parents) if (folder / ".git").exists()), here)
    return top / ".run" / "stack"


class Stack:
    """The stack of one run directory; any number of objects and processes may stand for the same stack.

    A part that an environment variable names elsewhere is neither started nor stopped here. The registry
    keeps its schemas in the stack's own PostgreSQL, never in a database someone else gave: with DATABASE_URL
    set and SCHEMA_REGISTRY_URL not, PostgreSQL is started all the same, for the registry alone.
    """

    def __init__(
        self,
        run_dir: Path,
        *,
        profile: Profile = Profile.FAST_START,
        environment: Mapping[str, str] = os.environ,
        cache: Path | None = None,
        broker_settings: Mapping[str, str] | None = None,
    ) -> None:
        """`broker_settings`: settings of Kafka that win over the stack's own."""
        self.run_dir = run_dir.absolute()
        self._given = {
            name: environment[name]
            for name in (KAFKA_VARIABLE, DATABASE_VARIABLE, REGISTRY_VARIABLE)
            if environment.get(name)
        }
        ports = Ports(self.run_dir / "ports.json")
        downloads = cache or user_cache()
        self._ports = ports
        self._kafka = Kafka(self.run_dir, ports, downloads, profile, broker_settings)
        self._postgres = Postgres(self.run_dir, ports)
        self._registry = Registry(self.run_dir, ports, downloads, self._postgres)

    @property
    def kafka(self) -> Kafka:
        """The broker, to stop, start or kill it by itself."""
        self._must_be_ours(self._kafka, KAFKA_VARIABLE)
        return self._kafka

    @property
    def postgres(self) -> Postgres:
        """The database server, to stop, start or kill it by itself."""
        if self._postgres not in self._own_parts():
            self._must_be_ours(self._postgres, DATABASE_VARIABLE)
        return self._postgres

    @property
    def registry(self) -> Registry:
        """The registry, to stop, start or kill it by itself."""
        self._must_be_ours(self._registry, REGISTRY_VARIABLE)
        return self._registry

    def up(self, report: Report = silent) -> Endpoints:
        """Start what does not run yet, side by side, and wait until every part answers.

        A start that fails, or is interrupted, stops what it had started and leaves alone what ran before.

        Raises:
            LocalStackError: one of its classes, each saying what to do.
        """
        if not self._own_parts():
            return self._endpoints()
        report = _one_at_a_time(report)
        with self._alone(report):
            self._settle_ports(report)
            self._start(report)
            return self._endpoints()

    def down(self, report: Report = silent) -> None:
        """Stop registry, Kafka and PostgreSQL, in this order, cleanly; their data stays.

        Raises:
            StopFailed: a part did not stop; it was not killed.
        """
        if not self._exists():
            return
        with self._alone(report):
            _stop([part for part, _ in self._all_parts()], report)

    def forget(self, report: Report = silent) -> None:
        """Stop the stack if it runs and remove all it kept: data, passwords, ports and logs."""
        if not self._exists():
            return
        with self._alone(report):
            _stop([part for part, _ in self._all_parts()], report)
            self._postgres.forget()
            for name in ("kafka", "registry", "logs", "pids"):
                shutil.rmtree(self.run_dir / name, ignore_errors=True)
            (self.run_dir / "ports.json").unlink(missing_ok=True)

    def endpoints(self) -> Endpoints | None:
        """Where the parts are, or None while a part of this stack is not running."""
        if any(part.running() is None for part in self._own_parts()):
            return None
        return self._endpoints()

    def status(self) -> list[PartStatus]:
        """Every part, in the order they start; passwords are masked."""
        own = self._own_parts()
        found = []
        for part, variable in self._all_parts():
            given = self._given.get(variable)
            if given is not None:
                found.append(PartStatus(part.name, State.EXTERNAL, masked(given), note=f"named by {variable}"))
            if part in own:
                note = "for the registry alone" if given is not None else ""
                found.append(replace(part.status(), note=note))
        return found

    def _all_parts(self) -> list[tuple[Part, str]]:
        """Every part with the variable that replaces it; stopped in the opposite order."""
        return [
            (self._postgres, DATABASE_VARIABLE),
            (self._kafka, KAFKA_VARIABLE),
            (self._registry, REGISTRY_VARIABLE),
        ]

    def _own_parts(self) -> list[Part]:
        needed = {variable for _, variable in self._all_parts() if variable not in self._given}
        if REGISTRY_VARIABLE in needed:
            needed.add(DATABASE_VARIABLE)
        return [part for part, variable in self._all_parts() if variable in needed]

    def _must_be_ours(self, part: Part, variable: str) -> None:
        if variable in self._given:
            raise NotOurs(part.name, variable)

    def _endpoints(self) -> Endpoints:
        given = self._given
        return Endpoints(
            given.get(KAFKA_VARIABLE) or self._kafka.address(),
            # SQLAlchemy's spelling of the same address is understood too.
            given.get(DATABASE_VARIABLE, "").replace("postgresql+psycopg:", "postgresql:", 1) or self._postgres.url(),
            given.get(REGISTRY_VARIABLE) or self._registry.address(),
        )

    def _settle_ports(self, report: Report) -> None:
        for part in self._own_parts():
            if part.running() is None:
                for name in part.port_names:
                    port, replaced = self._ports.settle(name)
                    if replaced is not None:
                        report(f"port {replaced} of {name} is taken by another process; using {port} from now on")
                        if part is self._postgres:
                            self._registry.stop(report)  # it knows the old address; it starts with the new one

    def _start(self, report: Report) -> None:
        own = self._own_parts()
        idle = [part for part in own if part.running() is None]
        given_up = threading.Event()

        def report_unless_given_up(line: str) -> None:
            if given_up.is_set():
                raise CancelledError
            report(line)

        def start(parts: list[Part]) -> None:
            for part in parts:
                part.start(report_unless_given_up, given_up)

        kafka: list[Part] = [part for part in own if part is self._kafka]
        lines = [kafka, [part for part in own if part not in kafka]]
        with ThreadPoolExecutor(max_workers=len(lines), thread_name_prefix="start") as pool:
            starts = [pool.submit(start, line) for line in lines]
            try:
                done, _ = wait(starts, return_when=FIRST_EXCEPTION)
                for one in done:
                    one.result()
            except BaseException:  # Ctrl-C too: nothing half started stays
                given_up.set()
                wait(starts)
                _stop(idle, report)
                raise

    def _exists(self) -> bool:
        return (self.run_dir / _MARK).exists()

    @contextmanager
    def _alone(self, report: Report) -> Iterator[None]:
        """Own the run directory: made if missing, refused if someone else's, locked against others."""
        try:
            self._claim()
            with exclusive(
                self.run_dir / ".lock",
                seconds=_WAIT_FOR_OTHERS_SECONDS,
                waiting=lambda: report("waiting for another ordergate that works on this stack"),
            ):
                yield
        except LocalStackError:
            raise
        except OSError as error:
            if DiskFull.is_meant_by(error):
                raise DiskFull(self.run_dir, str(error)) from error
            raise

    def _claim(self) -> None:
        try:
            self.run_dir.mkdir(parents=True, exist_ok=True)
            if self.run_dir.stat().st_uid != os.geteuid():
                raise FolderUnusable(self.run_dir, "it belongs to another user")
            if not self._exists() and any(self.run_dir.iterdir()):
                raise FolderUnusable(self.run_dir, "it holds files that are not a stack's")
            (self.run_dir / _MARK).touch()
            for name in ("logs", "pids"):
                (self.run_dir / name).mkdir(exist_ok=True)
        except (PermissionError, FileExistsError, NotADirectoryError) as error:
            raise FolderUnusable(self.run_dir, str(error)) from error


def _stop(parts: list[Part], report: Report) -> None:
    """Stop them, the last started first."""
    for part in reversed(parts):
        part.stop(report)


def masked(address: str) -> str:
    """An address without its password, wherever in it that is."""
    return re.sub(r"(//[^:/@]*:)[^/]*@|(\bpassword=)[^&\s]*", _mask, address)


def _mask(found: re.Match[str]) -> str:
    return f"{found[1]}***@" if found[1] else f"{found[2]}***"


def _one_at_a_time(report: Report) -> Report:
    lock = threading.Lock()

    def locked(line: str) -> None:
        with lock:
            report(line)

    return locked
