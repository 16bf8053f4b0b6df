"""Whole deployments in simulated time: the real worker against a simulated Kafka and a simulated PostgreSQL."""
