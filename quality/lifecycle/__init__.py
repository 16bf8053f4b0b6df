"""The three lifecycles of an order: legal edges as data, verdicts, derivation of statuses."""
