"""A channel's contract: every rule with its owner, severity, dimension and action, as the channel has it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from quality.finding import Action, Finding, Severity
from quality.lifecycle.checker import Lifecycle

_INDEX: Final = re.compile(r"\[\d+\]")


class ContractError(ValueError):
    """A contract file is not usable. The message names the file, the rule or field, and what is expected."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule as it holds for one channel."""

    id: str
    name: str
    field: str
    """Path in the canonical order, `lines[].sku`; empty for a rule on the raw event."""
    dimension: str
    severity: Severity
    owner: str
    action: Action
    stage: str
    """Who evaluates it: `record` (the compiled rules), `history`, or an earlier or later step of the way."""
    arguments: Mapping[str, Any]
    reason: str | None = None
    """Why the channel differs from the canonical contract; None where it does not."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of the canonical order with the owner who answers for it."""

    path: str
    owner: str
    required: bool
    classification: str | None


@dataclass(frozen=True)
class Contract:
    """The rules, fields and lifecycles that hold for one channel."""

    id: str
    version: str
    channel: str | None
    """The channel's name, which its orders carry as `source`; None for the canonical contract."""
    rules: Mapping[str, Rule]
    fields: Mapping[str, Field]
    never_provides: frozenset[str]
    lifecycle: Lifecycle
    ruleset_version: str
    """Fingerprint of everything here that decides: equal fingerprints judge equally."""
    not_evaluated: Mapping[str, str] = field(default_factory=dict)
    """Rules that cannot fail here, with the reason: the channel leaves them out, or never provides their field."""

    def owner_of(self, path: str) -> str:
        """The owner of a field: its own, else that of the nearest field above it that is declared.

        `path` is as in a finding (`lines[2].sku`); raises KeyError when no field above it is declared.
        """
        above = _INDEX.sub("[]", path)
        while above:
            known = self.fields.get(above)
            if known is not None:
                return known.owner
            above = above.removesuffix("[]") if above.endswith("[]") else above.rpartition(".")[0]
        raise KeyError(f"{path!r} is no field of the contract {self.id}")

    def finding(self, rule: str, field: str, message: str) -> Finding:
        """A finding of a rule that somebody else evaluated. `message` must not hold a personal value.

        Raises KeyError for a rule that no contract declares: a fault in the program, not in an event.
        """
        try:
            known = self.rules[rule]
        except KeyError:
            raise KeyError(f"rule {rule!r} is declared in no contract; declare it in canonical.odcs.yaml") from None
        return Finding(known.id, field, known.severity, known.owner, known.dimension, known.action, message)
