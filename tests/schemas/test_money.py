"""No cent is lost, made up or rounded."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import money as m
from schemas.types import Money

CURRENCIES = st.sampled_from(["EUR", "JPY", "KWD", "CLF"])
AMOUNTS = st.decimals(allow_nan=False, allow_infinity=False, places=None, min_value=-(10**9), max_value=10**9)
WHOLE = st.integers(-(10**12), 10**12)


def value(amount: Money) -> Decimal:
    return Decimal(amount["amount_minor"]).scaleb(-amount["exponent"])


@given(st.decimals(-(10**9), 10**9, places=6), CURRENCIES)
def test_an_amount_is_kept_exactly(amount: Decimal, currency: str) -> None:
    """What the buyer was charged is what is published, however many decimals the source writes."""
    made = m.money(f"{amount:f}", currency)
    assert value(made) == amount
    assert made["exponent"] >= m.exponent(currency)
    assert made["exponent"] == m.exponent(currency) or made["amount_minor"] % 10 != 0


@given(st.decimals(0, 10**9, places=3), CURRENCIES)
def test_every_spelling_of_an_amount_is_the_same_money(amount: Decimal, currency: str) -> None:
    """A source that writes 12.5, 12.50 or 1.25E1 means the same, so nothing seems to have changed."""
    made = m.money(f"{amount:f}", currency)
    assert m.money(f"{amount:f}000", currency) == made
    assert m.money(f"00{amount:f}", currency) == made
    assert m.money(f"{amount:e}", currency) == made
    assert m.money(m.to_text(made), currency) == made


@given(st.floats(0.001, 10**9), CURRENCIES)
def test_a_float_is_its_shortest_decimal(number: float, currency: str) -> None:
    """0.1 in a JSON document is ten cents, not 0.1000000000000000055."""
    try:
        made = m.money(number, currency)
    except ValueError:
        assert len(Decimal(repr(number)).as_tuple().digits) > 15
    else:
        assert value(made) == Decimal(repr(number))


@given(WHOLE, CURRENCIES)
def test_an_integer_is_whole_units(number: int, currency: str) -> None:
    """A source that writes 12 for 12.00 is not a hundred times too cheap."""
    assert value(m.money(number, currency)) == number
    assert m.from_minor(number, currency)["amount_minor"] == number


@pytest.mark.parametrize(
    "amount",
    [
        "",
        " ",
        "NaN",
        "Infinity",
        "1e400",
        "1e-400",
        "12,50",
        "1.234,50",
        "1_0.00",
        "+1.00",
        " 1.00",
        "1.00 ",
        ".50",
        "5.",
        "0x10",
        "1.2.3",
        "--1",
        "-",
        "e5",
        "١٢.٣٤",
        "\uff11\uff12.\uff10\uff10",
        "²",
        "1\n",
        "12.5O",
        "9" * 30,
        "1" * 5000,
        "92233720368547758.08",
        "-92233720368547758.09",
        "0.0000000000000000001",
        float("nan"),
        float("inf"),
        1e300,
        True,
        None,
        b"1.00",
        [],
    ],
)
def test_what_is_no_amount_is_refused(amount: object) -> None:
    """A price that cannot be read becomes a finding, never a guess."""
    with pytest.raises(ValueError, match="amount"):
        m.money(amount, "EUR")  # type: ignore[arg-type]  # refused: that is the test


def test_the_widest_amounts_are_kept() -> None:
    """The limits are those of 64 bits, to the cent."""
    assert m.money("92233720368547758.07", "EUR")["amount_minor"] == 2**63 - 1
    assert m.money("-92233720368547758.08", "EUR")["amount_minor"] == -(2**63)


@pytest.mark.parametrize("code", ["eur", "EURO", "", "XXX", "XAU", "€", None, 978, ["EUR"]])
def test_what_is_no_currency_is_refused(code: object) -> None:
    """An amount without a currency that has minor units has no meaning."""
    with pytest.raises(ValueError, match="currency"):
        m.money("1.00", code)  # type: ignore[arg-type]  # refused: that is the test
    with pytest.raises(ValueError, match="currency"):
        m.zero(code)  # type: ignore[arg-type]  # refused: that is the test


@pytest.mark.parametrize(
    ("code", "decimals"), [("EUR", 2), ("JPY", 0), ("KWD", 3), ("CLF", 4), ("ISK", 0), ("HRK", 2), ("XCG", 2)]
)
def test_decimals_are_those_of_iso_4217(code: str, decimals: int) -> None:
    """Yen have no cents and dinars have a thousand."""
    assert m.exponent(code) == decimals
    assert m.is_currency(code)
    assert m.to_text(m.zero(code)) == ("0" if decimals == 0 else "0." + "0" * decimals)


@given(st.lists(st.decimals(-(10**9), 10**9, places=5), max_size=6), CURRENCIES)
def test_sums_are_exact(amounts: list[Decimal], currency: str) -> None:
    """Totals agree with their parts to the last decimal, also where parts have more than the currency."""
    parts = [m.money(f"{amount:f}", currency) for amount in amounts]
    total = m.sum_money(parts, currency)
    assert value(total) == sum(amounts, Decimal(0))
    one_by_one = m.zero(currency)
    for part in parts:
        one_by_one = m.add(one_by_one, part)
    assert one_by_one == total


def test_sums_across_currencies_or_beyond_64_bits_are_refused() -> None:
    """Euro and yen are never added, and no sum wraps around."""
    most = m.from_minor(2**63 - 1, "EUR")
    for sums in (
        lambda: m.add(m.zero("EUR"), m.zero("JPY")),
        lambda: m.sum_money([m.zero("JPY")], "EUR"),
        lambda: m.add(most, m.from_minor(1, "EUR")),
        lambda: m.sum_money([most, most], "EUR"),
        lambda: m.from_minor(2**63, "EUR"),
    ):
        with pytest.raises(ValueError, match=r"added|64 bits"):
            sums()


def test_minor_units_are_whole() -> None:
    """A half cent is told, not cut off."""
    assert m.minor("12.5", "EUR") == 1250
    assert m.minor("12.500", "EUR") == 1250
    with pytest.raises(ValueError, match="more decimals than EUR"):
        m.minor("12.505", "EUR")
