"""The contracts are whole and owned, and a channel's differs only where it says why."""

import json
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from quality import contract_files
from quality.contract_files import CONTRACTS
from quality.finding import Action, Severity
from quality.lifecycle.checker import Verdict
from quality.rules import compile_history, compile_rules
from schemas import types
from tests.quality.orders import changed, clean, eur, refund

NAMES = ["canonical", "web", "shopify"]
AVRO = Path(types.__file__).parent / "avro" / "order.avsc"


@pytest.mark.parametrize("name", NAMES)
def test_every_rule_has_owner_severity_dimension_and_action(name: str) -> None:
    """No finding is ever without somebody who can fix its cause."""
    roles = {role.role for role in contract_files.read(CONTRACTS / "canonical.odcs.yaml").roles}
    contract = contract_files.load(name)
    assert len(contract.rules) > 60
    for rule in contract.rules.values():
        assert rule.owner in roles
        assert rule.severity in Severity
        assert rule.action in Action
        assert rule.dimension
        assert rule.name


@pytest.mark.parametrize("name", NAMES)
def test_every_contract_compiles(name: str) -> None:
    """A rule that nobody evaluates is found at the start, not by its silence."""
    contract = contract_files.load(name)
    assert compile_history(contract)(clean(), clean()) == []
    found = compile_rules(contract)(clean(source=contract.channel or "web"))
    assert found == []


def avro_fields() -> Iterator[tuple[str, str]]:
    """(path, owner) of every field of the canonical order's Avro schema, money left whole."""
    records = {entry["name"]: entry for entry in json.loads(AVRO.read_text(encoding="utf-8"))}

    def fields(kind: Any, path: str) -> Iterator[tuple[str, str]]:
        if isinstance(kind, list):
            for branch in kind:
                yield from fields(branch, path)
        elif isinstance(kind, dict) and kind["type"] == "array":
            yield from fields(kind["items"], f"{path}[]")
        elif isinstance(kind, str) and kind != "Money" and records.get(kind, {}).get("type") == "record":
            for field in records[kind]["fields"]:
                below = f"{path}.{field['name']}" if path else field["name"]
                yield below, field["oms.owner"]
                yield from fields(field["type"], below)

    return fields("CanonicalOrder", "")


def test_every_field_has_the_owner_its_schema_names() -> None:
    """The contract and the published schema never send an owner two different ways."""
    contract = contract_files.load("canonical")
    declared = dict(avro_fields())
    assert set(typing.get_type_hints(types.CanonicalOrder)) <= set(contract.fields)
    assert {path: contract.owner_of(path) for path in declared} == declared


def test_the_owner_of_a_place_in_a_list_is_found() -> None:
    """A finding's path, with its index, leads to an owner."""
    contract = contract_files.load("canonical")
    assert contract.owner_of("lines[2].sku") == "catalog"
    assert contract.owner_of("lines[2]") == contract.owner_of("lines")
    with pytest.raises(KeyError, match="no_such_field"):
        contract.owner_of("no_such_field")


@pytest.mark.parametrize(
    "rule",
    [
        *("total_equation", "lines_sum_subtotal", "line_net_equation", "discount_sum", "shipping_sum"),
        *("tax_sum", "tax_lines_sum", "refund_units"),
    ],
)
def test_sums_are_refused_from_our_storefront_and_a_warning_elsewhere(rule: str) -> None:
    """Our own sums must add up; a shop's documents do not, and refusing them would lose real orders."""
    assert contract_files.load("web").rules[rule].action is Action.QUARANTINE
    assert contract_files.load("shopify").rules[rule].action is Action.WARN
    assert contract_files.load("canonical").rules[rule].action is Action.WARN


def test_a_channel_differs_only_with_a_reason() -> None:
    """Whoever asks why Shopify may do what the storefront may not finds the answer in the contract."""
    canonical = contract_files.load("canonical").rules
    for name in ("web", "shopify"):
        for rule in contract_files.load(name).rules.values():
            before = canonical[rule.id]
            same = (rule.severity, rule.action, rule.owner, rule.arguments) == (
                before.severity,
                before.action,
                before.owner,
                before.arguments,
            )
            assert same == (rule.reason is None), rule.id


def test_impossible_changes_of_state_pass_for_shopify_only() -> None:
    """A shop's newer snapshot is never refused; our storefront's impossible one is."""
    web, shopify = contract_files.load("web"), contract_files.load("shopify")
    assert web.lifecycle.verdict("payment", "REFUNDED", "UNPAID") is Verdict.ILLEGAL
    assert shopify.lifecycle.verdict("payment", "REFUNDED", "UNPAID") is Verdict.WARN
    assert web.rules["transition_allowed"].action is Action.QUARANTINE
    assert shopify.rules["transition_widened"].action is Action.WARN


def test_a_field_missing_by_contract_is_no_defect() -> None:
    """A channel that never tells of payments is not blamed for it, and the report can say so."""
    shopify = contract_files.load("shopify")
    order = clean(source="shopify", payments=[])
    assert compile_rules(shopify)(order) == []
    missing = {"paid_has_payment", "payment_currency"}
    assert missing == {rule for rule, why in shopify.not_evaluated.items() if "never provides payments" in why}
    assert {finding.rule for finding in compile_rules(contract_files.load("web"))(clean(payments=[]))} == {
        "paid_has_payment"
    }


@pytest.mark.parametrize(
    ("rule", "field"),
    [
        ("total_original_equation", "totals.total_original"),
        ("total_current_equation", "totals.total_current"),
        ("refund_lines_sum", "totals.captured"),
    ],
)
def test_what_means_nothing_in_a_channel_is_left_out_there_with_its_reason(rule: str, field: str) -> None:
    """Shopify counts its totals anew with every change: nobody there is told of what only our storefront promises."""
    web, shopify = contract_files.load("web"), contract_files.load("shopify")
    order = changed({field: eur(99_900)} | {"adjustments": [refund(1, 2)]})
    assert rule in {finding.rule for finding in compile_rules(web)(order)}
    assert web.rules[rule].action is Action.QUARANTINE
    assert rule not in {finding.rule for finding in compile_rules(shopify)(order)}
    assert len(shopify.not_evaluated[rule]) > 20
    assert shopify.rules[rule].reason is None


def test_arguments_of_a_channel_hold() -> None:
    """A day's delay is normal for one channel and a finding for another."""
    late = {"ingested_at": clean()["ingested_at"] + 3 * 3_600_000_000}
    web, shopify = compile_rules(contract_files.load("web")), compile_rules(contract_files.load("shopify"))
    assert [finding.rule for finding in web(changed(late))] == ["ingest_lag"]
    assert shopify(changed({**late, "source": "shopify"})) == []


def test_an_undeclared_rule_is_a_fault_of_the_program() -> None:
    """A finding without an owner cannot be made."""
    with pytest.raises(KeyError, match="no_such_rule"):
        contract_files.load("web").finding("no_such_rule", "", "")
