"""Every command helps, fails in words, and uses what is meant."""

from __future__ import annotations

import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from typer.testing import Result

from ingest import kafka_admin
from ingest.cli import cluster
from ingest.cli.commands import app
from ingest.cli.deployment import local_hash_key
from ingest.cli.main import explanation
from ingest.errors import DatabaseAway
from tests.ingest.cli.conftest import CASES

ORDER = str(CASES / "web" / "order-placed-guest.json")
Ordergate = Callable[..., Result]


def every_command() -> list[tuple[str, ...]]:
    command = typer.main.get_command(app)
    found: list[tuple[str, ...]] = []
    for name, sub in command.commands.items():  # type: ignore[attr-defined]  # the app is a group
        below = getattr(sub, "commands", None)
        found += [(name, child) for child in below] if below else [(name,)]
    return found


@pytest.mark.parametrize("command", every_command(), ids=" ".join)
def test_every_command_tells_what_it_does(ordergate: Ordergate, command: tuple[str, ...]) -> None:
    """A newcomer learns each command from its own help."""
    result = ordergate(*command, "--help")
    assert result.exit_code == 0
    assert len(result.stdout.split()) > 20


def test_every_promised_command_is_there() -> None:
    """Scripts and runbooks name these."""
    names = {" ".join(command) for command in every_command()}
    assert names >= {
        "up", "down", "status", "demo", "run", "map", "publish", "outcomes", "explain", "positions", "check",
        "migrate", "topics list", "topics create", "schemas list", "schemas register", "schemas lint",
    }  # fmt: skip


def test_help_loads_no_client_and_no_database() -> None:
    """`ordergate --help` and shell users do not wait for libraries that it does not need."""
    script = (
        "import sys; from ingest.cli.commands import app; "
        "print({'psycopg', 'confluent_kafka', 'sqlalchemy', 'pydantic', 'rich'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize("command", [("outcomes",), ("positions",), ("explain", "1"), ("run",), ("migrate",)])
def test_without_addresses_and_stack_a_command_says_what_to_start(
    ordergate: Ordergate, command: tuple[str, ...]
) -> None:
    """The first error of a newcomer names the next command."""
    result = ordergate(*command)
    assert result.exit_code == 2
    assert "KAFKA_BOOTSTRAP_SERVERS, DATABASE_URL, SCHEMA_REGISTRY_URL" in result.stderr
    assert "ordergate up" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_database_that_is_away_is_told_in_four_lines_without_its_password(
    ordergate: Ordergate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What happened, what is known, what is safe, what to do; and no traceback."""
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1")
    monkeypatch.setenv("DATABASE_URL", "postgresql://someone:hush-hush@127.0.0.1:1/nothing")
    monkeypatch.setenv("SCHEMA_REGISTRY_URL", "http://127.0.0.1:1")
    result = ordergate("outcomes")
    assert result.exit_code == 2
    assert result.stderr.startswith("ordergate: PostgreSQL at 127.0.0.1:1/nothing cannot be reached.\n")
    for part in ("known", "safe", "do"):
        assert f"\n  {part}" in result.stderr
    assert "hush-hush" not in result.stderr + result.stdout


NEEDS_THE_DATABASE = [("outcomes",), ("explain", "1"), ("migrate",), ("run",), ("check",)]
NEEDS_KAFKA = [("positions",), ("topics", "list"), ("topics", "create"), ("publish", "-c", "web", ORDER)]
NEEDS_THE_REGISTRY = [("schemas", "list"), ("schemas", "register")]


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Addresses at which nothing answers, with passwords, and little patience."""
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1")
    monkeypatch.setenv("DATABASE_URL", "postgresql://someone:hush-hush@127.0.0.1:1/nothing")
    monkeypatch.setenv("SCHEMA_REGISTRY_URL", "http://someone:hush-hush@127.0.0.1:1")
    monkeypatch.setenv("ORDERGATE_CONTACT_HASH_KEY", "0123456789abcdef0123456789abcdef")
    for module in (kafka_admin, cluster):
        monkeypatch.setattr(module, "TIMEOUT_S", 0.3)


@pytest.mark.parametrize("command", [*NEEDS_THE_DATABASE, *NEEDS_KAFKA, *NEEDS_THE_REGISTRY], ids=" ".join)
@pytest.mark.parametrize("url", ["nonsense-hush", "postgresql://me:hu/sh@db.example/orders"])
def test_a_malformed_database_url_is_told_without_repeating_it(
    ordergate: Ordergate, nowhere: None, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...], url: str
) -> None:
    """Whatever was mistyped may be a password: no command shows it, and none ends in a traceback."""
    monkeypatch.setenv("DATABASE_URL", url)
    result = ordergate(*command)
    told = result.stdout + result.stderr
    assert result.exit_code == (1 if command == ("check",) else 2)
    assert "DATABASE_URL: expected postgresql://" in told
    assert not {part for part in ("hush", "hu/sh", "example", "Traceback") if part in told}


@pytest.mark.parametrize("command", NEEDS_THE_DATABASE, ids=" ".join)
def test_a_parameter_that_the_database_client_lacks_is_told_without_repeating_it(
    ordergate: Ordergate, nowhere: None, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    """The same for what only PostgreSQL's own client can judge."""
    monkeypatch.setenv("DATABASE_URL", "postgresql://me@127.0.0.1:1/orders?hush=hush")
    result = ordergate(*command)
    told = result.stdout + result.stderr
    assert result.exit_code == (1 if command == ("check",) else 2)
    assert "DATABASE_URL: PostgreSQL's client does not understand it" in told
    assert not {part for part in ("hush", "Traceback") if part in told}


@pytest.mark.parametrize("command", [*NEEDS_KAFKA, ("check",)], ids=" ".join)
def test_brokers_that_are_away_are_told_once_and_in_our_words(
    ordergate: Ordergate, nowhere: None, capfd: pytest.CaptureFixture[str], command: tuple[str, ...]
) -> None:
    """The reason stands in the message; the client's own lines do not surround it."""
    result = ordergate(*command)
    assert result.exit_code == (1 if command == ("check",) else 2)
    told = result.stdout + result.stderr
    assert "Kafka at 127.0.0.1:1 cannot be reached" in told
    assert "Connect to ipv4#127.0.0.1:1 failed: Connection refused" in told
    assert "journal" not in told
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("command", NEEDS_THE_REGISTRY, ids=" ".join)
def test_a_registry_that_is_away_is_told_with_the_reason(
    ordergate: Ordergate, nowhere: None, command: tuple[str, ...]
) -> None:
    """One line says which registry and why, instead of every subject that it was to be asked about."""
    result = ordergate(*command)
    assert result.exit_code == 2
    assert "the schema registry at http://127.0.0.1:1 cannot be reached.\n" in result.stderr
    assert "known    Connection refused\n" in result.stderr
    assert "SCHEMA_REGISTRY_URL" in result.stderr
    assert "hush" not in result.stderr and "-value" not in result.stderr


def test_a_file_that_is_not_there_is_told_before_anything_is_needed(ordergate: Ordergate) -> None:
    """A mistyped file name is not hidden behind a stack that does not run."""
    result = ordergate("publish", "--channel", "web", "nofile.json")
    assert result.exit_code == 2
    assert result.stderr == (
        "ordergate: nofile.json cannot be read: No such file or directory; expected a JSON document\n"
    )
    assert result.stdout == ""


def test_a_misspelt_setting_is_told_with_its_right_name(
    ordergate: Ordergate, nowhere: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A limit that does not apply because of a typing error is found at once."""
    monkeypatch.setenv("ORDERGATE_BATCH_SIZ", "5")
    result = ordergate("check")
    assert result.exit_code == 1
    assert "did you mean ORDERGATE_BATCH_SIZE?" in result.stdout


def test_a_fault_of_the_program_is_not_dressed_up_as_an_error_of_the_operator() -> None:
    """Only what a person can put right is told without its traceback."""
    assert explanation(DatabaseAway("h:1/d", "gone")) is not None
    assert explanation(KeyError("order_id")) is None


def test_a_time_that_is_none_says_which_are(ordergate: Ordergate) -> None:
    """`--since yesterday` gets an answer that helps."""
    result = ordergate("outcomes", "--since", "yesterday")
    assert result.exit_code == 2
    assert "30m, 2h or 3d" in result.stderr


def test_the_local_hash_key_is_made_once_and_is_its_owners_alone(tmp_path: Path) -> None:
    """Guests of a local stack stay recognisable from one command to the next, and by nobody else."""
    key = local_hash_key(tmp_path)
    assert local_hash_key(tmp_path) == key
    assert len(key) >= 32
    (file,) = tmp_path.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_the_schema_files_are_in_order(ordergate: Ordergate) -> None:
    """A build refuses a schema without owners, or a changed published version, with no registry at hand."""
    result = ordergate("schemas", "lint")
    assert result.exit_code == 0, result.stdout
