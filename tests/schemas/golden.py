"""Golden records: of each published version a full and a minimal one, as Avro JSON and as hexadecimal bytes.

`python -m tests.schemas.golden` writes those of versions that have none yet. It never changes one.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fastavro

from schemas.catalogue import RECORD_TYPES, RecordType
from schemas.codec import without_logical_types
from schemas.definitions import Definition, published
from tests.schemas import records

FOLDER = Path(__file__).parent.parent / "golden"
MADE = {"full": records.full, "minimal": records.minimal}


@dataclass(frozen=True)
class Golden:
    """One record as it was written when its version was published."""

    record_type: RecordType
    version: str
    kind: str

    def __str__(self) -> str:
        return f"{self.record_type.file}-{self.version}-{self.kind}"

    @property
    def path(self) -> Path:
        """The files' path without its ending."""
        return FOLDER / self.record_type.file / self.version / self.kind

    @property
    def schema(self) -> Definition:
        """The schema it was written with."""
        return published(self.record_type)[self.version]

    @property
    def data(self) -> bytes:
        """Its Avro bytes, without the frame."""
        return bytes.fromhex(self.path.with_suffix(".hex").read_text())

    @property
    def record(self) -> dict[str, Any]:
        """The record, instants as integers."""
        text = io.StringIO(self.path.with_suffix(".json").read_text(encoding="utf-8"))
        (record,) = fastavro.json_reader(text, without_logical_types(self.schema))
        return dict(record)  # type: ignore[call-overload]  # a record schema gives a dict


def all_golden() -> list[Golden]:
    """Those of every published version."""
    return [
        Golden(record_type, version, kind)
        for record_type in RECORD_TYPES.values()
        for version in published(record_type)
        for kind in MADE
    ]


def main() -> None:
    """Writes what is missing."""
    for golden in all_golden():
        if golden.path.with_suffix(".hex").exists():
            continue
        schema = without_logical_types(golden.schema)
        record = MADE[golden.kind](golden.schema)
        golden.path.parent.mkdir(parents=True, exist_ok=True)
        text, data = io.StringIO(), io.BytesIO()
        fastavro.json_writer(text, schema, [record])
        fastavro.schemaless_writer(data, schema, record)
        golden.path.with_suffix(".json").write_text(text.getvalue() + "\n", encoding="utf-8")
        lines = data.getvalue().hex()
        golden.path.with_suffix(".hex").write_text(
            "".join(f"{lines[at : at + 96]}\n" for at in range(0, len(lines), 96))
        )


if __name__ == "__main__":
    main()
