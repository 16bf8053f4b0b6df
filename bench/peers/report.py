"""The comparison for people: one page of Markdown."""

from __future__ import annotations

from bench.peers.candidates import ORDERGATE, Guarantee
from bench.peers.measuring import HUNG_S, Kills
from bench.peers.result import Measured, Result

_BUSY = 0.5
"""Load average per core from which on other work disturbs the figures visibly."""
_NONE = "-"


def markdown(result: Result) -> str:
    """The page; ends with a line end."""
    parts = (_head, _table, _bars, _kills, _profile, _use, _remarks, _where)
    return "\n\n".join(text for part in parts if (text := part(result))) + "\n"


def _head(result: Result) -> str:
    return (
        f"# Beside peers, {result.date[:10]}\n\n"
        f"The same job on the same broker and topics, in turns: read {result.events:,} Shopify orders of "
        f"{result.event_bytes / 1000:.1f} kB, validate, map to the canonical order, Avro-encode with registry framing, "
        "produce. Medians of the runs, their spread in brackets.\n\n"
        "**A peer does less.** It has no order history, no rules or checks of changes, no versions, no guests, no "
        "journal, no database, no quarantine: it publishes what each webhook says by itself, one record. Ordergate "
        "also publishes order changes and guest conversions, and keeps orders, outcomes and positions in PostgreSQL."
    )


def _table(result: Result) -> str:
    rows = [
        f"| {one.candidate.title} | {one.candidate.guarantee} | {_rate(one)} | {one.cpu_us:,.0f} | {_latency(one)} "
        f"| {one.peak_mib:,.0f} |"
        for one in result.measured
    ]
    return "\n".join(
        [
            "| | promises after a crash | events/s | CPU µs per event | p50 / p99 ms | peak MiB |",
            "|---|---|---|---|---|---|",
            *rows,
        ]
    )


def _rate(one: Measured) -> str:
    if not one.runs:
        return f"failed: {one.failure.splitlines()[0]}" if one.failure else _NONE
    rates = [run.events_per_second for run in one.runs]
    again = f" (+{one.hung} runs hung)" if one.hung else ""
    return f"{one.rate:,.0f} ({min(rates):,.0f} to {max(rates):,.0f}){again}"


def _latency(one: Measured) -> str:
    return f"{one.latency.p50:,.0f} / {one.latency.p99:,.0f}" if one.latency else _NONE


def _bars(result: Result) -> str:
    rows = []
    for one in result.measured:
        ratio = None if one.candidate is ORDERGATE else result.ratio(one)
        if ratio is not None:
            rows.append(f"| {one.candidate.title} | {ratio:.2f} | {'yes' if ratio > 1 else '**no**'} |")
    head = ["Every peer's guarantee is weaker. Bar: more events/s than each of them, in the same turn.\n"]
    return "\n".join([*head, "| peer | Ordergate to it, events/s | kept |", "|---|---|---|", *rows]) if rows else ""


def _kills(result: Result) -> str:
    rows = [
        f"| {one.candidate.title} | {_killed(one.kills)} |"
        if one.kills
        else f"| {one.candidate.title} | {_failed(one)} |"
        for one in result.measured
        if one.candidate.kill
    ]
    return "\n".join(
        [
            "Killed with kill -9 in the middle of the work and started again by a supervisor, each time. Counted from "
            "outside with a read-committed consumer, by the raw event that each output names:\n",
            "| | kills | lost | doubled | out of order | took s | output hidden at the end s |",
            "|---|---|---|---|---|---|---|",
            *rows,
        ]
    )


def _killed(kills: Kills) -> str:
    found = kills.account
    hidden = "still" if kills.hidden_seconds is None else f"{kills.hidden_seconds:.1f}"
    own = f" (+{kills.own_exits} ends of its own)" if kills.own_exits else ""
    own += f" (+{kills.hung} times hung)" if kills.hung else ""
    return (
        f"{kills.kills}{own} | {found.lost:,} | {found.doubled:,} | {found.out_of_order:,} | {kills.seconds:.0f} "
        f"| {hidden}"
    )


def _failed(one: Measured) -> str:
    return f"not measured: {one.failure.splitlines()[0] if one.failure else 'not asked for'} | | | | |"


def _profile(result: Result) -> str:
    ours = result.of(ORDERGATE)
    lines = ["Where the CPU of an event goes, µs:\n", "| part | µs per event |", "|---|---|"]
    lines += [f"| by itself: {name} | {value:.0f} |" for name, value in result.parts_us.items()]
    if ours is not None and ours.runs:
        phases = ours.runs[len(ours.runs) // 2].phases_us
        lines += [f"| in Ordergate: {name} | {value:.0f} |" for name, value in phases.items()]
    return "\n".join(lines)


def _use(result: Result) -> str:
    rows = [f"- {one.candidate.title}: {one.candidate.told_by}." for one in result.measured]
    rows += [f"- {title} did not take part: {reason.splitlines()[0]}" for title, reason in result.absent.items()]
    return "\n".join(["How each is used:\n", *rows])


def _remarks(result: Result) -> str:
    unclean = [
        f"- {one.candidate.title}: run {number} without any kill was not clean: {run.account}."
        for one in result.measured
        for number, run in enumerate(one.runs, 1)
        if not run.account.is_clean
    ]
    busy = []
    cores = result.machine["cpu"].partition(" ")[0]
    if cores.isdigit() and result.load[0] > _BUSY * int(cores):
        busy = [
            f"- **The machine was busy with other work** (load {result.load[0]:.1f} before the start): rates are too "
            "low, CPU and latency too high by an unknown factor; only ratios of one turn mean something."
        ]
    return "\n".join(
        [
            *busy,
            *unclean,
            "- The mapper, with its pydantic models, is the project's own for all: the frameworks are compared.",
            f"- Sessions end after {result.settings['session_timeout_ms']} ms for all: how long a killed process keeps "
            "its partitions.",
            "- Broker, PostgreSQL, registry and client share the cores; CPU and memory are the client process's.",
            f"- Hung: nothing committed for {HUNG_S:.0f} s; its supervisor ended it, as a liveness probe would. A run "
            "without kills that stood still is done again from the start, and counted.",
            f"- “{Guarantee.EXACTLY_ONCE}” of a peer is that of one process after kill -9, as measured here; zombies, "
            "broker crashes and late commits are another matter.",
        ]
    )


def _where(result: Result) -> str:
    facts = {
        **result.machine,
        **{f"peer {name}": version for name, version in result.versions.items()},
        **{f"setting {name}": value for name, value in result.settings.items()},
    }
    rows = [f"| {name} | {value} |" for name, value in facts.items()]
    return "\n".join([f"Again: `{result.command}`\n", "| measured on | |", "|---|---|", *rows])
