"""What of an order is content, and its hash: equal content never makes a new version."""

from __future__ import annotations

from hashlib import sha256
from operator import itemgetter

import orjson

from schemas.types import CanonicalOrder

# Where the order came from and what we made of it. A re-delivery may differ here and still say the same.
_PROVENANCE = frozenset(
    {
        "schema_version",
        "mapper_version",
        "ruleset_version",
        "source_version",
        "source_updated_at",
        "occurred_at",
        "ingested_at",
        "canonical_version",
        "content_hash",
        "hold_reason",
        "hold_reason_text",
        "quality",
        "lineage",
        "contact",
        "customer",
    }
)
_MAPS = frozenset({"source_status", "attribution"})
_FORWARDS = {False: (), True: (True,)}
_content = itemgetter(*sorted(CanonicalOrder.__annotations__.keys() - _PROVENANCE - _MAPS))


def content_hash(order: CanonicalOrder) -> bytes:
    """SHA-256 over the business fields as JSON, maps by key, records below them in the order of the schema.

    Of contact and customer nothing counts that depends on our key, as hashes and guest ids do; that a contact
    forwards counts only where it does, which leaves the stored hashes of all other orders as they are. That
    mappers build records in the schema's order, as the codec does, is tested for every channel: sorting their
    keys here would cost as much as all rules.
    """
    contact, customer = order["contact"], order["customer"]
    content = (
        _content(order),
        sorted(order["source_status"].items()),
        sorted(order["attribution"].items()),
        (contact["email_raw"], contact["phone_raw"], contact["verified_at"], *_FORWARDS[contact["relay"]]),
        (customer["kind"], customer["customer_id"], customer["loyalty_ref"]),
    )
    return sha256(orjson.dumps(content)).digest()


def is_stored_content(digest: bytes, stored: CanonicalOrder, stored_hash: bytes) -> bool:
    """Whether an order with the hash `digest` has the content of the stored one.

    The hash that is stored beside an order with a forwarding contact may be of the time when that did not count.
    An unchanged order that is sent again must not become a new version by that.
    """
    return digest == stored_hash or (stored["contact"]["relay"] and digest == content_hash(stored))
