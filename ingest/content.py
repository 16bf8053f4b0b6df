"""What of an order is content, and its hash: equal content never makes a new version."""

from __future__ import annotations

from hashlib import sha256

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


def content_hash(order: CanonicalOrder) -> bytes:
    """SHA-256 over the business fields as JSON with sorted keys.

    Of contact and customer only what the source said counts: hashes and guest ids depend on our key.
    """
    content = {name: value for name, value in order.items() if name not in _PROVENANCE}
    contact, customer = order["contact"], order["customer"]
    content["contact"] = (contact["email_raw"], contact["phone_raw"], contact["verified_at"])
    content["customer"] = (customer["kind"], customer["customer_id"], customer["loyalty_ref"])
    return sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).digest()
