"""Running `ordergate` as a person does, and payloads to run it on."""

from __future__ import annotations

import copy
import json
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from typer.testing import CliRunner, Result

from deploy.local.stack import Endpoints
from ingest.cli.commands import app
from tests.integration.deployment import Deployment

CASES = Path(__file__).parents[3] / "mappers" / "cases"
ADDRESSES = ("KAFKA_BOOTSTRAP_SERVERS", "DATABASE_URL", "SCHEMA_REGISTRY_URL")


@pytest.fixture
def ordergate(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Callable[..., Result]]:
    """Runs a command where no stack runs and nothing is set."""
    for name in ADDRESSES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ORDERGATE_RUN_DIR", str(tmp_path / "no-stack"))
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments: str, given: str | bytes | None = None) -> Result:
        return CliRunner().invoke(app, list(map(str, arguments)), input=given)

    yield run
    # `ordergate run` logs to the standard error of this test.
    structlog.reset_defaults()


@pytest.fixture
def deployment(stack: Endpoints, database_url: str, tmp_path: Path) -> Iterator[Deployment]:
    """Fresh topics, an empty database, a consumer group of its own."""
    made = Deployment(stack, database_url, tmp_path, f"cli-{secrets.token_hex(4)}")
    made.prepare()
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def order_placed() -> dict[str, Any]:
    """A guest's order as the storefront publishes it; nothing is wrong with it but its age."""
    return copy.deepcopy(json.loads((CASES / "web" / "order-placed-guest.json").read_text()))


def facts(result: Result) -> list[dict[str, Any]]:
    """The JSON lines that a command printed."""
    return [json.loads(line) for line in result.stdout.splitlines()]
