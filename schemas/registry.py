"""The schema registry: schemas are registered by one command, and looked up once at start.

Nothing but `register` ever writes there. The id of a registered schema never changes, so it may be remembered
under the schema's fingerprint while the registry is away.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final
from urllib.parse import urlsplit

from confluent_kafka.schema_registry import Schema, SchemaRegistryClient, SchemaRegistryError

# The client raises its HTTP library's own errors, and which library that is only this module of it tells.
from confluent_kafka.schema_registry.common._httpx_compat import httpx

from schemas.catalogue import RECORD_TYPES, RecordType
from schemas.definitions import Definition, versions

COMPATIBILITY: Final = "FULL_TRANSITIVE"
"""Every version reads what every other version wrote, in both directions."""

_NOT_FOUND: Final = 404
_CONFLICT: Final = 409
_TIMEOUT_SECONDS: Final = 10


class RegistryError(Exception):
    """The registry cannot give what was asked."""


class RegistryAwayError(RegistryError):
    """The registry does not answer as one: start it, or correct its address."""

    def __init__(self, address: str, detail: str) -> None:
        super().__init__(f"the schema registry at {address} cannot be used: {detail}")
        self.address = address
        self.detail = detail


class SchemasMissingError(RegistryError):
    """Run `ordergate schemas register`: these subjects do not have the schemas of this version."""

    def __init__(self, address: str, subjects: Iterable[str]) -> None:
        self.address = address
        self.subjects = tuple(subjects)
        super().__init__(
            f"the schema registry at {address} does not have this version's schema of "
            f"{', '.join(self.subjects)}; run `ordergate schemas register`"
        )


class SchemaIncompatibleError(RegistryError):
    """Change the schema: a version already registered could not read it, or be read by it."""

    def __init__(self, address: str, subject: str, detail: str) -> None:
        self.address = address
        self.subject = subject
        super().__init__(
            f"the schema of {subject} is not {COMPATIBILITY} with those registered at {address}: {detail}; "
            "add only optional fields with a default, and never remove, rename or retype one"
        )


class SubjectState(StrEnum):
    """How a subject stands to the schema of this version."""

    REGISTERED = "registered"
    MISSING = "missing"
    """Not registered; it could be."""
    INCOMPATIBLE = "incompatible"
    """Not registered, and the registry would refuse it."""


@dataclass(frozen=True, slots=True)
class SubjectReport:
    """How one published schema stands in its subject: a line of `ordergate schemas check`."""

    record: str
    version: str
    subject: str
    state: SubjectState
    schema_id: int | None
    compatibility: str | None
    """The level set on the subject itself; None where the registry's own default applies."""


def schema_text(schema: Definition) -> str:
    """The schema as it is registered."""
    return json.dumps(schema, separators=(",", ":"), ensure_ascii=False)


def fingerprint(name: str) -> str:
    """SHA-256, in hexadecimal, of the schema of that name (see `schemas.definitions.versions`)."""
    schema = versions(RECORD_TYPES[name.partition("@")[0]])[name]
    return hashlib.sha256(schema_text(schema).encode()).hexdigest()


def fingerprints() -> dict[str, str]:
    """The fingerprint of every published schema by its name."""
    return {name: fingerprint(name) for record_type in RECORD_TYPES.values() for name in versions(record_type)}


def register(url: str, record_types: Iterable[RecordType] = RECORD_TYPES.values()) -> dict[str, int]:
    """Registers every published schema under FULL_TRANSITIVE, oldest first; returns the ids by its name.

    Repeating it is harmless. Raises SchemaIncompatibleError, before anything is registered, when a subject
    refuses its schema, and RegistryAwayError.
    """
    wanted = tuple(record_types)
    with _client(url) as (client, address):
        for record_type in wanted:
            _set_level(client, record_type.subject)
            if not _fits(client, record_type.subject, versions(record_type)[record_type.name]):
                raise SchemaIncompatibleError(address, record_type.subject, "the registry refuses it")
        return {
            name: _register(client, address, record_type.subject, schema)
            for record_type in wanted
            for name, schema in versions(record_type).items()
        }


def resolve_ids(url: str, record_types: Iterable[RecordType] = RECORD_TYPES.values()) -> dict[str, int]:
    """The id of every published schema by its name, by looking up exactly these; registers nothing.

    Raises SchemasMissingError, naming all subjects that lack theirs, and RegistryAwayError.
    """
    ids: dict[str, int] = {}
    missing: list[str] = []
    with _client(url) as (client, address):
        for record_type in record_types:
            for name, schema in versions(record_type).items():
                schema_id = _lookup(client, record_type.subject, schema)
                if schema_id is None:
                    missing.append(record_type.subject)
                else:
                    ids[name] = schema_id
        if missing:
            raise SchemasMissingError(address, dict.fromkeys(missing))
    return ids


def check(url: str, record_types: Iterable[RecordType] = RECORD_TYPES.values()) -> list[SubjectReport]:
    """How each published schema stands in its subject; changes nothing. Raises RegistryAwayError."""
    with _client(url) as (client, _):
        return [
            _report(client, record_type, name.partition("@")[2] or record_type.version, schema)
            for record_type in record_types
            for name, schema in versions(record_type).items()
        ]


def _report(client: SchemaRegistryClient, record_type: RecordType, version: str, schema: Definition) -> SubjectReport:
    subject = record_type.subject
    schema_id = _lookup(client, subject, schema)
    if schema_id is not None:
        state = SubjectState.REGISTERED
    else:
        state = SubjectState.MISSING if _fits(client, subject, schema) else SubjectState.INCOMPATIBLE
    return SubjectReport(record_type.name, version, subject, state, schema_id, _level(client, subject))


def _register(client: SchemaRegistryClient, address: str, subject: str, schema: Definition) -> int:
    try:
        schema_id = client.register_schema(subject, _registered(schema))
    except SchemaRegistryError as error:
        if error.http_status_code == _CONFLICT:
            raise SchemaIncompatibleError(address, subject, error.error_message) from None
        raise
    _set_level(client, subject)
    return int(schema_id)


def _set_level(client: SchemaRegistryClient, subject: str) -> None:
    """Sets the level. Some registries take none for a new subject, whose first schema fits anyway."""
    try:
        client.set_compatibility(subject, COMPATIBILITY)
    except SchemaRegistryError as error:
        if error.http_status_code != _NOT_FOUND:
            raise


def _lookup(client: SchemaRegistryClient, subject: str, schema: Definition) -> int | None:
    try:
        found = client.lookup_schema(subject, _registered(schema)).schema_id
    except SchemaRegistryError as error:
        if error.http_status_code == _NOT_FOUND:
            return None
        raise
    return None if found is None else int(found)


def _fits(client: SchemaRegistryClient, subject: str, schema: Definition) -> bool:
    """Whether the subject would take the schema; one that does not exist takes any."""
    try:
        return bool(client.test_compatibility_all_versions(subject, _registered(schema)))
    except SchemaRegistryError as error:
        if error.http_status_code == _NOT_FOUND:
            return True
        raise


def _level(client: SchemaRegistryClient, subject: str) -> str | None:
    try:
        return str(client.get_compatibility(subject))
    except SchemaRegistryError as error:
        if error.http_status_code == _NOT_FOUND:
            return None
        raise


def _registered(schema: Definition) -> Schema:
    return Schema(schema_text(schema), "AVRO")


@contextmanager
def _client(url: str) -> Iterator[tuple[SchemaRegistryClient, str]]:
    """A client, and the registry's address without credentials; its failures become RegistryAwayError."""
    parts = urlsplit(url)
    address = f"{parts.scheme}://{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}{parts.path}"
    settings: dict[str, Any] = {"url": url, "timeout": _TIMEOUT_SECONDS}
    try:
        with SchemaRegistryClient(settings) as client:
            yield client, address
    except SchemaRegistryError as error:
        detail = f"it answered {error.http_status_code}: {error.error_message}"
        raise RegistryAwayError(address, detail) from error
    except (httpx.HTTPError, OSError, ValueError) as error:
        raise RegistryAwayError(address, _reason(error)) from error


def _reason(error: BaseException) -> str:
    """Why there was no answer, in words. The errors' own may repeat the URL, and a password with it."""
    if isinstance(error, httpx.TimeoutException):
        return f"no answer within {_TIMEOUT_SECONDS} s"
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, httpx.TransportError):
        return f"the connection failed ({type(error).__name__})"
    return f"what it answers is not a registry's ({type(error).__name__})"
