"""`ordergate map`: what Ordergate makes of payloads, before anybody publishes them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from itertools import groupby

from rich.markup import escape

from consumers.catalogue import CHANNELS
from ingest.cli.canonical_view import (
    OUTCOME_STYLES,
    show_checkout_fact,
    show_guest_event,
    show_order,
    show_partial_change,
)
from ingest.cli.first_sighting import EFFECTS, Sighting, pipeline_of, sight
from ingest.cli.main import NOT_DONE
from ingest.cli.payloads import Payloads
from ingest.cli.terminal import console, emit, say
from ingest.raw_event import RawHeaders
from mappers.candidate import CheckoutFact, Ignored, PartialChange
from quality.contract import Contract
from quality.contract_files import load as load_contract
from quality.finding import Action
from quality.outcome import Outcome

DEFECTS = 1
_INDENT = " " * 13


def show(channel: str, headers: RawHeaders, files: Sequence[str]) -> int:
    """Tell people; gives the exit code."""
    payloads = Payloads(files)
    contract_file = CHANNELS[channel].contract
    contract = load_contract(contract_file)
    defective = shown = 0
    for sighting in _sightings(channel, headers, payloads):
        if shown:
            console().print()
        _show(sighting, contract, contract_file)
        shown += 1
        defective += sighting.defective
    if shown > 1:
        say(f"ordergate: {shown} payloads, {defective} with defects")
    return _code(payloads, defective)


def show_json(channel: str, headers: RawHeaders, files: Sequence[str]) -> int:
    """One line of JSON a payload; gives the exit code."""
    payloads = Payloads(files)
    defective = 0
    for sighting in _sightings(channel, headers, payloads):
        emit(
            {
                "file": sighting.file,
                "outcome": sighting.outcome.value,
                "order": sighting.order,
                "findings": [
                    {
                        "rule": f.rule,
                        "field": f.field,
                        "severity": f.severity.value,
                        "owner": f.owner,
                        "message": f.message,
                    }
                    for f in sighting.findings
                ],
            }
        )
        defective += sighting.defective
    return _code(payloads, defective)


def _sightings(channel_name: str, headers: RawHeaders, payloads: Payloads) -> Iterator[Sighting]:
    channel = CHANNELS[channel_name]
    pipeline = pipeline_of(channel)
    now = time.time_ns() // 1000
    for payload in payloads:
        yield sight(pipeline, channel, headers, payload, now)


def _code(payloads: Payloads, defective: int) -> int:
    if payloads.unreadable:
        return NOT_DONE
    return DEFECTS if defective else 0


def _show(sighting: Sighting, contract: Contract, contract_file: str) -> None:
    out = console()
    style = OUTCOME_STYLES[sighting.outcome]
    kind = f"  {escape(sighting.event_kind)}" if sighting.event_kind else ""
    out.print(f"[bold]{escape(sighting.file)}[/]  [{style}]{sighting.outcome.value}[/]{kind}", soft_wrap=True)
    if reason := _reason(sighting):
        out.print(f"  {escape(reason)}", style="quiet", soft_wrap=True)
    if sighting.order is not None:
        show_order(out, sighting.order)
    elif isinstance(sighting.mapped, PartialChange):
        show_partial_change(out, sighting.mapped)
    elif isinstance(sighting.mapped, CheckoutFact):
        show_checkout_fact(out, sighting.mapped)
    for draft in sighting.guest_events:
        show_guest_event(out, draft.record, draft.value)
    _show_findings(sighting, contract, contract_file)


def _reason(sighting: Sighting) -> str:
    if isinstance(sighting.mapped, Ignored):
        return f"ignored: {sighting.mapped.message}"
    if sighting.outcome is Outcome.PARKED and isinstance(sighting.mapped, PartialChange):
        wait = sighting.mapped
        return (
            f"understood; it waits for its order {wait.source_order_id} ({wait.order_id}), "
            "or is applied at once where that is known"
        )
    return ""


def _show_findings(sighting: Sighting, contract: Contract, contract_file: str) -> None:
    out = console()
    if not sighting.findings:
        out.print("  [label]findings[/]    none")
        return
    out.print(f"  [label]findings[/]    {len(sighting.findings)}")
    by_rule = sorted(sighting.findings, key=lambda f: f.rule)
    for rule_id, group in groupby(by_rule, key=lambda f: f.rule):
        found = list(group)
        first = found[0]
        style = {"error": "bad", "warning": "doubtful"}.get(first.severity.value, "quiet")
        out.print(f"    [{style}]{first.severity.value:<8}[/] [bold]{rule_id}[/]  owner [label]{first.owner}[/]")
        for one in found:
            place = one.field or "the whole event"
            out.print(f"{_INDENT}{escape(place)}: {escape(one.message)}", soft_wrap=True)
        remedy = f"correct it at its source, or agree with {first.owner} on another rule in {contract_file}"
        if first.action is Action.REJECT:
            remedy = "nothing, if that is what it is"
        out.print(f"{_INDENT}[quiet]expected[/]  {escape(contract.rules[rule_id].name)}", soft_wrap=True)
        out.print(f"{_INDENT}[quiet]effect[/]    {EFFECTS[first.action]}", soft_wrap=True)
        out.print(f"{_INDENT}[quiet]to do[/]     {remedy}", soft_wrap=True)
