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

from ingest.cli.commands import app
from ingest.cli.deployment import local_hash_key
from ingest.cli.main import explanation
from ingest.errors import DatabaseAway

Ordergate = Callable[..., Result]


def every_command() -> list[tuple[str, ...]]:
    command = typer.main.get_command(app)
    found: list[tuple[str, ...]] = []
    for name, sub in command.commands.items():  # type: ignore[attr-defined]
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


def test_a_misspelt_setting_is_told_with_its_right_name(
    ordergate: Ordergate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A limit that does not apply because of a typing error is found at once."""
    for name in ("KAFKA_BOOTSTRAP_SERVERS", "DATABASE_URL", "SCHEMA_REGISTRY_URL"):
        monkeypatch.setenv(name, "127.0.0.1:1")
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
