"""What one histogram is: its kind and its buckets."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from histogram_specs.buckets import BucketSet


class HistogramKind(StrEnum):
    """The kinds that spec files know."""

    BOOLEAN = "boolean"
    FLAG = "flag"
    COUNT = "count"
    ENUMERATED = "enumerated"
    LINEAR = "linear"
    EXPONENTIAL = "exponential"
    CATEGORICAL = "categorical"


# What clients send as ``histogram_type``.
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

    Equal ones are one object, whatever files they came from.
    """

    name: str
    kind: HistogramKind
    low: int  # start of bucket 1, in the probe's own unit
    high: int  # as defined; the last bucket may start past it
    buckets: BucketSet
    keyed: bool = False
    labels: tuple[str, ...] = ()  # of a categorical one, in bucket order
    keys: tuple[str, ...] = ()  # the only ones that a keyed one may have; empty where any will do
    record_in_processes: tuple[str, ...] = ()  # empty where the file does not say
    record_into_store: tuple[str, ...] = ("main",)
    expires: str = "never"  # as written: "never", or the first version without it
    # Where releases read the definition differently, and the file does not say which release it is of.
    other_buckets: tuple[BucketSet, ...] = ()

    @property
    def bucket_starts(self) -> tuple[int, ...]:
        """Where each bucket starts, the first at 0."""
        return self.buckets.starts

    @property
    def bucket_index(self) -> Mapping[str, int]:
        """From the plain decimal text of a start to the bucket's position."""
        return self.buckets.index

    @property
    def bucket_count(self) -> int:
        """How many buckets there are."""
        return len(self.buckets.starts)

    @property
    def all_buckets(self) -> tuple[BucketSet, ...]:
        """Every set of buckets that a client of the file may have, `buckets` first; no two of one size."""
        return self.buckets, *self.other_buckets

    def buckets_of_count(self, count: int) -> BucketSet | None:
        """Return the set of *count* buckets, the length of a row without its summary, if there is one."""
        return next((buckets for buckets in self.all_buckets if len(buckets.starts) == count), None)

    @property
    def histogram_type(self) -> int:
        """What a client sends as ``histogram_type``."""
        return CLIENT_TYPE[self.kind]

    @property
    def range(self) -> tuple[int, int]:
        """What a client sends as ``range``: where the second and the last bucket start."""
        return self.buckets.starts[1], self.buckets.starts[-1]
