"""Asking the schema registry in the terms of this process: its ids once, its absence as our error."""

from __future__ import annotations

from ingest.errors import RegistryAway, SchemasUnresolved
from ingest.settings import Settings
from schemas import registry
from schemas.catalogue import RECORD_TYPES


def fingerprints() -> dict[str, str]:
    """The fingerprint of each record type's schema, today's and earlier ones (`name@version`)."""
    return registry.fingerprints()


def ask_ids(settings: Settings) -> dict[str, int]:
    """Each record type's schema id; nothing is registered.

    Raises RegistryAway when it does not answer, SchemasUnresolved when it answers and lacks a schema.
    """
    try:
        return registry.resolve_ids(settings.schema_registry_url.get_secret_value())
    except registry.RegistryAwayError as error:
        raise RegistryAway(settings.schema_registry_address, error.detail) from error
    except registry.RegistryError as error:
        raise SchemasUnresolved(settings.schema_registry_address, sorted(RECORD_TYPES), str(error)) from error
