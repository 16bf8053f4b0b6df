"""What never changes over an order's life is watched."""

from typing import Any

import pytest

from quality import contract_files
from quality.rules import compile_history
from tests.quality.orders import changed, clean, eur

check = compile_history(contract_files.load("web"))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"currency": "USD"}, {("currency_constant", "currency")}),
        ({"totals.total_original": eur(12_101)}, {("total_original_constant", "totals.total_original")}),
        ({"lines[1].line_id": "other"}, {("lines_append_only", "lines")}),
        ({"lines[2].quantity.ordered": 2}, {("lines_append_only", "lines[2].quantity.ordered")}),
    ],
)
def test_a_change_of_what_never_changes_is_found(changes: dict[str, Any], expected: set[tuple[str, str]]) -> None:
    """A source that rewrites what the buyer agreed to is seen doing it."""
    assert {(finding.rule, finding.field) for finding in check(clean(), changed(changes))} == expected


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"totals.total_current": eur(1)},
        {"totals.total_original": eur(12_100_000, 5)},
        {"lines[2].quantity.current": 0, "lines[2].quantity.cancelled": 1},
        {"lines[2].quantity.ordered": 100, "lines[2].quantity.scale": 2},
        {"order_status": "CANCELLED"},
    ],
)
def test_what_may_change_is_no_finding(changes: dict[str, Any]) -> None:
    """Removals, edits of the current total and other ways to write the same number are fine."""
    assert check(clean(), changed(changes)) == []


def test_an_address_that_forwards_does_not_become_the_buyers_own() -> None:
    """A service that forgets the mark on its way is found, before somebody writes to the address as to a person."""
    relay = changed({"contact.relay": True})
    assert [(found.rule, found.field) for found in check(relay, clean())] == [("relay_constant", "contact.relay")]
    assert check(clean(), relay) == check(relay, relay) == []
    assert check(relay, changed({"contact.email_norm": "ann@example.org"})) == []


def test_added_lines_are_fine() -> None:
    """An order may grow."""
    order = clean()
    shorter = {**order, "lines": order["lines"][:2]}
    assert check(shorter, order) == []  # type: ignore[arg-type]  # spread into a dict
    assert [finding.rule for finding in check(order, shorter)] == ["lines_append_only"]  # type: ignore[arg-type]  # spread into a dict
