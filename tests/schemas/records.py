"""Records made from schemas: one with everything set, one with as little as possible, and any."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

from hypothesis import strategies as st

from schemas.definitions import Definition, full_name

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=80)
_PRIMITIVES: dict[str, st.SearchStrategy[Any]] = {
    "string": TEXT,
    "bytes": st.binary(max_size=80),
    "boolean": st.booleans(),
    "int": st.integers(-(2**31), 2**31 - 1),
    "long": st.integers(-(2**63), 2**63 - 1) | st.integers(0, 200) | st.just(1_780_000_000_000_000),
}


def full(schema: Definition) -> dict[str, Any]:
    """A record with every optional field set, two items in every list, and another value everywhere."""
    numbers = count(1)

    def made(kind: str, path: str) -> Any:
        number = next(numbers)
        if kind == "string":
            # The currency of Money must have three letters to look like one.
            return "EUR" if path == "currency" else f"{path} {number} ü€😀"
        return {"bytes": bytes([number % 256, 0, 255]), "boolean": True}.get(kind, number * 1_000_003)

    return _filled(schema, lambda branches: branches[1], 2, made)


def minimal(schema: Definition) -> dict[str, Any]:
    """A record with no optional field set, empty lists, and the smallest values."""
    smallest = {"string": "", "bytes": b"", "boolean": False, "int": 0, "long": 0}
    return _filled(schema, lambda _: "null", 0, lambda kind, _: smallest[kind])


def _filled(
    schema: Definition, choose: Callable[[list[Any]], Any], items: int, made: Callable[[str, str], Any]
) -> dict[str, Any]:
    named: dict[str, Definition] = {}
    learn(schema, named)

    def fill(part: Any, path: str) -> Any:
        if isinstance(part, list):
            part = choose(part)
        if isinstance(part, str):
            if part == "null":
                return None
            return fill(named[part], path) if part in named else made(part, path)
        if part["type"] == "record":
            return {field["name"]: fill(field["type"], field["name"]) for field in part["fields"]}
        if part["type"] == "enum":
            return part["symbols"][-1 if items else 0]
        if part["type"] == "array":
            return [fill(part["items"], path) for _ in range(items)]
        if part["type"] == "map":
            return {f"key{at}": fill(part["values"], path) for at in range(items)}
        return fill(part["type"], path)

    filled: dict[str, Any] = fill(schema, "")
    return filled


def learn(schema: Any, named: dict[str, Definition]) -> None:
    """Adds every named type written out in the schema."""
    if isinstance(schema, list):
        for branch in schema:
            learn(branch, named)
    elif isinstance(schema, dict):
        if schema["type"] in ("record", "enum"):
            named[full_name(schema)] = named[schema["name"]] = schema
        for field in schema.get("fields", ()):
            learn(field["type"], named)
        for inner in ("items", "values"):
            learn(schema.get(inner), named)


def any_record(schema: Definition) -> st.SearchStrategy[dict[str, Any]]:
    """Every record that fits the schema."""
    named: dict[str, Definition] = {}
    learn(schema, named)

    def strategy(part: Any) -> st.SearchStrategy[Any]:
        if isinstance(part, list):
            return st.none() | strategy(part[1])
        if isinstance(part, str):
            return strategy(named[part]) if part in named else _PRIMITIVES[part]
        if part["type"] == "record":
            return st.fixed_dictionaries({field["name"]: strategy(field["type"]) for field in part["fields"]})
        if part["type"] == "enum":
            return st.sampled_from(part["symbols"])
        if part["type"] == "array":
            return st.lists(strategy(part["items"]), max_size=3)
        if part["type"] == "map":
            return st.dictionaries(TEXT, strategy(part["values"]), max_size=3)
        return strategy(part["type"])

    return strategy(schema)
