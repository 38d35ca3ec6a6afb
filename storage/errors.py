"""
The errors of the stores on disk.

::

    StorageError
    ├── StorageFull      no space; nothing was promised
    ├── WriterBusy       too much is waiting, or the disk is slow; nothing was promised
    ├── WriterClosed     the writer is draining for shutdown
    ├── WriterDead       a sync failed: nothing after it can be trusted
    ├── TornRecord       a record ends before its length says
    ├── DamagedRecord    a record's checksum disagrees with its bytes
    ├── LostFile         a committed file is missing
    ├── NoDataRoot       no data root at the given path
    ├── UnusablePlace    no file can be created at the given path
    ├── StrayFile        a file that the ledger does not know
    ├── LedgerError      the ledger cannot be opened
    │   └── UnfitLedger      the ledger does not match the files; nothing is written until `repair`
    │       ├── LostLedger       the ledger is gone, but its files are there
    │       ├── OlderLedger      the ledger is older than the files
    │       ├── ForeignLedger    the ledger belongs to another data root
    │       ├── OtherVersion     a server of another version wrote it
    │       └── DamagedLedger    the ledger file is damaged
    ├── BrokenAggregate  a summary or the table of a day is damaged or gone; it can be made again
    ├── ArchiveError     something went wrong in the archive; nothing is half done
    │   ├── ArchiveAway      it does not answer; the caller may retry
    │   ├── ArchiveFull      it has no space
    │   ├── ArchiveRefused   its address, its bucket or the credentials are wrong
    │   ├── ArchiveTaken     another writer has committed to it
    │   └── DamagedObject    an object is gone, or its bytes disagree with their checksum
    ├── BadBackup        an archive is damaged, cut short, or not a backup
    ├── UnknownExport    an exported file of unknown format, or outside its base folder
    ├── BadPartitionSchema  not a valid partition schema
    ├── NotAPartition    not a path of a partition below its base
    └── NotARow          numbers that do not fit the buckets
"""

import errno

# Errors of a full disk or quota.
NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


class StorageError(Exception):
    """Base class of all storage errors."""


class StorageFull(StorageError):
    """No space left.  Nothing was promised; the caller may retry."""


class WriterBusy(StorageError):
    """Too much is waiting for the disk.  Nothing was promised; the caller may retry."""


class WriterClosed(StorageError):
    """The writer is draining for shutdown and accepts nothing more."""


class WriterDead(StorageError):
    """A sync failed.  The content of the file is unknown until it is read again."""


class TornRecord(StorageError):
    """A record ends before its length says."""


class DamagedRecord(StorageError):
    """A record's checksum disagrees with its bytes."""


class LostFile(StorageError):
    """A committed file, or a part of it, is missing."""

    def __init__(self, path: str) -> None:
        super().__init__(
            f"{path}: committed bytes are missing (disk failure, or changed by hand?);"
            " put the file back, or run: telemetry-server repair --dry-run"
        )


class NoDataRoot(StorageError):
    """No data root at the given path."""


class UnusablePlace(StorageError):
    """No file or folder can be created at the given path."""


class StrayFile(StorageError):
    """A file that the ledger does not know has the name of a new one.  It is not changed."""

    def __init__(self, path: str) -> None:
        super().__init__(
            f"{path}: the ledger does not know this file, so it is not replaced;"
            " run: telemetry-server repair --dry-run"
        )


class LedgerError(StorageError):
    """The ledger cannot be opened."""


class UnfitLedger(LedgerError):
    """The ledger does not match the files beside it.  Nothing is written until `repair`."""


class LostLedger(UnfitLedger):
    """The ledger is gone, but its files are there."""


class OlderLedger(UnfitLedger):
    """The ledger is an older copy: the files contain later commits."""


class ForeignLedger(UnfitLedger):
    """The ledger belongs to another data root."""


class DamagedLedger(UnfitLedger):
    """The ledger file is damaged."""


class OtherVersion(UnfitLedger):
    """A server of another version wrote the ledger."""


class BrokenAggregate(StorageError):
    """A summary or the table of a day is damaged or gone.  `aggregate` makes it again."""


class ArchiveError(StorageError):
    """An operation on the archive failed.  Nothing is half done there."""


class ArchiveAway(ArchiveError):
    """The archive does not answer, or not in time.  The caller may retry."""


class ArchiveFull(ArchiveError):
    """The archive has no space, or its quota is used up."""


class ArchiveRefused(ArchiveError):
    """The archive's address or bucket is wrong, or it refuses the credentials."""


class ArchiveTaken(ArchiveError):
    """Another writer has committed to the archive, which belongs to one data root."""


class DamagedObject(ArchiveError):
    """An object of the archive is gone, or its bytes disagree with their checksum."""


class BadBackup(StorageError):
    """An archive is damaged, cut short, or not a backup.  Nothing was restored."""


class UnknownExport(StorageError):
    """An exported file has an unknown format, or is not where its format expects it."""


class UnreadableExport(StorageError):
    """An exported file was opened, and reading it failed.  The message is that of the system."""


class BadPartitionSchema(StorageError):
    """Not a valid partition schema.  The message names the wrong part."""


class NotAPartition(StorageError):
    """Not a path of a partition below its base folder."""


class NotARow(StorageError):
    """Numbers that are not a packed histogram of these buckets."""
