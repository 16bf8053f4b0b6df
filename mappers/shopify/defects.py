"""What pydantic found wrong with a body, as defects: rule, path in Shopify's names, and what is expected."""

from __future__ import annotations

from typing import Any, Final

from pydantic import ValidationError

from mappers.candidate import MOST_DEFECTS, Defect

_WHEN_MISSING: Final = {
    "id": "source_order_id_present",
    "order_id": "source_order_id_present",
    "currency": "currency_iso4217",
    "total_price": "total_present",
}
"""Fields without which there is no order: their absence breaks a rule of its own."""

_EXPECTED: Final = {
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "int_type": "a whole number",
    "greater_than_equal": "zero or more",
    "less_than_equal": "a smaller number",
    "list_type": "a list",
    "dict_type": "an object",
    "string_type": "text or a number",
}
_AMOUNT: Final = 'a decimal amount such as "12.34"'
_ID: Final = "an id: a whole number or its digits"


def defects(error: ValidationError) -> list[Defect]:
    """Every error of a body, up to a thousand. Messages never hold a value: it may be personal."""
    return [
        _defect(problem["loc"], problem["type"], problem.get("input"), problem.get("ctx", {}))
        for problem in error.errors(include_url=False)[:MOST_DEFECTS]
    ]


def path(location: tuple[int | str, ...]) -> str:
    """`("line_items", 2, "price")` as `line_items[2].price`."""
    text = ""
    for step in location:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def _defect(location: tuple[int | str, ...], kind: str, value: Any, context: dict[str, Any]) -> Defect:
    absent = kind == "missing" or value is None or value == ""
    rule = "payload_shape"
    if absent and len(location) == 1:
        rule = _WHEN_MISSING.get(str(location[0]), rule)
    where = path(location)
    if absent:
        return Defect(rule, where, f"{where} is missing")
    return Defect(rule, where, f"{where}: {_told(kind, value, context)}")


def _told(kind: str, value: Any, context: dict[str, Any]) -> str:
    if kind == "value_error":
        return str(context.get("error"))
    if kind == "string_pattern_mismatch":
        expected = _ID if "[0-9]{0," in str(context.get("pattern")) else _AMOUNT
    else:
        expected = _EXPECTED.get(kind, "another type")
    return f"expected {expected}, got {_json_type(value)}"


def _json_type(value: Any) -> str:
    names = {
        bool: "a boolean",
        int: "a number",
        float: "a number",
        str: "text",
        list: "a list",
        dict: "an object",
    }
    return names.get(type(value), "nothing of JSON")
