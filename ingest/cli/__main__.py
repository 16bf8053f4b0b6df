"""`python -m ingest.cli`: the same as `ordergate`."""

from ingest.cli.main import main

main()
