"""The changes that one commit makes to the ledger."""

import sqlite3
from collections.abc import Iterable

from storage.ledger.archived_files import ArchiveChanges
from storage.ledger.clock import ClockRecord
from storage.ledger.forgotten import ForgottenChanges
from storage.ledger.removed_days import DayRemoval
from storage.ledger.table_files import TableFile
from storage.ledger.values import Counts, SegmentPosition, StoredFile, series_of


class Transaction(DayRemoval, ForgottenChanges, ArchiveChanges):
    """The changes of one commit; made by `Ledger.transaction`, which ends it."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._execute = connection.execute
        self._executemany = connection.executemany
        self._scopes: dict[tuple[str, str], int] = {}
        self._directories: dict[str, int] = {}

    def _intern(self, table: str, key: str, columns: tuple[str, ...], values: tuple[str, ...]) -> int:
        """Return the id of a row in a table of names; insert it if missing.  Table names are constants."""
        where = " AND ".join(f"{column} = ?" for column in columns)
        row = self._execute(f"SELECT {key} FROM {table} WHERE {where}", values).fetchone()  # noqa: S608
        if row is not None:
            return int(row[0])
        holes = ", ".join("?" * len(values))
        self._execute(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({holes})", values)  # noqa: S608
        return self._intern(table, key, columns, values)

    def scope(self, namespace: str, doctype: str) -> int:
        """Return the id of a namespace and doctype."""
        key = namespace, doctype
        if key not in self._scopes:
            self._scopes[key] = self._intern("scopes", "scope_id", ("namespace", "doctype"), key)
        return self._scopes[key]

    def directory(self, directory: str) -> int:
        """Return the id of a partition's directory."""
        if directory not in self._directories:
            self._directories[directory] = self._intern(
                "directories", "directory_id", ("directory",), (directory,)
            )
        return self._directories[directory]

    def schema(self, text: str) -> int:
        """Return the id of a partition schema, given as JSON."""
        return self._intern("schemas", "schema_id", ("schema",), (text,))

    def remember(
        self, document_id: bytes, namespace: str, doctype: str, *, digest: int, day: str, directory: str
    ) -> None:
        """
        Remember a stored ping's id; *day* decides when it expires.

        Raises:
            sqlite3.IntegrityError: The id is already remembered.
        """
        self.remember_all([(document_id, namespace, doctype, digest, day, directory)])

    def remember_all(self, stored: Iterable[tuple[bytes, str, str, int, str, str]]) -> None:
        """
        Remember the ids of *stored* pings, each with namespace, doctype, digest, day and directory.

        Raises:
            sqlite3.IntegrityError: One of them is already remembered.
        """
        self._executemany(
            "INSERT INTO seen VALUES (?, ?, ?, ?, ?)",
            [
                (document_id, self.scope(namespace, doctype), digest, int(day), self.directory(directory))
                for document_id, namespace, doctype, digest, day, directory in stored
            ],
        )

    def remember_latest(
        self, document_id: bytes, namespace: str, doctype: str, *, digest: int, day: str, directory: str
    ) -> None:
        """Remember a stored ping's id; replace an older entry, as an id may return after dedup_days."""
        key = document_id, self.scope(namespace, doctype)
        self._execute("DELETE FROM seen WHERE document_id = ? AND scope_id = ?", key)
        self.remember(document_id, namespace, doctype, digest=digest, day=day, directory=directory)

    def forget_before(self, day: str) -> int:
        """Delete ids and arrivals that were stored before *day*; return how many ids."""
        self._execute("DELETE FROM arrivals WHERE day < ?", (int(day),))
        return self._execute("DELETE FROM seen WHERE day < ?", (int(day),)).rowcount

    def put_arrival(self, namespace: str, doctype: str, client: bytes, *, at: int, day: str) -> None:
        """Store when the latest ping of a client came, in µs since 1970; *day* decides when it expires."""
        self._execute(
            "INSERT OR REPLACE INTO arrivals VALUES (?, ?, ?, ?)",
            (self.scope(namespace, doctype), client, at, int(day)),
        )

    def move_segment(self, name: str, position: SegmentPosition) -> None:
        """Record that a segment is read up to *position*."""
        self._execute(
            "INSERT INTO segments (name, position, records, finished) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (name) DO UPDATE SET position = excluded.position, records = excluded.records,"
            " finished = excluded.finished",
            (name, position.position, position.records, position.finished),
        )

    def forget_segment(self, name: str) -> None:
        """Forget a removed segment, which was converted and holds no pending ping."""
        self._execute("DELETE FROM segments WHERE name = ?", (name,))
        series = series_of(name)
        if series is not None:
            self.sweep(*series)

    def sweep(self, series: str, number: int) -> None:
        """Record that segment *number* of *series* was converted and removed, and must not be read again."""
        joined = self._execute(
            "UPDATE swept SET last = ? WHERE series = ? AND last = ?", (number, series, number - 1)
        )
        if not joined.rowcount:
            self._execute("INSERT OR IGNORE INTO swept VALUES (?, ?, ?)", (series, number, number))

    def sweep_range(self, series: str, first: int, last: int) -> None:
        """Record that segments *first* to *last* of *series* were converted and removed."""
        self._execute("INSERT OR REPLACE INTO swept VALUES (?, ?, ?)", (series, first, last))

    def count_commit(self) -> int:
        """Count this commit; return the new number of commits."""
        return self._raise_counter("commit", 1)

    def name_root(self, root_id: str) -> None:
        """Store the id of the data root."""
        self._execute("INSERT OR REPLACE INTO root VALUES (1, ?)", (root_id,))

    def reach(self, counter: str, value: int) -> None:
        """Raise *counter* (``file`` or ``commit``) to at least *value*."""
        self._execute(
            "INSERT INTO counters VALUES (?, ?)"
            " ON CONFLICT (name) DO UPDATE SET value = max(value, excluded.value)",
            (counter, value),
        )

    def _raise_counter(self, counter: str, amount: int) -> int:
        row = self._execute(
            "INSERT INTO counters VALUES (?, ?)"
            " ON CONFLICT (name) DO UPDATE SET value = value + excluded.value RETURNING value",
            (counter, amount),
        ).fetchone()
        return int(row[0])

    def put_clock(self, record: ClockRecord) -> None:
        """Store the expiry clock."""
        self._executemany(
            "INSERT INTO counters VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            record.numbers().items(),
        )

    def number_files(self, count: int) -> int:
        """Reserve *count* unused file numbers; return the first."""
        return self._raise_counter("file", count) - count + 1

    def number_pings(self, count: int) -> int:
        """Reserve *count* unused numbers of pings in the tables; return the first."""
        return self._raise_counter("ping", count) - count + 1

    def put_file(self, file: StoredFile) -> None:
        """Add a file, or store its new length."""
        self._execute(
            "INSERT INTO files (directory, name, length, records, frames, closed, schema_id)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (directory, name) DO UPDATE"
            " SET length = excluded.length, records = excluded.records,"
            " frames = excluded.frames, closed = excluded.closed, schema_id = excluded.schema_id",
            (file.directory, file.name, file.length, file.records, file.frames, file.closed, file.schema_id),
        )

    def drop_file(self, file: StoredFile) -> None:
        """Remove a file for readers; its bytes are deleted after the commit."""
        self._execute("DELETE FROM files WHERE directory = ? AND name = ?", (file.directory, file.name))
        self.forget_tabled(file.directory, file.name)
        self.forget_archived(file.path)
        self.stage([file.path])

    def drop_table_file(self, file: TableFile) -> None:
        """Remove a Parquet file for readers; its bytes are deleted after the commit."""
        super().drop_table_file(file)
        self.forget_archived(file.path)

    def stage(self, paths: Iterable[str]) -> None:
        """Mark files as doubtful: recovery removes them unless they are committed."""
        self._executemany("INSERT OR IGNORE INTO doubtful VALUES (?)", ((path,) for path in paths))

    def confirm(self, paths: Iterable[str]) -> None:
        """Delete the doubtful marks of these files."""
        self._executemany("DELETE FROM doubtful WHERE path = ?", ((path,) for path in paths))

    def refuse(self, document_id: bytes, *, received_at: str, outcome: str, reason: str, detail: str) -> None:
        """Record the outcome of a submission that was not stored, for `explain`."""
        self._execute(
            "INSERT INTO refused VALUES (?, ?, ?, ?, ?)", (document_id, received_at, outcome, reason, detail)
        )

    def forget_refusal(self, document_id: bytes, *, received_at: str, reason: str) -> None:
        """Forget a refusal: the submission left quarantine."""
        self._execute(
            "DELETE FROM refused WHERE rowid IN (SELECT rowid FROM refused WHERE document_id = ?"
            " AND received_at = ? AND reason = ? LIMIT 1)",
            (document_id, received_at, reason),
        )

    def refused_are_deleted(self, day: str, reason: str) -> int:
        """Mark refusals of *reason* and *day* (YYYYMMDD) as deleted; return how many."""
        first = f"{day[:4]}-{day[4:6]}-{day[6:]}"
        return self._execute(
            "UPDATE refused SET outcome = 'deleted', detail = ''"
            " WHERE reason = ? AND received_at >= ? AND received_at < ? AND outcome <> 'deleted'",
            (reason, f"{first}T", f"{first}U"),
        ).rowcount

    def wait(
        self,
        document_id: bytes | None,
        *,
        segment: str,
        offset: int,
        length: int,
        day: str,
        revision: str,
        since: int,
    ) -> None:
        """Add a submission that waits for the definitions of *revision*; its segment must be known."""
        self._execute(
            "INSERT INTO pending (document_id, segment_id, offset, length, day, revision, since)"
            " SELECT ?, segment_id, ?, ?, ?, ?, ? FROM segments WHERE name = ?",
            (document_id, offset, length, day, revision, since, segment),
        )

    def wait_for(self, pending_id: int, revision: str) -> None:
        """Change the revision that a pending submission waits for."""
        self._execute("UPDATE pending SET revision = ? WHERE pending_id = ?", (revision, pending_id))

    def stop_waiting(self, pending_id: int) -> None:
        """Delete a pending submission, which has its outcome now."""
        self._execute("DELETE FROM pending WHERE pending_id = ?", (pending_id,))

    def add(self, counts: Counts) -> None:
        """Add to the counts; a count may be negative."""
        self._executemany(
            "INSERT INTO tally VALUES (?, ?, ?, ?)"
            " ON CONFLICT (day, entry, reason) DO UPDATE SET count = count + excluded.count",
            ((day, entry.value, reason, count) for (day, entry, reason), count in counts.items() if count),
        )
