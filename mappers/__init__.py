"""One module per source: the payload model in the vendor's names, and its mapping to the canonical order."""
