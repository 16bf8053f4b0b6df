"""Contracts, the rules compiled from them, findings, and the order's lifecycles."""
