"""The files beside Histograms.json that define probes: where a repository has them, and their reading."""

import logging
import os
import stat
from collections.abc import Mapping
from hashlib import sha256
from types import MappingProxyType

from histogram_specs.revision import SPEC_FILE_NAME, SPEC_PATH

MAX_BYTES = 4 * 2**20

SCALARS = "Scalars.yaml"
EVENTS = "Events.yaml"
PROCESSES = "Processes.yaml"
USE_COUNTERS = "UseCounters.conf"
DEPRECATED_OPERATIONS = "nsDeprecatedOperationList.h"

# Name in the cache → path in the repository.
COMPANION_PATHS: Mapping[str, str] = MappingProxyType(
    {
        SCALARS: f"toolkit/components/telemetry/{SCALARS}",
        EVENTS: f"toolkit/components/telemetry/{EVENTS}",
        PROCESSES: f"toolkit/components/telemetry/{PROCESSES}",
        USE_COUNTERS: f"dom/base/{USE_COUNTERS}",
        DEPRECATED_OPERATIONS: f"dom/base/{DEPRECATED_OPERATIONS}",
    }
)
REPOSITORY_PATHS: Mapping[str, str] = MappingProxyType({SPEC_FILE_NAME: SPEC_PATH, **COMPANION_PATHS})

Stamp = tuple[int, int, int]  # inode, modification time in ns, size

log = logging.getLogger(__name__)


def companion_stamps(directory: int) -> tuple[Stamp | None, ...]:
    """Return the stamp of each companion file in an open *directory*; None for one that is absent."""
    return tuple(_stamp(name, directory) for name in COMPANION_PATHS)


def read_companions(directory: int) -> dict[str, bytes]:
    """Return the companion files in an open *directory*; one that cannot be used is left out and logged."""
    return {name: text for name in COMPANION_PATHS if (text := _read(name, directory)) is not None}


def digest_of(text: bytes, companions: Mapping[str, bytes]) -> str:
    """Return the digest of a revision's files; that of Histograms.json alone where it has no companion."""
    digests = {name: sha256(companion).hexdigest() for name, companion in companions.items()}
    return combined_digest(sha256(text).hexdigest(), digests)


def combined_digest(digest: str, companions: Mapping[str, str]) -> str:
    """Return what `digest_of` returns, from the digests of the files."""
    if not companions:
        return digest
    parts = (digest, *(f"{name} {companions[name]}" for name in sorted(companions)))
    return sha256("\n".join(parts).encode()).hexdigest()


def _stamp(name: str, directory: int) -> Stamp | None:
    try:
        status = os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size


def _read(name: str, directory: int) -> bytes | None:
    try:
        status = os.stat(name, dir_fd=directory, follow_symlinks=False)
        if not stat.S_ISREG(status.st_mode):
            log.warning("%s in the revision cache is not a regular file; it is not used", name)
            return None
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
    except FileNotFoundError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        text = file.read(MAX_BYTES + 1)
    if len(text) > MAX_BYTES:
        log.warning("%s in the revision cache has more than %d bytes; it is not used", name, MAX_BYTES)
        return None
    return text
