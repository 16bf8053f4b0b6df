"""The rules' conditions, in plain Python: one function per group of rules that read the same fields.

A check reads the order and reports every field that breaks a rule. It knows the condition and the words;
owner, severity and action are the contract's. Messages name numbers and codes, never a personal value.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from schemas.types import CanonicalOrder, Money

Broken: TypeAlias = Callable[[str, str, str], None]
"""Called with (rule id, field path, message) for each field that breaks a rule."""

SECOND: Final = 1_000_000
"""Microseconds."""
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR


@dataclass(frozen=True, slots=True)
class Limits:
    """The numbers of the rules. Times are microseconds."""

    channel: str | None = None
    """The only source whose orders belong here; None: any."""
    clock_skew: int = 5 * MINUTE
    oldest_placement: int = 400 * DAY
    ingest_lag: int = HOUR
    refund_grace: int = 72 * HOUR
    highest_tax_rate: float = 0.30


Check: TypeAlias = Callable[[CanonicalOrder, Limits, Broken], None]


def common_exponent(*amounts: Money) -> int:
    """The largest exponent, at which all amounts are whole."""
    return max(amount["exponent"] for amount in amounts)


def at(amount: Money, exponent: int) -> int:
    """The amount as an integer at an exponent not smaller than its own."""
    own = amount["exponent"]
    return amount["amount_minor"] if own == exponent else amount["amount_minor"] * 10 ** (exponent - own)


def rounded(amount: Money, exponent: int) -> int:
    """The amount as an integer at an exponent that may be smaller than its own, halves up."""
    extra = amount["exponent"] - exponent
    return at(amount, exponent) if extra <= 0 else (amount["amount_minor"] + 10**extra // 2) // 10**extra


def shown(amount: Money) -> str:
    """The amount as decimal text, without its currency."""
    return text(amount["amount_minor"], amount["exponent"])


def text(value: int, exponent: int) -> str:
    """An integer at an exponent as decimal text."""
    if exponent == 0:
        return str(value)
    digits = str(abs(value)).rjust(exponent + 1, "0")
    return f"{'-' if value < 0 else ''}{digits[:-exponent]}.{digits[-exponent:]}"
