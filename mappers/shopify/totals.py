"""An order's sums, and what is authorised, captured and due of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from mappers.shopify import payload as shopify
from mappers.shopify.amounts import Amounts
from mappers.shopify.lines import Positions
from mappers.shopify.payments import amount_of, state_of
from schemas.types import Adjustment, Totals


class Funds(NamedTuple):
    """Minor units; None where the source does not tell."""

    authorised: int | None
    captured: int | None
    net_due: int | None


def totals_of(
    order: shopify.Order,
    positions: Positions,
    shipping: int,
    adjustments: Iterable[Adjustment],
    amounts: Amounts,
) -> Totals:
    """The sums in the shop's currency. `total_price` is what was agreed, `current_total_price` what is left.

    items_gross is added up from the lines; the other sums are the source's. A gift card is a tender in
    Shopify: it pays the total and does not lower it. Duties are a fee unless the prices include them
    (`duties_included`, https://shopify.dev/docs/api/admin-rest/latest/resources/order).
    """
    minor, currency, exponent = amounts.minor, amounts.currency, amounts.exponent
    total = minor[order["total_price"]]
    told = order.get("current_total_price")
    current = minor[told] if told else total
    refunded = _refunded(adjustments)
    funds = _funds(order, total, refunded, amounts)
    fees = 0
    if (duties := order.get("original_total_duties_set")) is not None and not order.get("duties_included"):
        fees += amounts.in_pair(duties)
    if (additional := order.get("original_total_additional_fees_set")) is not None:
        fees += amounts.in_pair(additional)
    tip = minor[order.get("total_tip_received")] or positions.tip
    discount, tax = minor[order.get("total_discounts")], minor[order.get("total_tax")]
    return {
        "items_gross": {"amount_minor": positions.gross, "currency": currency, "exponent": exponent},
        "discount": {"amount_minor": discount, "currency": currency, "exponent": exponent},
        "shipping": {"amount_minor": shipping, "currency": currency, "exponent": exponent},
        "tax": {"amount_minor": tax, "currency": currency, "exponent": exponent},
        "fees": {"amount_minor": fees, "currency": currency, "exponent": exponent},
        "tip": {"amount_minor": tip, "currency": currency, "exponent": exponent},
        "gift_card": {"amount_minor": 0, "currency": currency, "exponent": exponent},
        "total_original": {"amount_minor": total, "currency": currency, "exponent": exponent},
        "total_current": {"amount_minor": current, "currency": currency, "exponent": exponent},
        "authorised": None if funds.authorised is None else amounts.of(funds.authorised),
        "captured": None if funds.captured is None else amounts.of(funds.captured),
        "refunded": {"amount_minor": refunded, "currency": currency, "exponent": exponent},
        "net_due": None if funds.net_due is None else amounts.of(funds.net_due),
    }


def _refunded(adjustments: Iterable[Adjustment]) -> int:
    return sum(
        adjustment["amount"]["amount_minor"] for adjustment in adjustments if adjustment["status"] == "COMPLETED"
    )


def _funds(order: shopify.Order, total: int, refunded: int, amounts: Amounts) -> Funds:
    """What is authorised and still open, what was captured, and what is still due.

    Webhook bodies have no transactions. Then Shopify's own definition of the financial status tells, and no
    further than it goes: `paid` is a payment captured in full, `partially_refunded` and `refunded` presuppose
    one, `authorized` is an authorisation of the total not yet captured, `voided` one given up, `pending` and
    `expired` are nothing captured, and with `partially_paid` what is not outstanding is captured, and the rest
    may be authorised or not
    (https://shopify.dev/docs/api/admin-graphql/latest/enums/OrderDisplayFinancialStatus). Where the order
    says what it costs now and what of that is outstanding, the difference is what the shop has kept: so an
    order that was edited before it was captured does not look overpaid. A status that Shopify does not
    define tells nothing.
    """
    minor = amounts.minor
    cost, due = order.get("current_total_price"), order.get("total_outstanding")
    current = minor[cost] if cost else total
    outstanding = minor[due] if due else None
    transactions = order.get("transactions")
    moved = _moved(transactions, amounts) if transactions else None
    authorised: int | None
    status = (order.get("financial_status") or "").lower()
    if moved is not None:
        authorised, captured = moved
    elif status in ("paid", "partially_refunded", "refunded"):
        authorised, captured = 0, total
        if cost and outstanding is not None:
            captured = max(min(total, current - outstanding + refunded), refunded)
    elif status == "authorized":
        authorised, captured = total, 0
    elif status in ("pending", "unpaid", "voided", "expired"):
        authorised, captured = 0, 0
    elif status == "partially_paid" and outstanding is not None:
        authorised, captured = None, max(current - outstanding + refunded, 0)
    else:
        return Funds(None, None, outstanding)
    if outstanding is None and status not in ("voided", "expired"):
        outstanding = max(current - captured, 0)
    return Funds(authorised, captured, outstanding)


def _moved(transactions: Sequence[shopify.Transaction], amounts: Amounts) -> tuple[int, int] | None:
    """(authorised and open, captured) of the successful ones; None when a currency cannot be converted."""
    by_kind: dict[str, list[tuple[str | None, str | None]]] = {}
    for transaction in transactions:
        if state_of(transaction) == "SUCCEEDED":
            kind = (transaction.get("kind") or "").lower()
            by_kind.setdefault(kind, []).append(amount_of(transaction))

    def together(*kinds: str) -> int | None:
        return amounts.in_shop_currency(*[amount for kind in kinds for amount in by_kind.get(kind, ())])

    authorised, ended = together("authorization", "emv_authorization"), together("capture", "void")
    taken, handed_back = together("capture", "sale"), together("change")
    if authorised is None or ended is None or taken is None or handed_back is None:
        return None
    return max(authorised - ended, 0), max(taken - handed_back, 0)
