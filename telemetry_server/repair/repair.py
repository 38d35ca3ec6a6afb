"""
Mends a data root: builds its ledger anew where that is not the files' own, and moves strays aside.

Nothing is removed.  A file that does not stay is moved below ``state/stray/``; the old ledger too.
Cut short at any moment, a second run finishes: it starts from what is on the disk then.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from storage.data_root import DataRoot
from storage.disk import Disk
from storage.found_files import FoundFile
from storage.identity import Identity, new_identity, read_identity, write_identity
from storage.ledger.values import StoredFile
from storage.lock import FileLock
from storage.partitions.compact import CLOSED_LEVEL, write_lines
from telemetry_server.repair.diagnosis import Diagnosis, diagnose, opened_for_its_memory
from telemetry_server.repair.inventory import Inventory, KnownFile, numbered_lines, take_inventory
from telemetry_server.repair.rebuild import Memory, Rebuilt, build
from telemetry_server.repair.strays import StrayFolder

LEDGER_FILES = ("state/ledger.sqlite", "state/ledger.sqlite-wal", "state/ledger.sqlite-shm")


@dataclass(slots=True)
class Repaired:
    """What a repair did, or would do."""

    unfit: str | None = None  # why the ledger is built anew
    strays: list[str] = field(default_factory=list)  # below the data root
    damaged: list[str] = field(default_factory=list)  # one line each
    rebuilt: Rebuilt | None = None
    moved_to: str | None = None  # below the data root

    @property
    def is_well(self) -> bool:
        """There was nothing to do."""
        return self.unfit is None and not self.strays


class Repairer:
    """Repairs one data root; the converter's and the imports' lock are held meanwhile."""

    def __init__(
        self,
        root: DataRoot,
        disk: Disk,
        schema_text: str,
        *,
        rebuild: bool = False,
        on_file: Callable[[], None] = lambda: None,
        now: datetime | None = None,
    ) -> None:
        """
        Args:
            schema_text: The partition schema in force, as JSON.
            rebuild: Build the ledger anew whatever state it is in: files were changed by hand.
            on_file: Called after each partition file that is read, for a progress bar.
            now: Names the folder below ``state/stray/``.
        """
        self._root = root
        self._disk = disk
        self._schema_text = schema_text
        self._rebuilds = rebuild
        self._on_file = on_file
        self._stray_folder = StrayFolder(root, disk, now or datetime.now(UTC))

    def examine(self) -> Repaired:
        """
        What `repair` would do; nothing is changed, and no lock is taken.

        Raises:
            NoDataRoot: There is no data root.
            OSError, StorageError: Something cannot be read.
        """
        found = self._diagnose()
        if found.unfit is None:
            return _moving(found)
        inventory = take_inventory(self._root.path, self._on_file)
        try:
            return Repaired(found.unfit, _leaving(inventory), inventory.damaged)
        finally:
            inventory.close()

    def repair(self) -> Repaired:
        """
        Mend what is wrong.

        Raises:
            NoDataRoot: There is no data root.
            OSError, StorageError: The disk refuses; nothing is lost, and a second run goes on.
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
            return Diagnosis("--rebuild asks for it")
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

    @contextmanager
    def _memory(self) -> Iterator[Memory]:
        """What the ledger that is there remembers, as long as it is read from."""
        ledger = opened_for_its_memory(self._root)
        try:
            yield Memory.of(ledger)
        finally:
            if ledger is not None:
                ledger.close()

    def _rebuild(self, unfit: str) -> Repaired:
        inventory = take_inventory(self._root.path, self._on_file)
        path = self._root.state / "ledger.rebuilt"
        try:
            strays = _leaving(inventory)
            with self._memory() as memory:
                self._write_again(inventory, memory)
                self._stray_folder.take(strays)
                rebuilt = self._build(path, inventory, memory)
            self._put_in_place(path)
        finally:
            inventory.close()
        # Segments that only the old ledger knew as removed, and of which no file holds anything.
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

    def _write_again(self, inventory: Inventory, memory: Memory) -> None:
        """Give each file that shares lines with another a successor without them."""
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
        """Remove what an earlier repair left of the ledger that it was building."""
        for suffix in ("", "-wal", "-shm", "-journal"):
            self._disk.unlink(path.with_name(f"{path.name}{suffix}"))

    def _put_in_place(self, path: Path) -> None:
        descriptor = self._disk.open_append(path)
        try:
            self._disk.sync(descriptor)
        finally:
            self._disk.close(descriptor)
        # The old one goes first, and its log with it: SQLite would read that into the new one.
        self._stray_folder.take(LEDGER_FILES)
        self._disk.rename_new(path, self._root.ledger)
        self._disk.sync_directory(self._root.state)


def _moving(found: Diagnosis) -> Repaired:
    return Repaired(None, [*found.strays, *(f"raw/{name}" for name in found.swept)])


def _leaving(inventory: Inventory) -> list[str]:
    """What does not stay: files that are not needed, and those that are written again."""
    rewritten = [file.found.path for file in inventory.files if file.wanted is not None]
    return sorted([*inventory.strays, *rewritten])
