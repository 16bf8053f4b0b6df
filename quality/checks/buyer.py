"""Whether the buyer can be told about the order, and the goods can reach an address.

Contacts are checked as normalised: a raw value without its normal form is one that could not be read.
"""

from __future__ import annotations

from typing import Final

from quality import reference
from quality.checks import Broken, Limits
from schemas.types import Address, CanonicalOrder

RULES: Final = frozenset(
    {
        "customer_or_guest",
        "contact_present",
        "email_present",
        "email_shape",
        "phone_e164",
        "ship_country_iso",
        "ship_postcode_format",
        "ship_address_complete",
    }
)

_NOBODY: Final = frozenset({"ANONYMOUS", "RELAY"})
"""Counter sales, and buyers only the marketplace may talk to."""
_NOT_SHIPPED: Final = frozenset({"PICKUP", "DINE_IN", "DIGITAL"})
_CALLED_OFF: Final = frozenset({"CANCELLED", "REJECTED", "EXPIRED"})
_COUNTRIES: Final = reference.countries()
_POSTCODES: Final = reference.postcodes()


def check(order: CanonicalOrder, limits: Limits, broken: Broken) -> None:  # noqa: ARG001 -- one signature for all checks
    """Account or contact, contact formats, address formats, a complete address where something is shipped."""
    _contact(order, broken)
    address = order["shipping_address"]
    if address is not None:
        _address(address, broken)
    for line in order["lines"]:
        if line["requires_shipping"] and line["quantity"]["current"] > 0:
            if address is None or not (address["lines"] and address["city"] and address["country"]):
                _incomplete(order, address, broken)
            return


def _contact(order: CanonicalOrder, broken: Broken) -> None:
    customer, contact = order["customer"], order["contact"]
    email, phone = contact["email_raw"], contact["phone_raw"]
    kind = customer["kind"]
    if kind not in _NOBODY:
        if not email and not phone:
            broken("contact_present", "contact", "has neither an e-mail address nor a phone number")
            if not customer["customer_id"]:
                broken("customer_or_guest", "customer.customer_id", "is missing, and there is no contact either")
        elif not email:
            broken("email_present", "contact.email_raw", "is missing; only a phone number is known")
        if kind in ("MEMBER", "BUSINESS") and not customer["customer_id"]:
            broken("customer_or_guest", "customer.customer_id", f"is missing; a {kind} has one")
    if email and contact["email_norm"] is None:
        broken("email_shape", "contact.email_raw", "is not an e-mail address that mail can be sent to")
    if phone and contact["phone_e164"] is None:
        broken("phone_e164", "contact.phone_raw", "cannot be read as an international phone number")


def _address(address: Address, broken: Broken) -> None:
    country, postal_code = address["country"], address["postal_code"]
    if not country:
        return
    if country not in _COUNTRIES:
        broken("ship_country_iso", "shipping_address.country", "is not an ISO 3166-1 alpha-2 code")
    elif postal_code:
        expected = _POSTCODES.get(country)
        if expected is not None and not expected.fullmatch(postal_code.strip().upper()):
            broken(
                "ship_postcode_format",
                "shipping_address.postal_code",
                f"does not look like a postal code of {country} ({expected.pattern})",
            )


def _incomplete(order: CanonicalOrder, address: Address | None, broken: Broken) -> None:
    if order["order_status"] in _CALLED_OFF or order["origin_channel"] == "POS":
        return
    if any(fulfilment["type"] in _NOT_SHIPPED for fulfilment in order["fulfilments"]):
        return
    if address is None:
        broken("ship_address_complete", "shipping_address", "is missing, and there are goods to be shipped")
        return
    missing = [name for name in ("lines", "city", "country") if not address[name]]
    broken(
        "ship_address_complete",
        "shipping_address",
        f"lacks {' and '.join(missing)}; there are goods to be shipped",
    )
