"""The cases of mappers/cases/web, read and checked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, model_validator

FOLDER = Path(__file__).parents[3] / "mappers" / "cases" / "web"


class Case(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    file: str
    promise: str
    outcome: Literal["Snapshot", "PartialChange", "CheckoutFact", "Ignored", "DefectiveEvent"]
    facts: dict[str, Any] = {}
    defects: list[list[str]] = []
    schema_says: Literal["accepts", "refuses"] | None = None
    beyond_schema: bool = False

    @model_validator(mode="before")
    @classmethod
    def _names(cls, value: dict[str, Any]) -> dict[str, Any]:
        return {("schema_says" if name == "schema" else name): part for name, part in value.items()}

    @model_validator(mode="after")
    def _says_something(self) -> Case:
        if bool(self.defects) is not (self.outcome == "DefectiveEvent") or bool(self.facts) is bool(self.defects):
            raise ValueError(f"{self.file}: a defective event has defects, any other facts")
        return self

    @property
    def document(self) -> dict[str, Any]:
        return json.loads((FOLDER / f"{self.file}.json").read_text("utf-8"))

    @property
    def valid(self) -> bool:
        if self.schema_says:
            return self.schema_says == "accepts"
        return self.outcome != "DefectiveEvent" or self.beyond_schema


CASES = [Case.model_validate(case) for case in yaml.safe_load((FOLDER / "cases.yaml").read_text("utf-8"))["cases"]]


def fact(value: Any, path: str) -> Any:
    """The value at a path such as `order.lines.0.sku`, through attributes, keys and indexes."""
    for step in path.split("."):
        if isinstance(value, dict):
            value = value[step]
        elif isinstance(value, list):
            value = value[int(step)]
        else:
            value = getattr(value, step)
    return value
