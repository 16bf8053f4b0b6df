"""Schemas and the real registry: registered by one command, found by exact content, guarded from then on."""

from __future__ import annotations

import copy
import dataclasses
import secrets
from collections.abc import Iterator
from typing import Any

import pytest
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient

from deploy.local.stack import Endpoints
from schemas import registry
from schemas.catalogue import RECORD_TYPES, RecordType
from schemas.definitions import self_contained
from schemas.registry import SubjectState

NOWHERE = "http://user:password@127.0.0.1:9/apis/ccompat/v7"


@pytest.fixture
def record_types() -> list[RecordType]:
    """Every record type, under subjects that no other test uses."""
    prefix = f"t{secrets.token_hex(4)}."
    return [dataclasses.replace(r, subject=prefix + r.subject) for r in RECORD_TYPES.values()]


@pytest.fixture
def evolve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Lets a test change the schema of one record type for a while."""

    def change(name: str, edit: Any) -> None:
        original = registry.versions

        def changed(record_type: RecordType) -> Any:
            schemas = copy.deepcopy(original(record_type))
            if record_type.name == name:
                edit(schemas[name]["fields"])
            return schemas

        monkeypatch.setattr(registry, "versions", changed)

    yield change


@pytest.mark.stack
def test_schemas_are_registered_once_and_found_again(stack: Endpoints, record_types: list[RecordType]) -> None:
    """Registering twice changes no id, and a worker's look-up finds the very same ids."""
    url = stack.schema_registry_url
    ids = registry.register(url, record_types)
    assert registry.register(url, record_types) == ids == registry.resolve_ids(url, record_types)
    assert list(ids) == list(RECORD_TYPES)
    assert len(set(ids.values())) == len(ids)


@pytest.mark.stack
def test_looking_up_registers_nothing(stack: Endpoints, record_types: list[RecordType]) -> None:
    """A worker whose schemas are not registered stops and names the command; it never registers by itself."""
    url = stack.schema_registry_url
    registry.register(url, record_types[1:])
    with pytest.raises(registry.SchemasMissingError, match="ordergate schemas register") as raised:
        registry.resolve_ids(url, record_types)
    assert raised.value.subjects == (record_types[0].subject,)
    states = {report.subject: report.state for report in registry.check(url, record_types)}
    assert states.pop(record_types[0].subject) is SubjectState.MISSING
    assert set(states.values()) == {SubjectState.REGISTERED}


@pytest.mark.stack
def test_every_subject_is_guarded(stack: Endpoints, record_types: list[RecordType]) -> None:
    """Each subject has FULL_TRANSITIVE of its own, whatever the registry's default is."""
    registry.register(stack.schema_registry_url, record_types)
    reports = registry.check(stack.schema_registry_url, record_types)
    assert {report.compatibility for report in reports} == {"FULL_TRANSITIVE"}


@pytest.mark.stack
def test_an_incompatible_schema_is_refused(stack: Endpoints, record_types: list[RecordType], evolve: Any) -> None:
    """A change that would stop consumers cannot be registered, and nothing else is registered with it."""
    url = stack.schema_registry_url
    ids = registry.register(url, record_types)
    evolve("QualityFinding", lambda fields: fields.pop(0))
    evolve("OrderChange", lambda fields: fields.append(_field("added", ["null", "string"], default=None)))
    with pytest.raises(registry.SchemaIncompatibleError, match=r"oms\.quality-findings\.v1-value"):
        registry.register(url, record_types)
    states = {report.record: report.state for report in registry.check(url, record_types)}
    assert states["QualityFinding"] is SubjectState.INCOMPATIBLE
    assert states["OrderChange"] is SubjectState.MISSING
    assert len(ids) == len(states)


@pytest.mark.stack
def test_a_compatible_schema_gets_an_id_of_its_own(
    stack: Endpoints, record_types: list[RecordType], evolve: Any
) -> None:
    """A new optional field is a new version; the ids of the other types stay."""
    url = stack.schema_registry_url
    before = registry.register(url, record_types)
    evolve("OrderChange", lambda fields: fields.append(_field("added", ["null", "string"], default=None)))
    after = registry.register(url, record_types)
    assert [name for name in before if before[name] != after[name]] == ["OrderChange"]


@pytest.mark.stack
def test_the_registry_keeps_owners(stack: Endpoints, record_types: list[RecordType]) -> None:
    """A consumer sees a field's owner and class of personal data in the registry itself."""
    ids = registry.register(stack.schema_registry_url, record_types)
    client = SchemaRegistryClient({"url": stack.schema_registry_url})
    kept: Schema = client.get_schema(ids["CanonicalOrder"])
    assert kept.schema_str is not None
    sent = registry.schema_text(self_contained(record_types[0]))
    assert kept.schema_str.count('"oms.owner"') == sent.count('"oms.owner"') > 200


@pytest.mark.stack
def test_earlier_versions_have_ids_too(
    stack: Endpoints, record_types: list[RecordType], monkeypatch: pytest.MonkeyPatch
) -> None:
    """After an upgrade a worker knows the ids of what was written before it, also in a new registry."""
    url = stack.schema_registry_url
    original = registry.versions

    def with_earlier(record_type: RecordType) -> Any:
        schemas = original(record_type)
        if record_type.name != "OrderChange":
            return schemas
        earlier = copy.deepcopy(schemas["OrderChange"])
        earlier["fields"] = [field for field in earlier["fields"] if field["name"] != "event_kind"]
        return {"OrderChange@0.9.0": earlier, **schemas}

    monkeypatch.setattr(registry, "versions", with_earlier)
    ids = registry.register(url, record_types)
    assert ids["OrderChange@0.9.0"] != ids["OrderChange"]
    assert registry.resolve_ids(url, record_types) == ids
    assert set(registry.fingerprints()) == set(ids)
    reports = registry.check(url, record_types)
    assert {r.version: r.schema_id for r in reports if r.record == "OrderChange"} == {
        "0.9.0": ids["OrderChange@0.9.0"],
        "1.0.0": ids["OrderChange"],
    }


def test_a_registry_that_is_away_is_named_without_its_password() -> None:
    """An operator reads which registry does not answer; the log does not learn its password."""
    for call in (registry.register, registry.resolve_ids, registry.check):
        with pytest.raises(registry.RegistryAwayError) as raised:
            call(NOWHERE, [RECORD_TYPES["OrderChange"]])
        assert "http://127.0.0.1:9/apis/ccompat/v7" in str(raised.value)
        assert "password" not in str(raised.value)


def test_a_changed_schema_has_another_fingerprint(evolve: Any) -> None:
    """An id remembered for one schema is never used for another."""
    before = {name: registry.fingerprint(name) for name in RECORD_TYPES}
    assert len(set(before.values())) == len(before)
    evolve("OrderChange", lambda fields: fields[0].update({"doc": "Another meaning."}))
    after = {name: registry.fingerprint(name) for name in RECORD_TYPES}
    assert [name for name in before if before[name] != after[name]] == ["OrderChange"]


def _field(name: str, schema: Any, **more: Any) -> dict[str, Any]:
    return {"name": name, "type": schema, **more}
