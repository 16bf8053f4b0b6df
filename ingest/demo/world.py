"""The world of world.yaml, read once, and the draws from it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources
from random import Random
from typing import Annotated, Any, Literal, NamedTuple, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field

T = TypeVar("T")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Currency(_Strict):
    decimals: Literal[0, 2, 3]
    per_euro: Annotated[int, Field(gt=0)]
    step: Annotated[int, Field(gt=0)]
    shipping: Annotated[int, Field(gt=0)]


class _Shop(_Strict):
    channel: Annotated[str, Field(pattern="^(web|shopify)$")]
    account: str
    country: str
    currency: str
    offset: Annotated[str, Field(pattern=r"^[+-]\d{2}:\d{2}$")]
    locale: str
    tax: Annotated[int, Field(ge=0, lt=10_000)]
    tax_name: str
    includes_tax: bool


class _Country(_Strict):
    calling: str
    given: Annotated[list[str], Field(min_length=1)]
    family: Annotated[list[str], Field(min_length=1)]
    streets: Annotated[list[str], Field(min_length=1)]
    places: Annotated[list[list[str]], Field(min_length=1)]


class _World(_Strict):
    currencies: dict[str, _Currency]
    shops: Annotated[list[_Shop], Field(min_length=1)]
    countries: dict[str, _Country]
    email_domains: Annotated[list[str], Field(min_length=1)]
    products: Annotated[list[list[Any]], Field(min_length=1)]


class Product(NamedTuple):
    """Something a shop sells; `price` in the shop's minor units."""

    number: int
    sku: str
    title: str
    price: int
    option: str
    choice: str


@dataclass(frozen=True, slots=True)
class Shop:
    """A store of the web channel, or a Shopify shop."""

    channel: str
    account: str
    country: str
    currency: str
    decimals: int
    shipping: int
    offset: str
    offset_ms: int
    locale: str
    tax: int
    tax_name: str
    tax_rate: str
    includes_tax: bool
    products: tuple[Product, ...]

    def amount(self, minor: int) -> str:
        """The decimal text of an amount in minor units."""
        if self.decimals == 2:
            return f"{minor // 100}.{minor % 100:02d}"
        if self.decimals == 0:
            return str(minor)
        return f"{minor // 1000}.{minor % 1000:03d}"

    def tax_of(self, net_or_gross: int) -> int:
        """The tax on an amount: inside it where prices include tax, else on top; halves round up."""
        base = 10_000 + self.tax if self.includes_tax else 10_000
        return (2 * net_or_gross * self.tax + base) // (2 * base)


class Person(NamedTuple):
    """A buyer."""

    given: str
    family: str
    email: str
    phone: str
    street: str
    city: str
    postal_code: str
    region: str
    country: str


def pick(random: Random, options: tuple[T, ...] | list[T]) -> T:
    """One of the options, all alike."""
    return options[int(random.random() * len(options))]


@cache
def shops(channel: str) -> tuple[Shop, ...]:
    """The shops of a channel."""
    world = _load()
    return tuple(_shop(world, shop) for shop in world.shops if shop.channel == channel)


def _shop(world: _World, shop: _Shop) -> Shop:
    currency = world.currencies[shop.currency]
    hours, minutes = shop.offset[1:].split(":")
    sign = -1 if shop.offset[0] == "-" else 1
    rate = f"{shop.tax / 10_000:.4f}".rstrip("0").rstrip(".")
    products = tuple(
        Product(
            number,
            sku,
            title,
            -(-cents * currency.per_euro // 100 // currency.step) * currency.step,
            option,
            choice,
        )
        for number, (sku, title, cents, option, choice) in enumerate(world.products, start=1)
    )
    return Shop(
        channel=shop.channel,
        account=shop.account,
        country=shop.country,
        currency=shop.currency,
        decimals=currency.decimals,
        shipping=currency.shipping,
        offset=shop.offset,
        offset_ms=sign * (int(hours) * 60 + int(minutes)) * 60_000,
        locale=shop.locale,
        tax=shop.tax,
        tax_name=shop.tax_name,
        tax_rate=rate,
        includes_tax=shop.includes_tax,
        products=products,
    )


def person(random: Random, country: str) -> Person:
    """Somebody of that country."""
    world = _load()
    land = world.countries[country]
    city, postal_code, region = pick(random, land.places)
    number = 2_000_000 + int(random.random() * 8_000_000)
    return Person(
        given=pick(random, land.given),
        family=pick(random, land.family),
        email=f"buyer.{number}@{pick(random, world.email_domains)}",
        phone=f"{land.calling}{number}",
        street=f"{pick(random, land.streets)} {1 + number % 180}",
        city=city,
        postal_code=postal_code,
        region=region,
        country=country,
    )


@cache
def _load() -> _World:
    text = resources.files("ingest.demo").joinpath("world.yaml").read_text("utf-8")
    return _World.model_validate(yaml.safe_load(text))
