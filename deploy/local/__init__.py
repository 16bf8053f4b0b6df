"""The one-machine stack: a real Kafka, PostgreSQL and schema registry without Docker."""
