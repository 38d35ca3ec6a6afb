"""
The ledger: what was read, what was written, what was counted, in one SQLite file.

One transaction of it is the converter's commit point (docs/decisions/0001):
files are appended and synced inside it, and exist for readers once it ended.
"""

import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from storage.data_root import DataRoot
from storage.errors import LedgerError, LostLedger, OtherVersion
from storage.found_files import first_stored_file
from storage.identity import CommitMark
from storage.ledger.clock import ClockRecord
from storage.ledger.connection import (
    REMEDY,
    Connection,
    connect,
    connect_for_reading,
    connect_in_memory,
)
from storage.ledger.file_index import committed_paths, files_below
from storage.ledger.schema import ADD_SINCE, TABLES, VERSION
from storage.ledger.table_files import TableQueries
from storage.ledger.transaction import Transaction
from storage.ledger.values import (
    DayBooks,
    Entry,
    Life,
    PendingPing,
    Positions,
    SegmentPosition,
    StoredFile,
)

MAX_NAMES_IN_QUERY = 500  # above that, the whole table costs less


class _Unmade(LedgerError):
    """A ledger that nobody finished making."""


def refuse_lost(root: DataRoot) -> None:
    """Raises `LostLedger` if *root* has no ledger, and files that one knew: none may begin beside them."""
    held = first_stored_file(root.path)
    if held is None:
        return
    try:
        # Another process may have made it since, and the file with it.
        Ledger(root.ledger, read_only=True).close()
    except _Unmade:
        raise LostLedger(
            f"{root.ledger}: the ledger is gone, and its files are there; {REMEDY} (such as {held})"
        ) from None


class Ledger(TableQueries):
    """
    The ledger of one data root.

    One process at a time writes (whoever holds the converter's lock); any
    number read beside it.  Use it in one thread at a time.
    """

    def __init__(self, path: Path, *, read_only: bool = False, mark: CommitMark | None = None) -> None:
        """
        Open the ledger at *path*, and create it unless *read_only*.

        Args:
            mark: Is given the number of each commit.

        Raises:
            LedgerError: It cannot be opened.
            OtherVersion: A newer server wrote it.
            StorageFull: There is no room to open it.
        """
        self.path = path
        self._read_only = read_only
        self._mark = mark
        self._open()

    def _open(self) -> None:
        path = self.path
        self._scopes: dict[tuple[str, str], int] = {}
        if self._read_only and not path.exists():
            raise _Unmade(f"{path}: there is no ledger; is this a data root?")
        try:
            self._connection: Connection = (connect_for_reading if self._read_only else connect)(path)
        except sqlite3.Error as error:
            raise LedgerError(f"{path}: {error}; is the disk full, or the file damaged?") from error
        try:
            if not self._read_only:
                path.chmod(0o600)
                self._connection.execute("PRAGMA journal_mode = WAL")
                # A commit must outlive a power cut: FULL syncs the write-ahead log each time.
                self._connection.execute("PRAGMA synchronous = FULL")
                # SQLite opens what it may not write for reading only, and says nothing.
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
    def for_reading(cls, root: DataRoot) -> "Ledger":
        """
        The ledger of *root* for a command that only looks; an empty one where nothing was converted yet.

        Nothing on the disk is created or changed.

        Raises:
            NoDataRoot: There is no data root at *root*.
            LostLedger: It is gone, and files are there that it knew.
            LedgerError: The ledger cannot be opened.
        """
        root.check_present()
        try:
            return cls(root.ledger, read_only=True)
        except _Unmade:
            refuse_lost(root)
        return cls.empty(root.ledger)

    @classmethod
    def empty(cls, path: Path) -> "Ledger":
        """A ledger in memory that knows nothing, until `follow_replacement` finds one at *path*."""
        ledger = cls.__new__(cls)
        ledger.path = path
        ledger._read_only = True
        ledger._mark = None
        ledger._scopes = {}
        ledger._inode = None
        ledger._connection = connect_in_memory()
        ledger._check_version(create=True)
        return ledger

    @property
    def is_absent(self) -> bool:
        """Whether this is an empty one in memory, in place of a file that is not made yet."""
        return self._inode is None

    def follow_replacement(self) -> bool:
        """
        Open the file anew if `repair` has put another in its place.  Returns whether it had.

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
                f"{self.path}: the ledger is gone, removed while it was in use; {REMEDY}"
            ) from None
        if inode == self._inode:
            return False
        before = self._connection
        try:
            self._open()
        except _Unmade:
            self._connection = before  # another process is about to make it
            return False
        before.close()
        return True

    def _check_version(self, *, create: bool) -> None:
        (version,) = self._connection.execute("PRAGMA user_version").fetchone()
        if version > VERSION or version < 0:
            raise OtherVersion(
                f"{self.path}: a server of another version wrote it (version {version}, this one knows up to"
                f" {VERSION}); run that server, or {REMEDY}"
            )
        if version < VERSION and create:
            self._connection.executescript(f"BEGIN IMMEDIATE;{TABLES}PRAGMA user_version = {VERSION};COMMIT;")
            version = VERSION
        elif version == VERSION and create and not self.has_tables():
            # A release without tables made it.
            self._connection.executescript(f"BEGIN IMMEDIATE;{TABLES}COMMIT;")
        elif version == 0:
            raise _Unmade(f"{self.path}: there is nothing in it; whoever made it was cut short")
        if create and not self._has_column("pending", "since"):
            self._connection.executescript(f"BEGIN IMMEDIATE;{ADD_SINCE}COMMIT;")
        self._version = version

    def _has_column(self, table: str, column: str) -> bool:
        (count,) = self._connection.execute(
            "SELECT count(*) FROM pragma_table_info(?) WHERE name = ?", (table, column)
        ).fetchone()
        return bool(count)

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> "Ledger":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- writing

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """
        All of it, or none of it, and durable once the block ends without an exception.

        Raises:
            StorageFull: SQLite found no room; nothing changed.
            LedgerError: The disk failed; nothing changed.
        """
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            transaction = Transaction(connection)
            yield transaction
            commits = transaction.count_commit()
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        if self._mark is not None:
            self._mark.note(commits)

    # -- reading

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """What is read inside the block is all of one moment."""
        self._connection.execute("BEGIN")
        try:
            yield
        finally:
            self._connection.execute("ROLLBACK")

    def copy_to(self, path: Path) -> None:
        """Write the ledger as it is at this moment to the new file *path*."""
        copy = connect(path)
        try:
            self._connection.backup(copy)
        finally:
            copy.close()

    def generation(self) -> int:
        """A number that changes when another process committed."""
        (number,) = self._connection.execute("PRAGMA data_version").fetchone()
        return int(number)

    def positions(self, names: Collection[str] | None = None) -> Positions:
        """
        Every segment that was read from, by name, or those of *names*; in the order of first reading.

        What was swept is in it, too.
        """
        query = "SELECT name, position, records, finished FROM segments"
        if names is None or len(names) > MAX_NAMES_IN_QUERY:
            rows = self._connection.execute(f"{query} ORDER BY segment_id")
        else:
            wanted = f" WHERE name IN ({','.join('?' * len(names))})"
            rows = self._connection.execute(f"{query}{wanted} ORDER BY segment_id", tuple(names))
        known = {
            name: SegmentPosition(position, records, bool(done)) for name, position, records, done in rows
        }
        return Positions(known, self.swept())

    def swept(self) -> dict[str, list[tuple[int, int]]]:
        """Numbers of the segments that were converted and removed, as ranges, by series."""
        found: dict[str, list[tuple[int, int]]] = {}
        if self._version >= 2:
            for series, first, last in self._connection.execute("SELECT series, first, last FROM swept"):
                found.setdefault(series, []).append((first, last))
        return found

    def root_id(self) -> str | None:
        """The data root that this ledger is of; None where a server of version 1 wrote it."""
        if self._version < 2:
            return None
        row = self._connection.execute("SELECT root_id FROM root").fetchone()
        return None if row is None else str(row[0])

    def counter(self, name: str) -> int:
        """Where the counter ``file`` or ``commit`` stands."""
        row = self._connection.execute("SELECT value FROM counters WHERE name = ?", (name,)).fetchone()
        return 0 if row is None else int(row[0])

    def files(self, below: str = "", *, open_only: bool = False) -> list[StoredFile]:
        """Committed files whose directory is *below* or under it, in order of directory and name."""
        return files_below(self._connection, below, open_only=open_only)

    def committed(self, paths: Iterable[str]) -> set[str]:
        """Those of *paths* (below the data root) that are committed files."""
        return committed_paths(self._connection, paths)

    def clock(self) -> ClockRecord | None:
        """The clock that expiry goes by, as it was at the last look; None before the first."""
        rows = self._connection.execute("SELECT name, value FROM counters WHERE name LIKE 'clock_%'")
        return ClockRecord.of_numbers(dict(rows))

    def received_count(self) -> int:
        """How many submissions were ever received."""
        (count,) = self._connection.execute(
            "SELECT coalesce(sum(count), 0) FROM tally WHERE entry = ?", (Entry.RECEIVED,)
        ).fetchone()
        return int(count)

    def newest_arrival_day(self) -> str | None:
        """The latest day (YYYYMMDD) that a committed submission arrived on; None if there is none."""
        (day,) = self._connection.execute(
            "SELECT max(day) FROM tally WHERE entry = ? AND count > 0", (Entry.RECEIVED,)
        ).fetchone()
        return None if day is None else str(day)

    def doubtful(self) -> list[str]:
        """Paths that a crash may have left behind."""
        return [path for (path,) in self._connection.execute("SELECT path FROM doubtful")]

    def schemas(self) -> dict[int, str]:
        """Every partition schema that was in force, as JSON."""
        return dict(self._connection.execute("SELECT schema_id, schema FROM schemas"))

    def seen_digest(self, document_id: bytes, namespace: str, doctype: str) -> int | None:
        """The digest of the stored ping with this id, if there is one; asked for outside of transactions."""
        scope = self._scope(namespace, doctype)
        if scope is None:
            return None
        row = self._connection.execute(
            "SELECT digest FROM seen WHERE document_id = ? AND scope_id = ?", (document_id, scope)
        ).fetchone()
        return None if row is None else int(row[0])

    def _scope(self, namespace: str, doctype: str) -> int | None:
        """The number of a namespace and doctype, which keep it for good once they have one."""
        key = namespace, doctype
        scope = self._scopes.get(key)
        if scope is None:
            row = self._connection.execute(
                "SELECT scope_id FROM scopes WHERE namespace = ? AND doctype = ?", key
            ).fetchone()
            if row is None:
                return None
            scope = self._scopes[key] = int(row[0])
        return scope

    def lives(self, document_id: bytes) -> list[Life]:
        """All that became of an id: stored first, then pending, then refused, latest first."""
        execute = self._connection.execute
        lives = [
            Life("stored", directory=directory, namespace=namespace, doctype=doctype)
            for directory, namespace, doctype in execute(
                "SELECT directory, namespace, doctype FROM seen JOIN scopes USING (scope_id)"
                " JOIN directories USING (directory_id) WHERE document_id = ?",
                (document_id,),
            )
        ]
        lives += [
            Life("pending", detail=revision, segment=segment, offset=offset, length=length)
            for revision, segment, offset, length in execute(
                "SELECT revision, name, offset, length FROM pending JOIN segments USING (segment_id)"
                " WHERE document_id = ?",
                (document_id,),
            )
        ]
        lives += [
            Life(outcome, reason, detail, received_at)
            for outcome, reason, detail, received_at in execute(
                "SELECT outcome, reason, detail, received_at FROM refused"
                " WHERE document_id = ? ORDER BY rowid DESC",
                (document_id,),
            )
        ]
        return lives

    def pending(
        self, revisions: Sequence[str] | None = None, *, since_before: int | None = None
    ) -> list[PendingPing]:
        """
        What waits for definitions, or for those of *revisions*, in order of arrival in the segments.

        Args:
            since_before: Only what has waited since before that moment, in s since 1970.
        """
        conditions = [] if revisions is None else [f"revision IN ({','.join('?' * len(revisions))})"]
        conditions += [] if since_before is None else [f"since <= {int(since_before)}"]
        wanted = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        query = (
            "SELECT pending_id, name, offset, length, day, revision, document_id"  # noqa: S608 - question marks
            f" FROM pending JOIN segments USING (segment_id){wanted} ORDER BY pending_id"
        )
        rows = self._connection.execute(query, tuple(revisions or ()))
        return [PendingPing(*row) for row in rows]

    def newest_pending(self, limit: int) -> list[PendingPing]:
        """The last *limit* submissions that wait for definitions, in the order in which they began to."""
        return self._pending_where("pending_id > (SELECT max(pending_id) FROM pending) - ?", limit)

    def pending_in(self, segment: str, start: int) -> list[PendingPing]:
        """What waits for definitions in *segment* from *start* on, in order."""
        return self._pending_where("name = ? AND offset >= ?", segment, start)

    def _pending_where(self, condition: str, *values: str | int) -> list[PendingPing]:
        query = (
            "SELECT pending_id, name, offset, length, day, revision, document_id"  # noqa: S608 - our own text
            f" FROM pending JOIN segments USING (segment_id) WHERE {condition} ORDER BY pending_id"
        )
        return [PendingPing(*row) for row in self._connection.execute(query, values)]

    def pending_count(self) -> int:
        """How many submissions wait for definitions."""
        (count,) = self._connection.execute("SELECT count(*) FROM pending").fetchone()
        return int(count)

    def waiting_since(self) -> int | None:
        """When the longest wait for definitions began, in s since 1970; None if nothing waits."""
        (since,) = self._connection.execute("SELECT min(since) FROM pending").fetchone()
        return None if since is None else int(since)

    def awaited_revisions(self, after: str, limit: int) -> list[str]:
        """Up to *limit* revisions that something waits for, in order, from the one behind *after*."""
        rows = self._connection.execute(
            "SELECT DISTINCT revision FROM pending WHERE revision > ? ORDER BY revision LIMIT ?",
            (after, limit),
        )
        return [revision for (revision,) in rows]

    def most_awaited_revisions(self, limit: int) -> list[str]:
        """Up to *limit* revisions, the one that most submissions wait for first, the older of two equals."""
        rows = self._connection.execute(
            "SELECT revision FROM pending WHERE revision <> '' GROUP BY revision"
            " ORDER BY count(*) DESC, min(pending_id) LIMIT ?",
            (limit,),
        )
        return [revision for (revision,) in rows]

    def pending_segments(self) -> set[str]:
        """Names of segments that something pending points into."""
        rows = self._connection.execute("SELECT DISTINCT name FROM pending JOIN segments USING (segment_id)")
        return {name for (name,) in rows}

    def tally(self) -> dict[tuple[str, Entry, str], int]:
        """Every count, by day, entry and reason."""
        rows = self._connection.execute(
            "SELECT day, entry, reason, count FROM tally ORDER BY day, entry, reason"
        )
        return {(day, Entry(entry), reason): count for day, entry, reason, count in rows}

    def books(self) -> dict[str, DayBooks]:
        """The books by day, of all that was read; what else waits in raw/ is in none."""
        sums: dict[str, dict[str, int]] = {}
        reasons: dict[str, dict[str, int]] = {}
        columns = set(DayBooks.__dataclass_fields__)
        for (day, entry, reason), count in self.tally().items():
            if entry not in columns:
                continue
            books = sums.setdefault(day, {})
            books[entry] = books.get(entry, 0) + count
            if entry is Entry.QUARANTINED and count:
                reasons.setdefault(day, {})[reason] = count
        waiting = list(self._connection.execute("SELECT day, count(*) FROM pending GROUP BY day"))
        for day, count in waiting:
            books = sums.setdefault(day, {})
            books["pending"] = books.get("pending", 0) + count
        return {day: DayBooks(**books, reasons=reasons.get(day, {})) for day, books in sorted(sums.items())}
