"""Every kind of fault, by name."""

from __future__ import annotations

from tests.faults.case import Kind
from tests.faults.kinds import workers

KINDS: dict[str, Kind] = {kind.name: kind for kind in (*workers.KINDS,)}
