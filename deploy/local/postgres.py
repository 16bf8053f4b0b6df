"""PostgreSQL from the binaries of a Python package, as the caller or, for root, as `nobody`."""

import os
import secrets
import shutil
import signal
from pathlib import Path
from typing import ClassVar

import psycopg
from psycopg import sql

from deploy.local import process
from deploy.local.part import Launch, Part
from deploy.local.ports import HOST, Ports, answers
from deploy.local.postgres_home import binaries_for, home_for, installed_version, remove_home
from deploy.local.report import Report

USER = "ordergate"
ORDERGATE_DATABASE = "ordergate"
REGISTRY_DATABASE = "registry"

_PATIENCE_S = 30
"""For a server that was healthy a moment ago, on a small machine that does other work too."""

_SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",  # one way in, and no path that may be too long for a socket
    "shared_buffers": "64MB",
    "max_connections": "100",
    "fsync": "on",
    "synchronous_commit": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %d ",
}


class Postgres(Part):
    """The database server of the stack."""

    name: ClassVar[str] = "PostgreSQL"
    version: ClassVar[str] = installed_version()
    port_names: ClassVar[tuple[str, ...]] = ("postgres",)
    # SIGTERM would wait for every client to leave; SIGINT ends their sessions and shuts down cleanly.
    stop_signal: ClassVar[signal.Signals] = signal.SIGINT

    def __init__(self, run_dir: Path, ports: Ports) -> None:
        super().__init__(run_dir, ports)
        self._password_file = run_dir / "postgres.password"
        self._account = process.Account.nobody() if os.geteuid() == 0 else None

    def prepare(self, report: Report) -> Launch:
        """Make the binaries reachable; create the data folder the first time."""
        programs = binaries_for(self._account)
        home = home_for(self.folder, self._account)
        initialized = home / "initialized"  # written last: without it nothing in the data folder counts
        if not initialized.exists():
            report(f"creating the data folder of {self.name}")
            self._initialize(programs, home)
            initialized.touch()
        if not self._password_file.exists():
            raise self._failed(f"{self._password_file}, which opens its data, is gone")
        settings = {**_SETTINGS, "port": str(self.port)}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        command = [str(programs / "postgres"), "-D", str(home / "data"), *options]
        return Launch(command, home, process.clean_environment(), self._account)

    def complete(self) -> None:
        """Create the databases that do not exist yet."""
        with self._connect(_PATIENCE_S) as connection:
            found = {row[0] for row in connection.execute("SELECT datname FROM pg_database")}
            for name in (ORDERGATE_DATABASE, REGISTRY_DATABASE):
                if name not in found:
                    connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))

    def is_healthy(self) -> bool:
        """Whether it answers a query to its owner."""
        if not answers(self.port):
            return False
        try:
            with self._connect() as connection:
                connection.execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def address(self) -> str:
        """The database's address with its password masked."""
        return f"postgresql://{USER}:***@{HOST}:{self.port}/{ORDERGATE_DATABASE}"

    def url(self) -> str:
        """The database's address with its password."""
        return f"postgresql://{USER}:{self.password()}@{HOST}:{self.port}/{ORDERGATE_DATABASE}"

    def password(self) -> str:
        """The generated password; letters and digits only, so it needs no quoting anywhere."""
        return self._password_file.read_text()

    def forget(self) -> None:
        """Remove data and password; the server is stopped."""
        remove_home(self.folder)
        self._password_file.unlink(missing_ok=True)

    def _connect(self, within_s: int = 2) -> psycopg.Connection:
        return psycopg.connect(
            host=HOST,
            port=self.port,
            user=USER,
            password=self.password(),
            dbname="postgres",
            connect_timeout=within_s,
            autocommit=True,
        )

    def _initialize(self, programs: Path, home: Path) -> None:
        shutil.rmtree(home / "data", ignore_errors=True)
        password = secrets.token_hex(24)
        _write_secret(self._password_file, password)
        handed_over = home / "password"  # initdb reads it as the account that must not see the run directory
        _write_secret(handed_over, password)
        if self._account is not None:
            os.chown(handed_over, self._account.uid, self._account.gid)
        command = [
            str(programs / "initdb"),
            f"--pgdata={home / 'data'}",
            f"--username={USER}",
            f"--pwfile={handed_over}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--no-instructions",
        ]
        launch = Launch(command, home, process.clean_environment(), self._account)
        try:
            self.run_to_end(launch, "its data folder could not be created")
        finally:
            handed_over.unlink()


def _write_secret(file: Path, text: str) -> None:
    file.unlink(missing_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
        stream.write(text)
