"""Where things stand below the data root (contract of the layout: StorageLayout.md)."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from storage.disk import Disk
from storage.errors import NoDataRoot


@dataclass(frozen=True, slots=True)
class DataRoot:
    """The folders of one data root.  Nothing exists before `prepare`."""

    path: Path

    @property
    def raw(self) -> Path:
        return self.path / "raw"

    @property
    def converted(self) -> Path:
        return self.path / "converted"

    @property
    def quarantine(self) -> Path:
        return self.path / "quarantine"

    @property
    def specs(self) -> Path:
        return self.path / "specs"

    @property
    def state(self) -> Path:
        return self.path / "state"

    @property
    def ledger(self) -> Path:
        return self.state / "ledger.sqlite"

    @property
    def identity(self) -> Path:
        """Which data root this is; outside of ``state/``, so that a foreign ledger is recognised."""
        return self.path / ".identity"

    @property
    def stray(self) -> Path:
        """Where `repair` puts what the ledger does not know; never read again."""
        return self.state / "stray"

    @property
    def staging(self) -> Path:
        """Segments of exports that are not whole yet; emptied before each import."""
        return self.state / "staging"

    def check_no_file(self) -> None:
        """Raises `NoDataRoot` if something else is in its place; there may be nothing yet."""
        if self.path.exists() and not self.path.is_dir():
            raise NoDataRoot(f"{self.path}: not a folder; name the data root with --data")

    def check_present(self) -> None:
        """Raises `NoDataRoot` if there is nothing at its path, or a folder that is no data root."""
        if not self.path.is_dir():
            raise NoDataRoot(f"{self.path}: no such data root; name it with --data")
        # state/ may be lost: what was received or converted still makes it a data root.
        if not any(folder.is_dir() for folder in (self.state, self.raw, self.converted, self.quarantine)):
            raise NoDataRoot(f"{self.path}: no data root, it has no state/; name one with --data")

    def prepare(self, disk: Disk) -> None:
        """
        Make every folder, private to its owner.

        Raises:
            NoDataRoot: Something else is in its place.
            OSError: That is not allowed.
        """
        self.check_no_file()
        for folder in (self.raw, self.converted, self.quarantine, self.specs, self.state):
            disk.make_directories(folder)
        # Whoever made them may have died before their names were synced.
        disk.sync_directory(self.path)
        with suppress(PermissionError):
            disk.sync_directory(self.path.parent)
