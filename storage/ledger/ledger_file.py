"""Opens the ledger's SQLite file, creates its tables, and follows a file that `repair` replaced."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Self

from storage.data_root import DataRoot
from storage.errors import LedgerError, LostLedger, OtherVersion
from storage.ledger.connection import (
    REMEDY,
    Connection,
    connect,
    connect_for_reading,
    connect_in_memory,
)

if TYPE_CHECKING:
    from storage.identity import CommitMark

VERSION = 3
"""The format that this server writes.  Older ledgers are read, and upgraded when written."""


class MissingLedger(LedgerError):
    """The ledger file does not exist, or has no tables yet."""


def refuse_lost(root: DataRoot) -> None:
    """Raise `LostLedger` if *root* has stored files but no ledger: a new one must not begin beside them."""
    from storage.found_files import first_stored_file

    held = first_stored_file(root.path)
    if held is None:
        return
    try:
        # Another process may have created both the ledger and the file meanwhile.
        LedgerFile(root.ledger, read_only=True).close()
    except MissingLedger:
        raise LostLedger(
            f"{root.ledger}: the ledger is gone, but its files are there; {REMEDY} (files such as {held})"
        ) from None


class LedgerFile:
    """
    The ledger's file, open: for writing, for reading, or an empty one in memory.

    Subclasses add transactions and queries.
    """

    def __init__(self, path: Path, *, read_only: bool = False, mark: "CommitMark | None" = None) -> None:
        """
        Open the ledger at *path*; create it unless *read_only*.

        Args:
            mark: Records the number of each commit.

        Raises:
            LedgerError: It cannot be opened.
            OtherVersion: A newer server wrote it.
            StorageFull: Not enough space to open it.
        """
        self.path = path
        self._read_only = read_only
        self._mark = mark
        self._open()

    def _open(self) -> None:
        path = self.path
        self._scopes: dict[tuple[str, str], int] = {}
        self._has_archive = False
        if self._read_only and not path.exists():
            raise MissingLedger(f"{path}: no ledger found; is this a data root?")
        try:
            self._connection: Connection = (connect_for_reading if self._read_only else connect)(path)
        except sqlite3.Error as error:
            raise LedgerError(f"{path}: {error}; is the disk full, or the file damaged?") from error
        try:
            if not self._read_only:
                path.chmod(0o600)
                self._connection.execute("PRAGMA journal_mode = WAL")
                # A commit must survive a power cut: FULL syncs the write-ahead log each time.
                self._connection.execute("PRAGMA synchronous = FULL")
                # SQLite silently opens a file without write permission read-only; this fails early.
                self._connection.execute("BEGIN IMMEDIATE")
                self._connection.execute("ROLLBACK")
            self._connection.execute("PRAGMA cache_size = -65536")
            self._check_version(create=not self._read_only)
            self._inode: int | None = path.stat().st_ino
        except BaseException as error:
            self._connection.close()
            if isinstance(error, sqlite3.Error):
                raise LedgerError(f"{path}: {error}; is the disk full, or the file damaged?") from error
            raise

    @classmethod
    def for_reading(cls, root: DataRoot) -> Self:
        """
        Return the ledger of *root* for reading; an empty one if nothing was converted yet.

        Nothing on disk is created or changed.

        Raises:
            NoDataRoot: No data root exists at *root*.
            LostLedger: It is missing, but its files are there.
            LedgerError: The ledger cannot be opened.
        """
        root.check_present()
        try:
            return cls(root.ledger, read_only=True)
        except MissingLedger:
            refuse_lost(root)
        return cls.empty(root.ledger)

    @classmethod
    def empty(cls, path: Path) -> Self:
        """Return an empty ledger in memory; `follow_replacement` opens the file at *path* once it exists."""
        ledger = cls.__new__(cls)
        ledger.path = path
        ledger._read_only = True
        ledger._mark = None
        ledger._scopes = {}
        ledger._has_archive = False
        ledger._inode = None
        ledger._connection = connect_in_memory()
        ledger._check_version(create=True)
        return ledger

    @property
    def is_absent(self) -> bool:
        """Whether this is the empty ledger in memory: the file does not exist yet."""
        return self._inode is None

    def follow_replacement(self) -> bool:
        """
        Open the file again if `repair` replaced it.  Returns whether it did.

        Raises:
            LostLedger: The file was removed.
            LedgerError: The new one cannot be opened.
        """
        try:
            inode = self.path.stat().st_ino
        except FileNotFoundError:
            if self.is_absent:
                return False
            raise LostLedger(
                f"{self.path}: the ledger is gone: it was removed while in use; {REMEDY}"
            ) from None
        if inode == self._inode:
            return False
        before = self._connection
        try:
            self._open()
        except MissingLedger:
            self._connection = before  # another process is creating it
            return False
        before.close()
        return True

    def _check_version(self, *, create: bool) -> None:
        (version,) = self._connection.execute("PRAGMA user_version").fetchone()
        if version > VERSION or version < 0:
            raise OtherVersion(
                f"{self.path}: a server of another version wrote it (version {version}, this server"
                f" reads up to {VERSION}); run that server, or {REMEDY}"
            )
        if create:
            self._upgrade(version)
            version = VERSION
        elif version == 0:
            raise MissingLedger(f"{self.path}: empty; the process that created it was killed")
        self._version = version

    def _upgrade(self, version: int) -> None:
        """Create the tables that a ledger of *version* lacks; version 0 has none."""
        # Imported here, because reading a ledger needs no schema.
        from storage.ledger.archived_files import ARCHIVE_TABLES
        from storage.ledger.forgotten_schema import FORGOTTEN, NO_EARLIER_ORDERS
        from storage.ledger.schema import ADD_SINCE, ARRIVALS, FORGET_TABLES, TABLES

        if version < VERSION:
            first = NO_EARLIER_ORDERS if version == 0 else ""
            script = f"BEGIN IMMEDIATE;{TABLES}{FORGET_TABLES}{first}PRAGMA user_version = {VERSION};COMMIT;"
            self._connection.executescript(script)
        if not self._has_column("pending", "since"):
            self._connection.executescript(f"BEGIN IMMEDIATE;{ADD_SINCE}COMMIT;")
        if not self._has_column("arrivals", "at"):
            self._connection.executescript(f"BEGIN IMMEDIATE;{ARRIVALS}COMMIT;")
        if not self._has_column("orders", "state"):
            self._connection.executescript(f"BEGIN IMMEDIATE;{FORGOTTEN}COMMIT;")
        if not self._has_column("removed_objects", "day"):
            self._connection.executescript(f"BEGIN IMMEDIATE;{ARCHIVE_TABLES}COMMIT;")

    def _has_column(self, table: str, column: str) -> bool:
        (count,) = self._connection.execute(
            "SELECT count(*) FROM pragma_table_info(?) WHERE name = ?", (table, column)
        ).fetchone()
        return bool(count)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Make all reads inside the block see the same state."""
        self._connection.execute("BEGIN")
        try:
            yield
        finally:
            self._connection.execute("ROLLBACK")

    def copy_to(self, path: Path) -> None:
        """Write a consistent copy of the ledger to the new file *path*."""
        copy = connect(path)
        try:
            self._connection.backup(copy)
        finally:
            copy.close()

    def generation(self) -> int:
        """Return a number that changes when another process commits."""
        (number,) = self._connection.execute("PRAGMA data_version").fetchone()
        return int(number)
