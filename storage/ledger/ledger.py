"""
The ledger: what was read, what was written, what was counted, in one SQLite file.

One of its transactions is the converter's commit point (docs/decisions/0001):
files are appended and synced inside it, and readers see them once it has ended.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress

from storage.errors import StorageFull
from storage.ledger import day_books, pending_pings
from storage.ledger.archived_files import ArchiveQueries
from storage.ledger.clock import ClockRecord
from storage.ledger.file_index import committed_paths, files_below
from storage.ledger.forgotten import ForgottenQueries
from storage.ledger.id_outcomes import outcomes_of_id, refusals_by_hour, refusals_of_day
from storage.ledger.tables_ledger import TablesLedger
from storage.ledger.transaction import Transaction
from storage.ledger.values import (
    DayBooks,
    Entry,
    IdOutcome,
    PendingPing,
    Positions,
    SegmentPosition,
    StoredFile,
)

MAX_NAMES_IN_QUERY = 500  # above that, reading the whole table is cheaper


class Ledger(TablesLedger, ForgottenQueries, ArchiveQueries):
    """
    The ledger of one data root: its transactions, and its queries.

    One process at a time writes: the one that holds the converter's lock.  Any number of
    processes read at the same time.  Use an object in one thread at a time.
    """

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """
        Commit all changes of the block, durably; none if it raises.

        Raises:
            StorageFull: no space for SQLite; nothing changed.
            LedgerError: The disk failed; nothing changed, once `settle` or another commit succeeded.
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

    def settle(self) -> None:
        """
        Commit nothing, so that a commit that failed before cannot come back.

        SQLite writes a commit into its log, and then syncs the log.  If the sync fails, every connection sees
        the state before.  But the log holds the whole commit.  If all processes end before another commit,
        the next process that opens the ledger reads it as done.  So call this before you cut or remove files.

        Raises:
            LedgerError: The disk failed.
        """
        # On a full disk the log has no whole commit, and what is removed makes room.
        with suppress(StorageFull), self.transaction():
            pass

    def positions(self, names: Collection[str] | None = None) -> Positions:
        """
        Return the position of every segment that was read from, or of *names*; in order of first reading.

        Removed segments are known, too: see `Positions`.
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
        """Return ranges of the segment numbers that were converted and removed, by series."""
        found: dict[str, list[tuple[int, int]]] = {}
        if self._version >= 2:
            for series, first, last in self._connection.execute("SELECT series, first, last FROM swept"):
                found.setdefault(series, []).append((first, last))
        return found

    def root_id(self) -> str | None:
        """Return the id of the data root; None in a ledger of format 1."""
        if self._version < 2:
            return None
        row = self._connection.execute("SELECT root_id FROM root").fetchone()
        return None if row is None else str(row[0])

    def counter(self, name: str) -> int:
        """Return the counter ``file`` or ``commit``."""
        row = self._connection.execute("SELECT value FROM counters WHERE name = ?", (name,)).fetchone()
        return 0 if row is None else int(row[0])

    def files(self, below: str = "", *, open_only: bool = False) -> list[StoredFile]:
        """Return the committed files in the directory *below* or under it, sorted by directory and name."""
        return files_below(self._connection, below, open_only=open_only)

    def committed(self, paths: Iterable[str]) -> set[str]:
        """Return the *paths* (relative to the data root) that are committed files."""
        return committed_paths(self._connection, paths)

    def clock(self) -> ClockRecord | None:
        """Return the expiry clock as last recorded; None before the first time."""
        rows = self._connection.execute("SELECT name, value FROM counters WHERE name LIKE 'clock_%'")
        return ClockRecord.of_numbers(dict(rows))

    def doubtful(self) -> list[str]:
        """Return the paths of files that a crash may have left behind."""
        return [path for (path,) in self._connection.execute("SELECT path FROM doubtful")]

    def schemas(self) -> dict[int, str]:
        """Return every partition schema that was ever used, as JSON, by its id."""
        return dict(self._connection.execute("SELECT schema_id, schema FROM schemas"))

    def stored_doctypes(self) -> list[tuple[str, str]]:
        """Return namespace and doctype of everything that was ever stored, sorted."""
        rows = self._connection.execute("SELECT namespace, doctype FROM scopes ORDER BY namespace, doctype")
        return [(namespace, doctype) for namespace, doctype in rows]

    def seen_digest(self, document_id: bytes, namespace: str, doctype: str) -> int | None:
        """Return the digest of the stored ping with this id, or None; call it outside of transactions."""
        scope = self._scope(namespace, doctype)
        if scope is None:
            return None
        row = self._connection.execute(
            "SELECT digest FROM seen WHERE document_id = ? AND scope_id = ?", (document_id, scope)
        ).fetchone()
        return None if row is None else int(row[0])

    def last_arrival(self, namespace: str, doctype: str, client: bytes) -> int | None:
        """Return when the latest ping of a client came, in µs since 1970; call it outside of transactions."""
        scope = self._scope(namespace, doctype)
        if scope is None:
            return None
        row = self._connection.execute(
            "SELECT at FROM arrivals WHERE scope_id = ? AND client = ?", (scope, client)
        ).fetchone()
        return None if row is None else int(row[0])

    def _scope(self, namespace: str, doctype: str) -> int | None:
        """Return the id of a namespace and doctype, or None.  An id never changes, so it is cached."""
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

    def outcomes_of(self, document_id: bytes) -> list[IdOutcome]:
        """Return the outcomes of an id: stored first, then pending, then refused ones, latest first."""
        return outcomes_of_id(self._connection, document_id)

    def refusals(self, day: str, outcomes: Collection[str]) -> Iterator[tuple[bytes, IdOutcome]]:
        """Yield id and outcome of the submissions of *day* (YYYYMMDD) that have one of *outcomes*."""
        return refusals_of_day(self._connection, day, outcomes)

    def refusals_by_hour(self, since: str, until: str) -> list[tuple[str, str, str, int]]:
        """Return hour (``2026-11-27T14``), outcome, reason and count of what was not stored."""
        return refusals_by_hour(self._connection, since, until)

    def pending(
        self, revisions: Sequence[str] | None = None, *, since_before: int | None = None
    ) -> list[PendingPing]:
        """
        Return the submissions that wait for definitions, in the order in which they began to wait.

        Args:
            revisions: Only those that wait for one of these.
            since_before: Only those that have waited since before this moment, in s since 1970.
        """
        return pending_pings.pending(self._connection, revisions, since_before)

    def newest_pending(self, limit: int) -> list[PendingPing]:
        """Return the last *limit* submissions that wait for definitions, the newest last."""
        return pending_pings.newest(self._connection, limit)

    def pending_in(self, segment: str, start: int) -> list[PendingPing]:
        """Return the submissions of *segment* that wait for definitions, from offset *start* on, in order."""
        return pending_pings.in_segment(self._connection, segment, start)

    def pending_count(self) -> int:
        """Return how many submissions wait for definitions."""
        return pending_pings.count(self._connection)

    def waiting_since(self) -> int | None:
        """Return when the longest wait for definitions began, in s since 1970; None if nothing waits."""
        return pending_pings.waiting_since(self._connection)

    def awaited_revisions(self, after: str, limit: int) -> list[str]:
        """Return up to *limit* awaited revisions greater than *after*, sorted."""
        return pending_pings.awaited_revisions(self._connection, after, limit)

    def most_awaited_revisions(self, limit: int) -> list[str]:
        """Return up to *limit* revisions, the most awaited first; of equals the older first."""
        return pending_pings.most_awaited_revisions(self._connection, limit)

    def pending_segments(self) -> set[str]:
        """Return the names of the segments that hold waiting submissions."""
        return pending_pings.segments(self._connection)

    def tally(self) -> dict[tuple[str, Entry, str], int]:
        """Return every count, by day, entry and reason."""
        return day_books.tally(self._connection)

    def books(self) -> dict[str, DayBooks]:
        """Return the books by day.  They cover what was read from raw/, not what is still unread there."""
        return day_books.books(self._connection)

    def received_count(self) -> int:
        """Return how many submissions were ever received."""
        return day_books.received_count(self._connection)

    def newest_arrival_day(self) -> str | None:
        """Return the latest day (YYYYMMDD) on which a committed submission arrived; None if there is none."""
        return day_books.newest_arrival_day(self._connection)
