"""A built-in job: lists the document ids that several records have, with their numbers of records."""

from typing import Any


def map(key: str, dims: list[str], value: str, context: Any) -> None:
    """Write the id, whose case does not count."""
    context.write(key.lower(), 1)


def combine(key: str, values: list[int], context: Any) -> None:
    """Add the counts."""
    context.write(key, sum(values))


def reduce(key: str, values: list[int], context: Any) -> None:
    """Write the count of an id that is there more than once."""
    count = sum(values)
    if count > 1:
        context.write(key, count)
