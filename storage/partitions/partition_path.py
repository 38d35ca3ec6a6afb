"""
Partition folders: `PartitionKey` splits and joins their paths; `folder_name` names one (StorageLayout.md).

Values come from clients.  A folder name has only their ASCII letters, digits, ``_`` and ``.``, so different
values can share a folder (``idle-daily`` and ``idle_daily``).  Each record holds its original values.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import PurePath
from typing import Self

from storage.errors import NotAPartition
from storage.partitions.schema import UNKNOWN

MAX_NAME_CHARACTERS = 100
_HASH_CHARACTERS = 12
CONVERTED = "converted"
QUARANTINE = "quarantine"

_UNSAFE = re.compile(r"[^A-Za-z0-9_.]|\A\.")
_DAY = re.compile(r"[0-9]{8}")


@dataclass(frozen=True, slots=True)
class PartitionKey:
    """
    A folder of partition files: ``<store>/<day>/<folder>/…``, relative to the data root.

    Below ``quarantine/`` there is one folder, the reason; below ``converted/`` one for each dimension.
    """

    store: str  # converted or quarantine
    day: str  # YYYYMMDD of arrival
    folders: tuple[str, ...] = ()

    @classmethod
    def parse(cls, directory: str) -> Self:
        """
        Split *directory* (relative to the data root) at its slashes.

        Raises:
            NotAPartition: It has no day folder.
        """
        store, *rest = directory.split("/")
        if not rest or not _DAY.fullmatch(rest[0]):
            raise NotAPartition(f"{directory}: not a partition folder: it has no day after {store}/")
        return cls(store, rest[0], tuple(rest[1:]))

    @classmethod
    def of_file(cls, path: str) -> Self:
        """
        Return the key of the folder that holds the file *path* (relative to the data root).

        Raises:
            NotAPartition: The folder is not one of a partition.
        """
        return cls.parse(path.rpartition("/")[0])

    @property
    def is_quarantine(self) -> bool:
        """Whether the files hold refused submissions and dropped histograms."""
        return self.store == QUARANTINE

    @property
    def reason(self) -> str:
        """The quarantine reason; empty for records."""
        return self.folders[0] if self.is_quarantine and self.folders else ""

    @property
    def directory(self) -> str:
        """The folder's path, relative to the data root."""
        return "/".join([self.store, self.day, *self.folders])


@lru_cache(maxsize=4096)
def folder_name(value: str) -> str:
    """
    Return the folder name for *value*: characters but ASCII letters, digits, ``_`` and ``.`` become ``_``.

    A leading dot becomes ``_`` too, so no name is ``.``, ``..`` or hidden.  A long value is cut and
    ends in a hash of the whole value, so long values stay distinct.  An empty value gives `UNKNOWN`.
    """
    name = _UNSAFE.sub("_", value)
    if len(name) > MAX_NAME_CHARACTERS:
        digest = sha256(value.encode("utf-8", "surrogatepass")).hexdigest()[:_HASH_CHARACTERS]
        name = f"{name[: MAX_NAME_CHARACTERS - _HASH_CHARACTERS - 1]}_{digest}"
    return name or UNKNOWN


def partition_path(day: str, values: Sequence[str]) -> str:
    """Return the folder of records of *day* (YYYYMMDD) with these dimension values, below ``converted/``."""
    if not _DAY.fullmatch(day):
        raise ValueError(f"{day!r} is not a day written YYYYMMDD")
    return "/".join([day, *map(folder_name, values)])


def values_of_path(path: PurePath, base: PurePath, levels: int) -> tuple[str, tuple[str, ...]]:
    """
    Return the day and the folder names of a file or folder below *base* (``converted/``).

    Args:
        levels: How many dimensions the current schema has below the day.

    Raises:
        NotAPartition: *path* has too few folders, is not below *base*, or does not begin with a day.
    """
    parts = _parts_below(path, base)
    if len(parts) <= levels or not _DAY.fullmatch(parts[0]):
        raise NotAPartition(f"{path}: not a partition of {levels} dimensions below {base}")
    return parts[0], parts[1 : levels + 1]


def values_of_exported_path(path: PurePath, base: PurePath, levels: int = 6) -> tuple[str, ...]:
    """
    Return the dimensions in a path of the original server's store.

    All but the last two are folders; the file name begins with the last two, a build and a day:
    ``<reason>/<app>/<channel>/<version>/<build>.<day>.v2.log.<…>``.

    Raises:
        NotAPartition: *path* is not below *base*, or has fewer parts.
    """
    parts = _parts_below(path, base)
    named = tuple(parts[-1].split(".")[:2]) if parts else ()
    if len(parts) != levels - 1 or len(named) != 2 or not all(named):
        raise NotAPartition(f"{path}: not a partition file of {levels} dimensions below {base}")
    return (*parts[:-1], *named)


def _parts_below(path: PurePath, base: PurePath) -> tuple[str, ...]:
    try:
        parts = path.relative_to(base).parts
    except ValueError:
        raise NotAPartition(f"{path}: not below {base}") from None
    if ".." in parts:
        raise NotAPartition(f"{path}: leads out of {base}")
    return parts
