"""Writes the parts of the documentation that come from the code: `make docs`.

Such a part stands between two comments, `<!-- begin NAME -->` and `<!-- end NAME -->`;
all else is written by hand.
"""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from ingest.settings import Settings, variable

OPERATIONS = Path(__file__).parent / "operations.md"


def operations(current: str) -> str:
    """docs/operations.md with its table of settings as ingest/settings.py has them now."""
    return replaced(current, "settings", settings_table())


def settings_table() -> str:
    """One row for each setting, in their order."""
    head = "| variable | default | unit | what it is | why this default |\n|---|---|---|---|---|"
    rows = [row(variable(name), field) for name, field in Settings.model_fields.items()]
    return "\n".join([head, *rows])


def row(name: str, field: FieldInfo) -> str:
    """A setting as a row of the table."""
    extra = field.json_schema_extra
    assert isinstance(extra, dict)
    unit, reason = str(extra["unit"]), str(extra["reason"])
    limits = bounds(field)
    cells = (
        f"`{name}`",
        default(field),
        f"{unit}; {limits}" if limits else unit,
        field.description or "",
        reason,
    )
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"


def default(field: FieldInfo) -> str:
    """The default as one would write it in the environment; what has none says so."""
    if field.is_required():
        return "must be set"
    value = field.default
    if value is None or value == ():
        return "not set"
    assert not isinstance(value, SecretStr)
    return f"`{written(value)}`"


def written(value: Any) -> str:
    """A value as one writes it in the environment."""
    if isinstance(value, timedelta):
        return f"P{value.days}D" if value.days else f"PT{value.seconds // 60}M"
    return str(value)


def bounds(field: FieldInfo) -> str:
    """The least and the most that are taken, where there is such a limit."""
    words = {"ge": "from", "gt": "above", "le": "to", "lt": "below"}
    found = [
        f"{word} {written(limit)}"
        for bound, word in words.items()
        for one in field.metadata
        if (limit := getattr(one, bound, None)) is not None
    ]
    return " ".join(found)


def replaced(text: str, name: str, content: str) -> str:
    """The text with new content between the two comments of that name; raises ValueError without them."""
    begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    new, count = re.subn(
        f"{re.escape(begin)}.*?{re.escape(end)}",
        lambda _: f"{begin}\n{content}\n{end}",
        text,
        flags=re.DOTALL,
    )
    if count != 1:
        raise ValueError(f"the text needs {begin} and {end}, once each")
    return new


if __name__ == "__main__":
    OPERATIONS.write_text(operations(OPERATIONS.read_text("utf-8")), "utf-8")
