"""The demo: a stream of raw events like that of live channels, defects included."""
