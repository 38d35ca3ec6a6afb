"""Where the objects of an archive are: a folder, or a bucket of an object store."""

import os
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

BUCKET_SCHEMES = ("s3", "s3a", "gs", "az", "azure", "abfs", "abfss")


class NoObject(Exception):
    """The archive has no object with this key."""


class ObjectStore(Protocol):
    """
    Objects by key.  Every method raises `ArchiveAway`, `ArchiveFull` or `ArchiveRefused`.

    An object appears whole, durably, or not at all.
    """

    def read(self, key: str, start: int, end: int) -> bytes:
        """Return the bytes of an object between two places.  Raises `NoObject`."""

    def chunks(self, key: str) -> Iterator[bytes]:
        """Yield all bytes of an object.  Raises `NoObject`."""

    def put(self, key: str, data: bytes | Path) -> None:
        """Store an object, or replace it."""

    def put_new(self, key: str, data: bytes) -> bool:
        """Store an object; return False, with nothing changed, where one has the key."""

    def size(self, key: str) -> int | None:
        """Return the number of bytes of an object; None if there is none."""

    def delete(self, key: str) -> None:
        """Remove an object, if it is there."""

    def remove_unfinished(self) -> None:
        """Remove unfinished objects of killed writers.  Only the writer of the archive may call it."""


def folder_of(url: str) -> Path | None:
    """Return the folder that *url* names; None if it is a bucket."""
    parts = urlsplit(url)
    if parts.scheme in BUCKET_SCHEMES:
        return None
    return Path(unquote(parts.path) if parts.scheme == "file" else url)


def opened_store(url: str) -> ObjectStore:
    """
    Return the store at *url*; nothing is read yet.

    Raises:
        ArchiveRefused: The address is wrong, or the package for it is missing.
    """
    # A connection pool does not survive a fork, so each process has its own.
    return _opened(url, os.getpid())


@lru_cache(maxsize=8)
def _opened(url: str, _process: int) -> ObjectStore:
    folder = folder_of(url)
    if folder is not None:
        from storage.archive.folder_store import FolderStore

        return FolderStore(folder)
    from storage.archive.bucket_store import opened_bucket

    return opened_bucket(url)
