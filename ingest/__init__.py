"""The engine: from a raw event to governed output, exactly once."""
