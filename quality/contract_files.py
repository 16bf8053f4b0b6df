"""From contract files to the contract that holds for a channel, with everything in them checked.

`contracts/canonical.odcs.yaml` declares the fields, their owners and all rules. A channel's contract changes
severity, action, owner or arguments of rules or leaves rules out, each with a reason, and says which fields the
channel never provides and which illegal changes of state it lets pass.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Final

import yaml
from pydantic import ValidationError

from quality import canonical_fields, odcs
from quality.contract import Contract, ContractError, Field, Rule
from quality.finding import Action
from quality.lifecycle.checker import Lifecycle, Profile
from quality.lifecycle.tables import EDGES, LifecycleTableError

CONTRACTS: Final = Path(__file__).with_name("contracts")

_CANONICAL: Final = "canonical"
_SUFFIX: Final = ".odcs.yaml"


def load(channel: str) -> Contract:
    """The contract of a channel by its name (`shopify`) or file name (`shopify.odcs.yaml`).

    `canonical` is the contract without any channel. Raises ContractError.
    """
    return _load(channel.removesuffix(_SUFFIX))


@cache
def _load(name: str) -> Contract:
    canonical_file = CONTRACTS / f"{_CANONICAL}{_SUFFIX}"
    canonical = read(canonical_file)
    if name == _CANONICAL:
        return build(canonical, canonical_file.name)
    file = CONTRACTS / f"{name}{_SUFFIX}"
    return build(canonical, canonical_file.name, read(file), file.name)


def read(file: Path) -> odcs.DataContract:
    """One contract file, its shape checked; raises ContractError."""
    try:
        return odcs.DataContract.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")))
    except FileNotFoundError:
        known = sorted(path.name for path in file.parent.glob(f"*{_SUFFIX}"))
        raise ContractError(f"{file.name}: there is no such contract; there are {', '.join(known)}") from None
    except yaml.YAMLError as error:
        raise ContractError(f"{file.name}: is not YAML: {error}") from error
    except ValidationError as error:
        raise ContractError(f"{file.name}: {_explained(error)}") from error


def build(
    canonical: odcs.DataContract,
    canonical_file: str,
    channel: odcs.DataContract | None = None,
    channel_file: str = "",
) -> Contract:
    """The contract that holds: the canonical one under a channel's changes; raises ContractError."""
    fields, rules = _declared(canonical, canonical_file)
    _check_owners(canonical, fields, rules, canonical_file)
    if channel is None:
        return _contract(canonical, None, fields, rules, frozenset(), {}, Profile(), canonical_file)
    extension = _extension(channel, channel_file)
    if extension.extends != canonical.id:
        raise ContractError(f"{channel_file}: extends {extension.extends!r}; expected {canonical.id!r}")
    roles = {role.role for role in canonical.roles}
    left_out: dict[str, str] = {}
    for override in extension.overrides:
        rule = rules.get(override.rule)
        if rule is None:
            raise ContractError(f"{channel_file}: overrides rule {override.rule!r}, which {canonical_file} lacks")
        where = f"{channel_file}: rule {rule.id}"
        if override.evaluated is False:
            if rule.stage != "record":
                raise ContractError(f"{where}: only a rule on the record can be left out")
            left_out[rule.id] = override.reason
        else:
            if override.owner is not None and override.owner not in roles:
                raise ContractError(f"{where}: owner {override.owner!r} is not a role of {canonical_file}")
            rules[rule.id] = _overridden(rule, override)
    for path in extension.never_provides:
        if path not in canonical_fields.paths():
            raise ContractError(f"{channel_file}: neverProvides {path!r}, which is no field of the canonical order")
    profile = Profile(
        widen={
            axis: widen if widen == "all" else frozenset(widen) for axis, widen in extension.lifecycle.widen.items()
        },
        entry={axis: frozenset(states) for axis, states in extension.lifecycle.entry.items()},
    )
    never = frozenset(extension.never_provides)
    return _contract(channel, extension.channel, fields, rules, never, left_out, profile, channel_file)


def _overridden(rule: Rule, override: odcs.Override) -> Rule:
    return replace(
        rule,
        severity=override.severity or rule.severity,
        action=override.on_fail or rule.action,
        owner=override.owner or rule.owner,
        arguments={**rule.arguments, **override.arguments},
        reason=override.reason,
    )


def _contract(
    document: odcs.DataContract,
    channel: str | None,
    fields: dict[str, Field],
    rules: dict[str, Rule],
    never_provides: frozenset[str],
    left_out: Mapping[str, str],
    profile: Profile,
    file: str,
) -> Contract:
    try:
        lifecycle = Lifecycle(profile)
    except LifecycleTableError as error:
        raise ContractError(f"{file}: {error}") from error
    not_evaluated = {
        rule.id: f"{document.id} never provides {rule.field}"
        for rule in rules.values()
        if rule.stage == "record" and _missing_by_contract(rule.field, never_provides)
    } | dict(left_out)
    return Contract(
        id=document.id,
        version=document.version,
        channel=channel,
        rules=rules,
        fields=fields,
        never_provides=never_provides,
        lifecycle=lifecycle,
        ruleset_version=_fingerprint(rules, never_provides, left_out, profile),
        not_evaluated=not_evaluated,
    )


def _missing_by_contract(path: str, never_provides: frozenset[str]) -> bool:
    return any(path == missing or path.startswith((f"{missing}.", f"{missing}[")) for missing in never_provides)


def _fingerprint(
    rules: Mapping[str, Rule], never_provides: frozenset[str], left_out: Mapping[str, str], profile: Profile
) -> str:
    effective = {
        "rules": [
            [
                *(rule.id, rule.field, rule.dimension, rule.severity, rule.owner, rule.action, rule.stage),
                dict(rule.arguments),
            ]
            for rule in sorted(rules.values(), key=lambda rule: rule.id)
        ],
        "never_provides": sorted(never_provides),
        "left_out": sorted(left_out),
        "widen": {axis: pairs if pairs == "all" else sorted(pairs) for axis, pairs in sorted(profile.widen.items())},
        "entry": {axis: sorted(states) for axis, states in sorted(profile.entry.items())},
        "edges": sha256(EDGES.read_bytes()).hexdigest(),
    }
    return sha256(json.dumps(effective, sort_keys=True).encode()).hexdigest()[:12]


# From the documents' shape to fields and rules


def _declared(document: odcs.DataContract, file: str) -> tuple[dict[str, Field], dict[str, Rule]]:
    fields: dict[str, Field] = {}
    rules: dict[str, Rule] = {}
    if len(document.schema_) != 1:
        raise ContractError(f"{file}: expected one schema, the canonical order; found {len(document.schema_)}")
    schema = document.schema_[0]
    for path, declared, owner in _walk(schema.properties, "", None):
        if path not in canonical_fields.paths():
            raise ContractError(f"{file}: field {path}: is no field of the canonical order")
        if owner is None:
            raise ContractError(f"{file}: field {path}: has no owner, nor has a field above it")
        fields[path] = Field(path, owner, declared.required, declared.classification)
        for quality in declared.quality:
            _add(rules, quality, path, owner, file)
    for quality in schema.quality:
        _add(rules, quality, "", document.team.name if document.team else "", file)
    return fields, rules


def _walk(
    properties: list[odcs.Property], above: str, owner: str | None
) -> Iterator[tuple[str, odcs.Property, str | None]]:
    for declared in properties:
        path = f"{above}.{declared.name}" if above else declared.name
        own = declared.custom("owner") or owner
        yield path, declared, own
        yield from _walk(declared.properties, path, own)
        if declared.items is not None:
            yield from _walk(declared.items.properties, f"{path}[]", own)


def _add(rules: dict[str, Rule], quality: odcs.QualityRule, path: str, owner: str, file: str) -> None:
    where = f"{file}: rule {quality.id}"
    if quality.id in rules:
        raise ContractError(f"{where}: is declared twice, on {rules[quality.id].field!r} and on {path!r}")
    action = quality.custom("onFail")
    if action not in set(Action):
        raise ContractError(f"{where}: onFail is {action!r}; expected one of {', '.join(Action)}")
    rules[quality.id] = Rule(
        id=quality.id,
        name=quality.name,
        field=path,
        dimension=quality.dimension,
        severity=quality.severity,
        owner=quality.custom("owner") or owner,
        action=Action(action),
        stage=quality.implementation.stage,
        arguments=quality.implementation.arguments,
    )


def _check_owners(document: odcs.DataContract, fields: dict[str, Field], rules: dict[str, Rule], file: str) -> None:
    roles = {role.role for role in document.roles}
    for declared in fields.values():
        if declared.owner not in roles:
            raise ContractError(f"{file}: field {declared.path}: owner {declared.owner!r} is not a role")
    for rule in rules.values():
        if rule.owner not in roles:
            raise ContractError(f"{file}: rule {rule.id}: owner {rule.owner!r} is not a role")


def _extension(document: odcs.DataContract, file: str) -> odcs.ChannelExtension:
    names = [entry.property for entry in document.custom_properties]
    try:
        return odcs.ChannelExtension.model_validate({name: document.custom(name) for name in names})
    except ValidationError as error:
        raise ContractError(f"{file}: customProperties: {_explained(error)}") from error


def _explained(error: ValidationError) -> str:
    return "; ".join(f"{'.'.join(str(part) for part in detail['loc'])}: {detail['msg']}" for detail in error.errors())
