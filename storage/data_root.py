"""The folders of a data root (StorageLayout.md)."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from storage.disk import Disk
from storage.errors import NoDataRoot


@dataclass(frozen=True, slots=True)
class DataRoot:
    """Paths of one data root.  `prepare` creates the folders."""

    path: Path

    @property
    def raw(self) -> Path:
        """Submissions as received."""
        return self.path / "raw"

    @property
    def converted(self) -> Path:
        """Stored records."""
        return self.path / "converted"

    @property
    def quarantine(self) -> Path:
        """Refused submissions and dropped histograms."""
        return self.path / "quarantine"

    @property
    def specs(self) -> Path:
        """The revision cache, unless a setting names another folder."""
        return self.path / "specs"

    @property
    def state(self) -> Path:
        """The ledger, locks and other state of the server."""
        return self.path / "state"

    @property
    def ledger(self) -> Path:
        """The file of the ledger."""
        return self.state / "ledger.sqlite"

    @property
    def access(self) -> Path:
        """The file of those who may see the reports."""
        return self.state / "access.json"

    @property
    def orders(self) -> Path:
        """The folder with the records of deletion orders."""
        return self.state / "orders"

    @property
    def queue_positions(self) -> Path:
        """The file that says how far each queue was pulled into raw/."""
        return self.state / "queue.json"

    @property
    def identity(self) -> Path:
        """The file with the id of the data root; outside of ``state/``, so a foreign ledger is recognised."""
        return self.path / ".identity"

    @property
    def stray(self) -> Path:
        """Where `repair` moves files that the ledger does not know; never read."""
        return self.state / "stray"

    @property
    def staging(self) -> Path:
        """Segments of unfinished imports; emptied before each import."""
        return self.state / "staging"

    def check_no_file(self) -> None:
        """Raise `NoDataRoot` if the path is not a folder; it may be missing."""
        if self.path.exists() and not self.path.is_dir():
            raise NoDataRoot(f"{self.path}: not a folder; name the data root with --data")

    def check_present(self) -> None:
        """Raise `NoDataRoot` if the path is missing, or is not a data root."""
        if not self.path.is_dir():
            raise NoDataRoot(f"{self.path}: no such data root; name it with --data")
        # state/ may be lost; raw/, converted/ or quarantine/ still show that it is a data root.
        if not any(folder.is_dir() for folder in (self.state, self.raw, self.converted, self.quarantine)):
            raise NoDataRoot(f"{self.path}: not a data root, it has no state/; name one with --data")

    def prepare(self, disk: Disk) -> None:
        """
        Create all folders, private to their owner.

        Raises:
            NoDataRoot: The path is not a folder.
            OSError: No permission.
        """
        self.check_no_file()
        for folder in (self.raw, self.converted, self.quarantine, self.specs, self.state):
            disk.make_directories(folder)
        # A process that created them may have died before it synced their names.
        disk.sync_directory(self.path)
        with suppress(PermissionError):
            disk.sync_directory(self.path.parent)
