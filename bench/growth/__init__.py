"""Benchmarks of growth: what an event costs as tables, histories, partitions and workers become more."""
