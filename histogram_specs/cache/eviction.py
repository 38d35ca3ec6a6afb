"""Limits the fetched files in the cache, because any client can name any revision of the server."""

import hashlib
import logging
import os
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from histogram_specs.atomic_files import opened_directory, write_file
from histogram_specs.definition_files import COMPANION_PATHS
from histogram_specs.errors import BadRevisionUrl
from histogram_specs.revision import SPEC_FILE_NAME, Revision

MAX_FILES = 10_000
MAX_BYTES = 1 << 30
# Next to a fetched file: its digest, then a line `<digest> <name>` for each companion fetched with it.
MARK = ".fetched"

log = logging.getLogger(__name__)


class FetchedFileLimit:
    """
    Removes the files that were fetched first when there are too many, or when they are too large.

    A file without a mark next to it, or with another digest than its mark, was put there by
    hand: it is not counted and never removed.  Synchronous; for one thread at a time.
    """

    def __init__(self, directory: Path, *, most_files: int = MAX_FILES, most_bytes: int = MAX_BYTES) -> None:
        self._directory = directory
        self._most_files = most_files
        self._most_bytes = most_bytes
        self._sizes: OrderedDict[Revision, int] | None = None  # size in bytes, in the order of fetching
        self._total_bytes = 0

    def note(
        self, revision: Revision, text: bytes, companions: Mapping[str, bytes] = MappingProxyType({})
    ) -> None:
        """Record that *revision* was fetched, and remove files beyond the limits.  Failures are logged."""
        try:
            if self._sizes is None:
                self._sizes = self._read_marks()
                self._total_bytes = sum(self._sizes.values())
            with opened_directory(self._directory, _parts(revision)) as directory:
                marks = [_digest(each) + b" " + name.encode() for name, each in companions.items()]
                write_file(directory, MARK, b"\n".join((_digest(text), *marks)))
            size = len(text) + sum(map(len, companions.values()))
            self._total_bytes += size - self._sizes.pop(revision, 0)
            self._sizes[revision] = size
            while len(self._sizes) > self._most_files or self._total_bytes > self._most_bytes:
                oldest, size = self._sizes.popitem(last=False)
                self._total_bytes -= size
                self._remove(oldest)
        except OSError as error:
            log.warning("the size of the revision cache cannot be limited: %s", error)

    def _remove(self, revision: Revision) -> None:
        *repository, changeset = _parts(revision)
        try:
            with opened_directory(self._directory, (*repository, changeset)) as directory:
                mark, *companions = _read(MARK, directory).split(b"\n")
                if mark == _digest(_read(SPEC_FILE_NAME, directory)):
                    os.unlink(SPEC_FILE_NAME, dir_fd=directory)
                    _remove_companions(companions, directory)
                    log.info("%s is removed: the cache is full", revision)
                os.unlink(MARK, dir_fd=directory)
            with opened_directory(self._directory, tuple(repository)) as parent:
                os.rmdir(changeset, dir_fd=parent)
        except FileNotFoundError:
            return
        except OSError as error:
            # The folder is not empty, or the disk fails; reading all marks again shows what is left.
            log.debug("%s: %s", revision, error)

    def _read_marks(self) -> OrderedDict[Revision, int]:
        found: list[tuple[float, Revision, int]] = []
        for folder, folders, files in os.walk(self._directory, followlinks=False):
            folders[:] = [name for name in folders if not name.startswith(".")]
            if MARK not in files or SPEC_FILE_NAME not in files:
                continue
            *repository, changeset = Path(folder).relative_to(self._directory).parts or ("",)
            try:
                revision = Revision("/".join(repository), changeset)
                marked = Path(folder, MARK).lstat().st_mtime
                size = sum(
                    Path(folder, name).lstat().st_size
                    for name in (SPEC_FILE_NAME, *COMPANION_PATHS)
                    if name in files
                )
            except (BadRevisionUrl, OSError):
                continue
            found.append((marked, revision, size))
        found.sort(key=lambda entry: entry[0])
        return OrderedDict((revision, size) for _, revision, size in found)


def _remove_companions(marks: list[bytes], directory: int) -> None:
    """Remove the companions in *directory* that are as they were fetched."""
    for mark in marks:
        digest, _, name = mark.decode("ascii", "replace").partition(" ")
        try:
            if name in COMPANION_PATHS and _digest(_read(name, directory)) == digest.encode():
                os.unlink(name, dir_fd=directory)
        except FileNotFoundError:
            continue


def _parts(revision: Revision) -> tuple[str, ...]:
    return (*revision.repository.split("/"), revision.changeset)


def _digest(text: bytes) -> bytes:
    return hashlib.sha256(text).hexdigest().encode()


def _read(name: str, directory: int) -> bytes:
    descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
    with os.fdopen(descriptor, "rb") as file:
        return file.read()
