"""The definitions of a revision in the form in which histograms are checked against them."""

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from histogram_specs.spec import HistogramSpec
from histogram_specs.spec_file import SpecFile, UnusableDefinition


class Definition(NamedTuple):
    """A histogram's definition in the form that the inner loop of the check needs."""

    positions: Mapping[str, int]  # plain decimal text of a bucket's start → its position
    bucket_count: int
    client_type: int
    client_range: list[int]  # a list, as JSON gives it
    keyed: bool | None  # None: may be either
    others: tuple["Definition", ...] = ()  # equal but for the buckets; the sent fields decide


class Unusable(NamedTuple):
    """A name without a usable definition."""

    defined: bool  # whether there is a definition at all
    detail: str


UNDEFINED = Unusable(False, "no histogram of that name in the definitions")


class Definitions(Protocol):
    """Finds the definition for a histogram."""

    def definition(self, name: str, histogram: Any) -> Definition | Unusable:
        """Return the definition of *name*; *histogram* is what the client sent."""


class SpecDefinitions:
    """The definitions of one spec file, each converted at its first use."""

    def __init__(self, spec_file: SpecFile) -> None:
        self._find = spec_file.find
        self.laid_out: Any = None
        """What a packer keeps with them."""
        # Bounded: it holds only defined names, with and without one prefix.
        self._known: dict[str, Definition] = {}

    def definition(self, name: str, histogram: Any) -> Definition | Unusable:
        """Return the definition of *name*, or of *name* without one ``STARTUP_`` prefix."""
        definition = self._known.get(name)
        if definition is not None:
            return definition
        found = self._find(name)
        if isinstance(found, HistogramSpec):
            definition = self._known[name] = _definition_of(found)
            return definition
        if isinstance(found, UnusableDefinition):
            return Unusable(True, found.detail)
        return UNDEFINED


def _definition_of(spec: HistogramSpec) -> Definition:
    first, *others = (
        Definition(
            buckets.index,
            len(buckets.starts),
            spec.histogram_type,
            [buckets.starts[1], buckets.starts[-1]],
            spec.keyed,
        )
        for buckets in spec.all_buckets
    )
    return first._replace(others=tuple(others))


def definitions_of(spec_file: SpecFile) -> SpecDefinitions:
    """The one `SpecDefinitions` of *spec_file*; it lives as long as the file does."""
    return spec_file.once(SpecDefinitions)
