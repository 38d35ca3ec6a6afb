"""The names of the built-in jobs."""

PLAIN_JOBS = ("count", "dimensions", "duplicates")
"""Job files like those of users."""
BUILT_IN = (*PLAIN_JOBS, "frontend")
"""What the command ``mapreduce`` takes instead of a file."""
