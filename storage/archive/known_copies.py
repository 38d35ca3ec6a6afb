"""What an archive holds of a data root, as its commits say."""

from dataclasses import dataclass, field

from storage.archive.day_commit import OWNER_KEY, DayCommit, key_of, parse_commit, parse_owner
from storage.archive.object_store import NoObject, opened_store
from storage.errors import ArchiveTaken
from storage.ledger.archived_files import Archive, ArchivedObject
from storage.ledger.ledger import Ledger


@dataclass(frozen=True, slots=True)
class KnownCopies:
    """An archive, and its copies of files by path."""

    archive: Archive | None = None
    objects: dict[str, ArchivedObject] = field(default_factory=dict)

    @classmethod
    def of_ledger(cls, ledger: Ledger | None) -> "KnownCopies":
        """Return what *ledger* knows."""
        return cls() if ledger is None else cls(ledger.archive(), ledger.archived_objects())

    @classmethod
    def of_commits(cls, url: str, root_id: str) -> "KnownCopies":
        """
        Return what the commits at *url* say.

        Raises:
            ArchiveTaken: It is the archive of another data root.
            ArchiveError: It cannot be read.
        """
        store = opened_store(url)
        try:
            owner = parse_owner(b"".join(store.chunks(OWNER_KEY)), f"{url}/{OWNER_KEY}")
        except NoObject:
            return cls()
        if owner != root_id:
            raise ArchiveTaken(f"{url}: the archive of another data root ({owner}); set archive_to right")
        days: dict[str, DayCommit] = {}
        number, attempt = 0, ""
        while True:
            key = key_of(number + 1)
            try:
                commit = parse_commit(b"".join(store.chunks(key)), f"{url}/{key}")
            except NoObject:
                break
            number, attempt = commit.number, commit.attempt
            days[commit.day] = commit
        objects = {
            each.path: ArchivedObject(
                url, each.key, each.path, commit.day, each.length, each.sha256, each.blocks
            )
            for commit in days.values()
            for each in commit.objects
        }
        return cls(Archive(url, number, attempt), objects)
