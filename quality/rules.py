"""A contract's rules as functions: compiled once, called for every order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from quality.checks import (
    DAY,
    HOUR,
    MINUTE,
    Check,
    Limits,
    buyer,
    history,
    identity,
    lines,
    references,
    statuses,
    times,
    totals,
)
from quality.contract import Contract, ContractError, Rule
from quality.finding import Finding
from schemas.types import CanonicalOrder

OrderRules: TypeAlias = Callable[[CanonicalOrder], list[Finding]]
HistoryRules: TypeAlias = Callable[[CanonicalOrder, CanonicalOrder], list[Finding]]

RECORD_CHECKS: Final[tuple[tuple[Check, frozenset[str]], ...]] = (
    (identity.check, identity.RULES),
    (statuses.check, statuses.RULES),
    (times.check, times.RULES),
    (totals.check, totals.RULES),
    (lines.check, lines.RULES),
    (buyer.check, buyer.RULES),
    (references.check, references.RULES),
)
"""Each check with the rules it can find broken."""

_LIMITS: Final[Mapping[tuple[str, str], tuple[str, int | float]]] = {
    ("placed_not_future", "skew_minutes"): ("clock_skew", MINUTE),
    ("placed_not_ancient", "days"): ("oldest_placement", DAY),
    ("ingest_lag", "minutes"): ("ingest_lag", MINUTE),
    ("cancelled_money_returned", "grace_hours"): ("refund_grace", HOUR),
    ("tax_rate_range", "highest"): ("highest_tax_rate", 1),
}
"""(rule, argument) → the limit it sets, and the unit the argument is in."""


def compile_rules(contract: Contract) -> OrderRules:
    """The function that finds every rule an order breaks, in every line.

    It expects a derived order with normalised contacts, and takes `ingested_at` as the present. Raises
    ContractError when the contract declares a rule nobody evaluates, or lacks one that is evaluated.
    """
    declared = {rule.id for rule in contract.rules.values() if rule.stage == "record"}
    evaluated = frozenset().union(*(rules for _, rules in RECORD_CHECKS))
    _same(contract, declared, evaluated)
    active = {id_: contract.rules[id_] for id_ in declared - set(contract.not_evaluated)}
    (
        check_identity,
        check_statuses,
        check_times,
        check_totals,
        check_lines,
        check_buyer,
        check_references,
    ) = (check for check, _ in RECORD_CHECKS)
    limits = _limits(contract)

    def evaluate(order: CanonicalOrder) -> list[Finding]:
        findings: list[Finding] = []

        def broken(rule: str, field: str, message: str) -> None:
            known = active.get(rule)
            if known is not None:
                findings.append(_finding(known, field, message))

        # Called one by one: the interpreter specialises such calls, and not those of a loop.
        check_identity(order, limits, broken)
        check_statuses(order, limits, broken)
        check_times(order, limits, broken)
        check_totals(order, limits, broken)
        check_lines(order, limits, broken)
        check_buyer(order, limits, broken)
        check_references(order, limits, broken)
        return findings

    return evaluate


def compile_history(contract: Contract) -> HistoryRules:
    """The function that finds what a newer reading of an order (second) changed that never changes."""
    missing = history.RULES - set(contract.rules)
    if missing:
        raise ContractError(f"{contract.id}: lacks the rules {', '.join(sorted(missing))}")

    def evaluate(before: CanonicalOrder, after: CanonicalOrder) -> list[Finding]:
        findings: list[Finding] = []

        def broken(rule: str, field: str, message: str) -> None:
            findings.append(contract.finding(rule, field, message))

        history.check(before, after, broken)
        return findings

    return evaluate


def _finding(rule: Rule, field: str, message: str) -> Finding:
    return Finding(rule.id, field, rule.severity, rule.owner, rule.dimension, rule.action, message)


def _same(contract: Contract, declared: set[str], evaluated: frozenset[str]) -> None:
    if unknown := declared - evaluated:
        raise ContractError(f"{contract.id}: nothing evaluates the rules {', '.join(sorted(unknown))}")
    if missing := evaluated - declared:
        raise ContractError(f"{contract.id}: lacks the rules {', '.join(sorted(missing))}")


def _limits(contract: Contract) -> Limits:
    limits: dict[str, Any] = {"channel": contract.channel}
    for rule in contract.rules.values():
        for argument, value in rule.arguments.items():
            target = _LIMITS.get((rule.id, argument))
            if target is None or isinstance(value, str) or value < 0:
                raise ContractError(f"{contract.id}: rule {rule.id}: argument {argument}={value} is not understood")
            name, unit = target
            limits[name] = value * unit
    return Limits(**limits)
