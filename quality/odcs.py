"""The shape of a contract file: Open Data Contract Standard 3.1.0, as far as the contracts here use it.

The standard is at https://bitol-io.github.io/open-data-contract-standard/v3.1.0/. It has no place for a
rule's owner or for what happens to a single record, so both are custom properties of the rule.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from quality.finding import Action, Severity
from quality.lifecycle.tables import Axis

Stage = Literal["decode", "identify", "map", "record", "history", "store"]
"""The step of an event's way that evaluates a rule."""

Identifier = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$")]


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class CustomProperty(_Shape):
    """Anything the standard has no place for."""

    property: str
    value: Any
    description: str | None = None


class _Custom(_Shape):
    custom_properties: list[CustomProperty] = Field(default_factory=list, alias="customProperties")

    def custom(self, name: str) -> Any:
        """The value of a custom property, None when it is not there."""
        for entry in self.custom_properties:
            if entry.property == name:
                return entry.value
        return None


class Implementation(_Shape):
    """Who evaluates a rule, with which numbers."""

    stage: Stage
    arguments: dict[str, int | float | str] = Field(default_factory=dict)


class QualityRule(_Custom):
    """One rule: a custom check of ours, so that the standard allows no operator beside it."""

    id: Identifier
    name: str
    description: str | None = None
    type: Literal["custom"]
    engine: Literal["ordergate"]
    implementation: Implementation
    dimension: Literal["accuracy", "completeness", "conformity", "consistency", "coverage", "timeliness", "uniqueness"]
    severity: Severity
    tags: list[str] = Field(default_factory=list)

    @model_validator(mode="after")
    def _owned(self) -> QualityRule:
        if not self.custom("owner"):
            raise ValueError(f"rule {self.id}: expected a custom property `owner`")
        return self


class Items(_Custom):
    """What an array holds."""

    name: str
    logicalType: str  # noqa: N815 -- the standard's name
    properties: list[Property] = Field(default_factory=list)


class Property(_Custom):
    """One field."""

    name: str
    logicalType: Literal["string", "integer", "boolean", "timestamp", "object", "array"]  # noqa: N815 -- the standard's name
    required: bool
    description: str | None = None
    classification: Literal["public", "internal", "restricted"] | None = None
    properties: list[Property] = Field(default_factory=list)
    items: Items | None = None
    quality: list[QualityRule] = Field(default_factory=list)

    @model_validator(mode="after")
    def _restricted_from_above(self) -> Property:
        below = self.properties + (self.items.properties if self.items else [])
        restricted = [field.name for field in below if field.classification == "restricted"]
        if restricted and self.classification != "restricted":
            raise ValueError(f"field {self.name}: holds restricted {restricted[0]}, so it is restricted too")
        return self


class SchemaObject(_Custom):
    """One record type."""

    name: str
    logicalType: Literal["object"]  # noqa: N815 -- the standard's name
    physicalType: str  # noqa: N815 -- the standard's name
    description: str | None = None
    properties: list[Property]
    quality: list[QualityRule] = Field(default_factory=list)


class Description(_Shape):
    """What the contract is for."""

    purpose: str
    usage: str | None = None
    limitations: str | None = None


class Role(_Shape):
    """An owner that fields and rules may name."""

    role: str
    description: str


class Team(_Shape):
    """Who answers for the contract itself."""

    name: str


class DataContract(_Custom):
    """One contract file."""

    apiVersion: Literal["v3.1.0"]  # noqa: N815 -- the standard's name
    kind: Literal["DataContract"]
    id: Identifier
    name: str
    version: Annotated[str, Field(pattern=r"^\d+\.\d+\.\d+$")]
    status: Literal["proposed", "draft", "active", "deprecated", "retired"]
    description: Description
    schema_: list[SchemaObject] = Field(default_factory=list, alias="schema")
    team: Team | None = None
    roles: list[Role] = Field(default_factory=list)


class Override(_Shape):
    """A channel's change of one rule, or why it says nothing there. Nothing changes without a reason."""

    rule: str
    severity: Severity | None = None
    on_fail: Action | None = Field(default=None, alias="onFail")
    owner: str | None = None
    arguments: dict[str, int | float | str] = Field(default_factory=dict)
    evaluated: Literal[False] | None = None
    """False: what the rule demands means nothing in this channel's documents."""
    reason: Annotated[str, Field(min_length=20)]

    @model_validator(mode="after")
    def _changes_something(self) -> Override:
        changed = bool(self.severity or self.on_fail or self.owner or self.arguments)
        if changed is (self.evaluated is False):
            fault = "changes a rule that it leaves out" if changed else "changes nothing"
            raise ValueError(f"override of {self.rule}: {fault}")
        return self


class LifecycleProfile(_Shape):
    """Illegal changes of state that pass as WARN, and the states orders are normally first seen in."""

    widen: dict[Axis, Literal["all"] | list[tuple[str, str]]] = Field(default_factory=dict)
    entry: dict[Axis, list[str]] = Field(default_factory=dict)
    reason: Annotated[str, Field(min_length=20)]


class ChannelExtension(_Shape):
    """What a channel's contract says beyond the standard."""

    extends: str
    channel: Identifier
    lifecycle: LifecycleProfile
    never_provides: list[str] = Field(default_factory=list, alias="neverProvides")
    overrides: list[Override] = Field(default_factory=list)

    @field_validator("overrides")
    @classmethod
    def _once_each(cls, overrides: list[Override]) -> list[Override]:
        rules = [override.rule for override in overrides]
        if len(rules) != len(set(rules)):
            twice = sorted({rule for rule in rules if rules.count(rule) > 1})
            raise ValueError(f"rules overridden twice: {', '.join(twice)}")
        return overrides


Items.model_rebuild()
