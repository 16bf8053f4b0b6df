"""Contracts are whole, owned, and refused with a reason when they are not."""

import copy
import json
import typing
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from quality import contract as contracts
from quality import odcs
from quality.contract import CONTRACTS, Contract, ContractError
from quality.finding import Action, Severity
from quality.lifecycle.checker import Verdict
from quality.lifecycle.tables import EDGES
from quality.rules import compile_history, compile_rules
from schemas import types
from tests.quality.orders import changed, clean, eur, refund

NAMES = ["canonical", "web", "shopify"]
AVRO = Path(types.__file__).parent / "avro" / "order.avsc"


@cache
def parsed(name: str) -> Any:
    return yaml.safe_load((CONTRACTS / f"{name}.odcs.yaml").read_text(encoding="utf-8"))


def document(name: str) -> Any:
    """A contract file's content, to be changed at will."""
    return copy.deepcopy(parsed(name))


def built(channel: Any = None, canonical: Any = None) -> Contract:
    """A contract of documents that were changed in memory."""
    base = odcs.DataContract.model_validate(canonical or document("canonical"))
    if channel is None:
        return contracts.build(base, "canonical.odcs.yaml")
    return contracts.build(base, "canonical.odcs.yaml", odcs.DataContract.model_validate(channel), "web.odcs.yaml")


def custom(document: Any, name: str) -> Any:
    return next(entry for entry in document["customProperties"] if entry["property"] == name)["value"]


def overriding(**override: Any) -> Any:
    """The web contract with one override more."""
    web = document("web")
    custom(web, "overrides").append(
        {"rule": "sku_present", "reason": "A reason of some length, for the test.", **override}
    )
    return web


@pytest.mark.parametrize("name", NAMES)
def test_every_rule_has_owner_severity_dimension_and_action(name: str) -> None:
    """No finding is ever without somebody who can fix its cause."""
    roles = {role["role"] for role in document("canonical")["roles"]}
    contract = contracts.load(name)
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
    contract = contracts.load(name)
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
    contract = contracts.load("canonical")
    declared = dict(avro_fields())
    assert set(typing.get_type_hints(types.CanonicalOrder)) <= set(contract.fields)
    assert {path: contract.owner_of(path) for path in declared} == declared


def test_the_owner_of_a_place_in_a_list_is_found() -> None:
    """A finding's path, with its index, leads to an owner."""
    contract = contracts.load("canonical")
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
    assert contracts.load("web").rules[rule].action is Action.QUARANTINE
    assert contracts.load("shopify").rules[rule].action is Action.WARN
    assert contracts.load("canonical").rules[rule].action is Action.WARN


def test_a_channel_differs_only_with_a_reason() -> None:
    """Whoever asks why Shopify may do what the storefront may not finds the answer in the contract."""
    canonical = contracts.load("canonical").rules
    for name in ("web", "shopify"):
        for rule in contracts.load(name).rules.values():
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
    web, shopify = contracts.load("web"), contracts.load("shopify")
    assert web.lifecycle.verdict("payment", "REFUNDED", "UNPAID") is Verdict.ILLEGAL
    assert shopify.lifecycle.verdict("payment", "REFUNDED", "UNPAID") is Verdict.WARN
    assert web.rules["transition_allowed"].action is Action.QUARANTINE
    assert shopify.rules["transition_widened"].action is Action.WARN


def test_a_field_missing_by_contract_is_no_defect() -> None:
    """A channel that never tells of payments is not blamed for it, and the report can say so."""
    shopify = contracts.load("shopify")
    order = clean(source="shopify", payments=[])
    assert compile_rules(shopify)(order) == []
    missing = {"paid_has_payment", "payment_currency"}
    assert missing == {rule for rule, why in shopify.not_evaluated.items() if "never provides payments" in why}
    assert {finding.rule for finding in compile_rules(contracts.load("web"))(clean(payments=[]))} == {
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
    web, shopify = contracts.load("web"), contracts.load("shopify")
    order = changed({field: eur(99_900)} | {"adjustments": [refund(1, 2)]})
    assert rule in {finding.rule for finding in compile_rules(web)(order)}
    assert web.rules[rule].action is Action.QUARANTINE
    assert rule not in {finding.rule for finding in compile_rules(shopify)(order)}
    assert len(shopify.not_evaluated[rule]) > 20
    assert shopify.rules[rule].reason is None


def test_arguments_of_a_channel_hold() -> None:
    """A day's delay is normal for one channel and a finding for another."""
    late = {"ingested_at": clean()["ingested_at"] + 3 * 3_600_000_000}
    web, shopify = compile_rules(contracts.load("web")), compile_rules(contracts.load("shopify"))
    assert [finding.rule for finding in web(changed(late))] == ["ingest_lag"]
    assert shopify(changed({**late, "source": "shopify"})) == []


def test_the_fingerprint_changes_with_what_decides_and_with_nothing_else() -> None:
    """Two orders judged under one fingerprint were judged alike."""
    assert built(document("web")).ruleset_version == contracts.load("web").ruleset_version
    versions = {contracts.load(name).ruleset_version for name in NAMES}
    assert len(versions) == 3
    described = document("web")
    described["description"]["purpose"] = "Other words."
    assert built(described).ruleset_version == contracts.load("web").ruleset_version
    assert built(overriding(onFail="hold")).ruleset_version not in versions
    assert built(overriding(evaluated=False)).ruleset_version not in versions
    widened = document("web")
    custom(widened, "lifecycle")["widen"] = {"order": [["REJECTED", "CONFIRMED"]]}
    assert built(widened).ruleset_version not in versions


def test_the_fingerprint_covers_the_lifecycle_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A changed edge changes verdicts, so it changes the fingerprint."""
    before = contracts.load("web").ruleset_version
    changed_edges = tmp_path / "edges.yaml"
    changed_edges.write_bytes(EDGES.read_bytes() + b"# another edge")
    monkeypatch.setattr(contracts, "EDGES", changed_edges)
    assert built(document("web")).ruleset_version != before


def test_an_undeclared_rule_is_a_fault_of_the_program() -> None:
    """A finding without an owner cannot be made."""
    with pytest.raises(KeyError, match="no_such_rule"):
        contracts.load("web").finding("no_such_rule", "", "")


def test_a_missing_contract_names_those_there_are() -> None:
    """A slip in a channel's declaration is repaired at a glance."""
    with pytest.raises(ContractError, match=r"shoppify\.odcs\.yaml: there is no such.*shopify\.odcs\.yaml"):
        contracts.load("shoppify")


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ({"rule": "sku_presents", "onFail": "hold"}, r"web\.odcs\.yaml: .*'sku_presents'"),
        ({"owner": "nobody"}, "rule sku_present: owner 'nobody' is not a role"),
        ({"onFail": "explode"}, r"web\.odcs\.yaml: customProperties: overrides.*onFail"),
        ({"onFail": "hold", "reason": "because"}, "reason"),
        ({}, "override of sku_present: changes nothing"),
        ({"evaluated": True}, "evaluated"),
        ({"evaluated": False, "onFail": "hold"}, "override of sku_present: changes a rule that it leaves out"),
        ({"rule": "version_gap", "evaluated": False}, "rule version_gap: only a rule on the record can be left out"),
        ({"rule": "total_equation", "onFail": "hold"}, "overridden twice: total_equation"),
    ],
)
def test_a_wrong_override_is_refused(override: dict[str, Any], message: str) -> None:
    """An override that would silently do nothing, or has no reason, stops the start."""
    with pytest.raises(ContractError, match=message):
        built(overriding(**override))


def test_an_argument_nobody_reads_is_refused() -> None:
    """A limit with a slip in its name does not silently leave the default in force."""
    with pytest.raises(ContractError, match="rule ingest_lag: argument hours=2"):
        compile_rules(built(overriding(rule="ingest_lag", arguments={"hours": 2})))


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("neverProvides", ["payment"], "neverProvides 'payment'"),
        ("extends", "canonical", "extends 'canonical'; expected 'canonical-order'"),
        (
            "lifecycle",
            {"reason": "x" * 20, "widen": {"order": [["PENDING", "CONFIRMED"]]}},
            "not an illegal change",
        ),
        ("lifecycle", {"widen": {"order": "all"}}, "lifecycle.reason"),
        ("lifecycles", {}, "lifecycles"),
    ],
)
def test_a_wrong_channel_property_is_refused(name: str, value: Any, message: str) -> None:
    """Every slip in a channel's contract is named with its place."""
    web = document("web")
    web["customProperties"] = [entry for entry in web["customProperties"] if entry["property"] != name]
    web["customProperties"].append({"property": name, "value": value})
    with pytest.raises(ContractError, match=message):
        built(web)


def rule_of(canonical: Any) -> Any:
    return canonical["schema"][0]["properties"][0]["quality"][0]


def test_a_rule_without_owner_is_refused(tmp_path: Path) -> None:
    """A contract cannot forget who answers for a rule."""
    canonical = document("canonical")
    rule_of(canonical)["customProperties"] = [{"property": "onFail", "value": "warn"}]
    file = tmp_path / "canonical.odcs.yaml"
    file.write_text(yaml.safe_dump(canonical), encoding="utf-8")
    with pytest.raises(ContractError, match=r"canonical\.odcs\.yaml: .*order_id_present: expected .*owner"):
        contracts.read(file)


def test_what_the_standard_has_no_place_for_is_refused(tmp_path: Path) -> None:
    """The files stay valid Open Data Contract Standard 3.1.0: an owner beside a rule is not."""
    canonical = document("canonical")
    rule_of(canonical)["owner"] = "order-platform"
    file = tmp_path / "canonical.odcs.yaml"
    file.write_text(yaml.safe_dump(canonical), encoding="utf-8")
    with pytest.raises(ContractError, match=r"quality\.0\.owner"):
        contracts.read(file)
    file.write_text("a: [", encoding="utf-8")
    with pytest.raises(ContractError, match=r"canonical\.odcs\.yaml: is not YAML"):
        contracts.read(file)


def test_slips_in_the_canonical_contract_are_refused() -> None:
    """A rule declared twice, an unknown action, owner or rule: each is named."""
    twice = document("canonical")
    rule_of(twice)["id"] = "lines_present"
    with pytest.raises(ContractError, match="rule lines_present: is declared twice"):
        built(canonical=twice)
    action = document("canonical")
    rule_of(action)["customProperties"][1]["value"] = "block"
    with pytest.raises(ContractError, match="rule order_id_present: onFail is 'block'"):
        built(canonical=action)
    owner = document("canonical")
    owner["schema"][0]["properties"][0]["customProperties"][0]["value"] = "nobody"
    with pytest.raises(ContractError, match="field order_id: owner 'nobody' is not a role"):
        built(canonical=owner)
    renamed = document("canonical")
    rule_of(renamed)["id"] = "order_id_there"
    with pytest.raises(ContractError, match="nothing evaluates the rules order_id_there"):
        compile_rules(built(canonical=renamed))
    strange = document("canonical")
    strange["schema"][0]["properties"][0]["name"] = "id"
    with pytest.raises(ContractError, match="field id: is no field of the canonical order"):
        built(canonical=strange)
    unowned = document("canonical")
    del unowned["schema"][0]["properties"][0]["customProperties"]
    with pytest.raises(ContractError, match="field order_id: has no owner"):
        built(canonical=unowned)


def test_personal_fields_are_restricted_up_to_the_top() -> None:
    """A tool that only looks at a field's own classification never shows what lies below it."""
    canonical = document("canonical")
    contact = next(field for field in canonical["schema"][0]["properties"] if field["name"] == "contact")
    assert contact["classification"] == "restricted"
    contact["classification"] = "internal"
    with pytest.raises(ValueError, match="contact: holds restricted"):
        odcs.DataContract.model_validate(canonical)
