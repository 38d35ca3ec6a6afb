"""
Histograms without definitions, described by the type, range and bucket count that the client sent.

``metadata.self_described`` of such a record describes its rows (format: StorageFormat.md).
"""

from collections.abc import Iterator, Mapping
from typing import Any

from histogram_specs.buckets import MAX_BUCKETS, BucketFamily, BucketSet, bucket_set
from histogram_specs.errors import BadBucketRange
from telemetry_server.convert.histograms.definitions import Definition, Unusable

EXPONENTIAL_TYPE = 0
MAX_TYPE = 5
# Buckets computed for one ping; a whole Firefox has a tenth of these.
MAX_DESCRIBED_BUCKETS = 1_000_000

Description = tuple[int, int, int, int]  # type, low, high, buckets
# The place of histograms: (), ("processes", <name>) or ("childPayloads", <position>).
Section = tuple[()] | tuple[str, str]

PROCESSES = "processes"
CHILDREN = "childPayloads"


class SelfDescription:
    """
    Definitions of one ping, each taken from the histogram itself.

    Within a section the first histogram that is kept defines its name.  Keys of a keyed histogram with
    another description do not fit that definition, and are dropped.
    """

    def __init__(self) -> None:
        self._known: dict[Description, Definition | Unusable] = {}
        self._buckets_left = MAX_DESCRIBED_BUCKETS
        self._sections: dict[Section, dict[str, Description]] = {}
        self.enter(())

    def enter(self, section: Section) -> None:
        """The next histograms are those of *section*."""
        self._kept = self._sections.setdefault(section, {})

    def keep(self, name: str, histogram: Mapping[str, Any]) -> None:
        """Remember the description of *histogram*, which was packed under *name*."""
        description = _description_in(histogram)
        if description is not None:
            self._kept.setdefault(name, description)

    def definition(self, name: str, histogram: Any) -> Definition | Unusable:
        """Return the definition of *name* in this section, else the description sent in *histogram*."""
        description = _description_in(histogram)
        if description is None:
            return Unusable(
                False, "no definitions, and it does not carry histogram_type, range and bucket_count"
            )
        if name in (PROCESSES, CHILDREN):
            return Unusable(False, "no definitions, and its name is that of a place for histograms")
        description = self._kept.get(name, description)
        definition = self._known.get(description)
        if definition is None:
            definition = self._known[description] = self._described(description)
        return definition

    def _described(self, description: Description) -> Definition | Unusable:
        client_type, low, high, bucket_count = description
        if not 0 <= client_type <= MAX_TYPE:
            return Unusable(True, f"histogram_type {client_type} is unknown")
        if self._buckets_left < bucket_count <= MAX_BUCKETS:
            return Unusable(True, f"the ping describes more than {MAX_DESCRIBED_BUCKETS} different buckets")
        try:
            buckets = buckets_of(description)
        except BadBucketRange as error:
            return Unusable(True, str(error))
        self._buckets_left -= bucket_count
        return Definition(buckets.index, bucket_count, client_type, [low, high], None)

    def as_metadata(self) -> dict[str, Any]:
        """
        The descriptions of the packed histograms, as ``metadata.self_described``.

        The first section with a name describes it; other sections are added only where they differ.
        """
        described: dict[str, Any] = {}
        for section, kept in self._sections.items():
            for name, description in kept.items():
                if described.setdefault(name, list(description)) == list(description):
                    continue
                place = described
                for step in section:
                    place = place.setdefault(step, {})
                place[name] = list(description)
        return described


def description_of(self_described: Mapping[str, Any], name: str, section: Section = ()) -> Description | None:
    """
    The description of the histogram *name* of *section* in a record's ``metadata.self_described``.

    None if nothing was packed under that name.
    """
    place: Any = self_described
    for step in section:
        place = place.get(step, {})
    found = place.get(name, self_described.get(name))
    if not isinstance(found, list):
        return None
    client_type, low, high, bucket_count = found
    return client_type, low, high, bucket_count


def descriptions(self_described: Mapping[str, Any]) -> Iterator[tuple[Section, str, Description]]:
    """Every entry of ``metadata.self_described``: section, name and description."""
    places: list[tuple[Section, Mapping[str, Any]]] = [((), self_described)]
    for kind in (PROCESSES, CHILDREN):
        places += [((kind, step), place) for step, place in self_described.get(kind, {}).items()]
    for section, place in places:
        for name in place:
            description = None if not section and name in (PROCESSES, CHILDREN) else place[name]
            if description is not None:
                client_type, low, high, bucket_count = description
                yield section, name, (client_type, low, high, bucket_count)


def buckets_of(description: Description) -> BucketSet:
    """
    The buckets of *description*.

    Raises:
        BadBucketRange: The description is not valid.
    """
    client_type, low, high, bucket_count = description
    family = BucketFamily.EXPONENTIAL if client_type == EXPONENTIAL_TYPE else BucketFamily.LINEAR
    return bucket_set(family, low, high, bucket_count)


def _description_in(histogram: Mapping[str, Any]) -> Description | None:
    client_type = histogram.get("histogram_type")
    bucket_count = histogram.get("bucket_count")
    bounds = histogram.get("range")
    if type(client_type) is not int or type(bucket_count) is not int:
        return None
    if not isinstance(bounds, list) or len(bounds) != 2:
        return None
    low, high = bounds
    if type(low) is not int or type(high) is not int:
        return None
    return client_type, low, high, bucket_count
