"""The definition of one histogram: its kind and its buckets."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from histogram_specs.buckets import BucketSet


class HistogramKind(StrEnum):
    """The kinds of histograms in spec files."""

    BOOLEAN = "boolean"
    FLAG = "flag"
    COUNT = "count"
    ENUMERATED = "enumerated"
    LINEAR = "linear"
    EXPONENTIAL = "exponential"
    CATEGORICAL = "categorical"


# The numbers that clients send as ``histogram_type``.
CLIENT_TYPE: Mapping[HistogramKind, int] = MappingProxyType(
    {
        HistogramKind.EXPONENTIAL: 0,
        HistogramKind.LINEAR: 1,
        HistogramKind.ENUMERATED: 1,
        HistogramKind.BOOLEAN: 2,
        HistogramKind.FLAG: 3,
        HistogramKind.COUNT: 4,
        HistogramKind.CATEGORICAL: 5,
    }
)


@dataclass(frozen=True, slots=True, weakref_slot=True)
class HistogramSpec:
    """
    One histogram's definition, resolved to buckets.

    Equal specs are one object, even from different files.
    """

    name: str
    kind: HistogramKind
    low: int  # start of bucket 1, in the unit of the probe
    high: int  # as defined; the last bucket may start above it
    buckets: BucketSet
    keyed: bool = False
    labels: tuple[str, ...] = ()  # of a categorical histogram, in bucket order
    keys: tuple[str, ...] = ()  # allowed keys of a keyed histogram; empty if any key is allowed
    record_in_processes: tuple[str, ...] = ()  # empty if the file does not say
    record_into_store: tuple[str, ...] = ("main",)
    expires: str = "never"  # as written: "never", or the first version without it
    # Buckets of releases that interpret the definition differently: a file does not name its release.
    other_buckets: tuple[BucketSet, ...] = ()

    @property
    def bucket_starts(self) -> tuple[int, ...]:
        """The starts of the buckets; the first is 0."""
        return self.buckets.starts

    @property
    def bucket_index(self) -> Mapping[str, int]:
        """The position of each bucket, by the decimal text of its start."""
        return self.buckets.index

    @property
    def bucket_count(self) -> int:
        """The number of buckets."""
        return len(self.buckets.starts)

    @property
    def all_buckets(self) -> tuple[BucketSet, ...]:
        """All sets of buckets that clients with this file may use, `buckets` first; their sizes differ."""
        return self.buckets, *self.other_buckets

    def buckets_of_count(self, count: int) -> BucketSet | None:
        """Return the set of *count* buckets (the length of a row without its summary), or None."""
        return next((buckets for buckets in self.all_buckets if len(buckets.starts) == count), None)

    @property
    def histogram_type(self) -> int:
        """The number that clients send as ``histogram_type``."""
        return CLIENT_TYPE[self.kind]

    @property
    def range(self) -> tuple[int, int]:
        """The ``range`` that clients send: the starts of the second and the last bucket."""
        return self.buckets.starts[1], self.buckets.starts[-1]
