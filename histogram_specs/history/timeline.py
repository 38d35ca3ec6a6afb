"""The versions of one definition in the history of a repository."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from histogram_specs.history.history import HistoryVersion
from histogram_specs.revision import Revision
from histogram_specs.spec import HistogramSpec
from histogram_specs.spec_file import SpecFile, UnusableDefinition

Definition = HistogramSpec | UnusableDefinition | None


@dataclass(frozen=True, slots=True)
class Era:
    """A period in which a definition did not change."""

    revision: Revision  # with which the period began
    since: datetime  # UTC
    until: datetime | None  # UTC; None: until now
    definition: Definition  # None: the name was not defined


def eras(
    name: str, versions: Sequence[HistoryVersion], spec_file_of: Callable[[str], SpecFile]
) -> Iterator[Era]:
    """
    Yield the eras of *name*, oldest first.

    Args:
        name: Name of the histogram; may have the prefix ``STARTUP_``, as in pings.
        versions: The versions of a repository, oldest first.
        spec_file_of: Returns the specs of a version by its digest.
    """
    era: Era | None = None
    for version in versions:
        definition = spec_file_of(version.digest).find(name)
        if era is not None and era.definition == definition:
            era = replace(era, until=version.until)
            continue
        if era is not None:
            yield era
        era = Era(version.revision, version.since, version.until, definition)
    if era is not None:
        yield era
