"""Finds the problems of a data root that `repair` can fix."""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass

from storage.data_root import DataRoot
from storage.errors import LedgerError, StorageError
from storage.integrity.audit import swept_segments, unknown_files
from storage.integrity.tables_audit import unknown_table_files
from storage.ledger.ledger import Ledger
from storage.ledger.opening import check_fit
from storage.raw.reader import segments


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Why the ledger must be rebuilt, if so, and which files it does not know."""

    unfit: str | None = None  # one line
    strays: tuple[str, ...] = ()  # files below converted/, quarantine/ and tables/
    swept: tuple[str, ...] = ()  # segments that are in raw/ again after their removal

    @property
    def is_well(self) -> bool:
        """Whether there is nothing to repair."""
        return self.unfit is None and not self.strays and not self.swept


def diagnose(root: DataRoot) -> Diagnosis:
    """
    Return the problems of *root*; nothing is changed.  Exact only under the converter's lock.

    Raises:
        NoDataRoot: The folder is not a data root.
        OSError: Something cannot be read.
    """
    root.check_present()
    try:
        check_fit(root)
        with Ledger.for_reading(root) as ledger:
            lost = next(_losses(root, ledger), None)
            if lost is None:
                strays = (*unknown_files(root, ledger), *unknown_table_files(root, ledger))
                return Diagnosis(None, strays, tuple(swept_segments(root, ledger)))
    except (LedgerError, sqlite3.Error) as error:
        return Diagnosis(str(error))
    return Diagnosis(lost)


def open_unfit_ledger(root: DataRoot) -> Ledger | None:
    """Return the ledger of *root* for reading, without any check; None if it cannot be read."""
    try:
        return Ledger(root.ledger, read_only=True)
    except (StorageError, sqlite3.Error):
        return None


def _losses(root: DataRoot, ledger: Ledger) -> Iterator[str]:
    """Yield a line for each file or segment that the ledger needs and that is missing."""
    for file in ledger.files():
        try:
            length = (root.path / file.path).stat().st_size
        except FileNotFoundError:
            if ledger.archived_object(file.path) is not None:
                continue
            yield f"{file.path}: missing, with {file.records} lines"
            continue
        if length < file.length:
            yield f"{file.path}: {length} bytes where the ledger says {file.length}"
    needed = ledger.pending_segments()
    lengths = {segment.name: segment.path.stat().st_size for segment in segments(root.raw)}
    for name, position in ledger.positions().items():
        length = lengths.get(name, -1)
        if length < 0 and (name in needed or not position.finished):
            yield f"raw/{name}: it is gone, and not all of it was converted"
        elif 0 <= length < position.position:
            yield f"raw/{name}: {length} bytes, and {position.position} were read"
