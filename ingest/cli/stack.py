"""`ordergate up`, `down` and `status`: the one-machine stack of this checkout."""

from __future__ import annotations

from dataclasses import asdict

from deploy.local.stack import Endpoints, PartStatus, Stack, State, default_run_dir, masked
from ingest.cli.prepare import prepare
from ingest.cli.terminal import console, emit, say, table
from ingest.settings import Settings, variable

PASSWORD_FILE = "postgres.password"  # noqa: S105 -- where it is, not what it is
_NEXT = (
    "[label]ordergate run[/] starts a worker; [label]ordergate publish[/] sends it an event, "
    "[label]ordergate outcomes[/] shows what became of it. "
)
_NEXT_ELSEWHERE = (
    "[label]ordergate migrate[/], [label]ordergate topics create[/] and [label]ordergate schemas register[/] "
    "prepare what is not there yet; then [label]ordergate run[/]. "
)
_SHOWN = {
    State.RUNNING: "good",
    State.EXTERNAL: "good",
    State.UNHEALTHY: "bad",
    State.STOPPED: "doubtful",
}


def up() -> None:
    """Start what does not run, prepare it, and say where it is.

    What the environment names is somebody's own: it is prepared by the commands made for it, not on the way.
    """
    stack = Stack(default_run_dir())
    endpoints = stack.up(say)
    whole = all(part.state is not State.EXTERNAL for part in stack.status())
    if whole:
        prepare(Settings.load(**asdict(endpoints)), say)
    _show_addresses(endpoints)
    console().print(f"\nNext: {_NEXT if whole else _NEXT_ELSEWHERE}Stop it with [label]ordergate down[/].")


def up_fresh() -> None:
    """Forget all data of the stack, then start it."""
    Stack(default_run_dir()).forget(say)
    up()


def down() -> None:
    """Stop what runs; data stays."""
    stack = Stack(default_run_dir())
    stack.down(say)
    say(f"ordergate: the local stack in {stack.run_dir} is stopped; its data stays")


def status() -> int:
    """Show every part; 0 when all run, else 1."""
    parts = Stack(default_run_dir()).status()
    shown = table("part", "state", "address", "version", "pid", "since", "note")
    for part in parts:
        style = _SHOWN[part.state]
        since = f"{part.since:%Y-%m-%d %H:%M:%S}" if part.since else ""
        pid = str(part.pid or "")
        shown.add_row(part.name, f"[{style}]{part.state.value}[/]", part.address, part.version, pid, since, part.note)
    console().print(shown)
    return _code(parts)


def status_json() -> int:
    """Every part as one line of JSON; 0 when all run, else 1."""
    parts = Stack(default_run_dir()).status()
    for part in parts:
        emit(
            {
                "part": part.name,
                "state": part.state.name.lower(),
                "address": part.address,
                "version": part.version or None,
                "pid": part.pid,
                "since": part.since.isoformat() if part.since else None,
                "log": str(part.log) if part.log else None,
                "note": part.note or None,
            }
        )
    return _code(parts)


def _code(parts: list[PartStatus]) -> int:
    return 0 if all(part.state in (State.RUNNING, State.EXTERNAL) for part in parts) else 1


def _show_addresses(endpoints: Endpoints) -> None:
    out = console()
    out.print("[good]The stack runs.[/] Commands in this checkout find it by themselves; other programs need:\n")
    for field, address in (
        ("kafka_bootstrap_servers", endpoints.kafka_bootstrap_servers),
        ("database_url", masked(endpoints.database_url)),
        ("schema_registry_url", endpoints.schema_registry_url),
    ):
        out.print(f"  {variable(field)}={address}", markup=False, soft_wrap=True)
    if endpoints.database_url != masked(endpoints.database_url):
        out.print(f"\nThe database's password is in {default_run_dir() / PASSWORD_FILE}", soft_wrap=True)
