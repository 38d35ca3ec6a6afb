"""Queries for committed files in or below a directory, by the table's index."""

import sqlite3
from collections.abc import Iterable

from storage.ledger.values import StoredFile

COLUMNS = "directory, name, length, records, frames, closed, schema_id"


def files_query(below: str, *, open_only: bool) -> str:
    """
    Return the query for the files in or below the directory *below*, its parameter ``:below``.

    It has one SELECT per condition, because SQLite reads the whole table for an OR of the two.
    """
    # "0" follows "/" in ASCII: all names that begin with below + "/" are between the two.
    conditions = (
        ("directory = :below", "directory >= :below || '/' AND directory < :below || '0'")
        if below
        else ("TRUE",)
    )
    is_wanted = "closed = 0" if open_only else "TRUE"
    parts = (
        f"SELECT {COLUMNS} FROM files WHERE {condition} AND {is_wanted}"  # noqa: S608 - built from constants only
        for condition in conditions
    )
    return " UNION ALL ".join(parts) + " ORDER BY directory, name"


def files_below(connection: sqlite3.Connection, below: str, *, open_only: bool) -> list[StoredFile]:
    """Return the committed files in *below* or under it ("" for all), in order of directory and name."""
    rows = connection.execute(files_query(below, open_only=open_only), {"below": below})
    return [
        StoredFile(directory, name, length, records, frames, bool(closed), schema_id)
        for directory, name, length, records, frames, closed, schema_id in rows
    ]


def committed_paths(connection: sqlite3.Connection, paths: Iterable[str]) -> set[str]:
    """Return those of *paths* (below the data root) that are committed files."""
    query = "SELECT 1 FROM files WHERE directory = ? AND name = ?"
    return {path for path in paths if connection.execute(query, path.rpartition("/")[::2]).fetchone()}
