"""
Repairs a data root: rebuilds a ledger that does not match the files, and moves unknown files away.

Nothing is deleted: unknown files and the old ledger are moved to ``state/stray/``.  A repair that
was killed at any moment is finished by a second run, which starts from what is on the disk then.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from storage.archive.known_copies import KnownCopies
from storage.data_root import DataRoot
from storage.disk import Disk
from storage.found_files import FoundFile
from storage.identity import Identity, new_identity, read_identity, write_identity
from storage.ledger.values import StoredFile
from storage.lock import FileLock
from storage.partitions.compact import CLOSED_LEVEL, write_lines
from telemetry_server.repair.archived_copies import enter_copies
from telemetry_server.repair.diagnosis import Diagnosis, diagnose, open_unfit_ledger
from telemetry_server.repair.inventory import Inventory, KnownFile, numbered_lines, take_inventory
from telemetry_server.repair.ledger_rebuild import Memory, Rebuilt, build
from telemetry_server.repair.strays import StrayFolder

LEDGER_FILES = ("state/ledger.sqlite", "state/ledger.sqlite-wal", "state/ledger.sqlite-shm")


@dataclass(slots=True)
class Repaired:
    """What a repair did, or would do."""

    unfit: str | None = None  # why the ledger is rebuilt
    strays: list[str] = field(default_factory=list)  # below the data root
    damaged: list[str] = field(default_factory=list)  # one line each
    rebuilt: Rebuilt | None = None
    moved_to: str | None = None  # below the data root

    @property
    def is_well(self) -> bool:
        """Whether there was nothing to do."""
        return self.unfit is None and not self.strays


class Repairer:
    """Repairs one data root, under the locks of converter and imports."""

    def __init__(
        self,
        root: DataRoot,
        disk: Disk,
        schema_text: str,
        *,
        rebuild: bool = False,
        archive_url: str = "",
        on_file: Callable[[], None] = lambda: None,
        now: datetime | None = None,
    ) -> None:
        """
        Prepare a repair; nothing is read yet.

        Args:
            schema_text: The partition schema in force, as JSON.
            rebuild: Rebuild the ledger even if it matches: files were changed by hand.
            archive_url: The archive of the data root; empty for the one that the present ledger knows.
            on_file: Called after each partition file that is read, for a progress bar.
            now: Names the folder below ``state/stray/``.
        """
        self._root = root
        self._disk = disk
        self._schema_text = schema_text
        self._rebuilds = rebuild
        self._archive_url = archive_url
        self._on_file = on_file
        self._stray_folder = StrayFolder(root, disk, now or datetime.now(UTC))

    def examine(self) -> Repaired:
        """
        Return what `repair` would do; nothing is changed, and no lock is taken.

        Raises:
            NoDataRoot: The folder is not a data root.
            OSError, StorageError: Something cannot be read.
        """
        found = self._diagnose()
        if found.unfit is None:
            return _moving(found)
        inventory = take_inventory(self._root.path, self._on_file, self._copies().objects)
        try:
            return Repaired(found.unfit, _leaving(inventory), inventory.damaged)
        finally:
            inventory.close()

    def repair(self) -> Repaired:
        """
        Fix the problems and return what was done.

        Raises:
            NoDataRoot: The folder is not a data root.
            OSError, StorageError: A disk operation failed; nothing is lost, and a second run continues.
        """
        self._root.check_present()
        self._root.prepare(self._disk)
        with self._locks():
            found = self._diagnose()
            if found.unfit is not None:
                return self._rebuild(found.unfit)
            result = _moving(found)
            if result.strays:
                self._stray_folder.take(result.strays)
                result.moved_to = self._stray_folder.place
            return result

    def _diagnose(self) -> Diagnosis:
        found = diagnose(self._root)
        if self._rebuilds and found.unfit is None:
            return Diagnosis("--rebuild was given")
        return found

    @contextmanager
    def _locks(self) -> Iterator[None]:
        locks = [FileLock(self._root.state / f"{name}.lock") for name in ("import", "converter")]
        try:
            for lock in locks:
                lock.acquire(wait=True)
            yield
        finally:
            for lock in locks:
                lock.release()

    def _copies(self) -> KnownCopies:
        """Return what the archive holds: what its commits say, or the present ledger."""
        identity = read_identity(self._root.identity)
        if self._archive_url and identity is not None:
            return KnownCopies.of_commits(self._archive_url, identity.root_id)
        ledger = open_unfit_ledger(self._root)
        try:
            return KnownCopies.of_ledger(ledger)
        finally:
            if ledger is not None:
                ledger.close()

    @contextmanager
    def _memory(self) -> Iterator[Memory]:
        """The facts that only the present ledger has; it stays open inside the block."""
        ledger = open_unfit_ledger(self._root)
        try:
            yield Memory.of(ledger)
        finally:
            if ledger is not None:
                ledger.close()

    def _rebuild(self, unfit: str) -> Repaired:
        copies = self._copies()
        inventory = take_inventory(self._root.path, self._on_file, copies.objects)
        path = self._root.state / "ledger.rebuilt"
        try:
            strays = _leaving(inventory)
            with self._memory() as memory:
                self._rewrite_shared(inventory, memory)
                self._stray_folder.take(strays)
                rebuilt = self._build(path, inventory, memory)
                enter_copies(path, self._root.path, inventory.files, copies)
            self._replace_ledger(path)
        finally:
            inventory.close()
        # Segments that only the old ledger knew as removed, without outcomes in any file.
        again = _moving(diagnose(self._root)).strays
        self._stray_folder.take(again)
        place = self._stray_folder.place if self._stray_folder.path.exists() else None
        return Repaired(unfit, [*strays, *again], inventory.damaged, rebuilt, place)

    def _build(self, path: Path, inventory: Inventory, memory: Memory) -> Rebuilt:
        identity = self._identity()
        self._clear(path)
        return build(
            self._root,
            path,
            inventory,
            memory,
            root_id=identity.root_id,
            commits=identity.commits,
            schema_text=self._schema_text,
        )

    def _identity(self) -> Identity:
        identity = read_identity(self._root.identity)
        if identity is None:
            identity = new_identity()
            write_identity(self._root.identity, identity, self._disk)
        return identity

    def _rewrite_shared(self, inventory: Inventory, memory: Memory) -> None:
        """Rewrite each file that shares lines with another, without the shared lines."""
        number = max(inventory.last_number, memory.last_number)
        for place, file in enumerate(inventory.files):
            if file.wanted is None:
                continue
            number += 1
            inventory.files[place] = self._successor(file, number)
        inventory.last_number = number

    def _successor(self, file: KnownFile, number: int) -> KnownFile:
        wanted = file.wanted or frozenset()
        lines = (line for n, line in numbered_lines(self._root.path, file) if n in wanted)
        target = StoredFile(file.key.directory, f"part-{number:010}.zst", 0, 0, 0, closed=True)
        target = write_lines(self._root.path, self._disk, target, lines, CLOSED_LEVEL)
        found = FoundFile(target.path, target.length)
        return KnownFile(found, file.file_id, target.length, target.frames, target.records)

    def _clear(self, path: Path) -> None:
        """Remove the unfinished ledger of an earlier repair."""
        for suffix in ("", "-wal", "-shm", "-journal"):
            self._disk.unlink(path.with_name(f"{path.name}{suffix}"))

    def _replace_ledger(self, path: Path) -> None:
        descriptor = self._disk.open_append(path)
        try:
            self._disk.sync(descriptor)
        finally:
            self._disk.close(descriptor)
        # Move the old ledger and its log first: SQLite would apply the log to the new file.
        self._stray_folder.take(LEDGER_FILES)
        self._disk.rename_new(path, self._root.ledger)
        self._disk.sync_directory(self._root.state)


def _moving(found: Diagnosis) -> Repaired:
    return Repaired(None, [*found.strays, *(f"raw/{name}" for name in found.swept)])


def _leaving(inventory: Inventory) -> list[str]:
    """Return the files to move away: those not needed, and those that were rewritten."""
    rewritten = [file.found.path for file in inventory.files if file.wanted is not None]
    return sorted([*inventory.strays, *rewritten])
