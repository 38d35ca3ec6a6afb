"""Where things stand below the data root (contract of the layout: StorageLayout.md)."""

from dataclasses import dataclass
from pathlib import Path

from storage.disk import Disk


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
    def staging(self) -> Path:
        """Segments of exports that are not whole yet; emptied before each import."""
        return self.state / "staging"

    def prepare(self, disk: Disk) -> None:
        """Make every folder, private to its owner.  Raises `OSError` where that is not allowed."""
        for folder in (self.raw, self.converted, self.quarantine, self.specs, self.state):
            disk.make_directories(folder)
