"""Computes the starts of linear and exponential buckets, as clients do."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from math import exp, floor, log
from types import MappingProxyType
from weakref import WeakValueDictionary

from histogram_specs.errors import BadBucketRange

MAX_BUCKETS = 10_000


class BucketFamily(StrEnum):
    """The two families of buckets."""

    LINEAR = "linear"
    EXPONENTIAL = "exponential"


def linear_bucket_starts(low: int, high: int, count: int) -> tuple[int, ...]:
    """
    Return the starts of *count* buckets of nearly equal width.

    Args:
        low: Start of bucket 1, in the unit of the probe; less than 1 counts as 1, as in clients.
        high: Start of the last bucket.
        count: How many buckets, 3 to `MAX_BUCKETS`.

    Returns:
        *count* rising starts: 0, *low*, …, *high*.  If the range is too small for *count* buckets,
        neighbouring starts are equal; clients use only the last of equal ones.

    Raises:
        BadBucketRange: If no such buckets exist.

    Source: ``linear_buckets`` in Firefox's ``histogram_tools.py``.
    """
    low = max(low, 1)
    if not (low <= high and 3 <= count <= MAX_BUCKETS):
        raise BadBucketRange(f"{count} linear buckets from {low} to {high} do not exist")
    gaps = count - 2
    # int() truncates like the cast in clients; the sum is never negative.
    return (0, *(int((low * (gaps - i) + high * i) / gaps + 0.5) for i in range(gaps + 1)))


def exponential_bucket_starts(low: int, high: int, count: int) -> tuple[int, ...]:
    """
    Return the starts of *count* buckets whose widths grow by a nearly constant ratio.

    Args:
        low: Start of bucket 1, in the unit of the probe; less than 1 counts as 1, as in clients.
        high: Start of the last bucket, unless the range is too small for *count* buckets.
        count: How many buckets, 2 to `MAX_BUCKETS`.

    Returns:
        *count* strictly rising starts: 0, *low*, …  They exceed *high* if the range is too small
        for *count* buckets.

    Raises:
        BadBucketRange: If no such buckets exist.

    Source: ``exponential_buckets`` in Firefox's ``histogram_tools.py``; the
    worked example in StorageFormat.md is its first test.
    """
    low = max(low, 1)
    if not (low <= high and 2 <= count <= MAX_BUCKETS):
        raise BadBucketRange(f"{count} exponential buckets from {low} to {high} do not exist")
    log_high = log(high)
    starts = [0, low]
    while len(starts) < count:
        log_last = log(starts[-1])
        log_step = (log_high - log_last) / (count - len(starts))
        # Near zero the growth rounds to nothing: these buckets have width 1.
        starts.append(max(floor(exp(log_last + log_step) + 0.5), starts[-1] + 1))
    return tuple(starts)


@dataclass(frozen=True, slots=True, weakref_slot=True)
class BucketSet:
    """Bucket starts, and the position of each key that clients use; equal sets are one shared object."""

    starts: tuple[int, ...]
    index: Mapping[str, int] = field(compare=False, repr=False)  # plain decimal text of a start → position


_STARTS_OF: Mapping[BucketFamily, Callable[[int, int, int], tuple[int, ...]]] = MappingProxyType(
    {BucketFamily.LINEAR: linear_bucket_starts, BucketFamily.EXPONENTIAL: exponential_bucket_starts}
)
_by_numbers: WeakValueDictionary[tuple[BucketFamily, int, int, int], BucketSet] = WeakValueDictionary()
_by_starts: WeakValueDictionary[tuple[int, ...], BucketSet] = WeakValueDictionary()


def bucket_set(family: BucketFamily, low: int, high: int, count: int) -> BucketSet:
    """
    Return the shared set of these buckets; it lives while it is referenced.

    Of equal starts the last position counts, as in the search of clients.

    Raises:
        BadBucketRange: If no such buckets exist.
    """
    numbers = (family, low, high, count)
    shared = _by_numbers.get(numbers)
    if shared is None:
        starts = _STARTS_OF[family](low, high, count)
        shared = _by_starts.get(starts)
        if shared is None:
            shared = BucketSet(starts, {str(start): position for position, start in enumerate(starts)})
            _by_starts[starts] = shared
        _by_numbers[numbers] = shared
    return shared
