"""`python -m tests.faults`: run seeds over all kinds of faults, or replay one."""

from __future__ import annotations

from tests.faults.runner import main

main()
