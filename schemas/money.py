"""Exact amounts: {"amount_minor": int, "currency": ISO 4217 code, "exponent": int}, never a float.

An amount is `amount_minor / 10**exponent` units of the currency. The exponent is the currency's own (ISO
4217, see currencies.json) unless a source's amount has further non-zero decimals, which are then kept.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from importlib import resources
from typing import Final

from schemas.types import Money

MAX_EXPONENT: Final = 18
"""More decimals than this leave no digit before the point in 64 bits."""

_LEAST: Final = -(2**63)
_GREATEST: Final = 2**63 - 1
_SAFE_DIGITS: Final = 18
"""That many decimal digits always fit 64 bits."""

_NUMBER: Final = re.compile(r"(-?)([0-9]+)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]{1,4}))?", re.ASCII)


def _load_exponents() -> dict[str, int]:
    table = json.loads(resources.files("schemas").joinpath("currencies.json").read_text("utf-8"))
    exponents: dict[str, int] = {}
    for group in (table["minor_units"], table["withdrawn"]["minor_units"]):
        for digits, codes in group.items():
            for code in codes.split():
                if code in exponents or not re.fullmatch("[A-Z]{3}", code):
                    raise ValueError(f"currencies.json: {code!r} is listed twice or is not three capital letters")
                exponents[code] = int(digits)
    return exponents


_EXPONENTS: Final = _load_exponents()


def is_currency(code: str) -> bool:
    """Whether the code is an ISO 4217 currency with minor units, in capital letters."""
    return code in _EXPONENTS


def exponent(currency: str) -> int:
    """How many decimals the currency has; raises ValueError when ISO 4217 does not list it."""
    try:
        return _EXPONENTS[currency]
    except (KeyError, TypeError):
        raise ValueError("the currency is not an ISO 4217 code in capital letters") from None


def zero(currency: str) -> Money:
    """No money, in that currency."""
    return {"amount_minor": 0, "currency": currency, "exponent": exponent(currency)}


def money(amount: str | int | float, currency: str) -> Money:
    """The exact amount in units of the currency: `money("12.50", "EUR")` is 1250 cents.

    `amount` is a JSON number or its text. A float stands for its shortest decimal: what the sender wrote, as
    long as that had no more than 15 significant digits (schemas.json_document keeps longer ones as text).
    Raises ValueError for anything else ("12,50", "", "NaN", digits of other scripts) and for what 64 bits or
    18 decimals cannot hold.
    """
    try:
        decimals = _EXPONENTS[currency]
    except (KeyError, TypeError):
        raise ValueError("the currency is not an ISO 4217 code in capital letters") from None
    if type(amount) is str:
        whole, point, fraction = amount.partition(".")
        digits = whole + fraction
        # isdecimal alone also accepts the digits of other scripts.
        if (
            len(fraction) == decimals
            and digits.isdecimal()
            and digits.isascii()
            and len(digits) <= _SAFE_DIGITS
            and whole
            and (decimals or not point)
        ):
            return {"amount_minor": int(digits), "currency": currency, "exponent": decimals}
    value, exponent_kept = _parse(amount, decimals)
    return {"amount_minor": value, "currency": currency, "exponent": exponent_kept}


def from_minor(amount_minor: int, currency: str) -> Money:
    """The amount given in the currency's minor units (cents); raises ValueError beyond 64 bits."""
    return _checked(amount_minor, currency, exponent(currency))


def minor(text: str | int | float, currency: str) -> int:
    """The amount in the currency's own minor units; raises ValueError when it has a fraction of one."""
    amount = money(text, currency)
    if amount["exponent"] != exponent(currency):
        raise ValueError(f"the amount has more decimals than {currency} has")
    return amount["amount_minor"]


def to_text(amount: Money) -> str:
    """Plain decimal text with all decimals of the exponent, without the currency: "12.50"."""
    value, decimals = amount["amount_minor"], amount["exponent"]
    if decimals == 0:
        return str(value)
    digits = str(abs(value)).rjust(decimals + 1, "0")
    return f"{'-' if value < 0 else ''}{digits[:-decimals]}.{digits[-decimals:]}"


def add(left: Money, right: Money) -> Money:
    """The exact sum; raises ValueError when the currencies differ or the sum does not fit 64 bits."""
    if left["currency"] != right["currency"]:
        raise ValueError(f"{left['currency']} and {right['currency']} cannot be added")
    decimals = max(left["exponent"], right["exponent"])
    return _checked(_rescaled(left, decimals) + _rescaled(right, decimals), left["currency"], decimals)


def sum_money(amounts: Iterable[Money], currency: str) -> Money:
    """The exact sum of amounts of one currency, zero when there are none; raises ValueError as `add` does."""
    total, decimals = 0, exponent(currency)
    for amount in amounts:
        if amount["currency"] != currency:
            raise ValueError(f"{amount['currency']} cannot be added to a sum of {currency}")
        if amount["exponent"] > decimals:
            total *= 10 ** (amount["exponent"] - decimals)
            decimals = amount["exponent"]
        total += _rescaled(amount, decimals)
    return _checked(total, currency, decimals)


def total_of(amounts: Sequence[Money], currency: str) -> Money:
    """The exact sum of a list; most lists have no or one amount."""
    if not amounts:
        return zero(currency)
    return amounts[0] if len(amounts) == 1 else sum_money(amounts, currency)


def less(amount: Money, taken: Money) -> Money:
    """`amount` less `taken`, never below zero."""
    left = add(amount, {**taken, "amount_minor": -taken["amount_minor"]})
    return left if left["amount_minor"] > 0 else zero(amount["currency"])


def _rescaled(amount: Money, decimals: int) -> int:
    value = amount["amount_minor"]
    return value if amount["exponent"] == decimals else value * 10 ** (decimals - amount["exponent"])


def _parse(amount: str | int | float, decimals: int) -> tuple[int, int]:
    """(value, exponent) with as few decimals as keep the amount exact, but at least `decimals`."""
    if isinstance(amount, bool) or not isinstance(amount, str | int | float):
        raise ValueError("the amount is not a number")
    text = amount if isinstance(amount, str) else repr(amount)
    if len(text) > 400 or not (match := _NUMBER.fullmatch(text)):
        raise ValueError("the amount is not a plain decimal number such as 12.50")
    sign, whole, fraction, power = match.groups()
    digits = whole + (fraction or "")
    point = len(whole) + int(power or 0)
    significant = digits.rstrip("0")
    if not significant:
        return 0, decimals
    kept = max(decimals, len(significant) - point)
    zeros = point + kept - len(significant)
    if kept > MAX_EXPONENT or zeros > _SAFE_DIGITS + 1:
        raise ValueError("the amount has too many digits for 64 bits and 18 decimals")
    value = int(sign + significant) * 10**zeros
    if not _LEAST <= value <= _GREATEST:
        raise ValueError("the amount has too many digits for 64 bits")
    return value, kept


def _checked(value: int, currency: str, decimals: int) -> Money:
    if not _LEAST <= value <= _GREATEST:
        raise ValueError("the amount has too many digits for 64 bits")
    return {"amount_minor": value, "currency": currency, "exponent": decimals}
