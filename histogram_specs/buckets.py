"""Where buckets start: the linear and the exponential family, as clients compute them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from math import exp, floor, log
from types import MappingProxyType
from weakref import WeakValueDictionary

from histogram_specs.errors import BadBucketRange

MAX_BUCKETS = 10_000


class BucketFamily(StrEnum):
    """The two rules by which buckets are laid out."""

    LINEAR = "linear"
    EXPONENTIAL = "exponential"


def linear_bucket_starts(low: int, high: int, count: int) -> tuple[int, ...]:
    """
    Starts of *count* buckets of near-equal width.

    Args:
        low: Start of bucket 1, in the probe's own unit; under 1 counts as 1, as in clients.
        high: Start of the last bucket.
        count: How many buckets, 3 to `MAX_BUCKETS`.

    Returns:
        *count* rising starts: 0, *low*, …, *high*.  Where *count* is more than the
        range has room for, neighbours are equal: clients put nothing into
        any but the last of such a run.

    Raises:
        BadBucketRange: If no such buckets exist.

    Source: ``linear_buckets`` in Firefox's ``histogram_tools.py``.
    """
    low = max(low, 1)
    if not (low <= high and 3 <= count <= MAX_BUCKETS):
        raise BadBucketRange(f"no {count} linear buckets from {low} to {high}")
    gaps = count - 2
    # int() cuts off: the sum is never negative, and clients cast it the same way.
    return (0, *(int((low * (gaps - i) + high * i) / gaps + 0.5) for i in range(gaps + 1)))


def exponential_bucket_starts(low: int, high: int, count: int) -> tuple[int, ...]:
    """
    Starts of *count* buckets whose widths grow by a near-constant ratio.

    Args:
        low: Start of bucket 1, in the probe's own unit; under 1 counts as 1, as in clients.
        high: Start of the last bucket, or less where the buckets are too many for it.
        count: How many buckets, 2 to `MAX_BUCKETS`.

    Returns:
        *count* strictly rising starts: 0, *low*, …  They run past *high* where
        *count* is more than the range has room for.

    Raises:
        BadBucketRange: If no such buckets exist.

    Source: ``exponential_buckets`` in Firefox's ``histogram_tools.py``; the
    worked example in StorageFormat.md is its first test.
    """
    low = max(low, 1)
    if not (low <= high and 2 <= count <= MAX_BUCKETS):
        raise BadBucketRange(f"no {count} exponential buckets from {low} to {high}")
    log_high = log(high)
    starts = [0, low]
    while len(starts) < count:
        log_last = log(starts[-1])
        log_step = (log_high - log_last) / (count - len(starts))
        # Near zero the ratio rounds to no growth: those buckets are one wide.
        starts.append(max(floor(exp(log_last + log_step) + 0.5), starts[-1] + 1))
    return tuple(starts)


@dataclass(frozen=True, slots=True, weakref_slot=True)
class BucketSet:
    """Bucket starts and the way from a client's bucket key to a position; shared by all who have the same."""

    starts: tuple[int, ...]
    index: Mapping[str, int] = field(compare=False, repr=False)  # plain decimal text of a start → position


_STARTS_OF: Mapping[BucketFamily, Callable[[int, int, int], tuple[int, ...]]] = MappingProxyType(
    {BucketFamily.LINEAR: linear_bucket_starts, BucketFamily.EXPONENTIAL: exponential_bucket_starts}
)
_by_numbers: WeakValueDictionary[tuple[BucketFamily, int, int, int], BucketSet] = WeakValueDictionary()
_by_starts: WeakValueDictionary[tuple[int, ...], BucketSet] = WeakValueDictionary()


def bucket_set(family: BucketFamily, low: int, high: int, count: int) -> BucketSet:
    """
    Return the one shared set of these buckets; it lives as long as somebody holds it.

    Of equal starts the last position counts, as in the search that clients do.

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
