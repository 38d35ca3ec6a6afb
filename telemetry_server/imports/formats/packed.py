"""
Reads packed logs, and finds the next record after damage.

The old readers trusted the lengths in a header, and could lose the rest of a file.
Here a record is accepted if its header is plausible and is followed by the end of the log
or another plausible header.  Otherwise, a plausible record inside it shows that its length is
wrong.  Without one, the record is accepted if the next header has one bad field, or if its body
is complete (a gzip checksum, the last brace of a JSON object): stray bytes follow it.
"""

from collections.abc import Iterator
from datetime import UTC, datetime

from telemetry_server.imports.formats.buffered_reader import BufferedReader
from telemetry_server.imports.formats.completeness import is_complete
from telemetry_server.imports.formats.exported_ping import ExportDamage, ExportedPing, submit_path
from telemetry_server.imports.formats.packed_layout import (
    EARLIEST_MS,
    UNSET_CLOCK_MS,
    Layout,
    PackedVersion,
    RecordOffsets,
)

ENOUGH_VOTES = 3  # consecutive records; more add no certainty
MAX_INNER_CHAIN = 16  # bounds the time only
_LF = 0x0A
_NEVER_HOLD_RECORDS = (b"{", b"\x1f\x8b")


class PackedReader:
    """
    Yields the pings of one packed log in order.

    The time of a record is the ping's time of arrival; the address in v2 records is not kept.
    """

    def __init__(self, window: BufferedReader, layout: Layout) -> None:
        self.damaged = ExportDamage()
        self._window = window
        self._layout = layout
        # Size of a whole record plus the next header and path.
        self._reach_bytes = 2 * layout.max_record_bytes - layout.max_data_bytes + 1
        self._stray_bytes = 0

    def __iter__(self) -> Iterator[ExportedPing]:
        while self._window.fill(self._reach_bytes):
            yield from self._read_window()
        self._close_damage()

    def _read_window(self) -> Iterator[ExportedPing]:
        """Yield pings while a whole record and the next header are surely buffered."""
        window, layout = self._window, self._layout
        buffer = window.data
        last = len(buffer) if window.at_end else len(buffer) - self._reach_bytes + 1
        offset = window.position
        while offset < last:
            extent = layout.extent_at(buffer, offset)
            if extent is not None:
                self._close_damage()
                if self._is_whole(buffer, offset, extent):
                    yield _ping(buffer, extent)
                    offset = self._past_line_end(buffer, extent.end)
                    window.position = offset
                    continue
            found = layout.next_extent(buffer, offset + 1, last)
            found = last if found < 0 else found
            self._stray_bytes += found - offset
            offset = window.position = found

    def _is_whole(self, buffer: bytes, offset: int, extent: RecordOffsets) -> bool:
        """Whether the lengths of the plausible record at *offset* are right."""
        layout, end = self._layout, extent.end
        if end > len(buffer):
            return False
        inner = layout.next_extent(buffer, offset + 1, end)
        if self._is_boundary(buffer, end):
            return inner < 0 or not self._has_swallowed(buffer, extent, inner)
        if inner >= 0:
            return False
        return layout.resembles_header(buffer, end) or is_complete(buffer[extent.data : end])

    def _has_swallowed(self, buffer: bytes, extent: RecordOffsets, inner: int) -> bool:
        """
        Whether the record at *inner* is a separate record that a wrong length made part of *extent*.

        A wrong length may end exactly where a later record begins.  But a body may also contain a
        packed record.  JSON and gzip bodies contain none.  In other bodies the inner record is
        separate if other bytes precede it, and consecutive records follow it to the very end.
        """
        if buffer.startswith(_NEVER_HOLD_RECORDS, extent.data, extent.end):
            return True
        if inner <= extent.data:
            return False
        for _ in range(MAX_INNER_CHAIN):
            found = self._layout.extent_at(buffer, inner)
            if found is None or found.end >= extent.end:
                return found is not None and found.end == extent.end
            inner = found.end
        return True

    def _is_boundary(self, buffer: bytes, offset: int) -> bool:
        past = self._past_line_end(buffer, offset)
        return past == len(buffer) or self._layout.extent_at(buffer, past) is not None

    def _past_line_end(self, buffer: bytes, offset: int) -> int:
        """Skip one LF between records or at the end; people add them, and they are not damage."""
        if offset >= len(buffer) or buffer[offset] != _LF or self._layout.extent_at(buffer, offset):
            return offset
        is_lone = offset + 1 == len(buffer) or self._layout.extent_at(buffer, offset + 1) is not None
        return offset + 1 if is_lone else offset

    def _close_damage(self) -> None:
        """Count the stray bytes so far, as a record if they are as long as a header."""
        if self._stray_bytes:
            records = 1 if self._stray_bytes >= self._layout.header_bytes else 0
            self.damaged += ExportDamage(records, self._stray_bytes)
            self._stray_bytes = 0


def votes_for(layout: Layout, buffer: bytes) -> tuple[int, int]:
    """
    Count the evidence for *layout* in the first bytes of a log.

    Returns:
        The number of consecutive records from the first plausible one, and one more if the last
        ends with *buffer*, up to `ENOUGH_VOTES`; and the offset of the first.  (0, -1) if there is none.
    """
    first = layout.next_extent(buffer, 0, len(buffer))
    if first < 0:
        return 0, -1
    votes, offset = 1, first  # even a header alone is unlikely by chance
    while votes < ENOUGH_VOTES:
        extent = layout.extent_at(buffer, offset)
        if extent is None:
            break
        if extent.end != len(buffer) and layout.extent_at(buffer, extent.end) is None:
            break
        votes, offset = votes + 1, extent.end
    return votes, first


def layout_of(buffer: bytes, name: str = "") -> tuple[Layout, int] | None:
    """
    Return the layout of the packed log that begins with *buffer*, and the offset of its first record.

    If no record has a time of this century, records of a clock that was never set are accepted.

    Args:
        name: Name of the file; ``.v1.`` or ``.v2.`` in it only breaks a tie.
    """
    return _layout_since(EARLIEST_MS, buffer, name) or _layout_since(UNSET_CLOCK_MS, buffer, name)


def _layout_since(earliest_ms: int, buffer: bytes, name: str) -> tuple[Layout, int] | None:
    best: tuple[int, bool, int, PackedVersion] | None = None
    for version in PackedVersion:
        votes, first = votes_for(Layout(version, earliest_ms=earliest_ms), buffer)
        standing = (votes, f".{version}." in name, -first, version)
        if votes and (best is None or standing > best):
            best = standing
    return (Layout(best[3], earliest_ms=earliest_ms), -best[2]) if best else None


def _ping(buffer: bytes, extent: RecordOffsets) -> ExportedPing:
    return ExportedPing(
        path=submit_path(buffer[extent.path : extent.data]),
        received_at=datetime.fromtimestamp(extent.time_ms / 1000, UTC),
        body=buffer[extent.data : extent.end],
    )
