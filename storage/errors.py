"""
What can go wrong with bytes on disk.

::

    StorageError
    ├── StorageFull      no room; nothing was promised
    ├── WriterBusy       too much is waiting, or the disk is slow; nothing was promised
    ├── WriterClosed     the writer is draining for shutdown
    ├── WriterDead       a sync failed: nothing after it can be trusted
    ├── TornRecord       a record ends before its length says
    ├── DamagedRecord    a record's checksum disagrees with its bytes
    ├── LostFile         a file that was committed is gone
    ├── NoDataRoot       there is nothing at the path that was named
    ├── StrayFile        a file is there that the ledger does not know
    ├── LedgerError      the ledger cannot be opened
    │   └── UnfitLedger      it is not the ledger of these files; nothing is changed until `repair`
    │       ├── LostLedger       it is gone, and its files are there
    │       ├── OlderLedger      it is an older copy than the files
    │       ├── ForeignLedger    it is another data root's
    │       ├── OtherVersion     a server of another version wrote it
    │       └── DamagedLedger    its bytes make no sense
    ├── BadBackup        an archive is damaged, cut short, or not a backup
    ├── UnknownExport    an exported file that no reader knows, or a partition file outside its base
    ├── BadPartitionSchema  a text is no partition schema
    ├── NotAPartition    a path is not that of a partition below its base
    └── NotARow          numbers that are no histogram of these buckets
"""

import errno

# Errors of a full disk or quota.
NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


class StorageError(Exception):
    """Anything that the stores could not do."""


class StorageFull(StorageError):
    """There is no room: nothing was promised, so whoever asked may try again."""


class WriterBusy(StorageError):
    """Too much is waiting for the disk: nothing was promised, so whoever asked may try again."""


class WriterClosed(StorageError):
    """The writer is draining for shutdown and takes nothing more."""


class WriterDead(StorageError):
    """A sync failed.  What the file holds is unknown until it is read anew."""


class TornRecord(StorageError):
    """A record ends before its length says."""


class DamagedRecord(StorageError):
    """A record's checksum disagrees with its bytes."""


class LostFile(StorageError):
    """A file that was committed is gone.  Nothing here can bring it back."""

    def __init__(self, path: str) -> None:
        super().__init__(
            f"{path}: committed bytes are missing (disk failure, or changed by hand?);"
            " put the file back, or run: telemetry-server repair --dry-run"
        )


class NoDataRoot(StorageError):
    """There is no data root at the path that was named."""


class StrayFile(StorageError):
    """A file is in the place of a new one, and the ledger does not know it.  It stays as it is."""

    def __init__(self, path: str) -> None:
        super().__init__(
            f"{path}: the ledger does not know this file, so it is not replaced;"
            " run: telemetry-server repair --dry-run"
        )


class LedgerError(StorageError):
    """The ledger cannot be opened."""


class UnfitLedger(LedgerError):
    """The ledger is not the one of the files beside it.  Nothing is changed until `repair`."""


class LostLedger(UnfitLedger):
    """The ledger is gone, and its files are there."""


class OlderLedger(UnfitLedger):
    """The ledger is an older copy: it does not know all commits that the files hold."""


class ForeignLedger(UnfitLedger):
    """The ledger is another data root's."""


class DamagedLedger(UnfitLedger):
    """The ledger's bytes make no sense."""


class OtherVersion(UnfitLedger):
    """A server of another version wrote the ledger."""


class BadBackup(StorageError):
    """An archive is damaged, cut short, or not a backup.  Nothing was restored."""


class UnknownExport(StorageError):
    """An exported file is in no form that the readers know, or does not lie where its form says."""


class BadPartitionSchema(StorageError):
    """A text is no partition schema.  The message names the part that is wrong."""


class NotAPartition(StorageError):
    """A path is not that of a partition below its base."""


class NotARow(StorageError):
    """Numbers that are no packed histogram of these buckets."""
