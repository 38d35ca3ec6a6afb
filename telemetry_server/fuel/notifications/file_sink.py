"""Appends messages to a file, one JSON object a line, each once."""

import os
from dataclasses import dataclass
from pathlib import Path

from storage.disk import Disk
from telemetry_server.fuel.notifications.message import Message
from telemetry_server.fuel.notifications.sink import NotDelivered
from telemetry_server.pings.json_text import json_of


@dataclass(frozen=True, slots=True)
class FileSink:
    """A file that only this notifier writes."""

    path: Path

    @property
    def label(self) -> str:
        """Its name in the outbox."""
        return f"file:{self.path}"

    def send(self, message: Message, *, may_be_there: bool) -> None:
        """Append *message* durably, if it is not in the file already; raises `NotDelivered`."""
        line = json_of(message.as_json()) + b"\n"
        try:
            if may_be_there and self._has(message.message_id):
                return
            self._append(line)
        except OSError as error:
            raise NotDelivered(f"{self.path}: {error.strerror}") from None

    def _has(self, message_id: str) -> bool:
        wanted = f'"message_id":"{message_id}"'.encode()
        try:
            with self.path.open("rb") as lines:
                return any(wanted in line and line.endswith(b"\n") for line in lines)
        except FileNotFoundError:
            return False

    def _append(self, line: bytes) -> None:
        disk = Disk()
        # Private: it holds contacts.
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            size = os.fstat(descriptor).st_size
            if size and os.pread(descriptor, 1, size - 1) != b"\n":
                line = b"\n" + line  # the end of a line that a full disk cut off
            written = os.write(descriptor, line)
            if written != len(line):
                os.ftruncate(descriptor, size)
                raise OSError(0, "no room for the line")
            disk.sync(descriptor)
        finally:
            disk.close(descriptor)
        if not size:
            disk.sync_directory(self.path.parent)
