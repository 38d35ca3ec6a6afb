"""What a histogram is held against: a revision's definitions, or what it says of itself."""

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol
from weakref import WeakKeyDictionary

from histogram_specs.buckets import MOST_BUCKETS, BucketFamily, bucket_set
from histogram_specs.errors import BadBucketRange
from histogram_specs.spec import HistogramSpec
from histogram_specs.spec_file import SpecFile, UnusableDefinition

EXPONENTIAL_TYPE = 0
LARGEST_TYPE = 5
# What one ping may make us compute; those of a whole Firefox are a tenth.
MAX_DESCRIBED_BUCKETS = 1_000_000


class Measure(NamedTuple):
    """A histogram's definition, laid out for the filter's inner loop."""

    positions: Mapping[str, int]  # plain decimal text of a bucket's start → its position
    bucket_count: int
    client_type: int
    client_range: list[int]  # a list, as JSON gives it
    keyed: bool | None  # None: may be either


class Unusable(NamedTuple):
    """A name without a definition to hold anything against."""

    defined: bool  # whether there is a definition at all
    detail: str


UNDEFINED = Unusable(False, "no histogram of that name in the definitions")


class Definitions(Protocol):
    """Finds what to hold a histogram against."""

    def measure(self, name: str, histogram: Any) -> Measure | Unusable:
        """Return what *name* is defined as; *histogram* is what the client sent."""


class SpecDefinitions:
    """The definitions of one spec file, each laid out at its first use."""

    def __init__(self, spec_file: SpecFile) -> None:
        self._find = spec_file.find
        # Bounded: only names that are defined stay, with and without one prefix.
        self._measures: dict[str, Measure] = {}

    def measure(self, name: str, histogram: Any) -> Measure | Unusable:
        """Return what *name*, or *name* without one ``STARTUP_`` prefix, is defined as."""
        measure = self._measures.get(name)
        if measure is not None:
            return measure
        found = self._find(name)
        if isinstance(found, HistogramSpec):
            measure = self._measures[name] = _measure_of(found)
            return measure
        if isinstance(found, UnusableDefinition):
            return Unusable(True, found.detail)
        return UNDEFINED


def _measure_of(spec: HistogramSpec) -> Measure:
    return Measure(spec.bucket_index, spec.bucket_count, spec.histogram_type, list(spec.range), spec.keyed)


_by_file: "WeakKeyDictionary[SpecFile, SpecDefinitions]" = WeakKeyDictionary()


def definitions_of(spec_file: SpecFile) -> SpecDefinitions:
    """The one `SpecDefinitions` of *spec_file*; it lives as long as the file does."""
    definitions = _by_file.get(spec_file)
    if definitions is None:
        definitions = _by_file[spec_file] = SpecDefinitions(spec_file)
    return definitions


class SelfDescription:
    """Takes each histogram of one ping at its word: its type, range and bucket count."""

    def __init__(self) -> None:
        self._measures: dict[tuple[int, int, int, int], Measure | Unusable] = {}
        self._buckets_left = MAX_DESCRIBED_BUCKETS

    def measure(self, name: str, histogram: Any) -> Measure | Unusable:
        """Return what *histogram* says that it is."""
        client_type = histogram.get("histogram_type")
        bucket_count = histogram.get("bucket_count")
        bounds = histogram.get("range")
        if type(client_type) is not int or type(bucket_count) is not int or not _is_pair(bounds):
            return Unusable(
                False, "no definitions, and it does not carry histogram_type, range and bucket_count"
            )
        numbers = (client_type, bounds[0], bounds[1], bucket_count)
        measure = self._measures.get(numbers)
        if measure is None:
            measure = self._measures[numbers] = self._described(*numbers)
        return measure

    def _described(self, client_type: int, low: int, high: int, bucket_count: int) -> Measure | Unusable:
        if not 0 <= client_type <= LARGEST_TYPE:
            return Unusable(True, f"histogram_type {client_type} is none that we know")
        if self._buckets_left < bucket_count <= MOST_BUCKETS:
            return Unusable(True, f"the ping describes more than {MAX_DESCRIBED_BUCKETS} different buckets")
        family = BucketFamily.EXPONENTIAL if client_type == EXPONENTIAL_TYPE else BucketFamily.LINEAR
        try:
            buckets = bucket_set(family, low, high, bucket_count)
        except BadBucketRange as error:
            return Unusable(True, str(error))
        self._buckets_left -= bucket_count
        return Measure(buckets.index, bucket_count, client_type, [low, high], None)


def _is_pair(bounds: Any) -> bool:
    return isinstance(bounds, list) and len(bounds) == 2 and all(type(bound) is int for bound in bounds)
