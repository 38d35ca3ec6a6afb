"""Finds the cache folder of a changeset that a ping abbreviates."""

import os
import re
import time
from bisect import bisect_left
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

from histogram_specs.atomic_files import PASSING, opened_directory

# Mercurial abbreviates changesets to 12 digits.  Shorter names must match exactly.
MIN_PREFIX = 12
MAX_REPOSITORIES = 1_000
# A directory may change again without a change of its timestamp, whose resolution is limited.
SETTLED_AFTER_SECONDS = 2.0

_CHANGESET = re.compile(r"[0-9a-f]{1,40}")


@dataclass(frozen=True, slots=True)
class _Listing:
    modified_ns: int
    settled: bool
    names: list[str]  # sorted


class ChangesetPrefixes:
    """The folders of each repository, read again when one was added or removed."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._listings: OrderedDict[str, _Listing] = OrderedDict()

    def stored_as(self, repository: str, changeset: str) -> str | None:
        """
        Return the only folder whose name is *changeset*, is a prefix of it, or has it as a prefix.

        Raises:
            OSError: If the disk cannot be read at the moment.
        """
        names = self._names(repository)
        position = bisect_left(names, changeset)
        if position < len(names) and names[position] == changeset:
            return changeset
        if len(changeset) < MIN_PREFIX:
            return None
        for digits in range(len(changeset) - 1, MIN_PREFIX - 1, -1):
            shorter = changeset[:digits]
            before = bisect_left(names, shorter)
            if before < len(names) and names[before] == shorter:
                return shorter
        meant = [name for name in names[position : position + 2] if name.startswith(changeset)]
        return meant[0] if len(meant) == 1 else None

    def _names(self, repository: str) -> list[str]:
        try:
            with opened_directory(self._directory, tuple(repository.split("/"))) as descriptor:
                modified_ns = os.fstat(descriptor).st_mtime_ns
                listing = self._listings.get(repository)
                if listing is None or not listing.settled or listing.modified_ns != modified_ns:
                    settled = time.time() > modified_ns / 1e9 + SETTLED_AFTER_SECONDS
                    names = sorted(filter(_CHANGESET.fullmatch, os.listdir(descriptor)))  # noqa: PTH208 (by descriptor)
                    listing = _Listing(modified_ns, settled, names)
        except OSError as error:
            if error.errno in PASSING:
                raise
            self._listings.pop(repository, None)
            return []
        self._listings[repository] = listing
        self._listings.move_to_end(repository)
        if len(self._listings) > MAX_REPOSITORIES:
            self._listings.popitem(last=False)
        return listing.names
