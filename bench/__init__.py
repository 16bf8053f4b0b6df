"""Benchmarks of the whole pipeline and their dated results."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
"""The checkout: where results are kept and child processes start."""
