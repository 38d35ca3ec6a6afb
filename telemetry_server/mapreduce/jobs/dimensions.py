"""A built-in job: counts the records of each folder, by its dimensions; reads no record."""

from typing import Any


def map(key: str, dims: list[str], value: str, context: Any) -> None:
    """Write the dimensions, joined by slashes."""
    context.write("/".join(dims), 1)


def reduce(key: str, values: list[int], context: Any) -> None:
    """Add the counts."""
    context.write(key, sum(values))


combine = reduce
