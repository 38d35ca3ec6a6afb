"""What is committed for analysis: the ledger's list of table files, and the shapes that their rows name."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from storage.data_root import DataRoot
from storage.ledger.ledger import Ledger
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
    """
    Return the catalogue of *root*.

    Raises:
        NoDataRoot: *root* is not a data root.
    """
    root.check_present()
    return Catalogue(lambda: _files(root), lambda: _shapes(root))


def _files(root: DataRoot) -> list[CommittedFile]:
    with Ledger.for_reading(root) as ledger, ledger.snapshot():
        return committed_table_files(root, ledger)


def committed_table_files(
    root: DataRoot, ledger: Ledger, table: str | None = None, day: str | None = None
) -> list[CommittedFile]:
    """Return the committed files, of one *table* or *day* (YYYYMMDD) if given."""
    archived = ledger.archived_objects(day)
    return [
        CommittedFile(
            file.table, file.day, root.path / file.path, file.rows, file.bytes, archived.get(file.path)
        )
        for file in ledger.table_files(table, day)
    ]


def _shapes(root: DataRoot) -> list[KnownShape]:
    with Ledger.for_reading(root) as ledger:
        return [KnownShape(shape, row.kind, row.starts, row.labels) for shape, row in ledger.shapes().items()]
