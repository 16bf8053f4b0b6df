"""Records to bytes and back: Avro in the Confluent wire format (a zero byte, the schema's id in four bytes,
the data).

Schema ids are given once, at start; nothing here asks a registry. Source of the format: Confluent Schema
Registry documentation, "Wire format".
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Mapping
from typing import Any, Final

import fastavro

from schemas.avro_decoder import compile_decoder
from schemas.avro_encoder import compile_encoder
from schemas.catalogue import RECORD_TYPES
from schemas.definitions import Definition, full_name, self_contained, versions

_MAGIC: Final = 0
_HEADER: Final = struct.Struct(">bI")
_UNFIT: Final = (KeyError, TypeError, ValueError, AttributeError, IndexError)


class EncodeError(ValueError):
    """A record that does not fit its schema. The message names the field, never a value."""


class DecodeError(ValueError):
    """Bytes that are no framed record of a known schema."""


class Codec:
    """Encodes and decodes the published record types with the ids that the registry gave their schemas."""

    def __init__(self, ids: Mapping[str, int]) -> None:
        """`ids`: schema id by the names of `schemas.definitions.versions`.

        Raises ValueError for a name that no published schema has, and for one id given to two schemas.
        """
        self._encoders: dict[str, tuple[bytes, Callable[[Mapping[str, Any]], bytes]]] = {}
        self._decoders: dict[int, tuple[str, Callable[[bytes], dict[str, Any]]]] = {}
        for name, schema_id in ids.items():
            record_name, _, earlier = name.partition("@")
            schemas = versions(RECORD_TYPES[record_name]) if record_name in RECORD_TYPES else {}
            if name not in schemas:
                raise ValueError(f"{name} is not the name of a published schema")
            current = schemas[record_name]
            if earlier:
                self._learn(schema_id, record_name, resolving_decoder(schemas[name], current))
            else:
                self._encoders[name] = (_HEADER.pack(_MAGIC, schema_id), compile_encoder(current))
                self._learn(schema_id, name, compile_decoder(current))

    def encode(self, name: str, record: Mapping[str, Any]) -> bytes:
        """The framed bytes of a record of the named type; raises EncodeError when it does not fit."""
        try:
            header, encoder = self._encoders[name]
        except KeyError:
            raise EncodeError(f"{name}: no schema id was given for this record type") from None
        try:
            return header + encoder(record)
        except _UNFIT:
            misfits = misfit(self_contained(RECORD_TYPES[name]), record)
            raise EncodeError(f"{name}: {misfits or 'the record does not fit its schema'}") from None

    def decode(self, framed: bytes) -> tuple[str, dict[str, Any]]:
        """(record name, record) as plain dicts, instants as integers; older versions in today's shape."""
        if len(framed) < _HEADER.size:
            raise DecodeError("the value is shorter than the five bytes of the Confluent wire format")
        magic, schema_id = _HEADER.unpack_from(framed)
        if magic != _MAGIC:
            raise DecodeError("the value does not start with the zero byte of the Confluent wire format")
        try:
            name, decoder = self._decoders[schema_id]
        except KeyError:
            raise DecodeError(f"the value's schema id {schema_id} is not known") from None
        try:
            return name, decoder(framed[_HEADER.size :])
        except (ValueError, LookupError, EOFError) as error:
            raise DecodeError(f"the value is not one whole {name} ({type(error).__name__})") from None

    def _learn(self, schema_id: int, name: str, decoder: Callable[[bytes], dict[str, Any]]) -> None:
        if schema_id in self._decoders:
            known = self._decoders[schema_id][0]
            raise ValueError(f"schema id {schema_id} is given to both {known} and {name}")
        self._decoders[schema_id] = (name, decoder)


def resolving_decoder(writer: Definition, reader: Definition) -> Callable[[bytes], dict[str, Any]]:
    """A function from bytes of the writer's schema to a record of the reader's, by Avro schema resolution."""
    written = fastavro.parse_schema(without_logical_types(writer))
    wanted = fastavro.parse_schema(without_logical_types(reader))

    def decode(data: bytes) -> dict[str, Any]:
        stream = io.BytesIO(data)
        record: Any = fastavro.schemaless_reader(stream, written, wanted)
        if stream.tell() != len(data):
            raise ValueError(f"the record ends at byte {stream.tell()} of {len(data)}")
        return dict(record)

    return decode


def without_logical_types(schema: Any) -> Any:
    """The schema with the same bytes whose instants stay integers."""
    if isinstance(schema, list):
        return [without_logical_types(branch) for branch in schema]
    if isinstance(schema, dict):
        return {
            key: value if key == "default" else without_logical_types(value)
            for key, value in schema.items()
            if key != "logicalType"
        }
    return schema


def misfit(schema: Definition, record: object) -> str | None:
    """Where a record does not fit its self-contained schema and what is expected there; None when it fits."""
    return _misfit(schema, record, "", {})


_EXPECTED: Final[Mapping[str, tuple[type, str]]] = {
    "string": (str, "text"),
    "bytes": (bytes, "bytes"),
    "boolean": (bool, "true or false"),
    "int": (int, "an integer"),
    "long": (int, "an integer"),
}


def _misfit(schema: Any, value: object, path: str, named: dict[str, Definition]) -> str | None:
    if isinstance(schema, str):
        schema = named.get(schema) or {"type": schema}
    if isinstance(schema, list):
        return None if value is None else _misfit(schema[1], value, path, named)
    kind = schema["type"]
    if kind in ("record", "enum"):
        named[full_name(schema)] = named[schema["name"]] = schema
    if kind == "record":
        if not isinstance(value, Mapping):
            return f"{path or 'the record'} is not a record"
        for field in schema["fields"]:
            below = f"{path}.{field['name']}" if path else field["name"]
            if field["name"] not in value:
                return f"{below} is missing"
            if found := _misfit(field["type"], value[field["name"]], below, named):
                return found
        return None
    if kind == "enum":
        fits = isinstance(value, str) and value in schema["symbols"]
        return None if fits else f"{path} is none of the symbols of {schema['name']}"
    if kind == "array":
        if not isinstance(value, list):
            return f"{path} is not a list"
        found_in = (_misfit(schema["items"], item, f"{path}[{at}]", named) for at, item in enumerate(value))
        return next(filter(None, found_in), None)
    if kind == "map":
        if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
            return f"{path} is not a map with text keys"
        found_in = (_misfit(schema["values"], item, f"a value of {path}", named) for item in value.values())
        return next(filter(None, found_in), None)
    expected, words = _EXPECTED[kind]
    if type(value) is not expected:
        return f"{path} is not {words}"
    if isinstance(value, int):
        bits = 31 if kind == "int" else 63
        return None if -(2**bits) <= value < 2**bits else f"{path} does not fit {bits + 1} bits"
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            return f"{path} has half of a surrogate pair"
    return None
