"""`ordergate audit` refuses what it cannot understand, and asks for no more than it needs."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from ingest.cli.commands import app


@pytest.mark.parametrize("option", ["--since", "--until"])
def test_a_time_that_is_none_is_refused_by_the_name_of_its_option(option):
    """Whoever mistypes a time is told which, and what would be one; nothing is read."""
    said = CliRunner().invoke(app, ["audit", option, "yesterday"])
    assert said.exit_code == 2
    assert option in said.stderr
    assert "expected 30m, 2h or 3d" in said.stderr.replace("\n", " ")


def test_kafka_and_the_registry_are_enough_without_a_database(monkeypatch: pytest.MonkeyPatch):
    """A consumer who was never given the database can audit what concerns him: only Kafka is asked for here."""
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1")
    monkeypatch.setenv("SCHEMA_REGISTRY_URL", "http://127.0.0.1:1")
    said = CliRunner().invoke(app, ["audit"])
    assert said.exit_code == 2
    assert "Kafka at 127.0.0.1:1 cannot be read" in said.stderr
    assert "nothing was changed" in said.stderr
