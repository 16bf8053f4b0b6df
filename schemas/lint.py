"""Refuses schemas that say too little: every field needs a meaning, an owner and a class of personal data."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from schemas.definitions import Definition, definitions

OWNERS: Final = frozenset(
    {
        "catalog",
        "channel-ops",
        "crm",
        "finance",
        "fraud-risk",
        "logistics",
        "order-platform",
        "payments",
        "promotions",
        "tax",
    }
)
PII: Final = frozenset({"none", "indirect", "direct"})
SEVERITIES: Final = frozenset({"info", "warning", "error"})

_VERSION: Final = re.compile(r"\d+\.\d+\.\d+", re.ASCII)
_FIELD: Final = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)
_EMPTY: Final[dict[str, object]] = {"array": [], "map": {}}
_FLOATING: Final = frozenset({"float", "double"})


def lint() -> list[str]:
    """Every problem of the schemas under schemas/avro, as `file: type.field: what is wrong`."""
    return [f"{file}.avsc: {problem}" for file, types in definitions().items() for problem in problems(types)]


def problems(types: Iterable[Definition]) -> list[str]:
    """Every problem of these named types, as `type.field: what is wrong and what is expected`."""
    found: list[str] = []
    for definition in types:
        checked = _enum(definition) if definition["type"] == "enum" else _record(definition)
        found += (f"{definition['name']}{problem}" for problem in checked)
    return found


def _enum(definition: Definition) -> Iterator[str]:
    if not _text(definition.get("doc")):
        yield ": has no doc"
    if definition.get("default") != "UNKNOWN" or definition["symbols"][:1] != ["UNKNOWN"]:
        yield ": UNKNOWN must be the first symbol and the enum's default, for readers that know fewer symbols"


def _record(definition: Definition) -> Iterator[str]:
    if not _text(definition.get("doc")):
        yield ": has no doc"
    for field in definition["fields"]:
        for problem in _field(field):
            yield f".{field['name']}: {problem}"


def _field(field: dict[str, Any]) -> Iterator[str]:
    if not _FIELD.fullmatch(field["name"]):
        yield "the name is not snake_case"
    if not _text(field.get("doc")):
        yield "has no doc"
    for key, allowed in (("oms.owner", OWNERS), ("oms.pii", PII), ("oms.severity", SEVERITIES)):
        if field.get(key) not in allowed:
            yield f"{key} must be one of {', '.join(sorted(allowed))}"
    if not _VERSION.fullmatch(str(field.get("oms.since", ""))):
        yield "oms.since must be the schema version that brought it, such as 1.0.0"
    yield from _type(field)


def _type(field: dict[str, Any]) -> Iterator[str]:
    schema = field["type"]
    if isinstance(schema, list):
        if len(schema) != 2 or schema[0] != "null":
            yield 'a union must be ["null", T]'
        if field.get("default", "") is not None:
            yield "an optional field must have the default null"
        schema = schema[-1]
    kind = schema["type"] if isinstance(schema, dict) else schema
    if kind in _EMPTY and not isinstance(field["type"], list) and field.get("default") != _EMPTY[kind]:
        yield f"the default of a {'list' if kind == 'array' else 'map'} must be empty"
    if kind in _FLOATING:
        yield "a floating-point number is not exact; use Money, a scaled integer or text"
    if field["name"].endswith(("_at", "_until")) and (
        not isinstance(schema, dict) or schema.get("logicalType") != "timestamp-micros"
    ):
        yield "an instant must be a long of logicalType timestamp-micros"


def _text(doc: object) -> bool:
    return isinstance(doc, str) and bool(doc.strip())
