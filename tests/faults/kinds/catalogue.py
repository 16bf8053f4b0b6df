"""Every kind of fault, by name."""

from __future__ import annotations

from tests.faults.case import Kind
from tests.faults.kinds import certainty, group, loss, network, refusals, servers, storm, versions, workers

_MODULES = (workers, group, servers, network, refusals, versions, certainty, loss, storm)

KINDS: dict[str, Kind] = {kind.name: kind for module in _MODULES for kind in module.KINDS}
