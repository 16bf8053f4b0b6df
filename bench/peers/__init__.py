"""Ordergate beside other ways of writing the same job, on the same broker, in the same run."""
