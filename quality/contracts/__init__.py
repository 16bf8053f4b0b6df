"""Contract files: Open Data Contract Standard 3.1.0, one per channel and the canonical one."""
