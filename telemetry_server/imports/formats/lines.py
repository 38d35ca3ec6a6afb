r"""
Reads lines of ``<id>\t<json>``, the format of the old server's stored files.

The id ends at the first TAB.  It may be a whole submit path, as ``generate`` writes it; then a
third column may name the injected fault.  A byte order mark before a line is skipped.
"""

import re
from collections.abc import Callable, Iterator
from datetime import datetime

from telemetry_server.imports.formats.buffered_reader import BufferedReader
from telemetry_server.imports.formats.completeness import is_cut_short
from telemetry_server.imports.formats.exported_ping import (
    MAX_LINE_BYTES,
    MAX_PATH_BYTES,
    SUBMIT_PREFIX,
    ExportDamage,
    ExportedPing,
    submit_path,
)

MAX_ID_BYTES = len(SUBMIT_PREFIX) + MAX_PATH_BYTES

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_TEXT = re.compile(rb"[^\n]")
_FAULT_NAME = re.compile(rb"-|[a-z]+(?:-[a-z]+)*")


class LinesReader:
    """
    Yields the pings of one file of lines in order.

    Lines have no time, so every ping gets *received_at*.  Empty lines are skipped; lines
    without a TAB, or longer than *max_line_bytes*, are damage.
    """

    def __init__(
        self,
        window: BufferedReader,
        received_at: datetime,
        path_of: Callable[[bytes], str] = submit_path,
        max_line_bytes: int = MAX_LINE_BYTES,
    ) -> None:
        self.damaged = ExportDamage()
        self._window = window
        self._received_at = received_at
        self._path_of = path_of
        self._max_bytes = max_line_bytes

    def __iter__(self) -> Iterator[ExportedPing]:
        window = self._window
        while window.fill(1):
            length = window.line_end(0, self._max_bytes + 1)
            is_terminated = length >= 0
            if not is_terminated:
                length = window.available
                if length > self._max_bytes:
                    self._skip_line()
                    continue
            if not length:
                text = _TEXT.search(window.data, window.position)
                window.position = text.start() if text else len(window.data)
                continue
            line = window.data[window.position : window.position + length]
            window.position += length + is_terminated
            line = line.removeprefix(_BYTE_ORDER_MARK).removesuffix(b"\r")
            ping = self._ping(line, is_terminated=is_terminated)
            if ping is not None:
                yield ping

    def _ping(self, line: bytes, *, is_terminated: bool) -> ExportedPing | None:
        if not line:
            return None
        stored_id, tab, body = line.partition(b"\t")
        if stored_id.startswith(b"/submit/"):
            body = _without_fault_name(body)
        is_whole = bool(tab) and len(stored_id) <= MAX_ID_BYTES
        if not is_whole or (not is_terminated and is_cut_short(body)):
            self.damaged += ExportDamage(1, len(line) + is_terminated)
            return None
        return ExportedPing(self._path_of(stored_id), self._received_at, body)

    def _skip_line(self) -> None:
        """Skip to the next LF in steps of bounded size."""
        window = self._window
        skipped_bytes = 0
        while window.fill(1):
            length = window.line_end(0, self._max_bytes)
            step = length + 1 if length >= 0 else min(window.available, self._max_bytes)
            window.position += step
            skipped_bytes += step
            if length >= 0:
                break
        self.damaged += ExportDamage(1, skipped_bytes)


def _without_fault_name(body: bytes) -> bytes:
    json, tab, name = body.rpartition(b"\t")
    return json if tab and _FAULT_NAME.fullmatch(name) else body
