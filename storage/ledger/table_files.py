"""The ledger's part about the tables: files, shapes, and how much of each converted file is in them."""

import json
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from storage.ledger.connection import Connection

TABLES_FOLDER = "tables"
LAYOUT_VERSION = 3
"""Version of the ledger since which the Parquet files have their layout."""

TABLE_FILES = """
-- Every Parquet file below tables/ that exists for readers.
CREATE TABLE IF NOT EXISTS table_files (
    table_name      TEXT NOT NULL,
    day             TEXT NOT NULL,
    name            TEXT NOT NULL,
    rows            INTEGER NOT NULL,
    bytes           INTEGER NOT NULL,
    PRIMARY KEY (table_name, day, name)
) STRICT, WITHOUT ROWID;

-- How many bytes of a converted file are in the tables: the records before this length have their
-- rows in `table_files`, those behind it have none there.
CREATE TABLE IF NOT EXISTS tabled (
    directory       TEXT NOT NULL,
    name            TEXT NOT NULL,
    length          INTEGER NOT NULL,
    PRIMARY KEY (directory, name)
) STRICT, WITHOUT ROWID;

-- Shapes of histograms that rows name: kind, and starts and labels as JSON lists.
CREATE TABLE IF NOT EXISTS shapes (
    shape           TEXT PRIMARY KEY,
    kind            TEXT NOT NULL,
    starts          TEXT NOT NULL,
    labels          TEXT NOT NULL
) STRICT, WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class TableFile:
    """One committed Parquet file."""

    table: str
    day: str  # YYYYMMDD of arrival
    name: str  # part-<number>.parquet
    rows: int
    bytes: int

    @property
    def folder(self) -> str:
        """The folder's path below the data root."""
        return f"{TABLES_FOLDER}/{self.table}/{self.day}"

    @property
    def path(self) -> str:
        """The file's path below the data root."""
        return f"{self.folder}/{self.name}"


@dataclass(frozen=True, slots=True)
class ShapeRow:
    """The meaning of one shape id."""

    kind: str
    starts: tuple[int, ...]
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Tabled:
    """How many committed bytes of one converted file are in the tables."""

    directory: str
    name: str
    tabled: int
    length: int

    @property
    def path(self) -> str:
        """The file's path below the data root."""
        return f"{self.directory}/{self.name}"

    @property
    def day(self) -> str:
        """YYYYMMDD of arrival."""
        return self.directory.split("/")[1]


class TableQueries:
    """The queries of `Ledger` about the tables; all results are empty in an older ledger."""

    _connection: Connection

    def has_tables(self) -> bool:
        """Return whether this ledger can hold tables; a read-only one of an earlier release cannot."""
        (version,) = self._connection.execute("PRAGMA user_version").fetchone()
        return int(version) >= LAYOUT_VERSION

    def table_files(self, table: str | None = None, day: str | None = None) -> list[TableFile]:
        """Return the committed Parquet files, of one *table* or *day* (YYYYMMDD) if given, in order."""
        if not self.has_tables():
            return []
        rows = self._connection.execute(
            "SELECT table_name, day, name, rows, bytes FROM table_files"
            " WHERE (:table IS NULL OR table_name = :table) AND (:day IS NULL OR day = :day)"
            " ORDER BY table_name, day, name",
            {"table": table, "day": day},
        )
        return [TableFile(*row) for row in rows]

    def shapes(self) -> dict[str, ShapeRow]:
        """Return every shape, by its id."""
        if not self.has_tables():
            return {}
        rows = self._connection.execute("SELECT shape, kind, starts, labels FROM shapes")
        return {
            shape: ShapeRow(kind, tuple(json.loads(starts)), tuple(json.loads(labels)))
            for shape, kind, starts, labels in rows
        }

    def tabled(self, day: str | None = None, *, behind_only: bool = False) -> list[Tabled]:
        """
        Return how much of each converted file is in the tables, the newest day first.

        Args:
            day: YYYYMMDD; only its files.
            behind_only: Only files with records that are not in the tables.
        """
        below = f"converted/{day}" if day else "converted"
        tabled = "tabled" if self.has_tables() else "(SELECT '' AS directory, '' AS name, 0 AS length)"
        query = (
            "SELECT files.directory, files.name, coalesce(tabled.length, 0), files.length"  # noqa: S608
            f" FROM files LEFT JOIN {tabled} AS tabled"
            " ON tabled.directory = files.directory AND tabled.name = files.name"
            # "0" follows "/" in ASCII: all names that begin with below + "/" are between the two.
            " WHERE files.directory >= :first AND files.directory < :behind"
            " AND (NOT :behind_only OR coalesce(tabled.length, 0) < files.length)"
            " ORDER BY substr(files.directory, 11, 8) DESC, files.directory, files.name"
        )
        values = {"first": below + "/", "behind": below + "0", "behind_only": behind_only}
        return [Tabled(*row) for row in self._connection.execute(query, values)]

    def tabled_length(self, directory: str, name: str) -> int | None:
        """Return how many bytes of a converted file are in the tables; None if the file is unknown."""
        row = self._connection.execute(
            "SELECT coalesce((SELECT length FROM tabled WHERE directory = ?1 AND name = ?2), 0)"
            " FROM files WHERE directory = ?1 AND name = ?2",
            (directory, name),
        ).fetchone()
        return None if row is None else int(row[0])


class TableChanges:
    """The changes of `Transaction` to the tables."""

    _connection: sqlite3.Connection

    def put_table_file(self, file: TableFile) -> None:
        """Add a Parquet file, which must be whole and synced."""
        self._connection.execute(
            "INSERT INTO table_files VALUES (?, ?, ?, ?, ?)",
            (file.table, file.day, file.name, file.rows, file.bytes),
        )

    def drop_table_file(self, file: TableFile) -> None:
        """Remove a Parquet file for readers."""
        self._connection.execute(
            "DELETE FROM table_files WHERE table_name = ? AND day = ? AND name = ?",
            (file.table, file.day, file.name),
        )

    def move_tabled(self, directory: str, name: str, length: int) -> None:
        """Note that the first *length* bytes of a converted file are in the tables."""
        self._connection.execute(
            "INSERT INTO tabled VALUES (?, ?, ?)"
            " ON CONFLICT (directory, name) DO UPDATE SET length = excluded.length",
            (directory, name, length),
        )

    def forget_tabled(self, directory: str, name: str) -> None:
        """Forget a removed converted file."""
        self._connection.execute("DELETE FROM tabled WHERE directory = ? AND name = ?", (directory, name))

    def put_shapes(self, shapes: Mapping[str, ShapeRow]) -> None:
        """Add the meaning of shape ids; known ones are not changed."""
        self._connection.executemany("INSERT OR IGNORE INTO shapes VALUES (?, ?, ?, ?)", _shape_rows(shapes))


def _shape_rows(shapes: Mapping[str, ShapeRow]) -> Iterable[tuple[str, str, str, str]]:
    for shape, row in shapes.items():
        yield shape, row.kind, json.dumps(row.starts), json.dumps(row.labels)
