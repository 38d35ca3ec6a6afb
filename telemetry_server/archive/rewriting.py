"""
Lets archived files be written anew, as a deletion does.

Files come back, and are rewritten like others.  Then their days are committed again, and old objects deleted.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from storage.archive.object_reading import checked_chunks
from storage.data_root import DataRoot
from storage.disk import Disk
from storage.errors import ArchiveError, DamagedObject
from storage.ledger.archived_files import Archive, LocalCopies
from storage.ledger.ledger import Ledger
from storage.lock import FileLock
from telemetry_server.archive.archiver import Archiver
from telemetry_server.archive.day_files import DamagedFile, NotClosed
from telemetry_server.archive.local_copies import LocalFiles
from telemetry_server.archive.run import LOCK_NAME


class ArchivedFiles:
    """The archived files of one data root."""

    def __init__(self, root: DataRoot, ledger: Ledger, disk: Disk) -> None:
        self._root = root
        self._ledger = ledger
        self._disk = disk
        self._local = LocalFiles(root, ledger, disk)
        self._brought_back: set[str] = set()  # days

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the archive's lock, so that no other process copies meanwhile; wait for it first."""
        if self._ledger.archive() is None:
            yield
            return
        with FileLock(self._root.state / LOCK_NAME).held():
            yield

    def bring_back(self, paths: Iterable[str]) -> None:
        """
        Make local copies of those of *paths* that are only in the archive.

        Raises:
            ArchiveError: The archive cannot be read.
            OSError, StorageError: The disk refuses.
        """
        archived = self._ledger.archived_objects()
        wanted = [path for path in paths if path in archived and not (self._root.path / path).exists()]
        self._brought_back |= {archived[path].day for path in wanted}
        self._local.bring_back(wanted)

    def settle(self) -> list[str]:
        """
        Commit the days that changed, delete the objects that they lost, and drop local copies again.

        It does what is left of earlier runs, too.  Returns why something is left for the next, one line each.

        Raises:
            OSError, StorageError: The disk refuses.
        """
        archive = self._ledger.archive()
        days = {*self._ledger.removed_objects().values(), *self._brought_back}
        if archive is None or not days:
            return []
        try:
            self._settle(archive, days)
        except (ArchiveError, NotClosed, DamagedFile) as error:
            return [f"{error}; run it again"]
        return []

    def _settle(self, archive: Archive, days: Iterable[str]) -> None:
        archiver = Archiver(self._root, self._ledger, self._disk, archive.url, with_tables=False)
        archiver.join()
        for day in sorted(days):
            archiver.archive_day(day)
            if self._ledger.archived_days().get(day) in (LocalCopies.DROPPING, LocalCopies.DROPPED):
                self._local.drop(day)
        self._brought_back.clear()

    def copies(self) -> Iterator[tuple[str, Path | str]]:
        """
        Yield name and path of a copy of each object whose file is not here, or what is wrong with it.

        Raises:
            ArchiveError: The archive cannot be read.
        """
        with TemporaryDirectory(prefix="telemetry-archive-") as folder:
            for path, found in self._ledger.archived_objects().items():
                if (self._root.path / path).exists():
                    continue
                copy = Path(folder) / "copy"
                try:
                    with copy.open("wb") as file:
                        file.writelines(checked_chunks(found))
                except DamagedObject as error:
                    yield path, str(error)
                    continue
                yield path, copy
