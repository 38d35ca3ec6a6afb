"""What is committed for analysis: the ledger's list of table files, and the shapes that their rows name."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from storage.data_root import DataRoot
from telemetry_server.analysis.committed_files import CommittedFile


@dataclass(frozen=True, slots=True)
class KnownShape:
    """One shape that rows of the table ``histograms`` name."""

    shape: str  # its id
    kind: str
    starts: tuple[int, ...]  # of all buckets; empty for Glean's distributions
    labels: tuple[str, ...]  # of a categorical one


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Reads the ledger's lists.  Each function reads anew, so that it sees what was committed meanwhile."""

    files: Callable[[], Sequence[CommittedFile]]
    shapes: Callable[[], Iterable[KnownShape]]


def catalogue_of(root: DataRoot) -> Catalogue:
    """Return the catalogue of *root*.  The ledger of this version lists no table files yet: it is empty."""
    root.check_present()
    return Catalogue(lambda: (), lambda: ())
