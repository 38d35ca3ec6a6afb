"""Which data root an archive belongs to, and who has committed there."""

from collections.abc import Callable
from dataclasses import replace

from storage.archive.day_commit import OWNER_KEY, DayCommit, key_of, packed_owner, parse_commit, parse_owner
from storage.archive.object_store import NoObject, ObjectStore
from storage.errors import ArchiveRefused, ArchiveTaken, DamagedObject
from storage.ledger.archived_files import Archive
from storage.ledger.ledger import Ledger
from telemetry_server.archive.turn import Turn


class Ownership:
    """The archive at *url* as that of one data root."""

    def __init__(self, ledger: Ledger, turn: Turn, store: ObjectStore, url: str) -> None:
        self._ledger = ledger
        self._turn = turn
        self.store = store
        self._url = url

    @property
    def root_id(self) -> str:
        """The id of the data root."""
        return self._ledger.root_id() or ""

    def join(self, book: Callable[[DayCommit], None]) -> None:
        """
        Check that the archive is the one of this data root, and take over what a killed run committed.

        Args:
            book: Notes such a commit in the ledger.

        Raises:
            ArchiveTaken: Another writer has committed there.
            ArchiveRefused: The archived days are in another place.
            ArchiveError: It cannot be read.
        """
        known = self._ledger.archive()
        if known is None or (known.url != self._url and not known.commits):
            known = self._first_used()
        elif known.url != self._url:
            known = self._moved(known)
        else:
            self._check_owner(known)
        while (commit := self.commit_at(known.commits + 1)) is not None:
            if commit.root_id != self.root_id or commit.attempt != known.attempt:
                raise ArchiveTaken(self.taken(commit.root_id, self.place(commit.key)))
            book(commit)
            known = replace(known, commits=commit.number)

    def _first_used(self) -> Archive:
        if not self.store.put_new(OWNER_KEY, packed_owner(self.root_id)):
            self._check_owner(None)
        return self._noted(Archive(self._url, 0, ""))

    def _moved(self, known: Archive) -> Archive:
        if self.store.size(key_of(known.commits)) is None:
            raise ArchiveRefused(
                f"archive_to is {self._url}, but the archived days are at {known.url}:"
                " copy them to the new place first, or set archive_to back"
            )
        self._check_owner(known)
        return self._noted(replace(known, url=self._url))

    def _noted(self, known: Archive) -> Archive:
        with self._turn.held(), self._ledger.transaction() as transaction:
            transaction.put_archive(known)
        return known

    def _check_owner(self, known: Archive | None) -> None:
        place = self.place(OWNER_KEY)
        try:
            owner = parse_owner(b"".join(self.store.chunks(OWNER_KEY)), place)
        except NoObject:
            raise DamagedObject(f"{place}: gone from the archive; is archive_to the right place?") from None
        if owner != self.root_id:
            raise ArchiveTaken(self.taken(owner, place))
        if known is not None and known.commits and self.store.size(key_of(known.commits)) is None:
            raise DamagedObject(f"{self.place(key_of(known.commits))}: gone from the archive")

    def commit_at(self, number: int) -> DayCommit | None:
        """Return commit *number*; None if there is none."""
        key = key_of(number)
        try:
            return parse_commit(b"".join(self.store.chunks(key)), self.place(key))
        except NoObject:
            return None

    def place(self, key: str) -> str:
        """Return the address of an object, for messages."""
        return f"{self._url.rstrip('/')}/{key}"

    def taken(self, owner: str, place: str) -> str:
        """Return the message about the data root *owner*, which has written the object at *place*."""
        if owner == self.root_id:
            return (
                f"{place}: a copy of this data root has written it, or this one before its ledger was lost;"
                " stop the copy, and run telemetry-server repair --rebuild, or name a new place in archive_to"
            )
        return f"{place}: the archive of another data root ({owner}); name another place in archive_to"
