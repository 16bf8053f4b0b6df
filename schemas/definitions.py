"""The Avro definitions under schemas/avro and schemas/published, read from their files.

A file under schemas/avro holds one named type, or a list of them in which each may use the ones before it;
the last is the record type that the file is named for. Types of another file are used by their full name.
What leaves the process (a published version, a registered schema) is self-contained instead: each named type
is written out where it is first used.
"""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from typing import Any, Final, TypeAlias

from schemas.catalogue import RECORD_TYPES, RecordType

Definition: TypeAlias = dict[str, Any]
"""A named Avro type (record or enum) as JSON."""

PRIMITIVES: Final = frozenset({"null", "boolean", "int", "long", "float", "double", "bytes", "string"})

_FOLDER: Final = resources.files("schemas")


@cache
def definitions() -> dict[str, tuple[Definition, ...]]:
    """Per file, in the catalogue's order, its named types in theirs. Not to be changed by the caller."""
    files = {}
    for record_type in RECORD_TYPES.values():
        content = json.loads(_FOLDER.joinpath(f"avro/{record_type.file}.avsc").read_text("utf-8"))
        types = tuple(content) if isinstance(content, list) else (content,)
        if full_name(types[-1]) != record_type.full_name:
            raise ValueError(f"{record_type.file}.avsc must end with the record {record_type.full_name}")
        files[record_type.file] = types
    return files


def full_name(definition: Definition) -> str:
    """The type's name with its namespace."""
    return f"{definition['namespace']}.{definition['name']}"


def self_contained(record_type: RecordType) -> Definition:
    """The record's schema with every named type inside it, full names where one is used again."""
    named = {full_name(definition): definition for types in definitions().values() for definition in types}
    written: set[str] = set()

    def expanded(schema: Any, namespace: str) -> Any:
        if isinstance(schema, str):
            if schema in PRIMITIVES:
                return schema
            name = schema if "." in schema else f"{namespace}.{schema}"
            return name if name in written else expanded(named[name], namespace)
        if isinstance(schema, list):
            return [expanded(branch, namespace) for branch in schema]
        if schema["type"] == "enum":
            written.add(full_name(schema))
            return schema
        if schema["type"] == "record":
            written.add(full_name(schema))
            fields = [{**field, "type": expanded(field["type"], schema["namespace"])} for field in schema["fields"]]
            return {**schema, "fields": fields}
        inner = "items" if schema["type"] == "array" else "values" if schema["type"] == "map" else None
        return {**schema, inner: expanded(schema[inner], namespace)} if inner else schema

    definition: Definition = expanded(record_type.full_name, record_type.namespace)
    return definition


def published(record_type: RecordType) -> dict[str, Definition]:
    """Every published version of the record's schema, self-contained, oldest first."""
    folder = _FOLDER.joinpath(f"published/{record_type.file}")
    versions = sorted(
        (file.name.removesuffix(".avsc") for file in folder.iterdir() if file.name.endswith(".avsc")),
        key=lambda version: tuple(map(int, version.split("."))),
    )
    return {version: json.loads(folder.joinpath(f"{version}.avsc").read_text("utf-8")) for version in versions}


def versions(record_type: RecordType) -> dict[str, Definition]:
    """Every published schema of the record type by the name its id goes by, oldest first.

    The current one goes by the record's name, an earlier one by `name@version`: what was written with it is
    still in topics and in the database.
    """
    return {
        record_type.name if version == record_type.version else f"{record_type.name}@{version}": schema
        for version, schema in published(record_type).items()
    }
