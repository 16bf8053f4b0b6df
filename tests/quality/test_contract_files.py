"""A contract file with a slip is refused with its place and the reason; what decides makes the fingerprint."""

import copy
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from quality import contract_files, odcs
from quality.contract import Contract, ContractError
from quality.contract_files import CONTRACTS
from quality.lifecycle.tables import EDGES
from quality.rules import compile_rules


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
        return contract_files.build(base, "canonical.odcs.yaml")
    return contract_files.build(base, "canonical.odcs.yaml", odcs.DataContract.model_validate(channel), "web.odcs.yaml")


def custom(document: Any, name: str) -> Any:
    return next(entry for entry in document["customProperties"] if entry["property"] == name)["value"]


def overriding(**override: Any) -> Any:
    """The web contract with one override more."""
    web = document("web")
    custom(web, "overrides").append(
        {"rule": "sku_present", "reason": "A reason of some length, for the test.", **override}
    )
    return web


def test_the_fingerprint_changes_with_what_decides_and_with_nothing_else() -> None:
    """Two orders judged under one fingerprint were judged alike."""
    assert built(document("web")).ruleset_version == contract_files.load("web").ruleset_version
    versions = {contract_files.load(name).ruleset_version for name in ("canonical", "web", "shopify")}
    assert len(versions) == 3
    described = document("web")
    described["description"]["purpose"] = "Other words."
    assert built(described).ruleset_version == contract_files.load("web").ruleset_version
    assert built(overriding(onFail="hold")).ruleset_version not in versions
    assert built(overriding(evaluated=False)).ruleset_version not in versions
    widened = document("web")
    custom(widened, "lifecycle")["widen"] = {"order": [["REJECTED", "CONFIRMED"]]}
    assert built(widened).ruleset_version not in versions


def test_the_fingerprint_covers_the_lifecycle_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A changed edge changes verdicts, so it changes the fingerprint."""
    before = contract_files.load("web").ruleset_version
    changed_edges = tmp_path / "edges.yaml"
    changed_edges.write_bytes(EDGES.read_bytes() + b"# another edge")
    monkeypatch.setattr(contract_files, "EDGES", changed_edges)
    assert built(document("web")).ruleset_version != before


def test_a_missing_contract_names_those_there_are() -> None:
    """A slip in a channel's declaration is repaired at a glance."""
    with pytest.raises(ContractError, match=r"shoppify\.odcs\.yaml: there is no such.*shopify\.odcs\.yaml"):
        contract_files.load("shoppify")


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
        contract_files.read(file)


def test_what_the_standard_has_no_place_for_is_refused(tmp_path: Path) -> None:
    """The files stay valid Open Data Contract Standard 3.1.0: an owner beside a rule is not."""
    canonical = document("canonical")
    rule_of(canonical)["owner"] = "order-platform"
    file = tmp_path / "canonical.odcs.yaml"
    file.write_text(yaml.safe_dump(canonical), encoding="utf-8")
    with pytest.raises(ContractError, match=r"quality\.0\.owner"):
        contract_files.read(file)
    file.write_text("a: [", encoding="utf-8")
    with pytest.raises(ContractError, match=r"canonical\.odcs\.yaml: is not YAML"):
        contract_files.read(file)


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
