"""A built-in job: counts all records."""

from typing import Any


def map(key: str, dims: list[str], value: str, context: Any) -> None:
    """Write one pair for each record."""
    context.write("record_count", 1)


def reduce(key: str, values: list[int], context: Any) -> None:
    """Add the counts."""
    context.write(key, sum(values))


combine = reduce
