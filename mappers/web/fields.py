"""The field types of the web contract, each defined once: what it looks like, and how it is read.

Types say what must hold for a value to be *understood*. What must hold for it to be *right* (a quantity above
zero, a country that exists) is published in the JSON Schema as well, but judged by the rules of the channel's
contract, so that each finding reaches the owner who can fix its cause.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Annotated, Any, Final, Literal, TypeVar

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    PlainValidator,
    ValidationInfo,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from schemas import instants, money

T = TypeVar("T")


class UnknownFields:
    """Counts the fields of one event that the contract does not name: the validation's context."""

    __slots__ = ("count",)

    def __init__(self) -> None:
        self.count = 0


def _unknown(value: object, info: ValidationInfo) -> object:
    if isinstance(info.context, UnknownFields):
        info.context.count += 1
    return value


_UNKNOWN_FIELD: Final = Annotated[Any, PlainValidator(_unknown), WithJsonSchema({})]
_CONFIG: Final = ConfigDict(strict=True)
_DOCUMENTED: Final = ConfigDict(strict=True, use_attribute_docstrings=True)
_PARTS: Final[list[Any]] = []


def part(cls: type[T]) -> type[T]:
    """A part of an event: types are never coerced, unknown fields are allowed and counted.

    Parts are typed dictionaries, which pydantic validates twice as fast as model classes. The type of their
    extra items (PEP 728) is validated for unknown fields only: an event without any pays nothing.
    """
    # Set as attributes, because type checkers do not know PEP 728's class arguments yet.
    cls.__pydantic_config__ = _CONFIG  # type: ignore[attr-defined]  # see above
    cls.__extra_items__ = _UNKNOWN_FIELD  # type: ignore[attr-defined]  # see above
    _PARTS.append(cls)
    return cls


@contextmanager
def documented() -> Iterator[None]:
    """Within it, models are built with their fields' docstrings as descriptions: for the published schema.

    pydantic reads them from the source text, which costs more than all the rest of a start-up.
    """
    for cls in _PARTS:
        cls.__pydantic_config__ = _DOCUMENTED
    try:
        yield
    finally:
        for cls in _PARTS:
            cls.__pydantic_config__ = _CONFIG


INSTANT_PATTERN: Final = (
    r"^(19[7-9][0-9]|[2-9][0-9]{3})-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
    r"T([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,9})?)?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$"
)
"""One of the many forms of ISO 8601, from 1970 on: what is published is what is accepted."""

_INSTANT: Final = re.compile(INSTANT_PATTERN)


# Every snapshot repeats the instants of those before it.
@lru_cache(maxsize=8192)
def _parse(text: str) -> int:
    if _INSTANT.fullmatch(text) is None:
        raise ValueError
    return instants.parse(text)


def _instant(text: object) -> int:
    try:
        if isinstance(text, str):
            return _parse(text)
        raise ValueError
    except ValueError:
        raise PydanticCustomError(
            "instant",
            "must be an ISO 8601 instant with an offset, from 1970 to 9999, such as 2026-11-24T18:03:12.250+01:00",
        ) from None


def _currency(code: str) -> str:
    try:
        money.exponent(code)
    except ValueError:
        raise PydanticCustomError(
            "currency_iso4217", "must be an ISO 4217 currency code in capitals, such as EUR"
        ) from None
    return code


Instant = Annotated[
    int,
    PlainValidator(_instant),
    WithJsonSchema(
        {
            "type": "string",
            "format": "date-time",
            "pattern": INSTANT_PATTERN,
            "examples": ["2026-11-24T18:03:12.250+01:00"],
        }
    ),
]
"""ISO 8601 with an offset on the wire; microseconds since the epoch, UTC, once read."""

Currency = Annotated[
    str,
    AfterValidator(_currency),
    WithJsonSchema({"type": "string", "pattern": "^[A-Z]{3}$", "examples": ["EUR", "JPY"]}),
]

AMOUNT_PATTERN = r"^(0|[1-9][0-9]{0,11})(\.[0-9]{1,4})?$"
"""Twelve digits and the four decimals of ISO 4217's most divided unit: fits 64 bits in minor units."""

NOTHING_PATTERN: Final = r"^0(\.0{1,4})?$"
"""The amounts that are no money."""

RATE_PATTERN = r"^(0|[1-9][0-9]{0,2})(\.[0-9]{1,6})?$"

EVENT_ID_PATTERN = "^([0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[0-7][0-9A-HJKMNP-TV-Z]{25})$"
"""A UUID, or a ULID in capitals."""

Amount = Annotated[str, Field(pattern=AMOUNT_PATTERN, examples=["12.90", "0", "1990"])]
NAMED_PATTERN: Final = r"\S"
"""Some character that is no white space: a blank name would be the same name for everybody."""

Reference = Annotated[str, Field(min_length=1, max_length=128, pattern=NAMED_PATTERN)]

UNSET_NAMES: Final = ("null", "undefined", "None", "nil", "NaN", "[object Object]")
"""What programs write where they have no value. As a session it would be shared by every guest of the store."""


def _session(name: str) -> str:
    if name in UNSET_NAMES:
        raise PydanticCustomError("session", "must name the guest's own session, not stand for a missing value")
    return name


SessionReference = Annotated[
    Reference,
    AfterValidator(_session),
    Field(json_schema_extra={"not": {"enum": list(UNSET_NAMES)}}),
]
Text = Annotated[str, Field(max_length=2000)]
ShortText = Annotated[str, Field(max_length=255)]
Quantity = Annotated[int, Field(ge=-1_000_000_000, le=1_000_000_000, json_schema_extra={"minimum": 1, "examples": [1]})]
PartQuantity = Annotated[int, Field(ge=1, le=1_000_000_000, examples=[1])]
"""How much of a line is in a part of the order. No rule judges it: a negative one would undo other parts."""
Count = Annotated[int, Field(ge=0, le=1_000_000_000, examples=[0])]

MOST_PARTS: Final = 500
"""Entries of a list of amounts: the sum of that many of the greatest amounts fits 64 bits."""
PaymentMethod = Literal[
    "card",
    "wallet",
    "bank_transfer",
    "direct_debit",
    "cash",
    "cash_on_delivery",
    "gift_card",
    "pay_later",
    "store_credit",
    "manual",
    "other",
]
