"""The buckets of Glean's custom distributions, as its clients compute them."""

from typing import Any

from histogram_specs.buckets import MAX_BUCKETS, exponential_bucket_starts
from histogram_specs.errors import BadBucketRange


def custom_buckets(found: Any) -> tuple[tuple[int, ...], bool]:
    """
    Return the starts of all buckets of a metric, and whether these are linear.

    Args:
        found: A metric of glean-parser; one that is not a custom distribution has no starts.
    """
    count = getattr(found, "bucket_count", None)
    if count is None:
        return (), False
    low, high = int(found.range_min), int(found.range_max)
    if found.histogram_type.name == "linear":
        return linear_starts(low, high, int(count)), True
    try:
        return exponential_bucket_starts(low, high, int(count)), False
    except BadBucketRange:
        return (), False


def linear_starts(low: int, high: int, count: int) -> tuple[int, ...]:
    """
    Return the starts of *count* linear buckets; none if no such buckets exist.

    Source: ``linear_range`` of Glean's ``histogram/linear.rs``.  Firefox rounds where Glean cuts.
    """
    low = max(low, 1)
    if not (low <= high and 3 <= count <= MAX_BUCKETS):
        return ()
    gaps = count - 2
    return (0, *((low * (gaps - place) + high * place) // gaps for place in range(gaps + 1)))
