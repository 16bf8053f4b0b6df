"""Benchmarks of the whole pipeline and their dated results."""
