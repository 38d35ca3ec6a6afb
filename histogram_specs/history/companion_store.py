"""Writes what a walk found of the other definition files, into the history of the spec file."""

import zlib
from collections.abc import Iterable
from hashlib import sha256

from histogram_specs.history.store import FileVersion, HistoryStore


class CompanionStore:
    """The other definition files in a history; every method is one transaction."""

    def __init__(self, store: HistoryStore) -> None:
        self._store = store

    def walked_to(self, repository_id: int) -> bytes | None:
        """Return the changeset up to which the other definition files are here."""
        row = self._store.database.execute(
            "SELECT head FROM companion_walks WHERE repository_id = ?", (repository_id,)
        ).fetchone()
        return None if row is None else bytes(row[0])

    def finish(self, repository_id: int, head: bytes) -> None:
        """Write down that the logs and texts of the other definition files are here up to *head*."""
        with self._store.transaction() as database:
            database.execute("INSERT OR REPLACE INTO companion_walks VALUES (?, ?)", (repository_id, head))

    def nodes(self, repository_id: int, name: str) -> set[bytes]:
        """Return the changesets that are known to have touched the file *name*."""
        rows = self._store.database.execute(
            "SELECT node FROM companion_versions WHERE repository_id = ? AND name = ?", (repository_id, name)
        )
        return {bytes(row[0]) for row in rows}

    def add_versions(self, repository_id: int, name: str, versions: Iterable[FileVersion]) -> None:
        """Add changesets that touched the file *name*, and place all of its in the walk."""
        with self._store.transaction() as database:
            database.executemany(
                "INSERT OR IGNORE INTO companion_versions (repository_id, name, node, pushed_at)"
                " VALUES (?, ?, ?, ?)",
                ((repository_id, name, one.node, one.pushed_at) for one in versions),
            )
            database.execute(
                "UPDATE companion_versions SET position = coalesce((SELECT c.position FROM changesets c"
                " WHERE c.node = companion_versions.node AND c.repository_id = ?), -1)"
                " WHERE repository_id = ? AND name = ?",
                (repository_id, repository_id, name),
            )

    def without_text(self, repository_id: int) -> list[tuple[str, bytes]]:
        """Return name and node of the versions of other files whose text is not here yet."""
        return self._store.database.execute(
            "SELECT name, node FROM companion_versions"
            " WHERE repository_id = ? AND digest IS NULL AND problem IS NULL ORDER BY name, pushed_at",
            (repository_id,),
        ).fetchall()

    def add_text(
        self, repository_id: int, name: str, node: bytes, text: bytes | None, problem: str = ""
    ) -> None:
        """Store the text of a version of another file; None with a *problem* if it has no text."""
        digest = None if text is None else sha256(text).hexdigest()
        with self._store.transaction() as database:
            if text is not None:
                database.execute(
                    "INSERT OR IGNORE INTO texts VALUES (?, ?)", (digest, zlib.compress(text, 6))
                )
            database.execute(
                "UPDATE companion_versions SET digest = ?, problem = ?"
                " WHERE repository_id = ? AND name = ? AND node = ?",
                (digest, problem or None, repository_id, name, node),
            )
