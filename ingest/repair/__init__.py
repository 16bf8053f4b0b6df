"""Repairing a partition that stopped: what is known leads to a plan (pure), and a plan is applied under a fence."""
