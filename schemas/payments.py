"""What the payments of an order add up to, in the order's currency; those in another one are left out."""

from __future__ import annotations

from collections.abc import Sequence

from schemas.money import less, total_of
from schemas.types import Money, Payment


def captured_of(payments: Sequence[Payment], currency: str) -> Money:
    """Σ captures and sales that succeeded."""
    return total_of(
        [one["amount"] for one in payments if one["kind"] in ("CAPTURE", "SALE") and _counts(one, currency)], currency
    )


def authorised_of(payments: Sequence[Payment], currency: str) -> Money:
    """Σ authorizations that succeeded, each less what was captured or voided of it."""
    open_amounts: list[Money] = []
    for one in payments:
        if one["kind"] != "AUTHORIZATION" or not _counts(one, currency):
            continue
        left = one["amount"]
        for user in payments:
            if user["parent_payment_id"] == one["payment_id"] and _counts(user, currency):
                left = less(left, user["amount"])
        open_amounts.append(left)
    return total_of(open_amounts, currency)


def _counts(payment: Payment, currency: str) -> bool:
    return payment["status"] == "SUCCEEDED" and payment["amount"]["currency"] == currency
