"""Amounts of one order: texts in the shop's currency as integers of one exponent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal, localcontext
from fractions import Fraction
from functools import lru_cache
from typing import Any, Final, TypeVar, cast

from mappers.shopify.payload import MoneySet
from schemas import money
from schemas.types import Money

_Document = TypeVar("_Document")


class FinerAmountError(Exception):
    """An amount has more non-zero decimals than the exponent in use: read the order again with its own."""

    def __init__(self, exponent: int) -> None:
        super().__init__(exponent)
        self.exponent = exponent


UNTOLD: Final = "XXX"
"""The currency of amounts of which no currency is told (Unicode CLDR's code of it; ISO 4217: none)."""

_DECIMALS_OF_UNTOLD: Final = "EUR"
"""Amounts without a currency are read like those of most."""

LIMIT: Final = 10**15
"""Minor units: no amount of an order is near it, and sums of many below it fit 64 bits."""


def _read(text: str, currency: str) -> tuple[int, int]:
    amount = money.money(text, currency)
    minor, exponent = amount["amount_minor"], amount["exponent"]
    if not -LIMIT < minor < LIMIT:
        raise ValueError("an amount has more than 15 digits")
    return minor, exponent


class _Minors(dict[str | None, int]):
    """Minor units by the text of an amount, 0 for a missing or empty one.

    Orders repeat their amounts ("0.00" above all), and those of their shop. Looking one up raises
    FinerAmountError, or ValueError when it is too large.
    """

    _MOST: Final = 65536

    def __init__(self, currency: str, exponent: int) -> None:
        super().__init__({None: 0, "": 0})
        self._currency = currency
        self._exponent = exponent

    def __missing__(self, text: str) -> int:
        value, exponent = _read(text, self._currency)
        if exponent > self._exponent:
            raise FinerAmountError(exponent)
        minor: int = value * 10 ** (self._exponent - exponent)
        if not -LIMIT < minor < LIMIT:
            raise ValueError("an amount has more than 15 digits with the decimals of its order")
        if len(self) >= self._MOST:
            self.clear()
            self.update({None: 0, "": 0})
        self[text] = minor
        return minor


@dataclass(frozen=True, slots=True)
class Rate:
    """How many units of the shop's currency one unit of the buyer's was worth in this order."""

    presentment: str
    shop_per_presentment: Fraction

    def text(self) -> str:
        """The rate with ten significant digits."""
        rate = self.shop_per_presentment
        with localcontext(prec=10):
            return str(Decimal(rate.numerator) / Decimal(rate.denominator))


@dataclass(frozen=True, slots=True)
class Amounts:
    """Amounts as integers of `exponent` decimals of `currency`, the shop's."""

    currency: str
    exponent: int
    minor: Mapping[str | None, int]
    """Minor units by text, 0 for a missing one; raises FinerAmountError, or ValueError when too large."""
    rate: Rate | None

    def of(self, minor: int) -> Money:
        """Money of that many minor units."""
        return {"amount_minor": minor, "currency": self.currency, "exponent": self.exponent}

    def in_pair(self, pair: MoneySet | None) -> int:
        """The shop's side of a money pair in minor units, 0 when there is none."""
        return 0 if pair is None else self.minor[pair["shop_money"]["amount"]]

    def in_shop_currency(self, *amounts: tuple[str | None, str | None]) -> int | None:
        """The sum of (amount, currency) pairs in the shop's currency; None when a rate is not known.

        Transactions are in the buyer's currency unless asked for otherwise (`in_shop_currency`, see
        https://shopify.dev/docs/api/admin-rest/latest/resources/transaction). The rate is the order's own.
        Amounts in the buyer's currency are added up before they are converted: rounded one by one, the parts
        of a payment would not add up to it.
        """
        minor, shown = 0, Fraction(0)
        for text, currency in amounts:
            if not currency or currency.upper() == self.currency:
                minor += self.minor[text]
                continue
            if self.rate is None or self.rate.presentment != currency.upper():
                return None
            value, exponent = _read(text or "0", self.rate.presentment)
            shown += Fraction(value, 10**exponent)
        if shown:
            assert self.rate is not None  # it was needed to get here
            minor += round(shown * self.rate.shop_per_presentment * 10**self.exponent)
        if not -LIMIT < minor < LIMIT:
            raise ValueError("an amount has more than 15 digits in the shop's currency")
        return minor


@lru_cache(maxsize=256)
def amounts_of(currency: str, exponent: int) -> Amounts:
    """Amounts of orders shown in the shop's own currency."""
    read_as = _DECIMALS_OF_UNTOLD if currency == UNTOLD else currency
    return Amounts(currency, exponent, _Minors(read_as, exponent), None)


def decimals_of(currency: str) -> int:
    """How many decimals its amounts have; raises ValueError for a code that is neither known nor UNTOLD."""
    return money.exponent(_DECIMALS_OF_UNTOLD if currency == UNTOLD else currency)


def converted_amounts_of(currency: str, exponent: int, rate: Rate | None) -> Amounts:
    """Amounts of an order with that rate to the buyer's currency."""
    return replace(amounts_of(currency, exponent), rate=rate)


def rate_of(pairs: Iterable[MoneySet | None], currency: str) -> Rate | None:
    """The order's rate, from the pair with the greatest amount (the least rounded); None when none tells."""
    best: Rate | None = None
    greatest = Fraction(0)
    for pair in pairs:
        presentment = None if pair is None else pair.get("presentment_money")
        if pair is None or presentment is None or presentment["currency_code"] == currency:
            continue
        shown = Fraction(presentment["amount"] or 0)
        if abs(shown) > greatest:  # what a refund adjusts is below zero
            greatest = abs(shown)
            best = Rate(presentment["currency_code"], Fraction(pair["shop_money"]["amount"] or 0) / shown)
    return best


def coarsened(value: _Document, exponent: int) -> _Document:
    """The same document with each Money brought back to `exponent` decimals where that loses nothing."""
    return cast(_Document, _coarsened(value, exponent))


def _coarsened(value: Any, exponent: int) -> Any:
    if isinstance(value, dict):
        if value.keys() == {"amount_minor", "currency", "exponent"}:
            minor, kept = value["amount_minor"], value["exponent"]
            while kept > exponent and minor % 10 == 0:
                minor, kept = minor // 10, kept - 1
            return {"amount_minor": minor, "currency": value["currency"], "exponent": kept}
        return {key: _coarsened(child, exponent) for key, child in value.items()}
    if isinstance(value, list):
        return [_coarsened(child, exponent) for child in value]
    return value
