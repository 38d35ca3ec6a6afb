"""One definition through time, as the history of a repository has it."""

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
    """A time during which a definition stayed as it was; what it does not touch goes unnoticed."""

    revision: Revision  # with which it began
    since: datetime  # UTC
    until: datetime | None  # UTC; None: it is still so
    definition: Definition  # None: there was none of that name


def eras(
    name: str, versions: Sequence[HistoryVersion], spec_file_of: Callable[[str], SpecFile]
) -> Iterator[Era]:
    """
    Yield the eras of *name*, oldest first.

    Args:
        name: As a ping may write it, a ``STARTUP_`` prefix included.
        versions: A repository's, oldest first.
        spec_file_of: Gives the specs of a version by its digest.
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
