"""Drops the local copies of archived files, and brings them back."""

import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from storage.archive.object_reading import check_object, checked_chunks
from storage.data_root import DataRoot
from storage.disk import Disk
from storage.errors import StorageFull
from storage.ledger.archived_files import ArchivedObject, LocalCopies
from storage.ledger.ledger import Ledger
from telemetry_server.archive.turn import Turn

FOLDER = "archive-unfinished"
SPARE_BYTES = 64 << 20


class LocalFiles:
    """The local copies of one data root's archived files.  The caller holds the archive's lock."""

    def __init__(
        self, root: DataRoot, ledger: Ledger, disk: Disk, on_bytes: Callable[[int], None] = lambda _: None
    ) -> None:
        self._root = root
        self._ledger = ledger
        self._disk = disk
        self._on_bytes = on_bytes
        self._turn = Turn(root, ledger)

    def drop(self, day: str, *, is_checked: bool = False) -> int:
        """
        Remove the local copies of the archived files of *day*; return how many there were.

        Args:
            is_checked: The objects in the archive were read and compared just now.

        Raises:
            DamagedObject: An object is not as it should be; no local copy was removed.
            ArchiveError: The archive cannot be read; no local copy was removed.
            OSError: The disk refuses; the next run goes on.
        """
        found = self._ledger.archived_objects(day)
        local = [each for each in found.values() if (self._root.path / each.path).exists()]
        if not is_checked:
            for each in local:
                check_object(each)
        with self._turn.held():
            with self._ledger.transaction() as transaction:
                transaction.put_archived_day(day, LocalCopies.DROPPING)
            now = self._ledger.archived_objects(day)
            dropped = [each for each in local if now.get(each.path) == each]
            folders = set()
            for each in dropped:
                path = self._root.path / each.path
                self._disk.unlink(path)
                folders.add(path.parent)
            # Otherwise a power cut could bring a file back after the next transaction.
            for folder in folders:
                self._disk.sync_directory(folder)
            self._remove_empty(folders)
            with self._ledger.transaction() as transaction:
                transaction.put_archived_day(day, LocalCopies.DROPPED)
        return len(dropped)

    def _remove_empty(self, folders: Iterable[Path]) -> None:
        """Remove folders of a day that have nothing in them any more."""
        stores = (self._root.converted, self._root.path / "tables")
        for folder in folders:
            place = folder
            while place not in stores:
                with suppress(OSError):
                    place.rmdir()
                if place.exists():
                    break
                place = place.parent

    def restore(self, day: str) -> int:
        """
        Bring back the local copies of *day*, where they stay; return how many were missing.

        Raises:
            DamagedObject: An object is not as it should be.
            StorageFull: There is not enough space.
            ArchiveError, OSError: The archive or the disk refuses; what was brought back stays.
        """
        count = self.bring_back(self._ledger.archived_objects(day))
        with self._turn.held(), self._ledger.transaction() as transaction:
            transaction.put_archived_day(day, LocalCopies.RESTORED)
        return count

    def bring_back(self, paths: Iterable[str]) -> int:
        """
        Make local copies of the committed files *paths* (below the data root); return how many were missing.

        Whether the day's copies stay does not change.  Raises as `restore` does.
        """
        wanted = [self._ledger.archived_object(path) for path in paths]
        missing = [each for each in wanted if each and not (self._root.path / each.path).exists()]
        self._check_room(sum(each.length for each in missing))
        for each in missing:
            self._bring_back(each)
            self._on_bytes(each.length)
        return len(missing)

    def _check_room(self, needed: int) -> None:
        free = self._disk.room(self._root.path).free_bytes
        if needed and needed + SPARE_BYTES > free:
            raise StorageFull(
                f"{self._root.path}: {needed:,} bytes are to come back from the archive, {free:,} are free"
            )

    def _bring_back(self, found: ArchivedObject) -> None:
        folder = self._root.state / FOLDER
        self._disk.make_directories(folder)
        unfinished = folder / f"{os.getpid()}"
        self._disk.unlink(unfinished)
        descriptor = self._disk.create(unfinished)
        try:
            for chunk in checked_chunks(found):
                self._disk.write(descriptor, [chunk])
            self._disk.sync(descriptor)
            with self._turn.held():
                path = self._root.path / found.path
                # It may have been replaced meanwhile.
                if self._ledger.archived_object(found.path) == found and not path.exists():
                    self._disk.make_directories(path.parent)
                    self._disk.rename_new(unfinished, path)
                    self._disk.sync_directory(path.parent)
        finally:
            self._disk.close(descriptor)
            self._disk.unlink(unfinished)

    def remove_unfinished(self) -> None:
        """Remove what a run that was killed had not brought back whole."""
        folder = self._root.state / FOLDER
        if folder.is_dir():
            for path in folder.iterdir():
                self._disk.unlink(path)
