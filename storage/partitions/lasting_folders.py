"""Creates folders, and knows which of them are on stable storage."""

from pathlib import Path

from storage.disk import Disk


class LastingFolders:
    """
    Folders below *root*, given by their paths from there.

    Many are created before any is synced, because a parent of many is then synced once.  A folder lasts
    once its parent was synced; those in `unsynced` are to be synced before anything in them counts.
    """

    def __init__(self, root: Path, disk: Disk) -> None:
        self._root = root
        self._disk = disk
        self._lasting: set[str] = set()
        self._made: set[str] = set()
        self.unsynced: set[Path] = set()

    def forget(self) -> None:
        """Forget what is known: another process may have removed empty folders."""
        self._lasting.clear()
        self._made.clear()
        self.unsynced.clear()

    def make(self, folder: str) -> None:
        """
        Create *folder* and its parents, as far as they are missing.

        Raises:
            OSError: The disk refuses.
        """
        missing = []
        while folder and folder not in self._lasting and folder not in self._made:
            missing.append(folder)
            folder = folder.rpartition("/")[0]
        for name in reversed(missing):
            place = self._root / name
            self._disk.make_directory(place)
            # Also if it was there: a process that created it may have died before the sync.
            self.unsynced.add(place.parent)
            self._made.add(name)

    def synced(self) -> None:
        """Note that all of `unsynced` were synced."""
        self._lasting.update(self._made)
        self._made.clear()
        self.unsynced.clear()
