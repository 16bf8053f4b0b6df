"""Which Kafka, database and registry a command uses: what the environment names, else the local stack's."""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

from ingest.cli.errors import AddressesMissing
from ingest.cli.terminal import say
from ingest.database.connection import Connection, connect
from ingest.errors import ConfigurationRefused, DatabaseAway, PermissionMissing
from ingest.settings import Settings, variable

if TYPE_CHECKING:
    from deploy.local.stack import Endpoints

ADDRESSES = ("kafka_bootstrap_servers", "database_url", "schema_registry_url")
HASH_KEY_FILE = "contact-hash.key"
_NO_DATABASE = "postgresql://not.asked/none"


def settings() -> Settings:
    """The settings of this command, addresses of the local stack filled in where the environment has none.

    Raises ConfigurationRefused or AddressesMissing.
    """
    missing = [name for name in ADDRESSES if not os.environ.get(variable(name))]
    return Settings.load(**_of_local_stack(missing)) if missing else Settings.load()


def settings_without_database() -> Settings:
    """The settings of a command that asks Kafka and the registry alone: DATABASE_URL need not be set.

    Raises as `settings`.
    """
    asked = [name for name in ADDRESSES if name != "database_url"]
    if os.environ.get(variable("database_url")) or not all(os.environ.get(variable(name)) for name in asked):
        return settings()
    return Settings.load(database_url=_NO_DATABASE)


def environment_of(endpoints: Endpoints, run_dir: Path) -> dict[str, str]:
    """The variables that let another process use a local stack."""
    return {
        variable("kafka_bootstrap_servers"): endpoints.kafka_bootstrap_servers,
        variable("database_url"): endpoints.database_url,
        variable("schema_registry_url"): endpoints.schema_registry_url,
        variable("contact_hash_key"): local_hash_key(run_dir),
    }


def local_hash_key(run_dir: Path) -> str:
    """The contact hash key of a local stack's database: made once, and readable by its owner only."""
    file = run_dir / HASH_KEY_FILE
    if not file.exists():
        # Whole or not at all, also when two commands come first at the same time.
        descriptor, name = tempfile.mkstemp(dir=run_dir, prefix=HASH_KEY_FILE)
        with os.fdopen(descriptor, "w") as half:
            half.write(secrets.token_urlsafe(48))
        with suppress(FileExistsError):
            os.link(name, file)
        Path(name).unlink()
    return file.read_text()


@contextmanager
def reachable_database(given: Settings) -> Iterator[None]:
    """Tells a lost or refused connection as DatabaseAway, and an unusable URL as ConfigurationRefused."""
    try:
        conninfo_to_dict(given.database_url.get_secret_value())
    except psycopg.ProgrammingError:
        # The driver's words repeat a part of the URL.
        problem = "PostgreSQL's client does not understand it; are its parameters (after the ?) ones it has?"
        raise ConfigurationRefused([f"{variable('database_url')}: {problem}"]) from None
    try:
        yield
    except psycopg.OperationalError as error:
        raise DatabaseAway(given.database_address, str(error).strip()) from error


@contextmanager
def reading(given: Settings) -> Iterator[Connection]:
    """A transaction for a report.

    Raises DatabaseAway, ConfigurationRefused, MigrationsMissing or PermissionMissing.
    """
    with reachable_database(given):
        try:
            with connect(given.database_url.get_secret_value()) as connection, connection.transaction():
                connection.execute("SET TRANSACTION READ ONLY, ISOLATION LEVEL REPEATABLE READ")
                yield connection
        except psycopg.errors.InsufficientPrivilege as error:
            raise PermissionMissing(given.database_address, error.diag.message_primary or "") from error
        except psycopg.errors.UndefinedTable:
            # Loaded when needed only: it takes longer than most questions.
            from ingest.cli.migrate import require_migrated

            require_migrated(given)
            raise


def _of_local_stack(missing: list[str]) -> dict[str, Any]:
    try:
        from deploy.local.errors import ProgramMissing
        from deploy.local.stack import Stack, default_run_dir
    except ImportError:
        return {}
    try:
        run_dir = default_run_dir()
        endpoints = Stack(run_dir).endpoints()
    except ProgramMissing:
        return {}
    if endpoints is None:
        raise AddressesMissing([variable(name) for name in missing], str(run_dir))
    say(f"ordergate: using the local stack in {run_dir}")
    given: dict[str, Any] = {name: getattr(endpoints, name) for name in missing}
    if "database_url" in missing and not os.environ.get(variable("contact_hash_key")):
        # The key belongs to the guests in that database, so only a database of the stack's own gets one.
        given["contact_hash_key"] = local_hash_key(run_dir)
    return given
