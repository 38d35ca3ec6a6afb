"""
Dimension values ↔ folders (StorageLayout.md).

Names come from clients, so nothing of them reaches the disk but ASCII letters, digits, ``_`` and ``.``.
Different values may share a folder by that (``idle-daily`` and ``idle_daily``): each record holds
its own true values, so none is lost, and whoever must tell them apart looks there.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from hashlib import sha256
from pathlib import PurePath

from storage.errors import NotAPartition
from storage.partitions.schema import UNKNOWN

MAX_NAME_CHARACTERS = 100
_HASH_CHARACTERS = 12

_UNSAFE = re.compile(r"[^A-Za-z0-9_.]|\A\.")
_DAY = re.compile(r"[0-9]{8}")


@lru_cache(maxsize=4096)
def folder_name(value: str) -> str:
    """
    The folder for *value*: every character but ASCII letters, digits, ``_`` and ``.`` is ``_``.

    So is a dot at the beginning: ``.`` and ``..`` cannot come out, nor a hidden name.  A long value is
    cut and ends in a hash of the whole, so that two of them stay apart.  An empty one is `UNKNOWN`.
    """
    name = _UNSAFE.sub("_", value)
    if len(name) > MAX_NAME_CHARACTERS:
        digest = sha256(value.encode("utf-8", "surrogatepass")).hexdigest()[:_HASH_CHARACTERS]
        name = f"{name[: MAX_NAME_CHARACTERS - _HASH_CHARACTERS - 1]}_{digest}"
    return name or UNKNOWN


def partition_path(day: str, values: Sequence[str]) -> str:
    """Where records of *day* (YYYYMMDD) with these dimension values are, below ``converted/``."""
    if not _DAY.fullmatch(day):
        raise ValueError(f"{day!r} is no day written YYYYMMDD")
    return "/".join([day, *map(folder_name, values)])


def values_of_path(path: PurePath, base: PurePath, levels: int) -> tuple[str, tuple[str, ...]]:
    """
    The day and the folder names of a file or folder below *base* (``converted/``).

    Args:
        levels: How many dimensions the schema in force has below the day.

    Raises:
        NotAPartition: *path* is not so deep, or not below *base*, or does not begin with a day.
    """
    parts = _parts_below(path, base)
    if len(parts) <= levels or not _DAY.fullmatch(parts[0]):
        raise NotAPartition(f"{path} is no partition of {levels} dimensions below {base}")
    return parts[0], parts[1 : levels + 1]


def values_of_exported_path(path: PurePath, base: PurePath, levels: int = 6) -> tuple[str, ...]:
    """
    The dimensions in a path of the original server's store.

    There all but the last two are folders; the last two, a build and a day, begin the file's
    name: ``<reason>/<app>/<channel>/<version>/<build>.<day>.v2.log.<…>``.

    Raises:
        NotAPartition: *path* is not below *base*, or has fewer parts.
    """
    parts = _parts_below(path, base)
    named = tuple(parts[-1].split(".")[:2]) if parts else ()
    if len(parts) != levels - 1 or len(named) != 2 or not all(named):
        raise NotAPartition(f"{path} is no partition file of {levels} dimensions below {base}")
    return (*parts[:-1], *named)


def _parts_below(path: PurePath, base: PurePath) -> tuple[str, ...]:
    try:
        parts = path.relative_to(base).parts
    except ValueError:
        raise NotAPartition(f"{path} is not below {base}") from None
    if ".." in parts:
        raise NotAPartition(f"{path} leads out of {base}")
    return parts
