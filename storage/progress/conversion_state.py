"""
Whether conversion is halted: one small file that every process can read.

The file has its full length from the start and is written in place, so it works
on a full disk too.  It is a hint, not a promise: nothing is synced.
"""

import os
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

import orjson

from storage.data_root import DataRoot

FILE_BYTES = 4096
MAX_REASON_CHARACTERS = 1000
FILE_NAME = "conversion.json"


@dataclass(frozen=True, slots=True)
class Halt:
    """When conversion halted, and why."""

    since: datetime
    reason: str  # one line


class ConversionState:
    """The state of the conversion below *root*.  Disk errors are ignored."""

    def __init__(self, root: DataRoot) -> None:
        self._path = root.state / FILE_NAME

    def read(self) -> Halt | None:
        """Return the present halt; None if conversion is not halted."""
        try:
            fields = orjson.loads(self._path.read_bytes())
            return Halt(datetime.fromisoformat(fields["since"]), str(fields["reason"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def halt(self, reason: str, *, now: datetime | None = None) -> None:
        """Record that conversion is halted; the time of the first call stays until `clear`."""
        known = self.read()
        since = known.since if known is not None else now or datetime.now(UTC)
        text = " ".join(reason.split())[:MAX_REASON_CHARACTERS]
        self._write({"since": since.isoformat(), "reason": text})

    def clear(self) -> None:
        """Record that conversion runs again."""
        if self.read() is not None or not self._path.exists():
            self._write({})

    def _write(self, fields: dict[str, str]) -> None:
        with suppress(OSError):
            flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            descriptor = os.open(self._path, flags, 0o600)
            try:
                os.pwrite(descriptor, orjson.dumps(fields).ljust(FILE_BYTES), 0)
            finally:
                os.close(descriptor)
