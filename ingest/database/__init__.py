"""SQL tables, migrations and the set-wise statements of one batch."""
