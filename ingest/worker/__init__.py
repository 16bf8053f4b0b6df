"""The worker: one loop that reads, decides, commits and publishes, and recovers after any doubt."""
