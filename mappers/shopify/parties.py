"""Who bought, how to reach them, what they agreed to, and where it goes."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final, NamedTuple

from mappers.shopify import payload as shopify
from schemas.types import Address, Consent, Contact, Customer, CustomerKind, OriginChannel

_COUNTRY: Final = re.compile(r"[A-Za-z]{2}")
_SUBDIVISION: Final = re.compile(r"[A-Z0-9]{1,3}")


class _Place(NamedTuple):
    country: str | None
    region: str | None
    unparsed: str | None


def customer_of(order: shopify.Order, origin: OriginChannel, contact: Contact) -> Customer:
    """Who owns the order: a company, an account, a marketplace's buyer, nobody known, or else a guest.

    A `company` is the purchasing entity of a B2B order, whoever of its people ordered
    (https://shopify.dev/docs/api/admin-graphql/latest/unions/PurchasingEntity). An account is a customer
    record with `state` `enabled`: `disabled` is a buyer without an account, `invited` one who has not
    answered, `declined` one who refused
    (https://shopify.dev/docs/api/admin-rest/latest/resources/customer). A marketplace lets the shop reach
    its buyers through itself only. `contact` is the order's.
    """
    customer = order.get("customer")
    kind, account = _owner(order)
    if account is None:
        if origin == "MARKETPLACE":
            kind = "RELAY"
        elif origin == "POS" and customer is None and not contact["email_raw"] and not contact["phone_raw"]:
            kind = "ANONYMOUS"
    return {
        "kind": kind,
        "customer_id": account,
        "guest_id": None,
        "assurance": "UNKNOWN",
        "loyalty_ref": None,
    }


def _owner(order: shopify.Order) -> tuple[CustomerKind, str | None]:
    """The company or account that owns the order, by kind and id; a guest owns none."""
    if company := _id((order.get("company") or {}).get("id")):
        return "BUSINESS", company
    customer = order.get("customer")
    if customer is not None and (customer.get("state") or "").lower() == "enabled":
        return "MEMBER", _id(customer.get("id"))
    return "GUEST", None


def _id(native: str | None) -> str | None:
    return None if native in (None, "", "0") else native


def contact_of(order: shopify.Order) -> Contact:
    """The e-mail and phone of this purchase.

    What was typed in this checkout (`email`, its alias `contact_email`, `phone`) comes before the customer
    record, which later purchases overwrite. Phones of addresses come last, the payer's before the
    recipient's: they are for the courier, and a gift's recipient is not the buyer.
    """
    customer = order.get("customer")
    email = order.get("email") or order.get("contact_email")
    phone = order.get("phone")
    if customer is not None:
        email = email or customer.get("email")
        phone = phone or customer.get("phone")
    if not phone and (payer := order.get("billing_address")) is not None:
        phone = payer.get("phone")
    if not phone and (recipient := order.get("shipping_address")) is not None:
        phone = recipient.get("phone")
    return {
        "email_raw": email or None,
        "email_norm": None,
        "email_hash": None,
        "phone_raw": phone or None,
        "phone_e164": None,
        "phone_hash": None,
        "relay": False,
        "verified_at": None,
        "preferred_channel": None,
    }


def consents_of(order: shopify.Order, placed_at: int) -> list[Consent]:
    """Marketing consents: the box ticked in this checkout, then what the customer record says."""
    consents: list[Consent] = []
    accepts = order.get("buyer_accepts_marketing")
    if accepts is not None:
        consents.append(_marketing("email", accepts, placed_at, "buyer_accepts_marketing"))
    if (customer := order.get("customer")) is not None:
        for channel, consent, name in (
            ("email", customer.get("email_marketing_consent"), "email_marketing_consent"),
            ("sms", customer.get("sms_marketing_consent"), "sms_marketing_consent"),
        ):
            if consent is not None and (state := consent.get("state")):
                granted = state.lower() == "subscribed"
                consents.append(_marketing(channel, granted, consent.get("consent_updated_at"), name))
    return consents


def _marketing(channel: str, granted: Any, at: int | None, source: str) -> Consent:
    return {
        "purpose": "marketing",
        "channel": channel,
        "granted": granted is True,
        "at": at,
        "text_version": None,
        "source": source,
    }


def address_of(address: shopify.Address | None) -> Address | None:
    """An address; None when there is none or it is empty.

    A country or province that is only named, without its code, is kept under `unparsed`: names are in the
    shop's language and no code is guessed from them.
    """
    if not address:
        return None
    first, second = address.get("address1"), address.get("address2")
    place = _place(
        address.get("country_code"),
        address.get("country"),
        address.get("province_code"),
        address.get("province"),
    )
    mapped: Address = {
        "given_name": address.get("first_name") or None,
        "family_name": address.get("last_name") or None,
        "full_name": address.get("name") or None,
        "company": address.get("company") or None,
        "lines": [line for line in (first, second) if line],
        "city": address.get("city") or None,
        "district": None,
        "region": place.region,
        "postal_code": address.get("zip") or None,
        "country": place.country,
        "phone": address.get("phone") or None,
        "latitude": address.get("latitude") or None,
        "longitude": address.get("longitude") or None,
        "type": None,
        "unparsed": place.unparsed,
    }
    return mapped if place.country or any(mapped.values()) else None


@lru_cache(maxsize=4096)
def _place(country_code: str | None, country: str | None, code: str | None, province: str | None) -> _Place:
    """ISO 3166 codes of a place, and the text that could not be told as codes."""
    alpha2 = country_code or country or ""
    if not _COUNTRY.fullmatch(alpha2):
        named = [part for part in (province, country or country_code) if part]
        return _Place(None, None, ", ".join(named) or None)
    alpha2 = alpha2.upper()
    # Some countries' codes come with the country already: "JP-13".
    subdivision = (code or "").upper().removeprefix(f"{alpha2}-")
    if _SUBDIVISION.fullmatch(subdivision):
        return _Place(alpha2, f"{alpha2}-{subdivision}", None)
    return _Place(alpha2, None, province or code or None)
