"""
Copies the files of closed days to the archive, and commits each day there.

A day is copied without a lock, because committed files of a closed day do not change.  Every copy is
read back and compared with its checksum.  Then one document, stored only if no other has its number,
makes the copies count; the ledger notes it afterwards.  A crash in between is found out by the attempt
that the ledger noted before.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from storage.archive.day_commit import (
    CommittedObject,
    DayCommit,
    object_key,
)
from storage.archive.object_reading import check_object, checksums_of
from storage.archive.object_store import opened_store
from storage.data_root import DataRoot
from storage.disk import Disk
from storage.errors import ArchiveTaken, DamagedObject
from storage.ledger.archived_files import ArchivedObject, LocalCopies
from storage.ledger.ledger import Ledger
from telemetry_server.archive.day_files import (
    DamagedFile,
    DayFile,
    NotClosed,
    check_file,
    chunks_of,
    close_files,
    committed_files,
)
from telemetry_server.archive.ownership import Ownership
from telemetry_server.archive.turn import Turn

ATTEMPTS = 5
MAX_PUT_BYTES = 64 << 20
"""A larger file is put in parts, not read into memory at once."""


@dataclass(frozen=True, slots=True)
class Archived:
    """What a run did with a day."""

    day: str
    files: int  # copied
    bytes: int
    is_committed: bool  # whether the day has a new commit


class Archiver:
    """
    Archives days of one data root.  The caller holds the archive's lock.

    Args:
        with_tables: Whether the tables must hold all records of a day before it is archived.
        on_bytes: Called with the size of each file that was copied.
    """

    def __init__(
        self,
        root: DataRoot,
        ledger: Ledger,
        disk: Disk,
        url: str,
        *,
        with_tables: bool,
        on_bytes: Callable[[int], None] = lambda _: None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._root = root
        self._ledger = ledger
        self._disk = disk
        self._url = url
        self._with_tables = with_tables
        self._on_bytes = on_bytes
        self._clock = clock
        self._turn = Turn(root, ledger)
        self._store = opened_store(url)
        self._owner = Ownership(ledger, self._turn, self._store, url)

    def join(self) -> None:
        """Begin a run: see `Ownership.join`.  Unfinished objects of killed runs are removed."""
        self._owner.join(self._book)
        self._store.remove_unfinished()

    def archive_day(self, day: str) -> Archived:
        """
        Copy what is not in the archive yet, and commit the day.

        Raises:
            NotClosed: More will come into the day's files.
            DamagedFile: A local file is damaged; nothing was committed.
            ArchiveError: The archive refuses; nothing was committed.
            OSError, StorageError: The disk refuses.
        """
        copied: dict[str, ArchivedObject] = {}
        for _ in range(ATTEMPTS):
            with self._turn.held():
                close_files(self._ledger, day)
                files = self._files_of(day)
                there = self._ledger.archived_objects(day)
            removed = [key for key, of_day in self._ledger.removed_objects().items() if of_day == day]
            missing = [file for file in files if file.path not in there]
            if not missing and not removed:
                return Archived(day, 0, 0, is_committed=False)
            try:
                for file in missing:
                    if file.path not in copied:
                        copied[file.path] = self._copied(file)
                        self._on_bytes(file.bytes)
            except FileNotFoundError:
                continue  # merged into another file meanwhile
            commit = self._commit(day, files, there | copied)
            if commit is not None:
                self._delete_removed(commit)
                size = sum(file.bytes for file in missing)
                return Archived(day, len(missing), size, is_committed=True)
        raise NotClosed(f"{day}: its files keep changing")

    def mend(self, day: str) -> int:
        """
        Copy the files of *day* again whose object is damaged or gone; return how many.

        Raises:
            DamagedObject: Such a file has no local copy.
        """
        there = self._ledger.archived_objects(day)
        mended = 0
        for file in committed_files(self._ledger, day):
            found = there.get(file.path)
            if found is None:
                continue
            try:
                check_object(found)
            except DamagedObject as error:
                try:
                    copy = self._copied(file)
                except FileNotFoundError:
                    raise error from None
                with self._turn.held(), self._ledger.transaction() as transaction:
                    transaction.forget_removed(found.key)
                if copy != found:
                    raise DamagedFile(f"{file.path}: it is not what was archived; see audit") from error
                mended += 1
        return mended

    def _files_of(self, day: str) -> list[DayFile]:
        if self._with_tables and self._ledger.tabled(day, behind_only=True):
            raise NotClosed(f"{day}: its records are not all in the tables yet")
        return committed_files(self._ledger, day)

    def _copied(self, file: DayFile) -> ArchivedObject:
        """Copy *file*, read the copy back, and return it."""
        root = self._root.path
        check_file(root, file)
        sums = checksums_of(chunks_of(root, file))
        key = object_key(file.path, sums.sha256)
        found = ArchivedObject(self._url, key, file.path, file.day, sums.length, sums.sha256, sums.blocks)
        with self._turn.held(), self._ledger.transaction() as transaction:
            # Until a commit lists it: a run that is killed leaves nothing that no one knows.
            transaction.remove_object(key, file.day)
        if self._store.size(key) == file.bytes:
            try:
                check_object(found)  # left by a run that was killed
            except DamagedObject:
                pass
            else:
                return found
        self._store.put(key, self._data_of(file))
        check_object(found)
        return found

    def _data_of(self, file: DayFile) -> bytes | Path:
        path = self._root.path / file.path
        if file.bytes > MAX_PUT_BYTES and path.stat().st_size == file.bytes:
            return path
        return b"".join(chunks_of(self._root.path, file))

    def _commit(
        self, day: str, files: Sequence[DayFile], copies: dict[str, ArchivedObject]
    ) -> DayCommit | None:
        """Commit *files* as the content of *day*; None if they are not any more."""
        with self._turn.held():
            known = self._ledger.archive()
            if known is None or self._files_of(day) != files:
                return None
            attempt = os.urandom(8).hex()
            with self._ledger.transaction() as transaction:
                transaction.put_archive(replace(known, attempt=attempt))
            schemas = self._schemas_of(files)
        commit = DayCommit(
            known.commits + 1,
            self._owner.root_id,
            attempt,
            f"{self._clock():%Y-%m-%dT%H:%M:%SZ}",
            day,
            tuple(_committed(file, copies[file.path]) for file in files),
            schemas,
        )
        if not self._store.put_new(commit.key, commit.packed()):
            there = self._owner.commit_at(commit.number)
            # The answer to our own first try may have been lost.
            if there != commit:
                owner = commit.root_id if there is None else there.root_id
                raise ArchiveTaken(self._owner.taken(owner, self._owner.place(commit.key)))
        self._book(commit)
        return commit

    def _schemas_of(self, files: Sequence[DayFile]) -> dict[str, Any]:
        """Return the partition schemas of *files* by number, so that the archive can be read alone."""
        used = {file.facts.get("schema") for file in files}
        known = self._ledger.schemas().items()
        return {str(number): orjson.loads(text) for number, text in known if number in used}

    def _book(self, commit: DayCommit) -> None:
        """Note a commit of this data root in the ledger."""
        with self._turn.held():
            committed = {file.path: file.bytes for file in committed_files(self._ledger, commit.day)}
            known = self._ledger.archive()
            is_new = commit.day not in self._ledger.archived_days()
            assert known is not None
            with self._ledger.transaction() as transaction:
                for each in commit.objects:
                    if committed.get(each.path) == each.length:
                        transaction.put_archived(self._object_of(commit.day, each))
                        transaction.forget_removed(each.key)
                    else:
                        transaction.remove_object(each.key, commit.day)
                if not commit.objects:
                    transaction.forget_archived_day(commit.day)
                elif is_new:
                    transaction.put_archived_day(commit.day, LocalCopies.KEPT)
                transaction.put_archive(replace(known, commits=commit.number))

    def _object_of(self, day: str, each: CommittedObject) -> ArchivedObject:
        return ArchivedObject(self._url, each.key, each.path, day, each.length, each.sha256, each.blocks)

    def _delete_removed(self, commit: DayCommit) -> None:
        """Delete the objects of the day that its *commit* does not list."""
        listed = {each.key for each in commit.objects}
        removed = self._ledger.removed_objects()
        for key in [key for key, day in removed.items() if day == commit.day and key not in listed]:
            self._store.delete(key)
            with self._turn.held(), self._ledger.transaction() as transaction:
                transaction.forget_removed(key)


def _committed(file: DayFile, copy: ArchivedObject) -> CommittedObject:
    return CommittedObject(file.path, copy.key, copy.length, copy.sha256, copy.blocks, file.facts)
