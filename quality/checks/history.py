"""Whether a newer reading of an order keeps what never changes (invariants X7 and X8), and whose its contact is."""

from __future__ import annotations

from typing import Final

from quality.checks import Broken, shown, text
from schemas.types import CanonicalOrder, Contact

RULES: Final = frozenset({"currency_constant", "total_original_constant", "lines_append_only", "relay_constant"})


def check(before: CanonicalOrder, after: CanonicalOrder, broken: Broken) -> None:
    """The mark of a forwarding contact, currency, the total agreed, the lines and their ordered quantities."""
    if before["contact"]["relay"] and not after["contact"]["relay"]:
        _relay(before["contact"], after["contact"], broken)
    if before["currency"] != after["currency"]:
        broken("currency_constant", "currency", f"was {before['currency']}, is {after['currency']}")
        return
    agreed, now = before["totals"]["total_original"], after["totals"]["total_original"]
    if agreed["amount_minor"] * 10 ** now["exponent"] != now["amount_minor"] * 10 ** agreed["exponent"]:
        broken(
            "total_original_constant",
            "totals.total_original",
            f"was {shown(agreed)}, is {shown(now)} {after['currency']}",
        )
    if before["lines"] is after["lines"]:
        return
    lines = {line["line_id"]: (index, line["quantity"]) for index, line in enumerate(after["lines"])}
    for index, line in enumerate(before["lines"]):
        found = lines.get(line["line_id"])
        if found is None:
            broken("lines_append_only", "lines", f"line {index + 1} of {len(before['lines'])} is gone")
            continue
        place, quantity = found
        old = line["quantity"]
        if old["ordered"] * 10 ** quantity["scale"] != quantity["ordered"] * 10 ** old["scale"]:
            broken(
                "lines_append_only",
                f"lines[{place}].quantity.ordered",
                f"was {text(old['ordered'], old['scale'])}, is {text(quantity['ordered'], quantity['scale'])}",
            )


def _relay(before: Contact, after: Contact, broken: Broken) -> None:
    """That it forwards is a property of an address or number, so only another one may be the buyer's own."""
    if (before["email_norm"], before["phone_e164"]) == (after["email_norm"], after["phone_e164"]):
        broken("relay_constant", "contact.relay", "was true, is false, and the contact is the same")
