"""One module per channel: its topic, envelope, event identity and ordering; and the Kafka source."""
