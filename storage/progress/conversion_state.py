"""
Whether conversion is halted, for every process to read: one small file, written in place.

Written in place so that it can be said on a full disk: the file has its whole
length from the start.  It is news, not a promise: nothing is synced.
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
    """That nothing is converted, and why."""

    since: datetime
    reason: str  # one line


class ConversionState:
    """The state of the conversion below *root*.  A disk that refuses it is no reason to fail."""

    def __init__(self, root: DataRoot) -> None:
        self._path = root.state / FILE_NAME

    def read(self) -> Halt | None:
        """The halt that was said last and not cleared since; None if there is none."""
        try:
            fields = orjson.loads(self._path.read_bytes())
            return Halt(datetime.fromisoformat(fields["since"]), str(fields["reason"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def halt(self, reason: str, *, now: datetime | None = None) -> None:
        """Say that conversion is halted; it counts from the first time until it is cleared."""
        known = self.read()
        since = known.since if known is not None else now or datetime.now(UTC)
        text = " ".join(reason.split())[:MAX_REASON_CHARACTERS]
        self._write({"since": since.isoformat(), "reason": text})

    def clear(self) -> None:
        """Say that it goes on."""
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
