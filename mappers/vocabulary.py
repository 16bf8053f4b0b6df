"""Vocabularies: what a source's own words mean in canonical terms, as data files checked when they are read.

A file `mappers/vocabularies/<channel>.yaml` has tables. Each names the canonical enumeration it maps to (a
`Literal` of schemas.types, such as `PaymentStatus`), where the meaning is documented, what no word at all
means, and the words. `order_status` lists, in order of precedence, what decides a status that the source does
not state itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Annotated, get_args

import yaml
from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError, model_validator

from schemas import types

Name = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]


class VocabularyError(ValueError):
    """A vocabulary file is wrong: the message says in which file, where and what is expected."""


@dataclass(frozen=True, slots=True)
class Table:
    """One native enumeration in canonical terms. Words are compared in lower case."""

    canonical: str
    absent: str
    """What it means when the source says nothing."""
    words: Mapping[str, str]

    def meaning(self, word: str | None) -> str | None:
        """The canonical value of a native word (`absent` for None); None when the word is not known."""
        if word is None:
            return self.absent
        return self.words.get(word.lower())


@dataclass(frozen=True, slots=True)
class Decision:
    """One line of a precedence list: if `axis` has `value`, the order's status is `status`."""

    axis: str
    value: str
    status: str


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """All tables of one channel, by name."""

    channel: str
    tables: Mapping[str, Table]
    order_status: tuple[Decision, ...] = field(default=())
    """Empty where the source states an order's status itself."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _TableFile(_Strict):
    canonical: Name
    source: Name
    absent: Name = "UNKNOWN"
    words: dict[Name, Name]

    @model_validator(mode="after")
    def _speaks_canonical(self) -> _TableFile:
        known = get_args(getattr(types, self.canonical, None))
        if not known:
            raise ValueError(f"{self.canonical} is no enumeration of schemas.types")
        wrong = sorted({self.absent, *self.words.values()} - set(known))
        if wrong:
            raise ValueError(f"{', '.join(wrong)}: no value of {self.canonical}")
        upper = sorted(word for word in self.words if word != word.lower())
        if upper:
            raise ValueError(f"{', '.join(upper)}: words are written in lower case")
        return self


class _DecisionFile(_Strict):
    axis: Name
    value: Name
    status: types.OrderStatus


class _VocabularyFile(_Strict):
    channel: Name
    tables: dict[Name, _TableFile]
    order_status: list[_DecisionFile] = []


def parse(text: str, name: str) -> Vocabulary:
    """The vocabulary in a YAML text; `name` is its file's, for messages. Raises VocabularyError."""
    try:
        file = _VocabularyFile.model_validate(yaml.safe_load(text))
    except yaml.YAMLError as error:
        raise VocabularyError(f"{name} is not YAML: {error}") from None
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, problem['loc'])) or 'file'}: {problem['msg']}" for problem in error.errors()
        )
        raise VocabularyError(f"{name}: {problems}") from None
    return Vocabulary(
        channel=file.channel,
        tables={title: Table(table.canonical, table.absent, dict(table.words)) for title, table in file.tables.items()},
        order_status=tuple(Decision(d.axis, d.value, d.status) for d in file.order_status),
    )


@cache
def load(channel: str) -> Vocabulary:
    """The vocabulary of a channel, read once; raises VocabularyError when its file is missing or wrong."""
    name = f"mappers/vocabularies/{channel}.yaml"
    try:
        text = resources.files("mappers").joinpath("vocabularies", f"{channel}.yaml").read_text("utf-8")
    except FileNotFoundError:
        raise VocabularyError(f"{name} does not exist; every channel has one") from None
    vocabulary = parse(text, name)
    if vocabulary.channel != channel:
        raise VocabularyError(f"{name} is for channel {vocabulary.channel!r}; expected {channel!r}")
    return vocabulary
