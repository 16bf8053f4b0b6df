"""The commands on a real deployment: one event's way from a file to its explanation."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from typer.testing import CliRunner, Result

from ingest.cli import outcomes
from ingest.cli.commands import app
from schemas import identifiers
from tests.ingest.cli.conftest import CASES, facts
from tests.integration.deployment import Deployment, wait_until

pytestmark = pytest.mark.stack


def run(deployment: Deployment, *arguments: object) -> Result:
    """A command in this deployment's environment."""
    with deployment.environ():
        os.environ["COLUMNS"] = "200"
        return CliRunner().invoke(app, [str(argument) for argument in arguments])


class Worker:
    """`ordergate run` in a process of its own, until the block ends."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self.log = deployment.folder / "run.log"

    def __enter__(self) -> Worker:
        with self.log.open("wb") as log:
            environment = {**os.environ, **self._deployment.environment}
            command = [sys.executable, "-m", "ingest.cli", "run"]
            self._process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        return self

    def decide(self, events: int) -> None:
        """Wait until so many events have their outcome and all of it is published."""
        self._deployment.wait_decided(events)

    def __exit__(self, *_: object) -> None:
        self._process.send_signal(signal.SIGTERM)
        try:
            self.exit_code = self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self.exit_code = self._process.wait()


def web_cases() -> list[Path]:
    return sorted((CASES / "web").glob("*.json"))


def test_each_payload_gets_from_a_worker_what_map_said_of_it(deployment: Deployment) -> None:
    """`ordergate map` is the worker's own judgement: what it refuses is refused, by the same rules."""
    alone = {}
    for file in web_cases():
        (fact,) = facts(run(deployment, "map", "--channel", "web", "--json", file))
        alone[str(file)] = fact
    refused = {name: fact for name, fact in alone.items() if fact["outcome"] == "QUARANTINED"}
    assert len(refused) > 5
    sent = facts(run(deployment, "publish", "--channel", "web", "--json", *refused))
    with Worker(deployment) as worker:
        worker.decide(len(refused))
    assert worker.exit_code == 0, worker.log.read_text()[-3000:]
    told = {(f["topic"], f["partition"], f["offset"]): f for f in facts(run(deployment, "outcomes", "--json"))}
    for event in sent:
        outcome = told[event["topic"], event["partition"], event["offset"]]
        fact = refused[event["file"]]
        assert outcome["outcome"] == "QUARANTINED"
        errors = {f["rule"] for f in fact["findings"] if f["severity"] == "error"}
        assert errors <= set(outcome["detail"].split(", "))


def test_an_order_can_be_followed_from_its_file_to_its_explanation(
    deployment: Deployment, order_placed: dict[str, Any], tmp_path: Path
) -> None:
    """publish, outcomes, explain and positions tell the same story of one order."""
    order_file = tmp_path / "order.json"
    order_file.write_text(json.dumps(order_placed))
    again = tmp_path / "again.json"
    again.write_text(json.dumps(order_placed))
    broken = CASES / "web" / "broken-no-currency.json"

    before = facts(run(deployment, "positions", "--json"))
    assert {one["verdict"] for one in before} == {"not read yet"}

    published = run(deployment, "publish", "--channel", "web", "--json", order_file, again, broken)
    assert published.exit_code == 0
    sent = facts(published)
    sessions = [json.loads(file.read_text())["session_id"] for file in (order_file, again, broken)]
    assert [event["key"] for event in sent] == sessions

    with Worker(deployment) as worker:
        worker.decide(3)
    assert worker.exit_code == 0, worker.log.read_text()[-3000:]

    outcomes = facts(run(deployment, "outcomes", "--json"))
    assert Counter(o["outcome"] for o in outcomes) == {"GOVERNED": 1, "DUPLICATE": 1, "QUARANTINED": 1}
    assert set(outcomes[0]) == {
        "topic", "partition", "offset", "outcome", "channel", "event_kind", "order_id", "canonical_version",
        "detail", "outputs",
    }  # fmt: skip
    assert len(facts(run(deployment, "outcomes", "--json", "--outcome", "governed", "--since", "1h"))) == 1
    assert facts(run(deployment, "outcomes", "--json", "--channel", "shopify")) == []
    people = run(deployment, "outcomes").stdout
    assert "consumed" in people and "QUARANTINED" in people

    order_id = identifiers.order_id("web", "store-be", "ord_7Q2M9")
    for name in ("ord_7Q2M9", "BE-10042", order_id, order_id[:8], order_id.upper()):
        (history,) = facts(run(deployment, "explain", "--json", name))
        assert history["order_id"] == order_id
        assert [event["outcome"] for event in history["events"]] == ["GOVERNED", "DUPLICATE"]
    told = run(deployment, "explain", order_id[:8])
    assert told.exit_code == 0
    assert "CONFIRMED" in told.stdout and "version 1" in told.stdout
    for personal in ("An.Peeters", "an.peeters", "Peeters", "Hoogstraat", "470 12"):
        assert personal not in told.stdout

    unknown = run(deployment, "explain", "no-such-order")
    assert unknown.exit_code == 2
    assert "no order is known as no-such-order" in unknown.stderr

    after = run(deployment, "positions", "--json")
    assert after.exit_code == 0
    standings = facts(after)
    assert {one["verdict"] for one in standings} == {"in step"}
    assert sum(one["next_offset"] for one in standings) == 3
    assert all(one["lag"] == 0 and one["released"] and one["unpublished_rows"] == 0 for one in standings)


def test_a_waiting_and_a_refused_event_are_part_of_their_orders_history(
    deployment: Deployment, order_placed: dict[str, Any], tmp_path: Path
) -> None:
    """Whoever asks for an order also learns what of it is held up, until when, and who can help."""
    order_placed["data"]["order"]["shipping_address"]["country"] = "XX"
    refused = tmp_path / "refused.json"
    refused.write_text(json.dumps(order_placed))
    waiting = CASES / "web" / "payment-captured-of-order.json"
    run(deployment, "publish", "--channel", "web", waiting, refused)
    with Worker(deployment) as worker:
        worker.decide(2)
    order_id = identifiers.order_id("web", "store-be", "ord_7Q2M9")
    (history,) = facts(run(deployment, "explain", "--json", order_id))
    parked, quarantined = history["events"]
    assert history["canonical_version"] is None
    assert parked["outcome"] == "PARKED" and parked["deadline"]
    assert quarantined["outcome"] == "QUARANTINED" and quarantined["stage"] == "check"
    owners = {finding["rule"]: finding["owner"] for finding in quarantined["findings"]}
    assert owners["ship_country_iso"] == "logistics"
    told = run(deployment, "explain", order_id).stdout
    assert "none of its events was governed" in told
    assert "waits for its order until" in told and "ship_country_iso" in told


def test_a_prepared_deployment_is_told_to_be_safe(deployment: Deployment) -> None:
    """check, topics and schemas agree that a worker may start."""
    checked = run(deployment, "check", "--json")
    assert checked.exit_code == 0, checked.stdout
    assert {fact["verdict"] for fact in facts(checked)} == {"ok", "warn"}
    topics = run(deployment, "topics", "list", "--json")
    assert topics.exit_code == 0
    assert all(fact["exists"] for fact in facts(topics))
    schemas = run(deployment, "schemas", "list", "--json")
    assert schemas.exit_code == 0
    assert {fact["compatibility"] for fact in facts(schemas)} == {"FULL_TRANSITIVE"}
    for again in (("migrate",), ("topics", "create"), ("schemas", "register")):
        assert run(deployment, *again).exit_code == 0


def test_a_worker_does_not_start_on_an_unsafe_database(deployment: Deployment) -> None:
    """`synchronous_commit=off` is refused by check and by run, with the reason and the remedy."""
    name = deployment.database_url.rpartition("/")[2].partition("?")[0]
    deployment.rows_written(f'ALTER DATABASE "{name}" SET synchronous_commit = off')
    checked = run(deployment, "check", "--json")
    assert checked.exit_code == 1
    (unsafe,) = [fact for fact in facts(checked) if fact["verdict"] == "unsafe"]
    assert unsafe["subject"] == "synchronous_commit" and unsafe["why"] and unsafe["do"]
    refused = run(deployment, "run")
    assert refused.exit_code == 2
    assert "synchronous_commit" in refused.stderr and "nothing was read" in refused.stderr


def test_a_database_that_knows_nothing_before_outputs_is_told_before_a_worker_halts_on_it(
    deployment: Deployment, new_database: Callable[[str], str], order_placed: dict[str, Any], tmp_path: Path
) -> None:
    """A wrong DATABASE_URL is found by check, with the way out; with the right one nothing is wrong."""
    payload = tmp_path / "order.json"
    payload.write_text(json.dumps(order_placed))
    run(deployment, "publish", "--channel", "web", payload)
    with Worker(deployment) as worker:
        worker.decide(1)
    assert run(deployment, "check").exit_code == 0
    deployment.settings["DATABASE_URL"] = new_database("forgotten")
    assert run(deployment, "migrate").exit_code == 0
    checked = run(deployment, "check", "--json")
    assert checked.exit_code == 1
    (unsafe,) = [fact for fact in facts(checked) if fact["verdict"] == "unsafe"]
    assert unsafe["area"] == "outputs" and "oms.orders.v1" in unsafe["found"]
    assert "`ordergate recover`" in unsafe["do"]


def test_a_database_without_tables_names_the_command_that_makes_them(
    deployment: Deployment, new_database: Callable[[str], str]
) -> None:
    """A report on an empty database is an answer, not a traceback."""
    deployment.settings["DATABASE_URL"] = new_database("empty")
    told = run(deployment, "outcomes")
    assert told.exit_code == 2
    assert "tables are not those of this version" in told.stderr
    assert "ordergate migrate" in run(deployment, "check").stdout


@pytest.mark.timeout(240)
def test_the_demo_adds_up_and_leaves_no_process(tmp_path: Path) -> None:
    """`make demo` ends with numbers that add up, exit code 0, and everything it started gone."""
    environment = {**os.environ, "ORDERGATE_RUN_DIR": str(tmp_path / "stack")}
    command = [sys.executable, "-m", "ingest.cli", "demo", "--events", "300"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "300" in done.stdout and "One governed order" in done.stdout
    assert "One guest-conversion event" in done.stdout
    wait_until(lambda: not processes_in(tmp_path), 10, "all processes are gone")


def processes_in(folder: Path) -> list[int]:
    """Processes whose command line names the folder."""
    return [
        process.pid
        for process in psutil.process_iter(["cmdline"])
        if any(str(folder) in word for word in process.info["cmdline"] or [])
    ]


def test_an_order_never_governed_is_found_by_the_key_it_was_published_with(
    deployment: Deployment, order_placed: dict[str, Any], tmp_path: Path
) -> None:
    """A channel that only knows its own order id learns why nothing of that order was governed."""
    order_placed["data"]["order"]["shipping_address"]["country"] = "XX"
    refused = tmp_path / "refused.json"
    refused.write_text(json.dumps(order_placed))
    (sent,) = facts(run(deployment, "publish", "--channel", "web", "--json", refused))
    with Worker(deployment) as worker:
        worker.decide(1)
    assert worker.exit_code == 0, worker.log.read_text()[-3000:]
    (history,) = facts(run(deployment, "explain", "--json", sent["key"]))
    assert history["order_id"] == identifiers.order_id("web", "store-be", "ord_7Q2M9")
    assert [event["outcome"] for event in history["events"]] == ["QUARANTINED"]
    (outcome,) = facts(run(deployment, "outcomes", "--json", "--order", sent["key"]))
    assert outcome["outcome"] == "QUARANTINED"


def test_a_role_that_may_not_read_is_told_what_it_lacks(deployment: Deployment) -> None:
    """An auditor with a role of their own learns which right to ask for, and sees no traceback."""
    role = f"reader_{secrets.token_hex(4)}"
    deployment.rows_written(f"CREATE ROLE {role}")
    mark = "&" if "?" in deployment.database_url else "?"
    deployment.database_url += f"{mark}options=-c%20role%3D{role}"
    for command in (["outcomes"], ["explain", "W-1"]):
        refused = run(deployment, *command)
        assert refused.exit_code == 2
        assert "permission denied for table" in refused.stderr and "grant it" in refused.stderr


def test_counting_is_spoken_of_only_when_it_takes_long(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits for the sums of a large table learns how to wait less; nobody else reads about it."""
    hint = "--since 1h counts fewer"
    assert hint not in run(deployment, "outcomes").stdout
    monkeypatch.setattr(outcomes, "_SLOW_S", 0.0)
    assert hint in run(deployment, "outcomes").stdout
