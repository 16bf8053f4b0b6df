"""The command line: `ordergate`."""
