"""A result for people: one page of Markdown."""

from __future__ import annotations

from bench.measuring import PHASES, WARM_UP_S
from bench.result import GOVERNING, Result

_MEANINGS = {
    "read": "poll, batch, copy out of librdkafka",
    "decode": "bytes to a strict JSON document",
    "map": "payload model, canonical order, contact",
    "check": "join, derive, rules, lifecycle, guest",
    "encode": "Avro, headers, journal row",
    "postgres": "one transaction: lock, read, write",
    "kafka": "one transaction: produce, offsets, commit",
    "other": "loop, metrics, log, freeing memory",
}
_BUSY = 0.5
"""Load average per core from which on other work disturbs the figures visibly."""


def markdown(result: Result) -> str:
    """The page; ends with a line end."""
    parts = (_head, _bars, _speed, _phases, _latency, _remarks, _where)
    return "\n\n".join(part(result) for part in parts) + "\n"


def _head(result: Result) -> str:
    return (
        f"# Pipeline, {result.date[:10]}\n\n"
        "A worker with all its guarantees against a plain confluent-kafka loop, in turns on the same broker: "
        f"{result.events:,} raw events of web and Shopify, {result.outputs:,} output records, "
        f"{len(result.governed)} runs each, medians."
    )


def _bars(result: Result) -> str:
    rows = [f"| {bar.name} | {bar.limit} | {bar.measured} | {'yes' if bar.met else '**no**'} |" for bar in result.bars]
    return "\n".join(["| promise | limit | measured | kept |", "|---|---|---|---|", *rows])


def _speed(result: Result) -> str:
    def runs(rates: list[float]) -> str:
        return " · ".join(f"{rate:,.0f}" for rate in rates)

    raw = [run.events_per_second for run in result.raw]
    ours = [run.events_per_second for run in result.governed]
    return "\n".join(
        [
            "| | events/s | each run | CPU per event |",
            "|---|---|---|---|",
            f"| raw loop | {result.raw_rate:,.0f} | {runs(raw)} | {result.raw_us:.1f} µs |",
            f"| governed | {result.governed_rate:,.0f} | {runs(ours)} | {result.whole_us:.1f} µs |",
            f"| governed to raw | {result.ratio:.3f} | | {result.whole_us / result.raw_us:.1f} |",
        ]
    )


def _phases(result: Result) -> str:
    names = {phase: phase if phase in GOVERNING else f"{phase} (engine)" for phase in PHASES}
    rows = [f"| {names[phase]} | {_MEANINGS[phase]} | {result.phase_us(phase):.1f} |" for phase in PHASES]
    return "\n".join(
        [
            "CPU of the worker process, all its threads, by phase:\n",
            "| phase | what it does | µs per event |",
            "|---|---|---|",
            *rows,
        ]
    )


def _latency(result: Result) -> str:
    idle = {one.profile: one.cpu_share for one in result.idle}
    rows = [
        f"| {one.profile} | {one.rate:g} | {one.events:,} | {one.p50:.1f} ms | {one.p99:.1f} ms | {one.most:.1f} ms "
        f"| {idle[one.profile]:.2%} |"
        for one in result.latency
    ]
    return "\n".join(
        [
            "Raw append to governed order visible for a read-committed consumer, by `ORDERGATE_PROFILE`, and what the "
            "worker uses of a core when nothing comes:\n",
            "| profile | events/s | events | p50 | p99 | longest | idle |",
            "|---|---|---|---|---|---|---|",
            *rows,
        ]
    )


def _remarks(result: Result) -> str:
    memory = result.memory
    remarks = [
        "Broker, PostgreSQL and client share the cores: across machines compare ratios, not rates.",
        "The raw loop has the worker's client settings and batch size; it keeps no state.",
        "One run of the worker warms the broker up; then each run counts from the end of its first batch.",
        f"Latency is that of a warm broker, after {WARM_UP_S:.0f} s at that rate: before, it is up to twice as long.",
        "Events that were sent before their order on purpose are left out of the latency: they wait for it.",
        f"Resident memory: {memory.first_quarter:.0f} MiB in the first quarter, "
        f"{memory.last_quarter:.0f} MiB in the last, of a worker that was warm and had more to do than was watched.",
    ]
    cores = result.machine["cpu"].partition(" ")[0]
    if cores.isdigit() and result.load[0] > _BUSY * int(cores):
        remarks.insert(
            0,
            f"**The machine was busy with other work** (load {result.load[0]:.1f} before the start): "
            "rates are too low, CPU and latency too high by an unknown factor; the ratio means most.",
        )
    return "\n".join(f"- {remark}" for remark in remarks)


def _where(result: Result) -> str:
    facts = {**result.machine, **{f"setting {name}": value for name, value in result.settings.items()}}
    rows = [f"| {name} | {value} |" for name, value in facts.items()]
    return "\n".join([f"Again: `{result.command}`\n", "| measured on | |", "|---|---|", *rows])
