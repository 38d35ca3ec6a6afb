"""
Which ids each file holds, so that only the files of a client are read: ``state/forget-index.sqlite``.

The index has four bytes of the keyed hash of each id, so it does not list ids.  It can be removed: the next
run makes it again.  A file that grew is read from where the index ends.
"""

import sqlite3
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from storage.data_root import DataRoot
from storage.errors import LedgerError
from telemetry_server.privacy.damaged_files import DamagedFile

INDEX_NAME = "forget-index.sqlite"
KEY_BYTES = 4
TABLE = """
CREATE TABLE IF NOT EXISTS files (
    path TEXT PRIMARY KEY, key_mark BLOB NOT NULL, length INTEGER NOT NULL, ids BLOB NOT NULL
) WITHOUT ROWID
"""
COMMIT_EVERY = 200  # files
_TYPE = "I"


@dataclass(frozen=True, slots=True)
class IndexedFile:
    """A file, up to a length; *ids* yields the hashes of what it holds from some byte on."""

    path: str  # below the data root
    length: int
    ids: Callable[[int], Iterator[bytes]]
    grows: bool = True  # False: read from the beginning where its length changed


class ForgetIndex:
    """
    The index of one data root; use it with ``with``.

    Args:
        key_mark: Changes with the key of the hashes, and with what is looked for in a file.
    """

    def __init__(self, root: DataRoot, key_mark: bytes) -> None:
        self._path = root.state / INDEX_NAME
        self._key_mark = key_mark
        self.files_read = 0
        self.bytes_read = 0

    def __enter__(self) -> "ForgetIndex":
        try:
            try:
                self._open()
            except sqlite3.DatabaseError:
                self._remove()
                self._open()
        except sqlite3.Error as error:
            raise LedgerError(f"{self._path}: {error}; is the disk full?") from error
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def _open(self) -> None:
        self._connection = sqlite3.connect(self._path, isolation_level=None, timeout=30)
        self._path.chmod(0o600)
        # A lost commit costs time only.
        self._connection.execute("PRAGMA synchronous = OFF")
        self._connection.execute(TABLE)
        # Of another key, or of an index with less in it.
        self._connection.execute("DELETE FROM files WHERE key_mark != ?", (self._key_mark,))
        self._lengths: dict[str, int] = dict(self._connection.execute("SELECT path, length FROM files"))

    def _remove(self) -> None:
        for suffix in ("", "-journal", "-wal", "-shm"):
            with suppress(FileNotFoundError):
                self._path.with_name(f"{self._path.name}{suffix}").unlink()

    def update(self, files: Sequence[IndexedFile]) -> None:
        """
        Read what is new in *files*; a file that is gone meanwhile or damaged is left out.

        Raises:
            LedgerError: The disk refuses.
            OSError: A file cannot be read.
        """
        try:
            for start in range(0, len(files), COMMIT_EVERY):
                with self._connection:
                    self._connection.execute("BEGIN")
                    for file in files[start : start + COMMIT_EVERY]:
                        try:
                            self._update(file)
                        except FileNotFoundError:
                            continue
                        except DamagedFile:
                            self._drop(file.path)
        except sqlite3.Error as error:
            raise LedgerError(f"{self._path}: {error}; is the disk full?") from error

    def _update(self, file: IndexedFile) -> None:
        length = self._lengths.get(file.path)
        if length == file.length:
            return
        known, start = array(_TYPE), 0
        if length is not None and file.grows and length < file.length:
            query = "SELECT ids FROM files WHERE path = ?"
            known.frombytes(self._connection.execute(query, (file.path,)).fetchone()[0])
            start = length
        found = {int.from_bytes(digest[:KEY_BYTES], "big") for digest in file.ids(start)}
        self.files_read += 1
        self.bytes_read += file.length - start
        ids = array(_TYPE, sorted(found.union(known)))
        self._connection.execute(
            "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?)",
            (file.path, self._key_mark, file.length, ids.tobytes()),
        )
        self._lengths[file.path] = file.length

    def _drop(self, path: str) -> None:
        self._connection.execute("DELETE FROM files WHERE path = ?", (path,))
        self._lengths.pop(path, None)

    def length_of(self, path: str) -> int | None:
        """Return up to where the index has a file; None if it does not have it."""
        return self._lengths.get(path)

    def holding(self, paths: Iterable[str], hashes: Iterable[bytes]) -> list[str]:
        """Return those of *paths* that may hold one of *hashes*; a file that is not in the index may."""
        wanted = sorted({int.from_bytes(digest[:KEY_BYTES], "big") for digest in hashes})
        return [path for path in paths if wanted and self._may_hold(path, wanted)]

    def _may_hold(self, path: str, wanted: Sequence[int]) -> bool:
        if path not in self._lengths:
            return True
        row = self._connection.execute("SELECT ids FROM files WHERE path = ?", (path,)).fetchone()
        ids = array(_TYPE)
        ids.frombytes(row[0])
        if len(wanted) > len(ids):
            return not set(wanted).isdisjoint(ids)
        for number in wanted:
            place = bisect_left(ids, number)
            if place < len(ids) and ids[place] == number:
                return True
        return False

    def keep_only(self, paths: Iterable[str]) -> None:
        """Remove the entries of files that are not among *paths*."""
        wanted = set(paths)
        gone = [(path,) for path in self._lengths if path not in wanted]
        self._lengths = {path: length for path, length in self._lengths.items() if path in wanted}
        # Left for the next time where the disk refuses.
        with suppress(sqlite3.Error):
            self._connection.executemany("DELETE FROM files WHERE path = ?", gone)


def size_of(path: Path) -> int:
    """Return the bytes of the file *path*."""
    return path.stat().st_size
