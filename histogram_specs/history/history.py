"""Finds the definitions in force at a revision or build, from the prefetched history only."""

import logging
import os
import re
import sqlite3
import threading
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from histogram_specs.changeset_prefixes import MIN_PREFIX
from histogram_specs.definition_files import COMPANION_PATHS
from histogram_specs.errors import HistoryError
from histogram_specs.history.channels import repository_of, tag_in, tag_of
from histogram_specs.history.resolver import InForce
from histogram_specs.history.store import history_path, open_history
from histogram_specs.revision import Revision

_BUILD_ID = re.compile(r"[0-9]{8}(?:[0-9]{2}){0,3}")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class HistoryVersion:
    """A text of the spec file, and when it was in force in a repository."""

    revision: Revision
    since: datetime  # UTC
    until: datetime | None  # UTC; None: still in force at the last prefetch
    digest: str


@dataclass(frozen=True, slots=True)
class KnownRepository:
    """How much of a repository's history was prefetched."""

    name: str
    known_from: datetime | None  # UTC; None: from the beginning
    known_until: datetime | None  # UTC; None: its first prefetch is not complete
    versions: int
    changesets: int


class History:
    """
    The prefetched history of a revision cache.  A missing or damaged one finds nothing.

    It reads only what a query needs, notices a history that appears later, and can be used
    after a fork and from several threads.  Damage is logged.
    """

    def __init__(self, cache_directory: Path) -> None:
        self._path = history_path(cache_directory)
        self._database: sqlite3.Connection | None = None
        self._opened_by = 0
        self._complaint = ""
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close the file; the next query opens it again."""
        if self._database is not None and self._opened_by == os.getpid():
            self._database.close()
        self._database = None

    def at_revision(self, revision: Revision) -> InForce | None:
        """Return the definitions in force at *revision*, in its repository or in another one that has it."""
        digits = revision.changeset
        if len(digits) < MIN_PREFIX:
            return None
        rows = self._ask(
            "SELECT r.name, c.node, v.node, v.digest, r.id, c.position FROM changesets c"
            " JOIN repositories r ON r.id = c.repository_id JOIN versions v ON v.id = c.version_id"
            " WHERE c.node BETWEEN ? AND ? ORDER BY r.name <> ?, r.id LIMIT 50",
            (bytes.fromhex(digits.ljust(40, "0")), bytes.fromhex(digits.ljust(40, "f")), revision.repository),
        )
        # An abbreviation that two changesets share is ambiguous.
        if not rows or len({row[1] for row in rows}) > 1 or rows[0][3] is None:
            return None
        name, _, node, digest, repository_id, position = rows[0]
        return _in_force(name, node, digest, self._companions(repository_id, "position", position))

    def at_build(self, channel: str, build_id: str, version: str | None) -> InForce | None:
        """Return the definitions in force in the channel's repository when the build was made."""
        repository = repository_of(channel, version)
        return self.at_build_in(repository, build_id) if repository is not None else None

    def at_build_in(self, repository: str, build_id: str) -> InForce | None:
        """Return the definitions in force in *repository* when the build was made."""
        built_at = _build_time(build_id)
        if built_at is None:
            return None
        rows = self._ask(
            "SELECT r.name, v.node, v.digest, r.id"
            " FROM versions v JOIN repositories r ON r.id = v.repository_id"
            " WHERE r.name = ? AND v.pushed_at <= ? AND v.branch = 'default' AND v.digest IS NOT NULL"
            " AND ? <= r.known_until AND ? >= coalesce(r.known_from, 0)"
            " ORDER BY v.pushed_at DESC, v.id DESC LIMIT 1",
            (repository, built_at, built_at, built_at),
        )
        if not rows:
            return None
        name, node, digest, repository_id = rows[0]
        return _in_force(name, node, digest, self._companions(repository_id, "pushed_at", built_at))

    def at_version(self, channel: str, version: str) -> InForce | None:
        """Return the definitions in force in the channel's repository at the tag of *version*."""
        repository = repository_of(channel, version)
        if repository is None:
            return None
        tags = self._tags(repository)
        tag = tag_of(channel, version, tags)
        return self.at_revision(Revision(repository, tags[tag].hex())) if tag else None

    def at_version_in(self, repository: str, version: str) -> InForce | None:
        """Return the definitions in force in *repository* at a version of an application built from it."""
        tags = self._tags(repository)
        tag = tag_in(repository, version, tags)
        return self.at_revision(Revision(repository, tags[tag].hex())) if tag else None

    def spec_text(self, digest: str) -> bytes:
        """
        Return the text with this digest.

        Raises:
            HistoryError: If the history does not have it.
        """
        rows = self._ask("SELECT packed FROM texts WHERE digest = ?", (digest,))
        if not rows:
            raise HistoryError(f"{self._path}: text {digest} is missing; remove the file and prefetch again")
        try:
            return zlib.decompress(rows[0][0])
        except zlib.error as error:
            raise HistoryError(f"{self._path}: text {digest} is damaged: {error}") from error

    def repositories(self) -> list[KnownRepository]:
        """Return how much is known of each repository."""
        rows = self._ask(
            "SELECT r.name, r.known_from, r.known_until,"
            " (SELECT count(*) FROM versions v WHERE v.repository_id = r.id AND v.digest IS NOT NULL),"
            " (SELECT count(*) FROM changesets c WHERE c.repository_id = r.id)"
            " FROM repositories r ORDER BY r.name"
        )
        return [
            KnownRepository(name, _moment(since), _moment(until), versions, changesets)
            for name, since, until, versions, changesets in rows
        ]

    def versions(self, repository: str) -> list[HistoryVersion]:
        """Return the texts of a repository's default branch and when they were in force, oldest first."""
        rows = self._ask(
            "SELECT v.node, v.pushed_at, v.digest"
            " FROM versions v JOIN repositories r ON r.id = v.repository_id"
            " WHERE r.name = ? AND v.branch = 'default' AND v.digest IS NOT NULL ORDER BY v.pushed_at, v.id",
            (repository,),
        )
        ends: list[int | None] = [*(row[1] for row in rows[1:]), None]
        return [
            HistoryVersion(Revision(repository, node.hex()), _utc(since), _moment(until), digest)
            for (node, since, digest), until in zip(rows, ends, strict=False)
        ]

    def _companions(self, repository_id: int, order: str, at: int) -> tuple[tuple[str, str], ...]:
        """Return name and digest of the other files in force at a position of the walk, or at a time."""
        if not self._ask("SELECT 1 FROM sqlite_master WHERE name = 'companion_versions'"):
            return ()  # written by an earlier release
        found = []
        for name in COMPANION_PATHS:
            rows = self._ask(
                "SELECT digest FROM companion_versions WHERE repository_id = ? AND name = ?"  # noqa: S608
                f" AND {order} <= ? ORDER BY {order} DESC, pushed_at DESC LIMIT 1",
                (repository_id, name, at),
            )
            if rows and rows[0][0] is not None:
                found.append((name, rows[0][0]))
        return tuple(found)

    def _tags(self, repository: str) -> dict[str, bytes]:
        return dict(
            self._ask(
                "SELECT t.tag, t.node FROM tags t JOIN repositories r ON r.id = t.repository_id"
                " WHERE r.name = ?",
                (repository,),
            )
        )

    def _ask(self, query: str, values: Sequence[Any] = ()) -> list[Any]:
        with self._lock:
            try:
                return self._opened().execute(query, values).fetchall()
            except FileNotFoundError:
                return []
            except (HistoryError, sqlite3.Error, OSError) as error:
                if str(error) != self._complaint:
                    log.warning("the history of definitions cannot be read: %s", error)
                self._complaint = str(error)
                self.close()
                return []

    def _opened(self) -> sqlite3.Connection:
        if self._database is None or self._opened_by != os.getpid():
            self._database = open_history(self._path, writable=False)
            self._opened_by = os.getpid()
        return self._database


def _in_force(repository: str, node: bytes, digest: str, companions: tuple[tuple[str, str], ...]) -> InForce:
    return InForce(Revision(repository, node.hex()), digest, companions)


def _build_time(build_id: str) -> int | None:
    """Return the date of a build id, and its time if it has one, in seconds since 1970."""
    if not _BUILD_ID.fullmatch(build_id):
        return None
    try:
        return int(datetime.strptime(build_id.ljust(14, "0"), "%Y%m%d%H%M%S").replace(tzinfo=UTC).timestamp())
    except ValueError:
        return None


def _utc(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _moment(seconds: int | None) -> datetime | None:
    return None if seconds is None else _utc(seconds)
